"""A follower's super orders against the orders that they stand for."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhan_copy import LinkedForm, Policy
from dhan_copy.core import supers
from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import Channel, CopyAdmitted, Entry, Moment, OrderReported, Refusal, RequestIssued, RequestRejected
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Cancel, Intent
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.trade import FollowerOrder, Instruction, rejected, with_entry
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import Leg, OrderStatus, StopMarket, Validity, Variety
from dhan_copy.testing import ExchangeRefusal
from dhan_copy.testing.reports import report_of
from dhan_copy.views import orders as orders_table
from tests.core.make import FOLLOWER, START
from tests.scenarios.kit import CALL, F, LEADER, Lab
from tests.scenarios.linked_kit import LEGS, Tree, entered

LOT = 75
Deed = Callable[[Tree], None]


def fill_entries(lots: int) -> Deed:
    def deed(tree: Tree) -> None:
        for account, orders in ((LEADER, [tree.leaders(Leg.ENTRY)]), (F, tree.copies(Leg.ENTRY))):
            for order in orders:
                share = 2 * lots * LOT if account == LEADER else lots * LOT
                if min(share, order.leaves_quantity) and not order.status.is_terminal:
                    tree.stage.exchange.fill(account, order.book_id, min(share, order.leaves_quantity))

    return deed


def fill_copy(leg: Leg, lots: int) -> Deed:
    def deed(tree: Tree) -> None:
        copy = tree.copy(leg)
        if copy is not None and copy.leaves_quantity:
            tree.stage.exchange.fill(F, copy.book_id, min(lots * LOT, copy.leaves_quantity))

    return deed


def move(leg: Leg, by: int) -> Deed:
    def deed(tree: Tree) -> None:
        order = tree.leaders(leg)
        if order.quantity:
            tree.move(leg, (order.price or order.trigger or Decimal(0)) + by)

    return deed


def fill_leg(leg: Leg) -> Deed:
    def deed(tree: Tree) -> None:
        if tree.leaders(leg).leaves_quantity and not tree.leaders(leg).status.is_terminal:
            tree.fill(leg)

    return deed


def cancel(leg: Leg) -> Deed:
    return lambda tree: tree.cancel(leg)


legs = st.sampled_from(LEGS)
deeds = st.lists(
    st.one_of(
        st.builds(fill_entries, st.integers(1, 4)),
        st.builds(fill_copy, legs, st.integers(1, 4)),
        st.builds(move, legs, st.integers(-3, 3)),
        st.builds(fill_leg, legs),
        st.builds(cancel, st.sampled_from([Leg.ENTRY, *LEGS])),
    ),
    max_size=8,
)  # fmt: skip


def carried_out(form: LinkedForm, variety: Variety, what: list[Deed]) -> list[tuple[int, list[int], list[object]]]:
    """After each deed what the follower holds, what its legs are live for, and where they stand."""
    lab = Lab({F: "1/2"}, policy=Policy(linked_form=form))
    try:
        tree = Tree.place(lab, 8 * LOT, variety)
        lab.advance(15)
        seen = []
        for deed in what:
            try:
                deed(tree)
            except (ExchangeRefusal, StopIteration):  # his broker says no, or he has no such leg yet
                pass
            lab.advance(15)
            lab.advance(15)
            standing = [price for leg in LEGS if (price := tree.price(leg)) is not None]
            seen.append((lab.net(), [min(units, lab.net()) for units in tree.live()], standing if lab.net() else []))
        return seen
    finally:
        lab.close()


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(variety=st.sampled_from([Variety.SUPER, Variety.BRACKET]), what=deeds)
def test_a_follower_with_a_super_order_has_what_one_with_orders_has(variety: Variety, what: list[Deed]) -> None:
    ours, theirs = (carried_out(form, variety, what) for form in (LinkedForm.SUPER_ORDER, LinkedForm.ORDERS))
    assert ours == theirs


@pytest.mark.parametrize("late", LEGS)
def test_a_leg_decided_after_its_entry_was_sent_is_known_without_settings_that_name_the_follower(late: Leg) -> None:
    """As a file is folded that is looked at, and the journal of an engine that no longer has him."""
    lab = Lab({F: "1/2"}, policy=Policy(linked_form=LinkedForm.SUPER_ORDER))
    try:
        tree = entered(lab)
        tree.move(late, Decimal(115 if late is Leg.TARGET else 75))
        lab.advance(15)
        for each in LEGS:
            tree.cancel(each)
        lab.until(lambda: tree.live() == [0, 0])
        facts = [(entry.at, entry.fact) for entry in lab.entries]
        [decided] = [
            (at, fact) for at, fact in facts if isinstance(fact, CopyAdmitted) and fact.leader_order_id.endswith(late.value)
        ]
        facts.remove(decided)
        sent = next(n for n, (_, fact) in enumerate(facts) if isinstance(fact, RequestIssued))
        facts.insert(sent + 1, decided)
        folded = Copier(CopierSettings(leaders=(), followers=()))
        folded.restore([Entry(n, at, fact) for n, (at, fact) in enumerate(facts, 1)])
        theirs, ours = (
            sorted((row["leader_order_id"], row["client_order_id"], str(row["state"])) for row in table)
            for table in (orders_table(folded.state), lab.engine.orders())
        )
        assert theirs == ours and len(ours) == 3
    finally:
        lab.close()


@pytest.mark.parametrize("each", LEGS)
def test_a_leg_told_of_by_an_id_of_its_own_is_asked_about_by_its_entrys(each: Leg) -> None:
    """Dhan's id of a super order is its entry's, and a leg's name says which leg (protocol facts 1.10)."""
    lab = Lab({F: "1/2"}, policy=Policy(linked_form=LinkedForm.SUPER_ORDER))
    try:
        tree = entered(lab)
        [entry], order = tree.copies(Leg.ENTRY), tree.copy(each)
        assert order is not None
        folded = Copier(CopierSettings(leaders=(), followers=()))
        folded.restore(list(lab.entries))
        frame = evolve(report_of(order, lab.exchange.instrument(CALL)), order_id=BrokerOrderId("901"))
        fact = OrderReported(follower=AccountName(F), report=frame, channel=Channel.STREAM)
        [named] = supers.told(folded.state, [fact])
        assert isinstance(named, OrderReported)
        report = named.report
        assert (report.order_id, report.parent_order_id) == (f"{entry.order_id}/{each.value}", entry.order_id)
        found = folded.state.order_of(AccountName(F), report)
        assert found is not None and found[1].linked is each
        told = evolve(found[1], broker_order_id=BrokerOrderId("901/" + each.value))
        assert supers.id_at_broker(folded.state, AccountName(F), told) == entry.order_id
    finally:
        lab.close()


@pytest.mark.parametrize("each", LEGS)
@pytest.mark.parametrize("tagged", [True, False])
@pytest.mark.parametrize("ended", [True, False])
def test_a_frame_of_a_leg_without_its_number_is_not_taken_for_one_of_the_entry(each: Leg, tagged: bool, ended: bool) -> None:
    """It names the entry as its parent and has the entry's tag, or none; no such frame was ever published."""
    lab = Lab({F: "1/2"}, policy=Policy(linked_form=LinkedForm.SUPER_ORDER))
    try:
        tree = entered(lab)
        [entry], order = tree.copies(Leg.ENTRY), tree.copy(each)
        assert order is not None
        known = {row["leader_order_id"]: row["broker_order_id"] for row in lab.engine.orders()}
        shown = report_of(order, lab.exchange.instrument(CALL))
        frame = evolve(
            shown, order_id=BrokerOrderId("901"), parent_order_id=entry.order_id, leg=Leg.ENTRY,
            client_order_id=shown.client_order_id if tagged else None,
            status=OrderStatus.CANCELLED if ended else shown.status,
        )  # fmt: skip
        folded = Copier(CopierSettings(leaders=(), followers=()))
        folded.restore(list(lab.entries))
        moment = Moment(lab.entries[-1].at, 0.0)
        folded.step(moment, [OrderReported(follower=AccountName(F), report=frame, channel=Channel.STREAM)])
        rows = {row["leader_order_id"]: row for row in orders_table(folded.state)}
        assert {name: row["broker_order_id"] for name, row in rows.items()} == known
        gone = {name for name, row in rows.items() if row["state"] == "CANCELLED"}
        assert gone == ({f"{tree.order_id}/{each.value}"} if ended else set())
    finally:
        lab.close()


def leg(stop: str, jump: str | None) -> FollowerOrder:
    return FollowerOrder(
        client_order_id=ClientOrderId("dc1-X-S0000"), slice=0, generation=0, intent=Intent.EXIT, issued_at=START,
        asked=wanted(stop, jump), accepted=wanted(stop, jump), linked=Leg.STOP, entry=ClientOrderId("dc1-X-E0000"),
    )  # fmt: skip


def test_a_leg_that_went_with_its_entry_is_no_humans_though_its_own_cancel_came_too_late() -> None:
    request = Cancel(
        follower=FOLLOWER, client_order_id=ClientOrderId("dc1-X-S0000"), attempt=2, broker_order_id=BrokerOrderId("1"),
        leg=Leg.STOP, linked=True,
    )  # fmt: skip
    asked = evolve(leg("90", None), state=OrderState.WORKING, outstanding=request, cancel_sent=True)
    gone = with_entry(asked, evolve(leg("90", None), entry=None, linked=Leg.ENTRY, state=OrderState.CANCELLED))
    no = RequestRejected(
        follower=FOLLOWER, client_order_id=request.client_order_id, attempt=2, refusal=Refusal.ORDER_STATE, code="DH-906",
        text="Order is already cancelled", final=True,
    )  # fmt: skip
    answered = rejected(gone, request, no, START, START)
    assert answered.state is OrderState.CANCELLED and not answered.was_cancelled_by_hand


def wanted(stop: str, jump: str | None) -> Instruction:
    bracket = Bracket(stop=Decimal(stop), trailing_jump=None if jump is None else Decimal(jump))
    return Instruction(StopMarket(Decimal(stop)), Validity.DAY, LOT, bracket=bracket)


@given(stands=st.integers(50, 150), leaders=st.integers(50, 150), jump=st.integers(1, 20), other=st.integers(1, 20))
def test_a_stop_trails_by_itself_within_a_jump_of_the_leaders(stands: int, leaders: int, jump: int, other: int) -> None:
    near = abs(stands - leaders) <= jump
    assert supers.trails_to(leg(str(stands), str(jump)), wanted(str(leaders), str(jump))) is near
    assert supers.trails_to(leg(str(stands), str(jump)), wanted(str(leaders), str(other))) is (near and jump == other)
    assert not supers.trails_to(leg(str(stands), None), wanted(str(leaders), None))
