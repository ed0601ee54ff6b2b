"""Reports say what the book says."""

from decimal import Decimal

from attrs import evolve

from dhan_copy.model.order import Limit, OrderStatus, Variety
from dhan_copy.testing.reports import report_of
from tests.testing.exchange_kit import MORNING, SHARE, buy, exchange, instruments


def test_a_report_of_a_partly_filled_order() -> None:
    ex = exchange()
    order = ex.place("L", buy(10, "400", tag="mine"))
    report = report_of(ex.fill("L", order.order_id, 4), ex.instrument(SHARE))
    assert (report.account, report.order_id, report.key) == ("L", order.order_id, SHARE)
    assert (report.client_order_id, report.exchange_order_id) == ("mine", order.exchange_order_id)
    assert (report.terms, report.quantity, report.filled_quantity) == (Limit(Decimal(400)), 10, 4)
    assert (report.average_price, report.status) == (400, OrderStatus.PART_TRADED)
    assert (report.instrument, report.symbol) == (instruments()[1].facts, "NTPC")
    assert (report.source, report.platform, report.created_at, report.updated_at) == ("N", "FAST", MORNING, MORNING)
    assert report.variety is Variety.REGULAR


def test_what_an_order_does_not_have_is_none() -> None:
    ex = exchange()
    order = ex.place("L", buy(after_market=True))
    report = report_of(order, ex.instrument(SHARE))
    assert (report.exchange_order_id, report.client_order_id, report.parent_order_id) == (None, None, None)
    assert report.variety is Variety.AFTER_MARKET
    child = report_of(evolve(order, parent_order_id="321"), ex.instrument(SHARE))
    assert (child.variety, child.parent_order_id) == (Variety.FOREVER, "321")
