"""All sizers and caps, two leaders on one follower: sizes are what they should be, caps hold, and flat is flat.

What an order should come to is reckoned here from the brokers' books alone.
"""

from __future__ import annotations

import os
from decimal import Decimal
from fractions import Fraction
from math import floor

import pytest
from hypothesis import event, example, given, settings
from hypothesis import strategies as st

from dhan_copy.core.caps import AtCap, Cap, Measure, Per
from dhan_copy.core.facts import CopyAdmitted, CopyDeclined, CopyMode
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.requests import Intent
from dhan_copy.core.rules import Rules
from dhan_copy.core.sizers import (
    CapitalProportional,
    EquityProportional,
    FixedLots,
    FreeMarginProportional,
    OwnFunction,
    PercentAtRisk,
    SameQuantity,
)
from dhan_copy.model.account import Funds
from dhan_copy.model.order import OrderStatus, Side
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import Accounts
from tests.core.many_world import LEADERS, MARGIN_RATE, PRICE, F, ManyLeaders
from tests.core.trading import KINDS, UNRULY, Act, act, acts, declared, follow, lots

EXAMPLES = int(os.environ.get("DHAN_COPY_EXAMPLES", "400"))
MONEY = {"L": Funds(Decimal(300_000), Decimal(500_000), Decimal(100_000)), "M": Funds(Decimal(10**6), Decimal(10**6), Decimal(0)),
         "F": Funds(Decimal(150_000), Decimal(250_000), Decimal(50_000))}  # fmt: skip


def by_side(order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity:
    return Ratio("1/2") if order.report.side is Side.BUY else Quantity(80)


FIXED = [FixedLots(1), FixedLots(3), Quantity(100), Quantity(40), OwnFunction(by_side)]
PROPORTIONAL = [
    Ratio("1/3"), Ratio(1), Ratio("5/2"), SameQuantity(), CapitalProportional(), EquityProportional(), FreeMarginProportional(),
]  # fmt: skip
NEVER = [PercentAtRisk(1)]
"""Without a stop it enters nothing."""
sizers = st.sampled_from([*FIXED, *PROPORTIONAL, *NEVER])
Drawn = tuple[Measure, Fraction, Per, AtCap]
"""A cap in lots, whatever it measures."""
caps = st.lists(
    st.tuples(
        st.sampled_from(Measure), st.sampled_from([Fraction(1), Fraction(2), Fraction(5, 2), Fraction(4), Fraction(9)]),
        st.sampled_from(Per), st.sampled_from(AtCap),
    ),
    max_size=3,
)  # fmt: skip
BUSY = {True: ("trade", "trade", "trade", *KINDS), False: ("trade", "place", "modify", *UNRULY)}
scripts = {
    obedient: st.lists(st.tuples(st.integers(0, 1), acts(kinds, 1).map(lambda one: one[0])), min_size=1, max_size=14)
    for obedient, kinds in BUSY.items()
}
Script = list[tuple[int, Act]]


def capped(drawn: list[Drawn], lot: int) -> list[Cap]:
    by_lot = {
        Measure.QUANTITY: lot,
        Measure.LOTS: 1,
        Measure.VALUE: lot * PRICE,
        Measure.MARGIN: lot * PRICE * MARGIN_RATE.numerator / MARGIN_RATE.denominator,
    }
    return [
        Cap(measure, by_lot[measure] * lots.numerator / Decimal(lots.denominator), per=per, then=then)
        for measure, lots, per, then in drawn
    ]


def made(sizers: list[object], held: list[Cap], lot: int, mode: CopyMode = CopyMode.ORDER) -> ManyLeaders:
    own = dict(zip(LEADERS, (Rules(size=size) for size in sizers)))  # type: ignore[arg-type]
    return ManyLeaders({}, lot=lot, mode=mode, rules=own, own=Rules(caps=held), funds=dict(MONEY))


def weight(cap: Cap, lot: int) -> Fraction:
    """What a unit counts: everything trades at one price."""
    value = Fraction(PRICE)
    return {
        Measure.QUANTITY: Fraction(1),
        Measure.LOTS: Fraction(1, lot),
        Measure.VALUE: value,
        Measure.MARGIN: value * MARGIN_RATE,
    }[cap.measure]


def counted(world: ManyLeaders, cap: Cap) -> int:
    """Units that count against a cap, by the broker's books: what is held for each leader, or was entered today, and
    what his entries may still fill."""
    entries = {request.client_order_id for request in world.submits() if request.intent is Intent.ENTRY}
    orders = [order for order in world.books[F].values() if order.report.client_order_id in entries]
    working = sum(order.report.quantity - order.report.filled_quantity for order in orders if order.is_open)
    if cap.per is Per.DAY:
        return working + sum(order.report.filled_quantity for order in orders)
    return working + sum(abs(world.held_for(leader)) for leader in LEADERS)


def check_caps(world: ManyLeaders, held: list[Cap], lot: int) -> None:
    for cap in held:
        assert cap.most is not None
        if cap.per is Per.ORDER:
            for request in world.requests():
                if getattr(request, "intent", None) is Intent.ENTRY:
                    assert request.quantity * weight(cap, lot) <= cap.most, f"{request} beyond {cap}"  # type: ignore[union-attr]
        else:
            assert counted(world, cap) * weight(cap, lot) <= cap.most, f"{counted(world, cap)} beyond {cap}"


def expected(world: ManyLeaders, held: list[Cap], lot: int, wanted: Fraction, *, crossing: bool) -> int:
    """What an entry of so many units comes to under the caps; the books are those from before it. What an order that
    crosses zero closes first is in nobody's way."""
    total = floor(wanted / lot) * lot
    for cap in held:
        assert cap.most is not None
        used = 0 if cap.per is Per.ORDER else counted(world, cap)
        if crossing and cap.per in (Per.SYMBOL, Per.ACCOUNT):
            used -= abs(world.held_for(world.speaking))
        free = max(0, floor((Fraction(cap.most) / weight(cap, lot) - used) / lot) * lot)
        if free < total:
            total = 0 if cap.then is AtCap.SKIP else free
    return total


def wanted_by(sizer: object, side: Side, units: int, lot: int) -> Fraction | None:
    """Units for an entry by a sizer without a carry; None where there is one."""
    match sizer:
        case FixedLots(lots=count):
            return Fraction(count * lot)
        case Quantity(units=fixed):
            return Fraction(fixed)
        case OwnFunction() if side is Side.SELL:
            return Fraction(80)
        case PercentAtRisk():
            return Fraction(0)
    return None


RATIOS = {Ratio("1/3"): {"L": Fraction(1, 3), "M": Fraction(1, 3)}, Ratio(1): {"L": Fraction(1), "M": Fraction(1)},
          Ratio("5/2"): {"L": Fraction(5, 2), "M": Fraction(5, 2)}, SameQuantity(): {"L": Fraction(1), "M": Fraction(1)},
          CapitalProportional(): {"L": Fraction(1, 2), "M": Fraction(1, 4)}, EquityProportional(): {"L": Fraction(1, 2), "M": Fraction(1, 5)}}  # fmt: skip
"""What the sizers in proportion come to with the money that there is; what is free changes with every entry."""


# What one leader's copy had taken was missing from the equity by which the other's were sized.
EQUITY_OF_TWO: Script = [(1, ("trade", True, 1, 0)), (0, ("place", False, 2, 0))]


@settings(max_examples=EXAMPLES, deadline=None)
@given(script=scripts[True], sizes=st.lists(sizers, min_size=2, max_size=2), drawn=caps, lot=lots)
@example(script=EQUITY_OF_TWO, sizes=[EquityProportional(), FixedLots(1)], drawn=[], lot=1)
def test_z7_sizes_are_as_said_and_caps_hold(script: Script, sizes: list[object], drawn: list[Drawn], lot: int) -> None:
    held = capped(drawn, lot)
    world = made(sizes, held, lot)
    of = dict(zip(LEADERS, sizes))
    for who, (what, buy, count, which) in script:
        world.advance(1)
        if not any(order.is_open for order in world.leader.values()):
            world.speaking = LEADERS[who]
        side = Side.BUY if buy else Side.SELL
        placing = what in ("place", "trade") and not any(order.is_open for order in world.leader.values())
        before, units = world.position_of(world.speaking), count * lot
        opening = units if before * side.sign >= 0 else max(0, units - abs(before))
        closes = units - opening
        due = wanted_by(of[world.speaking], side, opening, lot) if placing and opening else None
        size = None if due is None else expected(world, held, lot, due, crossing=closes > 0)
        sent = len(world.submits())
        act(world, what, side, count, which, obedient=True)
        if closes and what == "trade":
            follow(world)  # its entry comes after its exit
        if size is not None and (what == "trade" or not closes):
            entered = [request.quantity for request in world.submits()[sent:] if request.intent is Intent.ENTRY]
            assert entered == ([size] if size else []), f"{of[world.speaking]} under {held}"
        event(f"{type(of[world.speaking]).__name__} under {len(held)} caps")
        follow(world)
        check_caps(world, held, lot)
    for order in list(world.leader.values()):
        if order.is_open:
            world.fill(order, order.report.quantity - order.report.filled_quantity)
            follow(world)
    for _ in range(4):
        world.fill_everything(F)
        world.tick(31)
    check_caps(world, held, lot)
    for leader in LEADERS:
        if not held and of[leader] in RATIOS:
            off = world.held_for(leader) - RATIOS[of[leader]][leader] * world.position_of(leader)  # type: ignore[index]
            assert abs(off) < lot, f"{leader} is off by {off}"
    assert_one_decision_each(world)
    world.flatten()
    assert [world.position_of(leader) for leader in LEADERS] == [0, 0]
    assert [world.held_for(leader) for leader in LEADERS] == [0, 0], "flat leaders, flat follower"
    assert declared(world) == 0


@settings(max_examples=EXAMPLES, deadline=None)
@given(script=scripts[False], sizes=st.lists(sizers, min_size=2, max_size=2), drawn=caps, lot=lots)
def test_z7_caps_hold_whatever_the_leader_and_the_broker_do(
    script: Script, sizes: list[object], drawn: list[Drawn], lot: int
) -> None:
    held = capped(drawn, lot)
    world = made(sizes, held, lot)
    for who, (what, buy, count, which) in script:
        world.advance(1)
        world.speaking = LEADERS[who]
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
        check_caps(world, [cap for cap in held if cap.per in (Per.ORDER, Per.DAY)], lot)
    for order in list(world.leader.values()):
        if order.is_open:
            world.change(order, status=OrderStatus.CANCELLED)
    for _ in range(8):
        world.fill_everything(F)
        world.tick(31)
    assert_one_decision_each(world)
    world.flatten()
    assert sum(world.held_for(leader) for leader in LEADERS) == declared(world), "flat leaders, flat follower"


def most_there(world: ManyLeaders) -> int:
    """The most units, long or short, that the broker's books can come to for each leader, with no other exit filled."""
    entered = {request.client_order_id: request.leader for request in world.submits() if request.intent is Intent.ENTRY}
    total = 0
    for leader in LEADERS:
        open_entries = [
            order for order in world.books[F].values()
            if order.is_open and order.report.client_order_id and entered.get(order.report.client_order_id) == leader
        ]  # fmt: skip
        ends = [world.held_for(leader)] * 2
        for order in open_entries:
            ends[order.sign > 0] += order.sign * (order.report.quantity - order.report.filled_quantity)
        total += max(map(abs, ends))
    return total


UNTOLD = ("trade", "trade", "place", "place", "fill", "fill", "cancel", "modify", *["follower_fill"] * 3)
"""Nothing here goes wrong: it comes in any order."""


@settings(max_examples=max(1, EXAMPLES // 4), deadline=None)
@given(
    script=st.lists(st.tuples(st.integers(0, 1), acts(UNTOLD, 1).map(lambda one: one[0])), min_size=2, max_size=14),
    size=st.sampled_from([Ratio(1), Ratio("1/3"), Ratio("5/2"), FixedLots(3)]),
    most=st.sampled_from([1, 2, 4, 9]), per=st.sampled_from([Per.SYMBOL, Per.ACCOUNT]), then=st.sampled_from(AtCap),
    mode=st.sampled_from(CopyMode),
)  # fmt: skip
def test_z7_a_cap_on_what_is_held_holds_at_every_moment_while_orders_cross_zero(
    script: Script, size: object, most: int, per: Per, then: AtCap, mode: CopyMode
) -> None:
    world = made([size, size], [Cap("LOTS", most, per=per, then=then)], 75, mode)
    for who, (what, buy, count, which) in script:
        world.advance(1)
        world.speaking = LEADERS[who]
        act(world, what, Side.BUY if buy else Side.SELL, count, which, obedient=False)
        assert most_there(world) <= most * 75


@pytest.mark.parametrize("per", [Per.SYMBOL, Per.ACCOUNT, Per.DAY])
def test_z7_what_the_leader_takes_off_an_order_and_adds_again_does_not_exceed_a_cap(per: Per) -> None:
    world = made([Ratio(1), Ratio(1)], [Cap("LOTS", 4, per=per)], 75)
    changing = world.place(Side.BUY, 3)
    world.change(changing, quantity=75)
    world.place(Side.BUY, 2)
    world.change(changing, quantity=3 * 75)
    assert most_there(world) == 4 * 75
    world.cancel(changing)
    world.place(Side.BUY, 9)
    assert most_there(world) == 4 * 75, "what he has cancelled leaves its room to others"


def test_x10_the_entry_part_waits_as_well_while_the_leader_has_added_to_what_his_order_crosses() -> None:
    world = made([Ratio(1), Ratio(1)], [Cap("LOTS", 4, per="SYMBOL")], 75)
    world.trade(Side.BUY, 4)
    world.fill_everything(F)
    crossing = world.place(Side.SELL, 8)
    world.trade(Side.BUY, 10)
    world.fill_everything(F)
    assert (world.position_of(LEADERS[0]), world.held_for(LEADERS[0])) == (14 * 75, 2 * 75), "there is no room for the ten"
    world.fill(crossing, 8 * 75)
    world.fill_everything(F)
    assert (world.position_of(LEADERS[0]), world.held_for(LEADERS[0])) == (6 * 75, 75)


def assert_one_decision_each(world: ManyLeaders) -> None:
    """The first answer stands; an admitted order may be declined later, and no more."""
    answers: dict[str, list[type]] = {}
    for entry in world.journal:
        if isinstance(entry.fact, (CopyAdmitted, CopyDeclined)):
            answers.setdefault(entry.fact.leader_order_id, []).append(type(entry.fact))
    assert answers.keys() == set(world.leader), "every order has its answer"
    assert all(kinds in ([CopyAdmitted], [CopyDeclined], [CopyAdmitted, CopyDeclined]) for kinds in answers.values())
