"""Modified orders keep Dhan's rules."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.model.order import Limit, Market, OrderStatus, Product
from dhan_copy.testing import ExchangeRefusal
from tests.testing.exchange_kit import SHARE, buy, exchange, heard, statuses


class TestModifying:
    def test_the_quantity_is_the_total(self) -> None:
        ex = exchange()
        order = ex.place("L", buy(10, "400"))
        ex.fill("L", order.order_id, 4)
        events = heard(ex)
        changed = ex.modify("L", order.order_id, quantity=20, terms=Limit(Decimal(401)))
        assert (changed.quantity, changed.filled_quantity, changed.leaves_quantity) == (20, 4, 16)
        assert changed.status is OrderStatus.PART_TRADED
        assert statuses(events) == ["MODIFIED", "PART_TRADED"]
        assert changed.exchange_order_id == ex.order("L", order.order_id).exchange_order_id

    def test_below_what_is_filled_is_refused_and_at_what_is_filled_completes(self) -> None:
        ex = exchange()
        order = ex.place("L", buy(10, "400"))
        ex.fill("L", order.order_id, 4)
        with pytest.raises(ExchangeRefusal, match="less than traded"):
            ex.modify("L", order.order_id, quantity=3, terms=Limit(Decimal(401)))
        assert ex.order("L", order.order_id).quantity == 10
        done = ex.modify("L", order.order_id, quantity=4, terms=Limit(Decimal(401)))
        assert done.status is OrderStatus.TRADED

    def test_a_changed_price_trades_at_once_where_the_market_is(self) -> None:
        ex = exchange()
        ex.set_price(SHARE, 405)
        order = ex.place("L", buy(10, "400"))
        assert ex.modify("L", order.order_id, quantity=10, terms=Market()).average_price == 405

    def test_changing_terms_moves_the_order_time_and_goes_to_the_end_of_the_queue(self) -> None:
        ex = exchange()
        first, second = ex.place("L", buy(10, "400")), ex.place("F", buy(10, "400"))
        ex.clock.advance(5)  # type: ignore[attr-defined]
        changed = ex.modify("L", first.order_id, quantity=10, terms=Limit(Decimal(400)))
        assert (changed.ordered_at - changed.created_at).total_seconds() == 5
        ex.set_price(SHARE, 399, available=10)
        assert ex.order("F", second.order_id).status is OrderStatus.TRADED
        assert ex.order("L", first.order_id).status is OrderStatus.PENDING

    def test_the_26th_modification_is_refused_and_refused_ones_do_not_count(self) -> None:
        ex = exchange()
        order = ex.place("L", buy(10, "400"))
        for number in range(25):
            with pytest.raises(ExchangeRefusal):
                ex.modify("L", order.order_id, quantity=10, terms=Limit(Decimal("400.01")))
            ex.modify("L", order.order_id, quantity=10 + number, terms=Limit(Decimal(400)))
        with pytest.raises(ExchangeRefusal, match="25"):
            ex.modify("L", order.order_id, quantity=99, terms=Limit(Decimal(400)))
        assert ex.order("L", order.order_id).quantity == 34

    def test_a_traded_order_answers_in_dhans_words(self) -> None:
        ex = exchange()
        order = ex.place("L", buy())
        ex.fill("L", order.order_id)
        for attempt in (
            lambda: ex.modify("L", order.order_id, quantity=20, terms=Market()),
            lambda: ex.cancel("L", order.order_id),
        ):
            with pytest.raises(ExchangeRefusal) as refused:
                attempt()
            assert refused.value.text == "Order Has Traded Please Refresh Order Book"
            assert refused.value.code == "DH-906"

    def test_an_unknown_order_is_refused(self) -> None:
        ex = exchange()
        with pytest.raises(ExchangeRefusal):
            ex.cancel("L", "1")
        with pytest.raises(ExchangeRefusal):
            ex.modify("L", "1", quantity=1, terms=Market())


class TestRecording:
    @given(st.permutations(range(4)), st.lists(st.integers(0, 3), max_size=4))
    def test_frames_told_twice_and_out_of_order_end_in_the_same_book(self, order: list[int], again: list[int]) -> None:
        ex = exchange()
        first = ex.place("F", buy(10, "400"))
        later = [evolve(first, account=ex.add_account("L"), updated_at=first.updated_at + timedelta(seconds=n))
                 for n in range(4)]  # fmt: skip
        part = {"filled_quantity": 4, "traded_value": Decimal(1600), "last_trade_price": Decimal(400)}
        told = [
            later[0],
            evolve(later[1], status=OrderStatus.PART_TRADED, **part),
            evolve(later[2], quantity=20, status=OrderStatus.PART_TRADED, **part),
            evolve(later[3], quantity=20, status=OrderStatus.CANCELLED, **part),
        ]
        for number in [*order, *again]:
            ex.record(told[number])
        assert ex.order("L", first.order_id) == evolve(told[3], recorded=True)
        assert ex.position("L", SHARE, Product.INTRADAY) == 4
        assert [trade.quantity for trade in ex.trades("L")] == [4]

    def test_an_older_frame_changes_neither_price_nor_fills(self) -> None:
        ex = exchange()
        first = evolve(ex.place("F", buy(10, "400")), account=ex.add_account("L"))
        newer = evolve(
            first, quantity=20, filled_quantity=4, traded_value=Decimal(1600), status=OrderStatus.PART_TRADED,
            updated_at=first.updated_at + timedelta(seconds=1),
        )  # fmt: skip
        ex.record(newer)
        ex.record(first)
        assert ex.order("L", first.order_id) == evolve(newer, recorded=True)
        same_second = evolve(first, quantity=30, updated_at=newer.updated_at)
        ex.record(same_second)
        kept = ex.order("L", first.order_id)
        assert (kept.quantity, kept.filled_quantity, kept.status) == (30, 4, OrderStatus.PART_TRADED)
