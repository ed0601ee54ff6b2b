"""P11 and Z6: lots of instruments that no frame has named, out of Dhan's list."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import pytest
from attrs import evolve

from dhan_copy.dhan import InstrumentList, ScripMaster
from dhan_copy.model.ids import BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import OrderReport, Side
from dhan_copy.testing import DhanServer, Instrument, SimulatedExchange
from dhan_copy.testing.reports import report_of
from tests.scenarios.kit import CALL, F, LEADER, Lab, Wire, limit

NOBODYS = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("99999"))
CRUDE = Instrument(
    key=InstrumentKey(ExchangeSegment.MCX_COMM, SecurityId("565899")),
    facts=InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM), symbol="CRUDEOIL",
)  # fmt: skip


def unlisted(wire: Wire, key: InstrumentKey, units: int = 150) -> BrokerOrderId:
    """The leader places an order while his socket is lost: the book shows it, and a row of the book names no lot."""
    wire.withhold_news(LEADER)
    order = wire.place(Side.BUY, units, limit(90), key=key)
    wire.server.resume_sockets(LEADER, deliver=False)
    wire.reconnect(LEADER)
    return order


def fetches(wire: Wire) -> int:
    return len([request for request in wire.server.requests() if request.path.startswith("/api-data/")])


@pytest.fixture
def listed(wires: Callable[..., Wire], tmp_path: Path) -> Callable[[], Wire]:
    def instruments(server: DhanServer) -> InstrumentList:
        return InstrumentList(tmp_path / "cache", url=server.instruments_url)

    return lambda: wires(instruments=instruments)


def test_p11_an_order_of_the_book_takes_its_lot_from_the_list(listed: Callable[[], Wire]) -> None:
    wire = listed()
    order = unlisted(wire, CALL)
    wire.until(lambda: wire.copies())
    assert (wire.copy().quantity, fetches(wire)) == (75, 1)
    assert wire.row(order)["decision"] == "COPIED"


def test_p11_an_instrument_that_nobody_lists_is_fetched_once_and_then_denied(listed: Callable[[], Wire]) -> None:
    wire = listed()
    unlisted(wire, NOBODYS)
    wire.until(lambda: wire.codes() == ["INSTRUMENT_UNKNOWN"])
    assert fetches(wire) == 1, "there was no list before, so the first one was today's"
    assert "NSE_FNO:99999" in str(wire.engine.decisions().to_dicts())
    second = wire.place(Side.BUY, 150, limit(90))
    wire.until(lambda: wire.row(second)["decision"] == "COPIED" and wire.copies())
    assert [copy.key for copy in wire.copies()] == [CALL], "nothing was guessed"


class Given:
    """A list of instruments whose answers a test gives."""

    def __init__(self, **known: InstrumentFacts) -> None:
        self.known = known
        self.busy = True

    def __call__(self, key: InstrumentKey) -> InstrumentFacts | None:
        return self.known.get(f"{key.segment.value}_{key.security_id}")

    def pending(self, key: InstrumentKey) -> bool:
        return self.busy


def nameless(lab: Lab) -> OrderReport:
    """The leader buys an option that nobody has described, and his source tells it without a lot."""
    lab.sources[LEADER].withhold()
    order = lab.leaders(lab.buy(150, limit(90)))
    lab.cancel(order.order_id)
    lab.sources[LEADER].release(())
    told = report_of(order, lab.exchange.instrument(CALL))
    report = evolve(told, order_id=BrokerOrderId("7"), security_id=NOBODYS.security_id, instrument=None)
    lab.sources[LEADER].push(report)
    lab.step()
    return report


def code(lab: Lab, order_id: str = "7") -> object:
    """What was decided about a leader order; None while nothing is."""
    (row,) = [row for row in lab.engine.decisions() if row["leader_order_id"] == order_id]
    return row["code"]


def test_p11_an_order_waits_for_the_list_and_others_do_not(labs: Callable[..., Lab]) -> None:
    given = Given()
    lab = labs(instruments=given)
    nameless(lab)
    lab.advance(3)
    other = lab.buy(300)
    lab.until(lambda: lab.net() == 150)
    assert (code(lab), code(lab, other)) == (None, "COPIED")
    given.known["NSE_FNO_99999"], given.busy = InstrumentFacts(75, Decimal("0.05")), False
    lab.advance(2)
    assert code(lab) == "COPIED"
    assert [copy.quantity for copy in lab.copies() if copy.key == NOBODYS] == [75]


def test_p11_what_is_not_listed_is_denied_with_its_code(labs: Callable[..., Lab]) -> None:
    given = Given()
    lab = labs(instruments=given)
    report = nameless(lab)
    given.busy = False
    lab.advance(1)
    assert code(lab) == "INSTRUMENT_UNKNOWN"
    assert lab.copies() == []
    assert any("lot size unknown" in str(row) for row in lab.engine.explain(report.order_id))


def add_crude(exchange: SimulatedExchange) -> None:
    exchange.add_instrument(CRUDE)
    exchange.set_price(CRUDE.key, 6000)


def test_z6_a_commodity_is_copied_in_lots(labs: Callable[..., Lab]) -> None:
    lab = labs(prepare=add_crude)
    lab.buy(3, key=CRUDE.key)
    lab.until(lambda: lab.net(key=CRUDE.key) == 1)
    assert lab.codes() == ["COPIED"]
    lab.buy(1, key=CRUDE.key)
    lab.until(lambda: lab.net(key=CRUDE.key) == 2)


def test_z6_the_list_says_one_lot_for_a_commodity_whatever_barrels_it_has(labs: Callable[..., Lab], tmp_path: Path) -> None:
    path = tmp_path / "api-scrip-master.csv"
    path.write_text(
        "SEM_EXM_EXCH_ID,SEM_SEGMENT,SEM_SMST_SECURITY_ID,SEM_INSTRUMENT_NAME,SEM_LOT_UNITS,SEM_TICK_SIZE\n"
        "MCX,M,565899,FUTCOM,100.0,100.0000\n"
    )
    lab = labs(prepare=add_crude, instruments=ScripMaster.load(path))
    lab.sources[LEADER].withhold()
    order = lab.leaders(lab.buy(4, limit(5000), key=CRUDE.key))
    lab.sources[LEADER].release(())
    lab.sources[LEADER].push(evolve(report_of(order, CRUDE), instrument=None))
    lab.until(lambda: lab.copies())
    assert lab.copy(F).quantity == 2
