"""Rows and frames of linked orders have the documented keys, and say to the client what is so."""

from __future__ import annotations

import json
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan import parse_order_row, parse_order_update
from dhan_copy.dhan.linked_rows import parse_super_row
from dhan_copy.errors import UnreadableReport
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import ForeverLeg, Leg, OrderReport, OrderStatus, Product, Side, StopLimit, StopMarket, Variety
from dhan_copy.testing import SimulatedExchange, SimulatedOrder
from dhan_copy.testing.forever import as_order
from dhan_copy.testing.reports import report_of, super_reports
from dhan_copy.testing.server.dialect import Dialect
from dhan_copy.testing.server.frames import order_frame
from dhan_copy.testing.server.linked_rows import forever_rows, super_row
from dhan_copy.testing.server.recorded import read_recorded
from dhan_copy.testing.server.rows import order_row
from tests.testing.exchange_kit import SHARE, buy, exchange, sell

ITEMS = json.loads((Path(__file__).parents[2] / "data" / "rest_rows.json").read_text())["items"]
WHOLE = Bracket(target=Decimal(410), stop=Decimal(390), trailing_jump=Decimal(2))

fills = st.lists(st.tuples(st.sampled_from(list(Leg)), st.integers(1, 9)), max_size=6)


def documented(kind: str) -> dict[str, object]:
    found: dict[str, object] = next(item["row"] for item in ITEMS if item["kind"] == kind and item["provenance"] == "doc")
    return found


def filled(ex: SimulatedExchange, order_id: str, story: list[tuple[Leg, int]]) -> None:
    for leg, units in story:
        entry, legs = ex.order("L", order_id), ex.linked.legs("L", order_id)
        for order in [each for each in (entry, *legs) if each.leg is leg and each.leaves_quantity]:
            ex.fill("L", order.book_id, min(units, order.leaves_quantity), "401.5")


def as_told(report: OrderReport) -> OrderReport:
    """What a row has no room for is left out."""
    return evolve(
        report, instrument=InstrumentFacts(1), source=None, platform=None, last_price=None, parent_order_id=None,
        created_at=None, updated_at=None, raw="",
    )  # fmt: skip


def same(read: OrderReport, told: OrderReport) -> None:
    assert as_told(read) == evolve(as_told(told), reason=read.reason, exchange_order_id=read.exchange_order_id)


def test_a_super_row_has_the_documented_keys() -> None:
    ex = exchange()
    entry = ex.linked.place_super("L", buy(10, "400"), WHOLE)
    ours = super_row(entry, ex.linked.legs("L", entry.order_id), ex.instrument(SHARE))
    theirs = documented("super_order_row")
    assert list(ours) == list(theirs)
    stop, target = ours["legDetails"], theirs["legDetails"]
    assert isinstance(stop, list) and isinstance(target, list)
    assert [leg["legName"] for leg in stop] == ["STOP_LOSS_LEG", "TARGET_LEG"] == [leg["legName"] for leg in target]
    assert list(stop[0]) == list(target[0])
    assert (stop[0]["totalQuatity"], stop[0]["price"], stop[0]["trailingJump"]) == (0, 390.0, 2.0)


@given(side=st.sampled_from(Side), story=fills)
def test_a_super_row_is_read_back_as_what_is_so(side: Side, story: list[tuple[Leg, int]]) -> None:
    ex = exchange()
    bracket = WHOLE if side is Side.BUY else Bracket(target=Decimal(390), stop=Decimal(410))
    entry = ex.linked.place_super("L", (buy if side is Side.BUY else sell)(10, "400", tag="dc1-x"), bracket)
    filled(ex, entry.order_id, story)
    entry, legs = ex.order("L", entry.order_id), ex.linked.legs("L", entry.order_id)
    read = parse_super_row(super_row(entry, legs, ex.instrument(SHARE)))
    told = super_reports(entry, legs, ex.instrument(SHARE))
    assert len(read) == len(told)
    for one, other in zip(read, told, strict=True):
        same(one, evolve(other, terms=one.terms) if one.leg is Leg.STOP else other)
        if one.leg is Leg.STOP:
            assert one.terms == StopMarket(bracket.stop or Decimal(0))


@given(kind=st.sampled_from(["super", "bracket", "cover"]), story=fills)
def test_rows_and_frames_of_every_leg_are_read_back_as_what_is_so(kind: str, story: list[tuple[Leg, int]]) -> None:
    ex, new = exchange(), buy(10, "400")
    match kind:
        case "super":
            entry = ex.linked.place_super("L", new, WHOLE)
        case "bracket":
            entry = ex.linked.place_bracket("L", new, profit=Decimal(10), stop=Decimal("2.5"))
        case _:
            entry = ex.linked.place_cover("L", new, Decimal(390))
    filled(ex, entry.order_id, story) if kind != "cover" else ex.fill("L", entry.order_id, 5)
    for order in ex.orders("L"):
        told = report_of(order, ex.instrument(SHARE))
        same(parse_order_row(order_row(order, ex.instrument(SHARE), Dialect())), told)
        read = parse_order_update(order_frame(order, ex.instrument(SHARE), Dialect()))
        assert (read.leg, read.variety, read.parent_order_id) == (told.leg, told.variety, told.parent_order_id)
        part = told.status is OrderStatus.PART_TRADED  # nobody has seen the socket's word for it
        same(read, evolve(told, bracket=None, status=OrderStatus.PENDING if part else told.status))
        frame = order_frame(order, ex.instrument(SHARE), Dialect())
        again = read_recorded(frame).order
        assert (again.book_id, again.leg, again.variety) == (order.book_id, order.leg, order.variety)


def test_l8_a_bracket_orders_row_gives_its_legs_as_differences() -> None:
    ex = exchange()
    entry = ex.linked.place_bracket("L", buy(10, "400"), profit=Decimal(10), stop=Decimal("2.5"))
    row = order_row(entry, ex.instrument(SHARE), Dialect())
    assert (row["boProfitValue"], row["boStopLossValue"], row["legName"]) == (10.0, 2.5, "ENTRY_LEG")
    frame = json.loads(order_frame(entry, ex.instrument(SHARE), Dialect()))["Data"]
    assert (frame["product"], frame["legNo"], "algoOrdNo" in frame) == ("B", 1, False)
    ex.fill("L", entry.order_id)
    frames = [json.loads(order_frame(order, ex.instrument(SHARE), Dialect()))["Data"] for order in ex.orders("L")[1:]]
    assert [(frame["legNo"], frame["algoOrdNo"], frame["offMktFlag"]) for frame in frames] == [
        (3, int(entry.order_id), "0"), (2, int(entry.order_id), "0"),
    ]  # fmt: skip


def test_l9_a_cover_orders_stop_may_not_be_readable() -> None:
    ex = exchange()
    ex.linked.place_cover("L", buy(10, "400"), Decimal(390))
    stop = ex.orders("L")[1]
    shown, hidden = (order_row(stop, ex.instrument(SHARE), Dialect(cover_trigger_shown=on)) for on in (True, False))
    assert (shown["productType"], shown["legName"], shown["triggerPrice"]) == ("CO", "STOP_LOSS_LEG", 390.0)
    with pytest.raises(UnreadableReport, match="triggerPrice"):
        parse_order_row(hidden)
    with pytest.raises(UnreadableReport, match="triggerPrice"):
        parse_order_update(order_frame(stop, ex.instrument(SHARE), Dialect(cover_trigger_shown=False)))


def test_an_entry_that_is_not_named_looks_like_a_plain_order_in_the_book() -> None:
    ex = exchange()
    entry = ex.linked.place_super("L", buy(10, "400"), WHOLE)
    row = order_row(entry, ex.instrument(SHARE), Dialect(super_entry_named=False))
    assert parse_order_row(row).variety is Variety.REGULAR
    assert parse_order_update(order_frame(entry, ex.instrument(SHARE), Dialect())).variety is Variety.SUPER


@pytest.mark.parametrize(("leg", "number"), [(Leg.STOP, 2), (Leg.TARGET, 3)])
def test_the_legs_of_a_super_order_may_have_ids_of_their_own_outside_the_list(leg: Leg, number: int) -> None:
    ex = exchange()
    entry = ex.linked.place_super("L", buy(10, "400"), WHOLE)
    filled(ex, entry.order_id, [(Leg.ENTRY, 10)])
    order = next(each for each in ex.linked.legs("L", entry.order_id) if each.leg is leg)
    own = f"{entry.order_id}{number}"

    def read(**more: bool) -> tuple[OrderReport, OrderReport]:
        dialect = Dialect(super_legs_have_own_ids=True, **more)
        row = order_row(order, ex.instrument(SHARE), dialect)
        return parse_order_row(row), parse_order_update(order_frame(order, ex.instrument(SHARE), dialect))

    row, frame = read()
    assert (row.order_id, row.parent_order_id, row.leg, row.variety) == (own, None, leg, Variety.SUPER)
    assert (frame.order_id, frame.parent_order_id, frame.leg) == (own, entry.order_id, leg)
    row, frame = read(super_legs_name_entry=False, super_legs_numbered=False)
    assert (row.leg, frame.order_id, frame.parent_order_id, frame.leg) == (leg, own, None, Leg.ENTRY)
    assert order_row(entry, ex.instrument(SHARE), Dialect(super_legs_have_own_ids=True))["orderId"] == entry.order_id


class TestForever:
    def placed(self, stop: ForeverLeg | None = None) -> SimulatedExchange:
        ex = exchange()
        new = sell(10, terms=StopLimit(Decimal(410), Decimal(409)), product=Product.CNC, tag="dc1-x")
        ex.forever.place("L", new, stop)
        return ex

    def test_a_row_has_the_documented_keys_and_no_tag(self) -> None:
        ex = self.placed()
        [ours] = forever_rows(ex.forever.orders("L"), ex.instrument(SHARE), Dialect())
        theirs = documented("forever_row")
        assert list(ours) == list(theirs)
        assert [ours[name] for name in ("orderStatus", "orderType", "legName", "updateTime")] == [
            theirs[name] for name in ("orderStatus", "orderType", "legName", "updateTime")
        ]

    @pytest.mark.parametrize("stop", [None, ForeverLeg(terms=StopLimit(Decimal(390), Decimal(389)), quantity=7)])
    def test_rows_are_read_back_as_what_is_so(self, stop: ForeverLeg | None) -> None:
        ex = self.placed(stop)
        legs = ex.forever.orders("L")
        rows = forever_rows(legs, ex.instrument(SHARE), Dialect())
        assert len(rows) == len(legs) == (1 if stop is None else 2)
        for row, leg in zip(rows, legs, strict=True):
            same(parse_order_row(row), evolve(report_of(as_order(leg), ex.instrument(SHARE)), client_order_id=None))

    def test_a_child_is_marked_as_recorded_in_september(self) -> None:
        ex = self.placed()
        ex.set_price(SHARE, 400)
        ex.set_price(SHARE, 410)
        child: SimulatedOrder = ex.orders("L")[0]
        data = json.loads(order_frame(child, ex.instrument(SHARE), Dialect()))["Data"]
        parent = ex.forever.orders("L")[0]
        assert {name: data[name] for name in ("source", "orderPlatform", "algoOrdNo", "offMktFlag", "legNo")} == {
            "source": "P", "orderPlatform": "FOVR", "algoOrdNo": int(parent.order_id), "offMktFlag": "1", "legNo": 1,
        }  # fmt: skip
        assert (data["correlationId"], data["orderType"]) == ("NR", "LMT")
        row = forever_rows((parent,), ex.instrument(SHARE), Dialect())[0]
        assert (row["orderStatus"], row["updateTime"]) == (OrderStatus.TRADED.value, "2026-09-04 09:15:00")
