"""Super and bracket orders that a follower copies as super orders: L1 to L8 and L12, and what goes wrong with them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import ROUND_CEILING, Decimal
from pathlib import Path
from typing import Any

import pytest
from attrs import evolve

from dhan_copy import Behind, LinkedForm, Playground, Policy, RateLimits
from dhan_copy.core.facts import AlertRaised, DriftDeclared, LeaderReported, OrderReported, RequestIssued, TradeSettled
from dhan_copy.core.requests import Modify, Submit
from dhan_copy.errors import PlacementRejected
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import Leg, Limit, OrderStatus, Product, Side, StopLimit, StopMarket, Variety
from dhan_copy.testing import NewOrder, RequestKind, SimulatedExchange
from dhan_copy.testing.broker import Call, Fault
from dhan_copy.testing.reports import report_of
from dhan_copy.testing.server import Action, HttpFault
from tests.scenarios.kit import CALL, F, LEADER, SHARE, Lab, Stage, Wire
from tests.scenarios.linked_kit import LEGS, STOP, TARGET, Tree, entered

NATIVE = Policy(linked_form=LinkedForm.SUPER_ORDER)
QUICK = evolve(
    NATIVE, sweep_open=timedelta(milliseconds=300), sweep_idle=timedelta(milliseconds=300),
    retry_after=timedelta(milliseconds=100), positions_every=timedelta(milliseconds=300),
)  # fmt: skip
with_target = pytest.mark.parametrize("variety", [Variety.SUPER, Variety.BRACKET])
told_or_not = pytest.mark.parametrize("frames", [True, False], ids=["told", "read"])
"""Whether sockets tell of a super order's legs, the leader's and the follower's: nobody has published such a frame."""

Opener = Callable[..., Wire]


def opened(wires: Opener, *, frames: bool = True) -> Wire:
    def prepare(exchange: SimulatedExchange) -> None:
        exchange.unwritten.super_legs_announced = frames

    return wires(policy=QUICK, prepare=prepare)


def paths(wire: Wire, method: str) -> list[str]:
    """What the follower asked for, without the numbers."""
    return ["/".join(part for part in path.split("/") if not part.isdigit()) for path in wire.paths(method)]


# L1, L8: what the follower gets


@told_or_not
@with_target
def test_l1_l8_the_follower_gets_one_super_order_at_the_leaders_prices_over_the_wire(
    wires: Opener, variety: Variety, frames: bool
) -> None:
    wire = opened(wires, frames=frames)
    tree = entered(wire, variety)
    [body] = wire.bodies("POST")
    assert paths(wire, "POST") == ["/super/orders"]
    assert (body["targetPrice"], body["stopLossPrice"], body["trailingJump"]) == (110, 70, 0)
    assert (body["transactionType"], body["quantity"], body["price"], body["productType"]) == ("BUY", 150, 90, "INTRADAY")
    stop, target = tree.copy(Leg.STOP), tree.copy(Leg.TARGET)
    assert stop is not None and target is not None
    assert (stop.terms, target.terms) == (StopMarket(STOP), Limit(TARGET))
    tree.fill_copy(Leg.TARGET)
    tree.fill(Leg.TARGET)
    wire.until(lambda: len(wire.facts(TradeSettled)) == 3)
    wire.settle()
    assert wire.net() == 0 and tree.live() == [0, 0] and len(wire.bodies("POST")) == 1 and wire.bodies("PUT") == []
    assert wire.paths("DELETE") == [] and wire.alerts == []
    assert wire.facts(DriftDeclared) == []


@told_or_not
def test_l1_a_stop_that_trails_is_left_to_the_broker_and_follows_the_leader_where_he_moves_it_over_the_wire(
    wires: Opener, frames: bool
) -> None:
    wire = opened(wires, frames=frames)
    tree = entered(wire, jump=Decimal(5))
    for price, stop in ((100, 80), (105, 85), (104, 85)):
        wire.exchange.set_price(CALL, price)
        wire.until(
            lambda: (
                [report.report.terms for report in wire.leader_reports(f"{tree.order_id}/STOP")][-1]
                == StopMarket(Decimal(stop))
            )
        )
    wire.settle()
    assert wire.bodies("PUT") == [] and tree.price(Leg.STOP) == 85
    tree.move(Leg.STOP, Decimal(60))
    wire.until(lambda: tree.price(Leg.STOP) == 60)
    [body] = wire.bodies("PUT")
    assert (body["legName"], body["stopLossPrice"], body["trailingJump"]) == ("STOP_LOSS_LEG", 60, 5)
    assert tree.live() == [150, 150]


def part_entered(lab: Lab, variety: Variety = Variety.SUPER) -> Tree:
    """Half of the entry has filled."""
    tree = Tree.place(lab, 300, variety)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.fill(Leg.ENTRY, 150)
    tree.fill_copy(Leg.ENTRY, 75)
    lab.advance(5)
    return tree


def book_lags(lab: Lab, monkeypatch: pytest.MonkeyPatch, seconds: float) -> None:
    """What the follower's book and list of super orders show stays for so long as it is."""
    broker, until = lab.brokers[F], lab.clock.monotonic() + seconds
    book, read, listed, read_list = broker.orders(), broker.orders, broker.linked(), broker.linked
    monkeypatch.setattr(broker, "orders", lambda: read() if lab.clock.monotonic() >= until else book)
    monkeypatch.setattr(broker, "linked", lambda: read_list() if lab.clock.monotonic() >= until else listed)


def trailed(lab: Lab) -> Tree:
    """A part of the entry has filled, and its stop has trailed to 85."""
    tree = Tree.place(lab, 600, jump=Decimal(5))
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.fill(Leg.ENTRY, 150)
    tree.fill_copy(Leg.ENTRY, 75)
    lab.advance(5)
    for price in (105, 109):
        lab.exchange.set_price(CALL, price)
        lab.advance(12)
    assert tree.leaders(Leg.STOP).terms == StopMarket(Decimal(85)) and tree.price(Leg.STOP) == 85
    return tree


@pytest.mark.parametrize("change", [{"quantity": 900}, {"terms": Limit(Decimal(95))}], ids=["larger", "dearer"])
def test_l1_a_change_of_the_entry_does_not_set_a_stop_back_that_has_trailed(labs: Callable[..., Lab], change: Any) -> None:
    lab = labs(policy=NATIVE)
    tree = trailed(lab)
    lab.exchange.linked.modify(LEADER, tree.order_id, Leg.ENTRY, **change)
    for _ in range(30):
        lab.advance(2)
        assert tree.price(Leg.STOP) == 85
    assert len(lab.requests(RequestKind.MODIFY)) == 1 and lab.alerts == []


@pytest.mark.parametrize("price", [50, 95])
def test_l6_a_trailing_stop_follows_the_leaders_own_move_while_the_entry_works(labs: Callable[..., Lab], price: int) -> None:
    lab = labs(policy=NATIVE)
    tree = trailed(lab)
    tree.move(Leg.STOP, Decimal(price))
    lab.advance(30)
    assert tree.price(Leg.STOP) == price and len(lab.requests(RequestKind.MODIFY)) == 1


@with_target
def test_l2_l3_the_legs_are_for_what_has_filled_and_one_goes_with_the_other(
    stages: Callable[..., Stage], variety: Variety
) -> None:
    stage = stages(policy=QUICK)
    tree = Tree.place(stage, 450, variety)
    stage.until(lambda: tree.copy(Leg.ENTRY) is not None)
    for held in (75, 150, 225):
        tree.fill_copy(Leg.ENTRY, 75)
        stage.until(lambda: tree.protects(held))
    tree.fill_copy(Leg.STOP, 75)
    stage.until(lambda: tree.live() == [150, 150])
    tree.fill_copy(Leg.TARGET)
    stage.until(lambda: tree.live() == [0, 0])
    stage.settle()
    assert stage.net() == 0 and len(stage.requests()) == 1, "all of it was the broker's to do"


# L6, L7: what the leader does to his legs


@told_or_not
@with_target
def test_l6_a_leg_is_moved_by_its_name_over_the_wire(wires: Opener, variety: Variety, frames: bool) -> None:
    wire = opened(wires, frames=frames)
    tree = entered(wire, variety)
    wire.until(lambda: wire.row(tree.order_id)["state"] == "FILLED")
    tree.move(Leg.TARGET, Decimal(115))
    wire.until(lambda: tree.price(Leg.TARGET) == 115)
    tree.move(Leg.STOP, Decimal(75))
    wire.until(lambda: tree.price(Leg.STOP) == 75)
    assert [body["legName"] for body in wire.bodies("PUT")] == ["TARGET_LEG", "STOP_LOSS_LEG"]
    assert set(paths(wire, "PUT")) == {"/super/orders"} and tree.live() == [150, 150]


def tell_by_own_ids(lab: Lab, tree: Tree, **changes: Any) -> None:
    """The follower's legs in frames with ids of their own, which name the entry as their parent; the stop has a limit."""
    for leg, own in zip(LEGS, ("901", "902"), strict=True):
        if (order := tree.copy(leg)) is None:
            continue
        terms = StopLimit(STOP, STOP) if leg is Leg.STOP else Limit(TARGET)
        report = evolve(report_of(order, lab.exchange.instrument(CALL)), terms=terms)
        lab.sources[F].push(evolve(report, order_id=own, parent_order_id=order.order_id, **changes))
    lab.step()


def test_a_leg_that_two_places_tell_of_by_different_ids_is_no_news_again_and_again(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab)
    lab.advance(30)
    known = len(lab.facts(OrderReported))
    for _ in range(4):
        tell_by_own_ids(lab, tree)
        lab.advance(30)
    assert len(lab.facts(OrderReported)) == known and lab.alerts == []


def test_l3_a_leg_that_has_an_id_of_its_own_and_no_tag_is_known_by_its_parent(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab)
    tell_by_own_ids(lab, tree, client_order_id=None, filled_quantity=75, status=OrderStatus.PART_TRADED)
    assert [lab.row(f"{tree.order_id}/{leg.value}")["done"] for leg in LEGS] == [75, 75]


@told_or_not
def test_l6_before_the_entry_has_filled_it_is_changed_as_a_whole_over_the_wire(wires: Opener, frames: bool) -> None:
    wire = opened(wires, frames=frames)
    tree = Tree.place(wire, 300)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.move(Leg.TARGET, Decimal(115))
    wire.until(lambda: wire.bodies("PUT"))
    tree.move(Leg.STOP, Decimal(75))
    wire.until(lambda: len(wire.bodies("PUT")) == 2)
    tree.stage.exchange.linked.modify(LEADER, tree.order_id, Leg.ENTRY, quantity=600)
    wire.until(lambda: len(wire.bodies("PUT")) == 3)
    last = wire.bodies("PUT")[-1]
    assert (last["legName"], last["quantity"], last["targetPrice"], last["stopLossPrice"]) == ("ENTRY_LEG", 300, 115, 75)
    wire.settle()
    tree.fill_copy(Leg.ENTRY)
    wire.until(lambda: tree.protects(300))
    assert (tree.price(Leg.TARGET), tree.price(Leg.STOP)) == (115, 75) and len(wire.bodies("PUT")) == 3


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_l7_a_leg_that_the_leader_takes_back_is_cancelled_by_its_name_over_the_wire(
    wires: Opener, variety: Variety, leg: Leg
) -> None:
    wire = opened(wires)
    tree = entered(wire, variety)
    tree.cancel(leg)
    wire.until(lambda: tree.copy(leg) is None)
    wire.settle()
    assert tree.live() == [0 if each is leg else 150 for each in LEGS] and wire.net() == 150
    name = "TARGET_LEG" if leg is Leg.TARGET else "STOP_LOSS_LEG"
    assert [path.rsplit("/", 1)[-1] for path in wire.paths("DELETE")] == [name] and len(wire.bodies("POST")) == 1


@pytest.mark.parametrize("leg", LEGS)
def test_l7_a_leg_that_is_taken_back_before_it_is_for_anything_is_known_to_be_gone(
    stages: Callable[..., Stage], leg: Leg
) -> None:
    """No row is left of it: the list of super orders shows the entry without it."""
    stage = stages(policy=QUICK)
    tree = Tree.place(stage, 300)
    stage.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.cancel(leg)
    stage.until(lambda: stage.row(f"{tree.order_id}/{leg.value}")["state"] == "CANCELLED")
    tree.fill_copy(Leg.ENTRY)
    stage.settle()
    assert tree.live() == [0 if each is leg else 150 for each in LEGS] and stage.net() == 150


def test_c7_a_leg_that_a_hand_takes_back_before_it_is_for_anything_is_told_of(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = Tree.place(lab, 300)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    lab.exchange.linked.cancel(F, tree.copies(Leg.ENTRY)[0].order_id, Leg.STOP)
    tree.fill_copy(Leg.ENTRY)
    lab.advance(120)
    assert tree.live() == [150, 0] and "EXIT_CANCELLED_BY_HAND" in [alert.code for alert in lab.alerts]


def test_l7_cancelled_before_the_entry_has_filled_all_of_it_goes_over_the_wire(wires: Opener) -> None:
    wire = opened(wires)
    tree = Tree.place(wire, 300)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.cancel(Leg.ENTRY)
    wire.until(lambda: len(wire.facts(TradeSettled)) == 3)
    assert [path.rsplit("/", 1)[-1] for path in wire.paths("DELETE")] == ["ENTRY_LEG"]
    assert wire.copies()[0].status is OrderStatus.CANCELLED and wire.alerts == []


@pytest.mark.parametrize("keeps", [True, False])
def test_l7_what_has_filled_of_an_entry_that_is_taken_back_stays_protected(labs: Callable[..., Lab], keeps: bool) -> None:
    """Dhan's page says that all legs go with their entry, and does not say what becomes of the part that has filled."""
    lab = labs(policy=NATIVE, prepare=lambda exchange: setattr(exchange.unwritten, "cancelled_entry_keeps_exits", keeps))
    tree = part_entered(lab, Variety.BRACKET)
    tree.cancel(Leg.ENTRY)
    lab.until(lambda: tree.copy(Leg.ENTRY) is None and tree.protects(75))
    lab.advance(120)
    assert tree.protects(75) and lab.net() == 75
    assert isinstance((stop := tree.copy(Leg.STOP)) and stop.terms, StopMarket if keeps else StopLimit)
    tree.fill_copy(Leg.STOP)
    lab.advance(30)
    assert tree.live() == [0, 0] and lab.net() == 0


# L5, L4, L11


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_l5_the_leader_is_out_and_the_follower_keeps_both_legs(
    stages: Callable[..., Stage], leg: Leg, variety: Variety
) -> None:
    stage = stages(policy=QUICK)
    tree = entered(stage, variety)
    tree.fill(leg)
    stage.settle()
    assert tree.protects(150) and len(stage.requests()) == 1
    tree.fill_copy(Leg.STOP if leg is Leg.TARGET else Leg.TARGET)
    stage.until(lambda: tree.live() == [0, 0])
    assert stage.net() == 0 and stage.facts(DriftDeclared) == []


def test_l11_a_leg_that_has_filled_for_a_part_of_the_entry_is_followed_by_an_order_for_the_rest(
    labs: Callable[..., Lab],
) -> None:
    """A leg that has traded all that it was for is over, whatever its entry fills afterwards."""
    lab = labs(policy=NATIVE)
    tree = Tree.place(lab, 600)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.fill_copy(Leg.ENTRY, 150)
    tree.fill_copy(Leg.TARGET, 150)
    lab.advance(5)
    tree.fill_copy(Leg.ENTRY)
    lab.until(lambda: tree.protects(150))
    assert lab.net() == 150
    tree.fill_copy(Leg.TARGET)
    lab.until(lambda: tree.live() == [0, 0])
    assert lab.net() == 0


def test_l12_a_leg_whose_modifications_are_used_up_is_taken_back_and_an_order_stands_in_its_place(
    labs: Callable[..., Lab],
) -> None:
    lab = labs(policy=NATIVE, limits={F: RateLimits(modifications_per_order=3)})
    tree = entered(lab)
    for step in range(6):
        tree.move(Leg.STOP, STOP + Decimal(step + 1) / 2)
        lab.advance(20)
        assert tree.protects(150) and tree.price(Leg.STOP) == STOP + Decimal(step + 1) / 2
    assert [type(order.terms) for order in tree.copies(Leg.STOP)] == [StopMarket, StopLimit]


def half_entered(labs: Callable[..., Lab]) -> tuple[Lab, Tree]:
    """Half of an entry of 300, and of its copy, has filled."""
    lab = labs(policy=NATIVE)
    tree = part_entered(lab)
    return lab, tree


@pytest.mark.parametrize("change", [{}, {"quantity": 600}], ids=["alone", "larger"])
def test_k2_a_follower_that_only_reduces_protects_what_has_filled_by_legs_of_their_own(
    labs: Callable[..., Lab], change: Any
) -> None:
    lab, tree = half_entered(labs)
    lab.engine.reduce(F)
    if change:
        lab.exchange.linked.modify(LEADER, tree.order_id, Leg.ENTRY, **change)
    tree.move(Leg.STOP, Decimal(80))
    lab.advance(20)
    assert tree.price(Leg.STOP) == 80 and tree.protects(75)
    assert [order.status for order in tree.copies(Leg.ENTRY)] == [OrderStatus.CANCELLED], "it took its legs along"
    lab.engine.resume(F)
    lab.advance(20)
    assert len(tree.copies(Leg.ENTRY)) == 1 and tree.protects(75)


def test_k2_a_halted_follower_keeps_a_super_order_that_protects_what_it_has_filled(labs: Callable[..., Lab]) -> None:
    """Its cancel would take the legs along, and no other could be placed."""
    lab, tree = half_entered(labs)
    asked = len(lab.requests())
    lab.engine.halt(F)
    lab.exchange.linked.modify(LEADER, tree.order_id, Leg.ENTRY, quantity=225)
    lab.advance(60)
    assert tree.protects(75) and len(lab.requests()) == asked
    tree.fill_copy(Leg.ENTRY, 75)
    lab.advance(20)
    assert tree.protects(150)


def test_k2_a_halted_follower_takes_back_a_super_order_that_has_filled_nothing(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = Tree.place(lab, 300)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    lab.engine.halt(F)
    lab.advance(20)
    assert tree.copy(Leg.ENTRY) is None
    lab.engine.resume(F)
    tree.fill(Leg.ENTRY)
    lab.advance(20)
    assert lab.net() == 0 and len(tree.copies(Leg.ENTRY)) == 1


def test_l12_the_modifications_of_a_super_order_are_those_of_all_its_parts(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE, limits={F: RateLimits(modifications_per_order=3)})
    tree = Tree.place(lab, 300)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.move(Leg.STOP, Decimal(71))
    lab.advance(20)
    tree.fill_copy(Leg.ENTRY)
    tree.fill(Leg.ENTRY)
    lab.advance(20)
    for leg, price in ((Leg.STOP, 72), (Leg.TARGET, 112), (Leg.STOP, 73), (Leg.TARGET, 113)):
        tree.move(leg, Decimal(price))
        lab.advance(20)
        assert tree.protects(150) and tree.price(leg) == price
    assert len(lab.requests(RequestKind.MODIFY)) == 3 and not any(request.problem for request in lab.requests())


@pytest.mark.parametrize("form", LinkedForm)
def test_k2_a_halted_follower_keeps_a_leg_whose_modifications_are_used_up(labs: Callable[..., Lab], form: LinkedForm) -> None:
    lab = labs(policy=Policy(linked_form=form), limits={F: RateLimits(modifications_per_order=1)})
    tree = entered(lab)
    tree.move(Leg.STOP, Decimal(71))
    lab.advance(20)
    lab.engine.halt(F)
    tree.move(Leg.STOP, Decimal(72))
    lab.advance(60)
    assert tree.protects(150) and tree.price(Leg.STOP) == 71
    lab.engine.resume(F)
    lab.advance(20)
    assert tree.protects(150) and tree.price(Leg.STOP) == 72


# X4


@pytest.mark.parametrize("form", LinkedForm)
@pytest.mark.parametrize("leg", LEGS)
def test_x4_by_policy_a_leg_that_is_left_behind_is_closed_at_the_market(
    stages: Callable[..., Stage], leg: Leg, form: LinkedForm
) -> None:
    policy = evolve(QUICK, linked_form=form, behind=Behind.CLOSE, behind_after=timedelta(seconds=0.5))
    stage = stages(policy=policy)
    tree = entered(stage)
    tree.fill(leg)
    stage.until(lambda: stage.net() == 0 and tree.live() == [0, 0])
    assert [alert.code for alert in stage.alerts].count("BEHIND") == 1 and stage.facts(DriftDeclared) == []


@pytest.mark.parametrize("form", LinkedForm)
@pytest.mark.parametrize("leg", LEGS)
def test_x4_by_policy_a_leg_that_is_left_behind_follows_the_leaders_price(
    labs: Callable[..., Lab], leg: Leg, form: LinkedForm
) -> None:
    lab = labs(policy=Policy(linked_form=form, behind=Behind.CHASE))
    tree = entered(lab)
    lab.exchange.set_price(CALL, Decimal(100), available=0)
    tree.fill(leg)
    lab.advance(90)
    copy, near = tree.copy(leg), tree.leaders(leg).average_price
    assert copy is not None and near is not None
    assert copy.terms == Limit((near * Decimal("0.995") / Decimal("0.05")).to_integral_value(ROUND_CEILING) * Decimal("0.05"))
    assert tree.live() == [150, 150], "the other protects it meanwhile"
    assert [alert.code for alert in lab.alerts] == ["BEHIND"]


@pytest.mark.parametrize("behind", [Behind.CHASE, Behind.CLOSE])
def test_x4_k2_while_the_follower_is_halted_a_leg_that_is_left_behind_stays(labs: Callable[..., Lab], behind: Behind) -> None:
    lab = labs(policy=evolve(NATIVE, behind=behind))
    tree = entered(lab)
    lab.exchange.set_price(CALL, Decimal(100))
    lab.engine.halt(F)
    tree.fill(Leg.STOP)
    lab.advance(90)
    assert tree.protects(150)
    lab.engine.resume(F)
    lab.advance(20)
    assert lab.net() == 0 and tree.live() == [0, 0]


@pytest.mark.parametrize("form", LinkedForm)
@pytest.mark.parametrize("budget", [4, 5])
def test_l12_a_leg_is_not_taken_back_where_no_request_is_left_for_its_successor(
    labs: Callable[..., Lab], form: LinkedForm, budget: int
) -> None:
    policy = Policy(linked_form=form, requests_per_trade=budget)
    lab = labs(policy=policy, limits={F: RateLimits(modifications_per_order=1)})
    tree = entered(lab)
    for price in range(71, 80):
        tree.move(Leg.STOP, Decimal(price))
        lab.advance(20)
        assert tree.protects(150)
    assert "REQUEST_BUDGET" in [alert.code for alert in lab.alerts]


# Where it is not a super order


def test_l9_a_cover_order_is_copied_as_orders(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab, Variety.COVER)
    assert not any(order.is_super for order in lab.copies()) and tree.protects(150)


@pytest.mark.parametrize("product", [Product.INTRADAY, Product.MARGIN, Product.CNC, Product.MTF])
def test_d1_what_may_be_held_over_night_is_copied_as_orders(labs: Callable[..., Lab], product: Product) -> None:
    """Nobody wrote down whether the legs of a super order are there the next day."""
    lab = labs(policy=NATIVE)
    where = SHARE if product in (Product.CNC, Product.MTF) else CALL
    new = NewOrder(key=where, side=Side.BUY, quantity=300, terms=Limit(Decimal(90)), product=product)
    lab.exchange.linked.place_super(LEADER, new, Bracket(target=TARGET, stop=STOP))
    lab.advance(15)
    assert [order.is_super for order in lab.copies() if order.leg is Leg.ENTRY] == [product is Product.INTRADAY]


def test_p12_above_the_freeze_limit_it_is_copied_as_orders() -> None:
    lab = Playground(followers={F: "1"}, policy=NATIVE)
    for lots in (20, 60):
        lab.leader.buy("NIFTY-Sep2026-22500-CE", lots=lots, price=90, target=110, stop=70)
        lab.step()
    placed = [(order.quantity, order.is_super) for order in lab.exchange.orders(F) if order.leg is Leg.ENTRY]
    assert placed == [(1500, True), (1800, False), (1800, False), (900, False)]


def test_p12_what_an_entry_grows_by_beyond_the_freeze_limit_is_protected_by_orders_beside_the_legs() -> None:
    lab = Playground(followers={F: "1"}, policy=NATIVE)
    order = lab.leader.buy("NIFTY-Sep2026-22500-CE", lots=20, price=90, target=110, stop=70)
    lab.step()
    order.modify(lots=60)
    lab.step()
    entries = [order for order in lab.exchange.orders(F) if order.leg is Leg.ENTRY]
    assert [(order.quantity, order.is_super) for order in entries] == [(1800, True), (1800, False), (900, False)]

    def live() -> list[int]:
        exits = [order for order in lab.exchange.orders(F) if order.side is Side.SELL and not order.status.is_terminal]
        targets = sum(order.leaves_quantity for order in exits if order.terms == Limit(TARGET))
        return [targets, sum(order.leaves_quantity for order in exits) - targets]

    held = 0
    for entry in (*entries[1:], entries[0]):
        lab.exchange.fill(F, entry.book_id)
        lab.advance(30)
        held += entry.quantity
        assert live() == [held, held]
    legs = lab.exchange.linked.legs(F, entries[0].order_id)
    lab.exchange.fill(F, legs[0].book_id)
    lab.advance(30)
    assert live() == [2700, 2700]


def test_l1_an_entry_whose_legs_have_begun_to_fill_is_copied_as_orders(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    lab.withhold_news(LEADER)
    tree = Tree.place(lab, 600)
    tree.fill(Leg.ENTRY, 300)
    tree.fill(Leg.STOP, 75)
    lab.release_news(LEADER)
    lab.advance(20)
    assert not any(order.is_super for order in lab.copies())


# What goes wrong

LOST = {
    "reset": HttpFault(action=Action.RESET), "cut": HttpFault(action=Action.TRUNCATE), "empty": HttpFault(body=""),
    "502": HttpFault(status=502, body="<html>Bad Gateway</html>"),
}  # fmt: skip


@pytest.mark.parametrize("how", LOST)
def test_f31_a_super_order_whose_answer_is_lost_is_found_and_not_sent_again_over_the_wire(wires: Opener, how: str) -> None:
    wire = opened(wires)
    wire.withhold_news(F)
    wire.server.plan_fault(evolve(LOST[how], account=F, method="POST"))
    tree = entered(wire)
    wire.release_news(F)
    wire.settle()
    assert len(wire.bodies("POST")) == 1 and tree.protects(150)


@pytest.mark.parametrize("executed", [True, False])
@pytest.mark.parametrize("method", ["PUT", "DELETE"])
def test_f38_what_was_asked_of_a_leg_and_not_answered_is_looked_up_and_asked_again_only_if_it_is_not_so_over_the_wire(
    wires: Opener, method: str, executed: bool
) -> None:
    wire = opened(wires)
    tree = entered(wire)
    wire.withhold_news(F)
    wire.server.plan_fault(HttpFault(account=F, method=method, action=Action.RESET, execute=executed))
    if method == "PUT":
        tree.move(Leg.STOP, Decimal(75))
        wire.until(lambda: tree.price(Leg.STOP) == 75)
    else:
        tree.cancel(Leg.STOP)
        wire.until(lambda: tree.copy(Leg.STOP) is None)
    wire.settle()
    assert len(wire.paths(method)) == (1 if executed else 2) and tree.live()[0] == 150


@pytest.mark.parametrize("back", [70, 77])
def test_f39_an_entrys_modification_that_arrives_late_and_is_overtaken_by_its_end_is_seen_in_the_leg(
    labs: Callable[..., Lab], back: int
) -> None:
    lab = labs(policy=NATIVE)
    tree = Tree.place(lab, 300)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    lab.withhold_news(F)
    lab.brokers[F].fail_next(Fault.ARRIVES_LATE, on=Call.MODIFY)
    tree.move(Leg.STOP, Decimal(80))
    lab.advance(30)
    tree.move(Leg.STOP, Decimal(back))
    lab.advance(30)
    lab.brokers[F].deliver_late()
    tree.fill_copy(Leg.ENTRY)
    tree.fill(Leg.ENTRY)
    lab.sources[F].release()
    lab.advance(60)
    assert tree.price(Leg.STOP) == back and tree.protects(150)


def test_f38_an_entrys_modification_that_nobody_has_looked_up_when_it_ends_is_seen_in_the_leg(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = Tree.place(lab, 300)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    lab.withhold_news(F)
    lab.brokers[F].fail_next(Fault.ANSWER_LOST, on=Call.MODIFY)
    lab.brokers[F].fail_next(Fault.READ_FAILED, on=Call.ORDERS, count=6)
    tree.move(Leg.STOP, Decimal(80))
    lab.step()
    tree.move(Leg.STOP, Decimal(70))
    tree.fill_copy(Leg.ENTRY)
    tree.fill(Leg.ENTRY)
    lab.release_news(F)
    lab.advance(120)
    assert tree.price(Leg.STOP) == 70 and tree.protects(150)


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.NEVER_ARRIVED])
def test_f39_an_entry_whose_legs_have_gone_since_its_lost_modification_is_taken_back(
    labs: Callable[..., Lab], fault: Fault
) -> None:
    """Its list told what became of that by them, and until it is known nothing else is asked of the entry."""
    lab = labs(policy=NATIVE)
    tree = Tree.place(lab, 300)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    entry = tree.copy(Leg.ENTRY)
    assert entry is not None
    lab.withhold_news(F)
    lab.brokers[F].fail_next(fault, on=Call.MODIFY)
    lab.brokers[F].fail_next(Fault.READ_FAILED, on=Call.ORDERS, count=3)
    tree.move(Leg.STOP, Decimal(80))
    lab.step()
    for leg in LEGS:
        lab.exchange.linked.cancel(F, entry.order_id, leg)
    lab.advance(60)
    tree.cancel(Leg.ENTRY)
    lab.advance(60)
    assert tree.copy(Leg.ENTRY) is None


@pytest.mark.parametrize("fault", [Fault.ANSWER_LOST, Fault.NEVER_ARRIVED])
def test_f31_a_lost_placement_is_settled_by_evidence(labs: Callable[..., Lab], fault: Fault) -> None:
    lab = labs(policy=NATIVE)
    lab.withhold_news(F)
    lab.brokers[F].fail_next(fault, on=Call.SUBMIT)
    tree = Tree.place(lab, 300)
    lab.advance(300)
    assert len(lab.requests()) == (1 if fault is Fault.ANSWER_LOST else 0)
    if fault is Fault.ANSWER_LOST:
        tree.fill_copy(Leg.ENTRY)
        lab.until(lambda: tree.protects(150))
    else:
        assert lab.row(tree.order_id)["state"] == "ABSENT", "an entry is never sent again"
        assert {row["state"] for row in lab.engine.orders() if "/" in str(row["leader_order_id"])} == {"ABSENT"}


def test_r1_a_refused_super_order_takes_its_legs_with_it(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    lab.brokers[F].fail_next(Fault.REJECTED, on=Call.SUBMIT, error=PlacementRejected, text="RMS: no")
    tree = Tree.place(lab, 300)
    lab.advance(60)
    assert lab.copies() == [] and lab.row(tree.order_id)["state"] == "REJECTED"
    assert [alert.code for alert in lab.alerts] == ["REJECTED"]


def test_f42_both_legs_that_fill_before_either_is_seen_are_told_of_and_taken_back(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab)
    copies = [tree.copy(leg) for leg in LEGS]
    lab.exchange.linked.hold = True
    for copy in copies:
        assert copy is not None
        lab.exchange.fill(F, copy.book_id)
    lab.exchange.linked.hold = False
    lab.exchange.linked.settle()
    assert lab.net() == -150
    lab.until(lambda: lab.net() == 0)
    lab.advance(60)
    assert lab.net() == 0 and tree.live() == [0, 0] and "OVER_EXIT" in [alert.code for alert in lab.alerts]


@pytest.mark.parametrize("leg", LEGS)
def test_c7_a_leg_that_the_follower_cancels_by_hand_is_respected_and_told_of(labs: Callable[..., Lab], leg: Leg) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab)
    lab.exchange.linked.cancel(F, tree.copies(Leg.ENTRY)[0].order_id, leg)
    lab.advance(120)
    assert tree.live() == [0 if each is leg else 150 for each in LEGS]
    assert "EXIT_CANCELLED_BY_HAND" in [alert.code for alert in lab.alerts] and len(lab.requests()) == 1


@pytest.mark.parametrize("leg", LEGS)
def test_c7_a_leg_cancelled_by_hand_before_the_entry_has_filled_is_missed_in_the_list_and_told_of(
    stages: Callable[..., Stage], leg: Leg
) -> None:
    stage = stages(policy=evolve(QUICK, absence_window=timedelta(seconds=1)))
    tree = Tree.place(stage, 300)
    stage.until(lambda: tree.copy(Leg.ENTRY) is not None)
    stage.exchange.linked.cancel(F, tree.copies(Leg.ENTRY)[0].order_id, leg)
    tree.fill_copy(Leg.ENTRY)
    tree.fill(Leg.ENTRY)
    stage.until(lambda: "EXIT_CANCELLED_BY_HAND" in [alert.code for alert in stage.alerts])
    assert tree.live() == [0 if each is leg else 150 for each in LEGS] and len(stage.requests(RequestKind.PLACE)) == 1


@pytest.mark.parametrize("leg", LEGS)
def test_l5_a_leg_that_was_taken_back_before_the_entry_filled_stands_again_once_the_leader_is_out(
    stages: Callable[..., Stage], leg: Leg
) -> None:
    stage = stages(policy=QUICK)
    tree = Tree.place(stage, 300)
    stage.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.cancel(leg)
    stage.until(lambda: stage.requests(RequestKind.CANCEL))
    tree.fill_copy(Leg.ENTRY)
    tree.fill(Leg.ENTRY)
    stage.settle()
    assert tree.live() == [0 if each is leg else 150 for each in LEGS]
    other = Leg.STOP if leg is Leg.TARGET else Leg.TARGET
    tree.fill(other)
    stage.settle()
    if leg is Leg.STOP:
        stage.until(lambda: tree.live() == [150, 150])
    tree.fill_copy(other)
    stage.until(lambda: tree.live() == [0, 0])
    assert stage.net() == 0


def test_c7_a_leg_that_outlived_its_entry_and_is_cancelled_by_hand_is_respected(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE, prepare=lambda exchange: setattr(exchange.unwritten, "cancelled_entry_keeps_exits", True))
    tree = part_entered(lab, Variety.BRACKET)
    tree.cancel(Leg.ENTRY)
    lab.advance(120)
    assert tree.protects(75)
    lab.exchange.linked.cancel(F, tree.copies(Leg.ENTRY)[0].order_id, Leg.STOP)
    lab.advance(120)
    assert tree.live() == [75, 0] and "EXIT_CANCELLED_BY_HAND" in [alert.code for alert in lab.alerts]


@pytest.mark.parametrize("first", LEGS)
def test_c7_a_leg_of_an_entry_whose_cancel_came_too_late_is_a_humans(labs: Callable[..., Lab], first: Leg) -> None:
    lab = labs(policy=NATIVE)
    tree = part_entered(lab, Variety.BRACKET)
    lab.withhold_news(F)
    lab.brokers[F].fail_next(Fault.NEVER_ARRIVED, on=Call.CANCEL)
    tree.fill_copy(Leg.ENTRY)
    tree.cancel(Leg.ENTRY)
    lab.release_news(F)
    lab.advance(30)
    lab.exchange.linked.cancel(F, tree.copies(Leg.ENTRY)[0].order_id, first)
    lab.advance(120)
    assert tree.live() == [0 if leg is first else 150 for leg in LEGS]
    assert "EXIT_CANCELLED_BY_HAND" in [alert.code for alert in lab.alerts]


@pytest.mark.parametrize("order", [(0, 1, 2), (2, 1, 0), (1, 0, 2), (1, 2, 0)], ids=str)
def test_l7_legs_that_go_with_their_entry_are_no_humans_in_whatever_order_that_is_told(
    labs: Callable[..., Lab], order: tuple[int, ...]
) -> None:
    lab = labs(policy=NATIVE)
    tree = part_entered(lab, Variety.BRACKET)
    lab.withhold_news(F)
    tree.cancel(Leg.ENTRY)
    lab.step()
    lab.sources[F].release(order)
    lab.advance(60)
    assert tree.protects(75) and "EXIT_CANCELLED_BY_HAND" not in [alert.code for alert in lab.alerts]


@pytest.mark.parametrize("lag", [5, 30])
def test_f36_a_book_that_lags_does_not_make_the_end_of_legs_that_went_with_their_entry_a_humans(
    labs: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, lag: int
) -> None:
    lab = labs(policy=NATIVE)
    tree = part_entered(lab, Variety.BRACKET)
    lab.withhold_news(F)
    book_lags(lab, monkeypatch, lag)
    tree.cancel(Leg.ENTRY)
    lab.step()
    lab.sources[F].release([0])
    lab.advance(60)
    assert tree.protects(75) and "EXIT_CANCELLED_BY_HAND" not in [alert.code for alert in lab.alerts]


@pytest.mark.parametrize("keeps", [True, False])
def test_k2_flatten_takes_a_part_filled_super_order_back_with_its_legs(labs: Callable[..., Lab], keeps: bool) -> None:
    lab = labs(policy=NATIVE, prepare=lambda exchange: setattr(exchange.unwritten, "cancelled_entry_keeps_exits", keeps))
    tree = part_entered(lab)
    lab.engine.flatten(F)
    for _ in range(60):
        lab.advance(1)
    assert lab.net() == 0 and tree.live() == [0, 0]
    cancelled = [request.leg for request in lab.requests(RequestKind.CANCEL)]
    assert cancelled[:1] == [Leg.ENTRY] and len(cancelled) == (3 if keeps else 1)


@pytest.mark.parametrize("leg", LEGS)
def test_l7_a_leg_taken_back_while_the_entry_works_asks_nothing_of_the_entry(labs: Callable[..., Lab], leg: Leg) -> None:
    lab = labs(policy=NATIVE)
    tree = Tree.place(lab, 300)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.cancel(leg)
    lab.advance(60)
    assert [(request.kind, request.leg) for request in lab.requests()[1:]] == [(RequestKind.CANCEL, leg)]
    other = Leg.STOP if leg is Leg.TARGET else Leg.TARGET
    tree.move(other, Decimal(80 if other is Leg.STOP else 120))
    lab.advance(60)
    changes = [fact.request for fact in lab.facts(RequestIssued) if isinstance(fact.request, Modify)]
    assert [change.bracket for change in changes] == [
        Bracket(target=TARGET, stop=Decimal(80)) if other is Leg.STOP else Bracket(target=Decimal(120), stop=STOP)
    ]
    tree.cancel(other)
    lab.advance(60)
    assert len(lab.requests(RequestKind.MODIFY)) == 1


@pytest.mark.parametrize("first", LEGS)
def test_l3_the_cancel_of_the_other_leg_told_before_the_fill_is_no_cancel_by_hand(labs: Callable[..., Lab], first: Leg) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab)
    lab.withhold_news(F)
    tree.fill_copy(first)
    lab.sources[F].release([1])
    lab.advance(60)
    assert lab.net() == 0 and tree.live() == [0, 0] and lab.alerts == [] and len(lab.requests()) == 1


@pytest.mark.parametrize("first", LEGS)
def test_f36_a_book_that_lags_does_not_make_the_cancel_of_the_other_leg_a_humans(
    labs: Callable[..., Lab], monkeypatch: pytest.MonkeyPatch, first: Leg
) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab)
    lab.withhold_news(F)
    book_lags(lab, monkeypatch, 30)
    tree.fill_copy(first)
    lab.sources[F].release([1])
    lab.advance(60)
    assert lab.net() == 0 and tree.live() == [0, 0] and lab.alerts == [] and len(lab.requests()) == 1


@pytest.mark.parametrize("first", LEGS)
def test_l3_a_leg_that_went_with_the_other_before_it_could_be_taken_back_is_no_cancel_by_hand(
    labs: Callable[..., Lab], first: Leg
) -> None:
    """The leader closes more than he holds by plain orders: his linked orders are taken apart, and their legs rest on."""
    lab = labs(policy=NATIVE)
    tree, _ = entered(lab), entered(lab)
    lab.place(Side.BUY, 300, Limit(Decimal(110)))
    lab.advance(15)
    lab.withhold_news(F)
    tree.fill_copy(first)
    lab.place(Side.SELL, 375, Limit(Decimal(90)))
    lab.advance(60)
    assert lab.net() > 0 and "EXIT_CANCELLED_BY_HAND" not in [alert.code for alert in lab.alerts]


def test_x8_what_the_follower_closes_by_hand_is_not_closed_again(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab)
    lab.place(Side.SELL, 75, evolve(Limit(Decimal(1)), price=Decimal(90)), account=F)
    assert lab.net() == 75
    lab.advance(400)
    assert tree.protects(75) and lab.net() == 75
    tree.fill_copy(Leg.TARGET)
    lab.advance(60)
    assert lab.net() == 0 and tree.live() == [0, 0]


def test_x8_a_legs_lost_cancel_is_over_with_its_entry_and_hides_no_close_by_hand(labs: Callable[..., Lab]) -> None:
    """While a request is under way, nothing of the instrument is taken for closed by hand."""
    lab = labs(policy=NATIVE)
    tree = Tree.place(lab, 300)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    lab.brokers[F].fail_next(Fault.NEVER_ARRIVED, on=Call.CANCEL)
    tree.cancel(Leg.TARGET)
    lab.advance(15)
    tree.cancel(Leg.ENTRY)
    lab.advance(60)
    entered(lab)
    lab.place(Side.SELL, 150, Limit(Decimal(90)), account=F)
    lab.advance(400)
    assert "MANUAL" in [alert.code for alert in lab.alerts] and lab.net() == 0


def test_k2_flatten_takes_the_legs_back_and_closes_once(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=NATIVE)
    tree = entered(lab)
    lab.engine.flatten(F)
    lab.advance(60)
    assert lab.net() == 0 and tree.live() == [0, 0]


@told_or_not
def test_t4_what_happened_while_nobody_looked_is_read_at_the_start_over_the_wire(wires: Opener, frames: bool) -> None:
    wire = opened(wires, frames=frames)
    tree = Tree.place(wire, 300)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)

    def restarted(meanwhile: Callable[[], object]) -> None:
        wire.engine.stop()
        meanwhile()
        wire.engine = wire.again()
        wire.engine.start()
        wire.ready()

    restarted(lambda: tree.fill_copy(Leg.ENTRY))
    wire.until(lambda: wire.row(tree.order_id)["done"] == 150)
    restarted(lambda: tree.move(Leg.TARGET, Decimal(115)))
    wire.until(lambda: tree.price(Leg.TARGET) == 115)
    restarted(lambda: tree.fill_copy(Leg.TARGET, 75))
    wire.until(lambda: wire.row(f"{tree.order_id}/TARGET")["done"] == 75)
    restarted(lambda: tree.fill_copy(Leg.STOP))
    wire.until(lambda: wire.row(f"{tree.order_id}/STOP")["done"] == 75)
    wire.settle()
    assert wire.net() == 0 and tree.live() == [0, 0] and len(wire.bodies("POST")) == 1 and wire.alerts == []


def test_t5_a_super_order_of_a_lost_journal_is_left_alone_and_told_of_over_the_wire(wires: Opener, tmp_path: Path) -> None:
    wire = opened(wires)
    tree = entered(wire)
    before = [order.book_id for order in wire.copies()]
    wire.engine.stop()
    (tmp_path / "journal.db").unlink()
    wire.entries.clear()
    wire.engine = wire.again(rebuild=True)
    wire.engine.start()
    wire.ready()
    wire.settle()
    [rebuilt] = [alert for alert in wire.facts(AlertRaised) if alert.code == "REBUILT"]
    assert "1 are super orders" in rebuilt.known
    tree.fill(Leg.TARGET)
    wire.settle()
    assert [order.book_id for order in wire.copies()] == before and wire.net() == 150
    asked = [fact.request for fact in wire.facts(RequestIssued)]
    assert not any(isinstance(request, Submit) and request.leader_order_id.startswith(tree.order_id) for request in asked)


# Legs with ids of their own in the order book

OWN_IDS = {
    "named": {},
    "nameless": {"super_legs_name_entry": False, "super_legs_tagged": False},
    "unnumbered": {"super_legs_numbered": False},
    "untagged": {"super_legs_tagged": False},
    "rows": {"super_legs_tagged": False},
}


def own_ids(wires: Opener, way: str) -> Wire:
    wire = opened(wires, frames=way != "rows")
    for name, value in {"super_legs_have_own_ids": True, **OWN_IDS[way]}.items():
        setattr(wire.server.dialect, name, value)
    return wire


def read_again(wire: Wire) -> None:
    """Wait until the engine has taken a look at the leader's book that began after all that has happened so far."""

    def looks() -> int:
        return len([path for path in wire.paths("GET", LEADER) if path.endswith("/super/orders")])

    before = looks()
    wire.until(lambda: looks() >= before + 3)


@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("way", OWN_IDS)
def test_l1_l3_legs_with_ids_of_their_own_in_the_order_book_count_once_over_the_wire(wires: Opener, way: str, leg: Leg) -> None:
    wire = own_ids(wires, way)
    tree = entered(wire)
    tree.fill(leg)
    tree.fill_copy(leg)
    wire.until(lambda: len(wire.facts(TradeSettled)) == 3)
    read_again(wire)
    assert wire.net() == 0 and wire.net(LEADER) == 0 and tree.live() == [0, 0]
    again = wire.buy(150, Limit(Decimal(90)))
    wire.until(lambda: wire.row(again)["state"] == "WORKING")
    assert wire.row(again)["intent"] == "ENTRY", "he was flat"
    wire.settle()
    assert wire.codes() == ["COPIED"] * 4 and wire.alerts == [] and wire.facts(DriftDeclared) == []
    assert {fact.report.order_id for fact in wire.facts(LeaderReported)} >= {f"{tree.order_id}/{each.value}" for each in LEGS}
    assert len(wire.bodies("POST")) == 2 and wire.bodies("PUT") == [] and wire.paths("DELETE") == []


def test_l1_l3_legs_of_two_orders_that_are_alike_count_once_by_the_list_alone_over_the_wire(wires: Opener) -> None:
    wire = own_ids(wires, "rows")
    trees = [Tree.place(wire, 300), Tree.place(wire, 300)]
    wire.until(lambda: all(tree.copy(Leg.ENTRY) is not None for tree in trees))
    wire.settle()
    for tree in trees:
        tree.fill_copy(Leg.ENTRY)
        tree.fill(Leg.ENTRY)
    wire.until(lambda: all(tree.protects(150) for tree in trees))
    read_again(wire)
    for tree, leg in zip(trees, LEGS, strict=True):
        tree.fill(leg)
        tree.fill_copy(leg)
        wire.until(lambda: tree.live() == [0, 0])
    read_again(wire)
    again = wire.buy(150, Limit(Decimal(90)))
    wire.until(lambda: wire.row(again)["state"] == "WORKING")
    assert wire.row(again)["intent"] == "ENTRY" and wire.net() == 0 and wire.net(LEADER) == 0
    assert wire.facts(DriftDeclared) == [] and "LEG_UNKNOWN" not in [alert.code for alert in wire.alerts]
    known = {fact.report.order_id for fact in wire.facts(LeaderReported) if "/" in fact.report.order_id}
    assert known == {f"{tree.order_id}/{leg.value}" for tree in trees for leg in LEGS}
