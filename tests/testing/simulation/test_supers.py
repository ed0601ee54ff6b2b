"""Super orders of the simulated followers: what their broker lets be changed, and what it shows of them."""

from __future__ import annotations

from decimal import Decimal
from random import Random

import pytest
from attrs import evolve

from dhan_copy.core.facts import Refusal
from dhan_copy.core.requests import Cancel, Intent, Modify, Submit
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import Leg, Limit, OrderStatus, Product, Side, StopMarket, Terms, Validity, Variety
from dhan_copy.testing.simulation.faults import Faults
from dhan_copy.testing.simulation.linked import LinkedDesk
from dhan_copy.testing.simulation.market import LISTINGS, Account, Exchange, TrueOrder, leg_name
from dhan_copy.testing.simulation.supers import Refused, SuperDesk
from dhan_copy.testing.simulation.timeline import Timeline

SHARE = next(listing for listing in LISTINGS if listing.lot == 1)
PRICE = Decimal(1600)
BRACKET = Bracket(target=Decimal(1610), stop=Decimal(1590))
TAG = ClientOrderId("dc1-AAAAAAAAAAAAAAAAAAAA-E0000")


class Pit:
    """A follower's account, and a market in which nothing fills by itself."""

    def __init__(self, *, legs_in_book: bool = True) -> None:
        timeline, faults = Timeline(), Faults(Random(1), [])
        self.exchange = Exchange(timeline, Random(1), faults)
        self.exchange.match = lambda order: None  # type: ignore[method-assign]
        legs = LinkedDesk(
            timeline, Random(2), faults, self.exchange, delay_seconds=0.0, cancelled_entry_keeps_exits=False,
            super_legs_announced=True, cover_stop_from_the_start=False,
        )  # fmt: skip
        self.exchange.follow = legs.follow
        self.desk = SuperDesk(legs, legs_in_book)
        self.account = Account(AccountName("F"), lambda order: None)

    def place(self, bracket: Bracket = BRACKET, terms: Terms = Limit(PRICE)) -> TrueOrder | Refused:
        return self.desk.place(self.account, SHARE, submit(bracket, terms), terms)

    def placed(self, bracket: Bracket = BRACKET) -> TrueOrder:
        entry = self.place(bracket)
        assert isinstance(entry, TrueOrder)
        self.exchange.confirm(entry)
        return entry


def submit(bracket: Bracket, terms: Terms) -> Submit:
    return Submit(
        follower=AccountName("F"), client_order_id=TAG, attempt=1, leader=AccountName("L"), leader_order_id=BrokerOrderId("L1"),
        intent=Intent.ENTRY, segment=SHARE.key.segment, security_id=SHARE.key.security_id, side=Side.BUY,
        product=Product.INTRADAY, validity=Validity.DAY, terms=terms, quantity=10, bracket=bracket,
    )  # fmt: skip


def modify(leg: Leg, bracket: Bracket, *, price: Decimal = PRICE, quantity: int = 10) -> Modify:
    return Modify(
        follower=AccountName("F"), client_order_id=TAG, attempt=2, broker_order_id=BrokerOrderId("F1"), intent=Intent.ENTRY,
        validity=Validity.DAY, terms=Limit(price), quantity=quantity, leg=leg, linked=True, bracket=bracket,
    )  # fmt: skip


def leg(entry: TrueOrder, which: Leg) -> TrueOrder:
    assert entry.family is not None
    return entry.family.legs[which]


def test_a_super_order_has_legs_where_they_were_asked_for_and_they_have_no_tag_of_their_own() -> None:
    pit = Pit()
    entry = pit.placed(evolve(BRACKET, trailing_jump=Decimal(2)))
    target, stop = leg(entry, Leg.TARGET), leg(entry, Leg.STOP)
    assert (target.terms, stop.terms) == (Limit(Decimal(1610)), StopMarket(Decimal(1590)))
    assert entry.family is not None and entry.family.jump == 40
    pit.exchange.fill(entry, 4)
    assert (target.leaves, stop.leaves, target.tag) == (4, 4, leg_name(TAG, Leg.TARGET))
    assert (target.report.client_order_id, target.report.order_id, target.report.variety) == (
        TAG,
        entry.order_id,
        Variety.SUPER,
    )
    cancel = Cancel(
        follower=AccountName("F"), client_order_id=TAG, attempt=2, broker_order_id=entry.order_id, leg=Leg.STOP, linked=True
    )
    assert pit.desk.named(pit.account, cancel) is stop


@pytest.mark.parametrize("terms", [Limit(Decimal(1611)), Limit(Decimal(1589))])
def test_legs_on_the_wrong_side_are_refused(terms: Limit) -> None:
    refused = Pit().place(terms=terms)
    assert not isinstance(refused, TrueOrder) and refused[0] is Refusal.OTHER
    pit = Pit()
    entry = pit.placed()
    assert pit.desk.modify(entry, modify(Leg.ENTRY, BRACKET, price=terms.price)) is not None
    assert entry.terms == Limit(PRICE)


def test_legs_are_moved_with_the_entry_while_it_works_and_by_their_names_afterwards() -> None:
    pit = Pit()
    entry, lower = pit.placed(), evolve(BRACKET, stop=Decimal(1580))
    refused = pit.desk.modify(leg(entry, Leg.STOP), modify(Leg.STOP, lower))
    assert refused is not None and refused[0] is Refusal.ORDER_STATE
    assert pit.desk.modify(entry, modify(Leg.ENTRY, lower)) is None
    assert leg(entry, Leg.STOP).trigger == 31600 and entry.modifications == 1
    pit.exchange.fill(entry, 10)
    assert pit.desk.modify(leg(entry, Leg.STOP), modify(Leg.STOP, Bracket(stop=Decimal(1570)))) is None
    assert leg(entry, Leg.STOP).trigger == 31400 and leg(entry, Leg.STOP).modifications == 1
    bracket = entry.report.bracket
    assert bracket is not None and bracket.stop == 1570


def test_a_leg_that_was_taken_back_is_not_given_again_by_the_entry() -> None:
    pit = Pit()
    entry = pit.placed()
    pit.exchange.end(leg(entry, Leg.STOP), OrderStatus.CANCELLED, "hand")
    assert pit.desk.modify(entry, modify(Leg.ENTRY, evolve(BRACKET, stop=Decimal(1580)))) is not None
    assert pit.desk.modify(entry, modify(Leg.ENTRY, Bracket(target=Decimal(1620)))) is None


@pytest.mark.parametrize("in_book", [True, False])
def test_what_a_look_shows_with_the_list_and_without_it(in_book: bool) -> None:
    pit = Pit(legs_in_book=in_book)
    entry = pit.placed()
    pit.exchange.fill(entry, 10)
    target = leg(entry, Leg.TARGET)
    assert pit.desk.row(entry, entry.report, listed=True) == entry.report and entry.report.bracket == BRACKET
    assert pit.desk.row(entry, entry.report, listed=False) == evolve(entry.report, bracket=None)
    assert pit.desk.row(target, target.report, listed=True) == target.report
    assert (pit.desk.row(target, target.report, listed=False) is not None) is in_book
