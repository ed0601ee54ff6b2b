"""What every position sizer must do."""

from __future__ import annotations

from decimal import Decimal

import attrs

from dhan_copy.core.facts import Channel
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.errors import SizingError
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import Limit, Market, OrderReport, OrderStatus, Product, Side, Terms, Validity
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import Accounts, PositionSizer
from dhan_copy.testing.conformance.samples import AT

RICH = Funds(available=Decimal(1_000_000), total=Decimal(1_000_000))
POOR = Funds(available=Decimal(0), total=Decimal(0))


class SizerConformance:
    """Subclass it and say in :meth:`make_sizer` how a sizer is made."""

    def make_sizer(self) -> PositionSizer:
        raise NotImplementedError

    def orders(self) -> list[LeaderOrder]:
        """What is asked about: add what your sizer treats in its own way."""
        return [
            leader_order(side, terms, quantity)
            for side in Side
            for terms in (Market(), Limit(Decimal("100.05")))
            for quantity in (75, 1_500_000)
        ]

    def accounts(self) -> list[Accounts]:
        """Funds known, unknown and used up."""
        return [Accounts(leader, follower) for leader in (RICH, None, POOR) for follower in (RICH, None, POOR)]

    def test_it_answers_a_size_or_declines(self) -> None:
        sizer = self.make_sizer()
        for order in self.orders():
            for accounts in self.accounts():
                answer = _ask(sizer, order, accounts)
                assert answer is None or isinstance(answer, (Ratio, Quantity)), answer

    def test_it_answers_when_all_is_known(self) -> None:
        sizer = self.make_sizer()
        assert any(_ask(sizer, order, Accounts(RICH, RICH)) is not None for order in self.orders())

    def test_the_same_question_has_the_same_answer(self) -> None:
        sizer = self.make_sizer()
        for order in self.orders():
            for accounts in self.accounts():
                assert _ask(sizer, order, accounts) == _ask(sizer, attrs.evolve(order), attrs.evolve(accounts))


def leader_order(side: Side, terms: Terms, quantity: int) -> LeaderOrder:
    """A pending order of the leader."""
    report = OrderReport(
        account=AccountName("1000000001"),
        order_id=BrokerOrderId("112111182045"),
        segment=ExchangeSegment.NSE_FNO,
        security_id=SecurityId("52175"),
        side=side,
        product=Product.INTRADAY,
        validity=Validity.DAY,
        terms=terms,
        quantity=quantity,
        status=OrderStatus.PENDING,
        instrument=InstrumentFacts(75, Decimal("0.05")),
        created_at=AT,
        updated_at=AT,
    )
    return LeaderOrder(leader=report.account, report=report, first_seen_at=AT, seen_at=AT, channel=Channel.STREAM)


def _ask(sizer: PositionSizer, order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity | None:
    """Its answer, None when it declines; any other error is a fault."""
    try:
        return sizer.size(order, accounts)
    except SizingError:
        return None
