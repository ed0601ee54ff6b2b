"""Which orders are copied: the row P10, through the playground and over the real client and a socket."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from dhan_copy import (
    OPTIONS,
    Between,
    CopyEngine,
    DhanAccount,
    Filter,
    Follower,
    Kinds,
    Leader,
    MemoryStore,
    Origins,
    Override,
    Playground,
    Products,
    QuantityRange,
    Rules,
    Segments,
    Sides,
    Symbols,
    Tags,
    ValueRange,
    Verdict,
)
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.ids import ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import Limit, Market, Product, Side
from dhan_copy.testing import DhanServer, Instrument, NewOrder, SimulatedExchange, instrument_key
from tests.scenarios.day_kit import until
from tests.scenarios.kit import CALL, Wire

CE, FUT, SHARE = "NIFTY 22500 CE", "NIFTY FUT", "RELIANCE"
F = "F"
Place = Callable[[Playground], object]


def lab(only: Filter) -> Playground:
    made = Playground({F: Rules(size="1", only=only)})
    made.step()
    return made


def option(made: Playground) -> object:
    return made.leader.buy(CE, lots=2, price=90)


def future(made: Playground) -> object:
    return made.leader.buy(FUT, lots=2, price=90)


def share(made: Playground) -> object:
    return made.leader.buy(SHARE, quantity=10, price=90)


def short(made: Playground) -> object:
    return made.leader.sell(CE, lots=2, price=110)


def overnight(made: Playground) -> object:
    return made.leader.buy(CE, lots=2, price=90, product=Product.MARGIN)


def by_program(made: Playground) -> object:
    new = NewOrder(
        key=made.instrument(CE), side=Side.BUY, quantity=150, terms=Limit(Decimal(90)), product=Product.INTRADAY,
        source="P", tag=ClientOrderId("algo-7"),
    )  # fmt: skip
    return made.exchange.place("LEADER", new)


@pytest.mark.parametrize(
    ("only", "copied", "refused", "why"),
    [
        (OPTIONS, option, future, "kind OPTIDX or OPTSTK or OPTFUT or OPTCUR: it is FUTIDX"),
        (OPTIONS, option, share, "kind OPTIDX or OPTSTK or OPTFUT or OPTCUR: it is EQUITY"),
        (~OPTIONS, share, option, "not (kind OPTIDX or OPTSTK or OPTFUT or OPTCUR: it is OPTIDX)"),
        (Kinds("FUTIDX"), future, option, "kind FUTIDX: it is OPTIDX"),
        (Segments("NSE_EQ"), share, option, "segment NSE_EQ: it is NSE_FNO"),
        (Symbols("NIFTY*CE"), option, future, "symbol NIFTY*CE: it is NIFTY FUT"),
        (Products("INTRADAY"), option, overnight, "product INTRADAY: it is MARGIN"),
        (Sides("BUY"), option, short, "side BUY: it is SELL"),
        (Tags("algo*"), by_program, option, "tag algo*: it is none"),
        (Between("09:00", "12:00"), option, None, ""),
        (~Between("09:00", "12:00"), None, option, "not (time 09:00:00 to 12:00:00: it is 09:30:00)"),
        (QuantityRange(most=100), share, option, "quantity any to 100: it is 150"),
        (ValueRange(least=1000), option, share, "value 1000 to any: it is 900"),
        (Segments("NSE_FNO") & Sides("BUY"), option, short, "side BUY: it is SELL"),
        (Segments("NSE_EQ") | Sides("SELL"), short, option, "segment NSE_EQ: it is NSE_FNO; side SELL: it is BUY"),
    ],
    ids=lambda value: getattr(value, "__name__", None) or str(value),
)  # fmt: skip
def test_p10_what_a_filter_refuses_is_skipped_by_its_name(
    only: Filter, copied: Place | None, refused: Place | None, why: str
) -> None:
    made = lab(only)
    for place, code, detail in ((copied, "COPIED", ""), (refused, "FILTERED", why)):
        if place is not None:
            place(made)
            made.step()
            last = list(made.decisions())[-1]
            assert (last["code"], last["detail"]) == (code, detail)
    assert len([order for order in made.exchange.orders(F) if order.source == "P"]) == (copied is not None)


def test_p10_exits_always_win() -> None:
    made = lab(Sides("BUY") & OPTIONS & QuantityRange(most=200))
    made.leader.buy(CE, lots=2)
    made.step()
    made.leader.buy(CE, lots=2)
    made.step()
    made.leader.sell(CE, lots=4)
    made.step()
    assert [row["code"] for row in made.decisions()] == ["COPIED", "COPIED", "COPIED"]
    assert made.exchange.position(F, made.instrument(CE), Product.INTRADAY) == 0


def test_p10_what_was_not_entered_is_not_closed() -> None:
    made = lab(Sides("SELL"))
    made.leader.buy(CE, lots=2)
    made.step()
    made.leader.sell(CE, lots=2)
    made.step()
    assert [row["code"] for row in made.decisions()] == ["FILTERED", "NOTHING_OWNED"]
    assert made.exchange.orders(F) == ()


class FirstOfTheDay(Filter):
    """A filter of one's own."""

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        number = int(str(order.report.order_id)[-6:])
        return Verdict(number == 1, f"the first of the day: it is number {number}")


class Broken(Filter):
    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        raise LookupError("no such table")


def test_p10_a_filter_of_ones_own() -> None:
    made = lab(FirstOfTheDay() & Segments("NSE_FNO"))
    made.leader.buy(CE, lots=1, price=90)
    made.leader.buy(CE, lots=1, price=90)
    made.step()
    assert [(row["code"], row["detail"]) for row in made.decisions()] == [
        ("COPIED", ""), ("FILTERED", "the first of the day: it is number 2"),
    ]  # fmt: skip


def test_p10_a_filter_that_raises_declines() -> None:
    made = lab(Broken())
    made.leader.buy(CE, lots=1, price=90)
    made.step()
    assert [(row["code"], row["detail"]) for row in made.decisions()] == [("FILTER_FAILED", "LookupError: no such table")]


def test_p10_manual_orders_are_told_from_those_of_programs_by_the_socket() -> None:
    with DhanServer() as server:
        leader, follower = server.accounts[0], server.accounts[1]
        server.set_price("NSE_FNO", "68456", 3300)
        account = DhanAccount(leader.client_id, leader.access_token, base_url=server.rest_url, feed_url=server.feed_url)
        other = DhanAccount(follower.client_id, follower.access_token, base_url=server.rest_url, feed_url=server.feed_url)
        engine = CopyEngine([Leader(account)], [Follower(other, size="1", rules=Rules(only=Origins("MANUAL")))], MemoryStore())
        with engine:
            assert server.wait_for_logins(1)
            until(lambda: all(row["health"] == "OK" for row in engine.status() if row["role"] == "leader"))
            key = instrument_key("NSE_FNO", "68456")
            for source in ("P", "N"):
                server.exchange.place(
                    leader.client_id,
                    NewOrder(key=key, side=Side.BUY, quantity=400, terms=Market(), product=Product.MARGIN, source=source),
                )
            until(lambda: len([row for row in engine.decisions() if row["code"]]) == 2)
            said = sorted((row["code"], row["detail"]) for row in engine.decisions())
    assert said == [("COPIED", ""), ("FILTERED", "source MANUAL: it is API")]


FUTURE = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("51714"))


class Listed(dict[InstrumentKey, InstrumentFacts]):
    """A list of instruments that has symbols, too."""

    def symbol(self, key: InstrumentKey) -> str:
        return "BANKNIFTY-Mar2027-FUT" if key == FUTURE else ""


@pytest.mark.parametrize("listed", [True, False], ids=["listed", "from the book"])
def test_p10_a_frame_that_cuts_the_symbol_hides_it_from_no_filter_and_no_override(
    listed: bool, wires: Callable[..., Wire]
) -> None:
    facts = InstrumentFacts(75, Decimal("0.05"), InstrumentKind.FUTIDX)

    def prepare(exchange: SimulatedExchange) -> None:
        exchange.add_instrument(Instrument(key=FUTURE, facts=facts, symbol="BANKNIFTY-Mar2027-FUT"))
        exchange.set_price(FUTURE, 100)

    known = (Listed if listed else dict)({FUTURE: facts, CALL: InstrumentFacts(75)})
    rules = {"rules": Rules(only=~Symbols("NIFTY*FUT")), "overrides": [Override(symbol="*FUT", size="1/4")]}
    wire = wires("1", prepare=prepare, how=rules, instruments=lambda server: known)
    order = wire.buy(300, key=FUTURE)
    wire.until(lambda: wire.codes() == ["COPIED"])
    [first] = [row for row in wire.engine.decisions() if row["leader_order_id"] == order]
    assert first["ratio"] == "1/4"
    wire.engine.change(F, only=~Symbols("*FUT"))
    wire.buy(300, key=FUTURE)
    wire.until(lambda: wire.codes() == ["COPIED", "FILTERED"])
    assert list(wire.engine.decisions())[-1]["detail"] == "not (symbol *FUT: it is BANKNIFTY-Mar2027-FUT)"
