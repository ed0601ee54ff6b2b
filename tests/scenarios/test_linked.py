"""Orders that belong together: L1 to L11, on the simulated exchange and over the real client (marked w there)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from dhan_copy import Policy, RateLimits
from dhan_copy.core.facts import AlertRaised, DriftDeclared, TradeSettled
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, Limit, Market, OrderStatus, Product, Side, StopLimit, Terms, Variety
from dhan_copy.testing import Call, DhanServer, Fault, NewOrder, RequestKind, SimulatedExchange
from dhan_copy.testing.server import HttpFault
from tests.scenarios.kit import CALL, SHARE, F, G, LEADER, Lab, Stage, Wire
from tests.scenarios.linked_kit import FORMS, LEGS, STOP, TARGET, Tree, entered

QUICK = Policy(
    sweep_open=timedelta(milliseconds=300), sweep_idle=timedelta(milliseconds=300), retry_after=timedelta(milliseconds=100),
    positions_every=timedelta(milliseconds=300),
)  # fmt: skip
every_form = pytest.mark.parametrize("variety", FORMS)
with_target = pytest.mark.parametrize("variety", [Variety.SUPER, Variety.BRACKET])
told_or_not = pytest.mark.parametrize("frames", [True, False], ids=["told", "read"])
"""Whether the leader's socket tells of a super order's legs: nobody has published such a frame."""

Opener = Callable[..., Wire]


def opened(wires: Opener, *, frames: bool = True) -> Wire:
    def prepare(exchange: SimulatedExchange) -> None:
        exchange.unwritten.super_legs_announced = frames

    return wires(policy=QUICK, prepare=prepare)


def is_protected(tree: Tree) -> bool:
    """At the leader's prices, for all that the follower holds, by plain orders of the other side."""
    stop, target = tree.copy(Leg.STOP), tree.copy(Leg.TARGET)
    held = tree.stage.net()
    assert stop is not None and isinstance(stop.terms, StopLimit)
    assert stop.terms.price <= stop.terms.trigger == STOP
    assert (stop.side, stop.product, stop.leaves_quantity) == (Side.SELL, Product.INTRADAY, held)
    if tree.variety is Variety.COVER:
        assert target is None
    else:
        assert target is not None and (target.terms, target.leaves_quantity) == (Limit(TARGET), held)
    return held > 0


# L1, L8, L9: what the follower gets


@told_or_not
def test_l1_a_super_order_is_copied_as_an_entry_and_an_exit_for_each_leg_over_the_wire(wires: Opener, frames: bool) -> None:
    wire = opened(wires, frames=frames)
    tree = entered(wire)
    assert is_protected(tree)
    bodies = wire.bodies("POST")
    assert [body["transactionType"] for body in bodies] == ["BUY", "SELL", "SELL"]
    assert sorted(str(body["orderType"]) for body in bodies) == ["LIMIT", "LIMIT", "STOP_LOSS"]
    assert {path.rsplit("/", 1)[-1] for path in wire.paths("POST")} == {"orders"}, "plain orders, and no super order"
    assert len({str(body["correlationId"]) for body in bodies}) == 3
    assert "/super/orders" in {request.path for request in wire.server.requests(LEADER)}
    assert wire.alerts == []


def test_l1_the_stop_of_a_super_order_that_trails_is_followed_over_the_wire(wires: Opener) -> None:
    wire = opened(wires)
    tree = entered(wire, jump=Decimal(5))
    for price, stop in ((100, 80), (105, 85), (104, 85), (109, 85)):
        wire.exchange.set_price(CALL, price)
        assert tree.leaders(Leg.STOP).trigger == stop, "what his broker does"
        wire.until(lambda: tree.price(Leg.STOP) == stop)
    assert tree.live() == [150, 150] and len(wire.bodies("PUT")) == 2, "one change for each jump"


def test_l1_a_super_order_that_the_list_alone_can_tell_from_a_plain_one_is_copied_with_its_legs_over_the_wire(
    wires: Opener,
) -> None:
    wire = opened(wires, frames=False)
    wire.server.dialect.super_entry_named = False
    wire.withhold_news(LEADER)
    tree = Tree.place(wire, 300)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)
    wire.exchange.fill(F, tree.copies(Leg.ENTRY)[0].order_id)
    wire.until(lambda: tree.protects(150))


def test_l8_a_bracket_orders_differences_become_prices_over_the_wire(wires: Opener) -> None:
    wire = opened(wires)
    tree = entered(wire, Variety.BRACKET)
    assert (tree.leaders(Leg.ENTRY).profit_change, tree.leaders(Leg.ENTRY).stop_change) == (20, 20)
    assert is_protected(tree)
    tree.fill(Leg.TARGET)
    tree.fill_copy(Leg.TARGET)
    wire.until(lambda: tree.live() == [0, 0])
    assert wire.net() == 0 and wire.alerts == []


def test_l9_a_cover_order_is_copied_with_its_stop_and_the_stop_follows_over_the_wire(wires: Opener) -> None:
    wire = opened(wires)
    tree = entered(wire, Variety.COVER)
    assert is_protected(tree)
    tree.move(Leg.STOP, Decimal(75))
    wire.until(lambda: tree.price(Leg.STOP) == 75)
    assert wire.paths("PUT") == [f"/orders/{tree.copies(Leg.STOP)[0].order_id}"], "modified, not placed anew"


def test_l9_a_cover_order_whose_stop_nobody_tells_is_not_copied_over_the_wire(wires: Opener) -> None:
    wire = opened(wires)
    wire.server.dialect.cover_trigger_shown = False
    wire.exchange.unwritten.cover_stop_from_the_start = False
    tree = Tree.place(wire, 300, Variety.COVER)
    wire.until(lambda: wire.row(tree.order_id)["decision"] == "COVER_WITHOUT_STOP")
    assert wire.bodies("POST") == []


# L2, L3, L5, L11: what is open is protected


@with_target
def test_l2_target_and_stop_are_sized_from_the_followers_own_fills(stages: Callable[..., Stage], variety: Variety) -> None:
    stage = stages()
    tree = Tree.place(stage, 450, variety)
    stage.until(lambda: tree.copy(Leg.ENTRY) is not None)
    for held in (75, 150, 225):
        tree.fill_copy(Leg.ENTRY, 75)
        stage.until(lambda: tree.protects(held))
    assert tree.leaders(Leg.ENTRY).filled_quantity == 0, "whatever the leader has"
    sent = [stage.requests(kind) for kind in (RequestKind.PLACE, RequestKind.MODIFY)]
    assert [len(requests) for requests in sent] == [3, 4], "the legs are made larger, not joined by others"


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_l3_when_a_leg_fills_in_part_and_then_in_full_the_other_shrinks_and_goes(
    stages: Callable[..., Stage], leg: Leg, variety: Variety
) -> None:
    stage = stages()
    tree = entered(stage, variety)
    tree.fill_copy(leg, 75)
    stage.until(lambda: tree.live() == [75, 75])
    tree.fill_copy(leg)
    stage.until(lambda: tree.live() == [0, 0])
    assert stage.net() == 0
    tree.fill(leg)
    stage.settle()
    assert stage.net() == 0 and tree.live() == [0, 0] and len(stage.requests(RequestKind.PLACE)) == 3


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_l5_the_leader_is_out_and_the_follower_keeps_both_legs_until_one_has_filled(
    stages: Callable[..., Stage], leg: Leg, variety: Variety
) -> None:
    stage = stages()
    tree = entered(stage, variety)
    before = len(stage.requests())
    tree.fill(leg)
    other = Leg.STOP if leg is Leg.TARGET else Leg.TARGET
    assert tree.leaders(other).status is OrderStatus.CANCELLED, "as the exchange does it"
    stage.settle()
    assert tree.protects(150) and len(stage.requests()) == before
    tree.fill_copy(other)
    stage.until(lambda: tree.live() == [0, 0])
    assert stage.net() == 0 and stage.facts(DriftDeclared) == []


def test_l11_legs_that_differ_from_their_entry_are_copied_for_what_the_follower_holds(lab: Lab) -> None:
    """The leader's legs are for what he has filled, which is not what his entry says, nor what the follower has."""
    tree = Tree.place(lab, 600, Variety.BRACKET)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.fill(Leg.ENTRY, 75)
    tree.fill_copy(Leg.ENTRY, 225)
    lab.advance(5)
    assert [tree.leaders(leg).quantity for leg in LEGS] == [75, 75]
    assert tree.protects(225)
    said = [fact.report.quantity for fact in lab.leader_reports(f"{tree.order_id}/STOP")]
    assert said[-1] == 75, "what his leg is for is on record"
    tree.fill(Leg.TARGET)
    lab.advance(5)
    assert tree.protects(225), "he closed what he held: the rest of his entry is still open"


# L6, L7: what the leader does to his legs


@pytest.mark.parametrize(
    ("variety", "leg", "frames"),
    [
        *((variety, leg, True) for variety in FORMS for leg in LEGS if (variety, leg) != (Variety.COVER, Leg.TARGET)),
        *((Variety.SUPER, leg, False) for leg in LEGS),
    ],
)
def test_l6_a_leg_that_the_leader_moves_is_followed_over_the_wire(
    wires: Opener, variety: Variety, leg: Leg, frames: bool
) -> None:
    wire = opened(wires, frames=frames)
    tree = entered(wire, variety)
    [placed] = tree.copies(leg)
    prices = [Decimal(115), Decimal(120)] if leg is Leg.TARGET else [Decimal(75), Decimal(80)]
    for price in prices:
        tree.move(leg, price)
        wire.until(lambda: tree.price(leg) == price)
    assert wire.paths("PUT") == [f"/orders/{placed.order_id}"] * 2
    assert tree.protects(150) and len(wire.bodies("POST")) == len(tree.legs) + 1


@told_or_not
def test_l6_before_the_entry_has_filled_the_bracket_changes_and_the_legs_are_placed_where_it_is_over_the_wire(
    wires: Opener, frames: bool
) -> None:
    wire = opened(wires, frames=frames)
    tree = Tree.place(wire, 300)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.move(Leg.TARGET, Decimal(115))
    tree.move(Leg.STOP, Decimal(75))
    wire.until(lambda: wire.row(f"{tree.order_id}/STOP")["leader_order_id"] is not None)
    wire.settle()
    wire.settle()
    tree.fill_copy(Leg.ENTRY)
    wire.until(lambda: tree.protects(150))
    wire.until(lambda: (tree.price(Leg.TARGET), tree.price(Leg.STOP)) == (115, 75))


@every_form
def test_l7_cancelled_before_the_entry_has_filled_everything_goes_over_the_wire(wires: Opener, variety: Variety) -> None:
    wire = opened(wires)
    tree = Tree.place(wire, 300, variety)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.cancel(Leg.ENTRY)
    wire.until(lambda: tree.copy(Leg.ENTRY) is None)
    wire.settle()
    assert tree.live() == [0, 0] and wire.net() == 0 and len(wire.bodies("POST")) == 1


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_l7_a_leg_that_the_leader_takes_back_after_the_entry_goes_and_the_other_stays_over_the_wire(
    wires: Opener, variety: Variety, leg: Leg
) -> None:
    wire = opened(wires)
    tree = entered(wire, variety)
    tree.cancel(leg)
    wire.until(lambda: tree.copy(leg) is None)
    assert tree.live() == [0 if each is leg else 150 for each in LEGS]
    assert wire.net() == 150
    tree.cancel(Leg.STOP if leg is Leg.TARGET else Leg.TARGET)
    wire.until(lambda: tree.live() == [0, 0])
    assert wire.net() == 150, "he took his legs back and kept the position"


# Cancels that are lost


@with_target
@pytest.mark.parametrize("leg", LEGS)
@pytest.mark.parametrize("late", [False, True], ids=["never arrived", "late"])
def test_l7_f30_f32_a_leg_whose_cancel_was_lost_is_kept_at_what_is_open_once_it_is_wanted_again(
    lab: Lab, leg: Leg, variety: Variety, late: bool
) -> None:
    """The leader takes a leg back and gets out by the other: the follower's own is wanted until it is out as well."""
    tree, other = entered(lab, variety), LEGS[1 - LEGS.index(leg)]
    broker = lab.brokers[F]
    broker.fail_next(Fault.ARRIVES_LATE if late else Fault.NEVER_ARRIVED, on=Call.CANCEL)
    if variety is Variety.SUPER:
        tree.cancel(leg)
    else:
        lab.exchange.cancel(LEADER, tree.leaders(leg).book_id)
    lab.until(lambda: "UNRESOLVED" in [alert.code for alert in lab.alerts])
    tree.fill(other)
    lab.advance(10)
    assert tree.protects(150)
    if late:
        broker.deliver_late()
    lab.advance(20)
    assert tree.protects(150), "one that arrives late after all was ours: its order is placed again"
    tree.fill_copy(other, 75)
    lab.until(lambda: tree.protects(75))
    tree.fill_copy(other)
    lab.until(lambda: tree.live() == [0, 0] and lab.net() == 0)
    assert not {"OVER_EXIT", "EXIT_CANCELLED_BY_HAND"} & {alert.code for alert in lab.alerts}


@pytest.mark.parametrize("fault", [Fault.NEVER_ARRIVED, Fault.ARRIVES_LATE], ids=lambda fault: fault.value)
def test_k2_f30_f32_a_leg_whose_cancel_was_lost_in_a_halt_follows_again_once_that_is_over(lab: Lab, fault: Fault) -> None:
    tree, broker = entered(lab), lab.brokers[F]
    lab.engine.halt()
    broker.fail_next(fault, on=Call.CANCEL)
    tree.fill_copy(Leg.STOP, 75)
    lab.advance(0.4)
    lab.engine.resume()
    lab.until(lambda: tree.live() == [75, 75])
    if fault is Fault.ARRIVES_LATE:
        broker.deliver_late()
    lab.advance(60)
    assert tree.live() == [75, 75]
    tree.move(Leg.TARGET, Decimal(115))
    lab.until(lambda: tree.price(Leg.TARGET) == 115)
    tree.fill_copy(Leg.STOP)
    lab.until(lambda: tree.live() == [0, 0] and lab.net() == 0)
    assert [alert.code for alert in lab.alerts if alert.code == "OVER_EXIT"] == []


# Exits that are kept back


def unprotected(lab: Lab) -> list[tuple[str | None, str]]:
    """Of which leg it was said, and of how much."""
    told = [alert for alert in lab.alerts if alert.code == "UNPROTECTED"]
    return sorted((str(alert.leader_order_id).partition("/")[2], alert.known.partition(" of ")[0]) for alert in told)


@with_target
@pytest.mark.parametrize("leg", LEGS)
def test_k2_l3_a_leg_that_is_too_large_in_a_halt_goes_and_it_is_said_that_nothing_takes_its_place(
    lab: Lab, leg: Leg, variety: Variety
) -> None:
    tree, other = entered(lab, variety), LEGS[1 - LEGS.index(leg)]
    lab.engine.halt()
    tree.fill_copy(leg, 75)
    lab.advance(30)
    assert tree.copy(other) is None
    assert unprotected(lab) == [(other.value, "75")]
    assert not [request for request in lab.requests()[3:] if request.kind is not RequestKind.CANCEL]
    lab.engine.reduce()
    lab.until(lambda: tree.live() == [75, 75])
    assert len(unprotected(lab)) == 1


@every_form
def test_k2_l2_an_entry_that_fills_in_a_halt_is_said_to_be_without_its_legs(lab: Lab, variety: Variety) -> None:
    """It was on its way when the halt was said, which takes back the rest."""
    tree = Tree.place(lab, 300, variety)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.fill_copy(Leg.ENTRY, 75)
    lab.engine.halt(F)
    lab.advance(5)
    assert lab.net() == 75 and tree.live() == [0, 0] and tree.copy(Leg.ENTRY) is None
    assert unprotected(lab) == sorted((leg.value, "75") for leg in tree.legs)
    lab.engine.resume(F)
    lab.until(lambda: tree.protects(75))


def test_k2_a_halt_in_which_everything_is_protected_says_nothing(lab: Lab) -> None:
    tree = entered(lab)
    lab.engine.halt()
    tree.move(Leg.STOP, Decimal(75))
    lab.advance(60)
    assert tree.protects(150) and unprotected(lab) == []


def test_l6_a_stop_that_trails_by_many_jumps_is_followed_and_shrinks_to_the_last(lab: Lab) -> None:
    tree = entered(lab, jump=Decimal("0.1"))
    for jump in range(70):
        lab.exchange.set_price(CALL, 100 + jump * Decimal("0.1"))
        lab.advance(20)
        assert tree.protects(150) and tree.price(Leg.STOP) == 80 + jump * Decimal("0.1")
    tree.fill_copy(Leg.TARGET, 75)
    lab.until(lambda: tree.live() == [75, 75])
    assert lab.alerts == []


def test_f38_fills_in_many_parts_do_not_use_up_the_requests_of_the_legs(labs: Callable[..., Lab]) -> None:
    lab = labs(policy=Policy(requests_per_trade=4))
    tree = Tree.place(lab, 1200)
    lab.until(lambda: tree.copy(Leg.ENTRY) is not None)
    for held in range(75, 601, 75):
        tree.fill_copy(Leg.ENTRY, 75)
        lab.until(lambda: tree.protects(held))
    for held in range(525, -1, -75):
        tree.fill_copy(Leg.TARGET, 75)
        lab.until(lambda: tree.live() == [held, held])
    assert lab.net() == 0 and lab.alerts == []


@with_target
def test_l3_a_leg_that_cannot_shrink_and_has_no_request_left_goes_and_it_is_said_that_nothing_takes_its_place(
    labs: Callable[..., Lab], variety: Variety
) -> None:
    lab = labs(policy=Policy(requests_per_trade=2), limits={F: RateLimits(modifications_per_order=1)})
    tree = entered(lab, variety)
    for price in (71, 72, 73):
        tree.move(Leg.STOP, Decimal(price))
        lab.advance(20)
        assert tree.protects(150)
    tree.fill_copy(Leg.TARGET, 75)
    lab.advance(20)
    assert tree.live() == [75, 0] and lab.net() == 75
    assert unprotected(lab) == [("STOP", "75")]


# A list that cannot be had


def test_l1_without_the_list_of_super_orders_the_rest_is_copied_and_an_alarm_says_what_is_missing_over_the_wire(
    wires: Opener,
) -> None:
    def refuse(server: DhanServer) -> dict[str, object]:
        never = HttpFault(account=LEADER, path="/super/orders", count=10_000, execute=False, status=404, body="")
        server.plan_fault(never)
        return {}

    wire = wires(policy=QUICK, lines={LEADER: refuse}, silence_seconds=0.6)
    plain = wire.buy(150, Limit(Decimal(90)))
    wire.until(lambda: wire.row(plain)["state"] == "WORKING")
    tree = Tree.place(wire, 300)
    wire.until(lambda: wire.row(tree.order_id)["decision"] == "BRACKET_UNKNOWN")
    assert tree.copies(Leg.ENTRY) == [], "never without its protection"
    wire.until(lambda: [a for a in wire.facts(AlertRaised) if "list of super orders is missing" in a.known])
    assert [a.code for a in wire.alerts] == ["UNREADABLE"]


# While the library does not run


def restarted(wire: Wire, meanwhile: Callable[[], object]) -> None:
    wire.engine.stop()
    meanwhile()
    wire.engine = wire.again()
    wire.engine.start()
    wire.ready()


@told_or_not
def test_t4_a_leg_that_filled_while_nobody_looked_takes_the_other_with_it_at_the_start_over_the_wire(
    wires: Opener, frames: bool
) -> None:
    wire = opened(wires, frames=frames)
    tree = entered(wire)
    restarted(wire, lambda: tree.fill_copy(Leg.TARGET, 75))
    wire.until(lambda: tree.live() == [75, 75])
    restarted(wire, lambda: tree.fill_copy(Leg.TARGET))
    wire.until(lambda: tree.live() == [0, 0])
    assert wire.net() == 0 and len(wire.bodies("POST")) == 3 and wire.alerts == []


def test_t4_l4_both_legs_that_filled_while_nobody_looked_are_taken_back_at_the_start_over_the_wire(wires: Opener) -> None:
    wire = opened(wires)
    tree = entered(wire)
    wire.engine.stop()
    copies = [order for order in wire.copies() if not order.status.is_terminal]
    for copy in copies:
        wire.exchange.fill(F, copy.order_id)
    assert wire.net() == -150
    wire.engine = wire.again()
    wire.engine.start()
    wire.until(lambda: wire.net() == 0)
    assert tree.live() == [0, 0] and [alert.code for alert in wire.alerts] == ["OVER_EXIT"]


@told_or_not
def test_t4_what_the_leader_did_to_his_legs_while_nobody_looked_is_done_at_the_start_over_the_wire(
    wires: Opener, frames: bool
) -> None:
    wire = opened(wires, frames=frames)
    tree = entered(wire)
    restarted(wire, lambda: tree.move(Leg.STOP, Decimal(75)))
    wire.until(lambda: tree.price(Leg.STOP) == 75)
    restarted(wire, lambda: tree.cancel(Leg.TARGET))
    wire.until(lambda: tree.live() == [0, 150])
    wire.until(lambda: [fact for fact in wire.facts(TradeSettled) if fact.leader_order_id.endswith("/TARGET")])
    restarted(wire, lambda: tree.fill(Leg.STOP))
    wire.settle()
    assert tree.live() == [0, 150], "he is out, and the follower is still protected"


def test_t4_an_entry_that_filled_while_nobody_looked_is_protected_at_the_start_over_the_wire(wires: Opener) -> None:
    wire = opened(wires)
    tree = Tree.place(wire, 300)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)
    [copy] = wire.copies()
    restarted(wire, lambda: wire.exchange.fill(F, copy.order_id))
    wire.until(lambda: tree.protects(150))
    wire.settle()
    assert len(wire.bodies("POST")) == 3


def rebuilt(wire: Wire, journal: Path) -> None:
    wire.engine.stop()
    journal.unlink()
    wire.engine = wire.again(rebuild=True)
    wire.engine.start()
    wire.ready()


@every_form
@pytest.mark.parametrize("entered_in_full", [True, False])
def test_t5_a_tree_is_rebuilt_from_the_books_and_goes_on_over_the_wire(
    wires: Opener, tmp_path: Path, variety: Variety, entered_in_full: bool
) -> None:
    wire = opened(wires)
    tree = Tree.place(wire, 300, variety)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.fill_copy(Leg.ENTRY, 150 if entered_in_full else 75)
    tree.fill(Leg.ENTRY, 300 if entered_in_full else 150)
    wire.until(lambda: tree.protects(wire.net()))
    rebuilt(wire, tmp_path / "journal.db")
    if not entered_in_full:
        tree.fill_copy(Leg.ENTRY)
        tree.fill(Leg.ENTRY)
    wire.until(lambda: tree.protects(150))
    tree.move(Leg.STOP, Decimal(75))
    wire.until(lambda: tree.price(Leg.STOP) == 75)
    tree.fill_copy(Leg.STOP, 75)
    wire.until(lambda: tree.protects(75))
    tree.fill_copy(Leg.STOP)
    wire.until(lambda: tree.live() == [0, 0] and wire.net() == 0)
    wire.settle()
    assert wire.net() == 0 and len(wire.bodies("POST")) == 1 + len(tree.legs)


@every_form
def test_t5_l5_a_journal_is_lost_after_the_leader_is_out_and_the_follower_keeps_its_legs_over_the_wire(
    wires: Opener, tmp_path: Path, variety: Variety
) -> None:
    wire = opened(wires)
    tree = entered(wire, variety)
    tree.fill(Leg.STOP)
    wire.settle()
    rebuilt(wire, tmp_path / "journal.db")
    wire.settle()
    assert tree.protects(150)
    tree.fill_copy(Leg.STOP)
    wire.until(lambda: tree.live() == [0, 0] and wire.net() == 0)


# Other entries


def placed_at_100(wire: Wire, form: Variety, side: Side, terms: Terms = Market(), **more: Any) -> Tree:
    """An entry whose legs are 20 away from 100."""
    new = NewOrder(**{"key": CALL, "side": side, "quantity": 300, "terms": terms, **more})
    gain, linked = 20 * side.sign, wire.exchange.linked
    match form:
        case Variety.SUPER:
            order = linked.place_super(LEADER, new, Bracket(target=Decimal(100 + gain), stop=Decimal(100 - gain)))
        case Variety.BRACKET:
            order = linked.place_bracket(LEADER, new, profit=Decimal(20), stop=Decimal(20))
        case _:
            order = linked.place_cover(LEADER, new, Decimal(100 - gain))
    return Tree(wire, form, order.order_id)


@told_or_not
@pytest.mark.parametrize("side", Side)
@with_target
def test_l1_l8_a_market_entry_that_has_filled_already_is_protected_and_its_target_is_hit_on_both_sides_over_the_wire(
    wires: Opener, variety: Variety, side: Side, frames: bool
) -> None:
    wire = opened(wires, frames=frames)
    tree = placed_at_100(wire, variety, side)
    wire.until(lambda: tree.protects(150))
    assert wire.net() == side.sign * 150
    wire.exchange.set_price(CALL, 100 + 20 * side.sign)
    wire.until(lambda: wire.net() == 0 and tree.live() == [0, 0])
    wire.settle()
    assert wire.net() == 0 and wire.alerts == []


@pytest.mark.parametrize(
    ("key", "product", "units"),
    [(SHARE, Product.CNC, 21), (SHARE, Product.MTF, 21), (SHARE, Product.INTRADAY, 20), (CALL, Product.MARGIN, 300)],
)
def test_l1_l5_a_super_order_of_every_product_over_the_wire(
    wires: Opener, key: InstrumentKey, product: Product, units: int
) -> None:
    wire = opened(wires)
    tree = placed_at_100(wire, Variety.SUPER, Side.BUY, Limit(Decimal(90)), key=key, product=product, quantity=units)
    wire.until(lambda: tree.copy(Leg.ENTRY) is not None)
    tree.fill_copy(Leg.ENTRY)
    tree.fill(Leg.ENTRY)
    wire.until(lambda: tree.protects(units // 2))
    tree.fill(Leg.TARGET)
    wire.settle()
    assert tree.protects(units // 2)
    tree.fill_copy(Leg.TARGET)
    wire.until(lambda: tree.live() == [0, 0])
    wire.settle()
    assert wire.net(F, key, product) == 0 and wire.alerts == []


def test_l4_a_dozen_trees_at_two_followers_whose_legs_are_hit_in_quick_succession_end_flat_over_the_wire(
    wires: Opener,
) -> None:
    """The second price comes before the legs that the first has made superfluous are gone: some close twice, and are
    taken back."""
    wire = wires({F: "1/2", G: "1"}, policy=QUICK)
    trees = [placed_at_100(wire, form, side) for form in FORMS for side in Side for _ in range(2)]
    wire.until(lambda: all(tree.protects(units, name) for tree in trees for name, units in ((F, 150), (G, 300))))
    for price in (120, 80):
        wire.exchange.set_price(CALL, price)
    wire.until(lambda: all(tree.live(name) == [0, 0] for tree in trees for name in (F, G)))
    wire.until(lambda: wire.net(F) == wire.net(G) == 0)
    wire.settle()
    assert wire.net(F) == wire.net(G) == 0
    assert all(tree.live(name) == [0, 0] for tree in trees for name in (F, G))
