"""An oracle can read what is so."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.model.ids import ClientOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Limit, OrderStatus, Product
from dhan_copy.testing import ExchangeRefusal, Instrument, OrderEvent, RequestKind, instrument_key
from tests.testing.exchange_kit import SHARE, buy, exchange, heard, sell


class TestTruth:
    def test_every_request_is_logged_in_order_with_its_tag(self) -> None:
        ex = exchange()
        tag = ClientOrderId("dc1-x")
        order = ex.place("F", buy(tag=tag, source="P"))
        ex.modify("F", order.order_id, quantity=20, terms=Limit(Decimal(400)), source="P")
        ex.cancel("F", order.order_id, source="P")
        with pytest.raises(ExchangeRefusal):
            ex.cancel("F", order.order_id)
        assert [(r.number, r.kind, r.tag, r.source, r.order_id, r.quantity, bool(r.problem)) for r in ex.requests] == [
            (1, RequestKind.PLACE, tag, "P", order.order_id, 10, False),
            (2, RequestKind.MODIFY, tag, "P", order.order_id, 20, False),
            (3, RequestKind.CANCEL, tag, "P", order.order_id, None, False),
            (4, RequestKind.CANCEL, tag, "N", order.order_id, None, True),
        ]
        assert ex.tagged("F", tag) == ex.orders("F")

    def test_the_book_can_lag_behind_the_truth(self) -> None:
        ex = exchange()
        ex.delay_visibility("L", 30)
        order = ex.place("L", buy())
        assert ex.visible_orders("L") == ()
        assert ex.orders("L") == (order,)
        ex.clock.advance(30)  # type: ignore[attr-defined]
        assert ex.visible_orders("L") == (order,)

    def test_positions_set_by_hand(self) -> None:
        ex = exchange()
        ex.set_position("L", SHARE, Product.CNC, 100, Decimal(390))
        ex.fill("L", ex.place("L", sell(40, "400", product=Product.CNC)).order_id)
        assert ex.position("L", SHARE, Product.CNC) == 60
        [(_, _, held)] = ex.held("L")
        assert (held.realised, held.cost_price) == (400, 390)

    def test_listeners_hear_one_account_until_they_stop_and_after_the_change_is_in_the_book(self) -> None:
        ex = exchange()
        seen: list[bool] = []
        stop = ex.listen(lambda event: seen.append(ex.order("L", event.order.order_id) == event.order), "L")
        ex.place("L", buy())
        ex.place("F", buy())
        stop()
        stop()
        ex.place("L", buy())
        assert seen == [True]

    def test_what_a_listener_places_is_told_after_what_it_heard(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 400)

        def follow(event: OrderEvent) -> None:
            if event.order.status is OrderStatus.PENDING:
                ex.place("F", buy())

        ex.listen(follow, "L")
        events = heard(ex)
        ex.place("L", buy())
        assert [(event.account, event.order.status.value) for event in events] == [
            ("L", "PENDING"), ("L", "TRADED"), ("F", "PENDING"), ("F", "TRADED"),
        ]  # fmt: skip

    def test_accounts_and_instruments_can_be_added(self) -> None:
        ex = exchange()
        assert ex.add_account("L") == "L"
        assert ex.add_account("new") in ex.accounts
        key = instrument_key("MCX_COMM", "1")
        assert not ex.knows(key)
        assert ex.instrument(key).facts.lot_units == 1
        ex.add_instrument(Instrument(key=key, facts=InstrumentFacts(1)))
        assert ex.knows(key)
        with pytest.raises(KeyError):
            ex.orders("nobody")
