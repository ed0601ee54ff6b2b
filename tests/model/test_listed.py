"""The list of super orders beside the order book: nothing is reported twice, nothing is lost, and fills never shrink."""

from __future__ import annotations

from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.listed import with_linked
from dhan_copy.model.order import Leg, Limit, OrderReport, OrderStatus, Product, Side, Validity, Variety

BRACKET = Bracket(target=Decimal(110), stop=Decimal(70))


def report(order_id: str, leg: Leg, filled: int, price: Decimal | None, bracket: Bracket | None = None) -> OrderReport:
    return OrderReport(
        account=AccountName("F"), order_id=BrokerOrderId(order_id), segment=ExchangeSegment.NSE_FNO,
        security_id=SecurityId("1"), side=Side.BUY, product=Product.INTRADAY, validity=Validity.DAY,
        terms=Limit(Decimal(90)), quantity=10, filled_quantity=filled, average_price=price, leg=leg, bracket=bracket,
        status=OrderStatus.TRADED if filled == 10 else OrderStatus.PENDING,
    )  # fmt: skip


parts = st.dictionaries(st.tuples(st.sampled_from("123"), st.sampled_from(Leg)), st.integers(0, 10), max_size=6)


@given(book=parts, listed=parts)
def test_each_part_is_reported_once_with_the_most_that_either_says(
    book: dict[tuple[str, Leg], int], listed: dict[tuple[str, Leg], int]
) -> None:
    rows = [report(*part, filled, Decimal(90) if filled else None) for part, filled in book.items()]
    lines = [report(*part, filled, None, BRACKET if part[1] is Leg.ENTRY else None) for part, filled in listed.items()]
    merged = {(one.order_id, one.leg): one for one in with_linked(rows, lines)}
    assert len(with_linked(rows, lines)) == len(merged) and set(merged) == set(book) | set(listed)
    for part, one in merged.items():
        assert one.filled_quantity == max(book.get(part, 0), listed.get(part, 0))
        assert one.average_price == (Decimal(90) if book.get(part) else None), "only the book has prices"
        assert one.bracket == (BRACKET if part in listed and part[1] is Leg.ENTRY else None)
        assert part not in listed or part not in book or one.variety is Variety.SUPER
