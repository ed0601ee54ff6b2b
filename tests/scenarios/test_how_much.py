"""Sizers, caps, overrides and what is below a lot, through the playground: the rows Z1, Z5, Z6, Z7, S4."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

import pytest

from dhan_copy import (
    BelowLot,
    Cap,
    CapitalProportional,
    EquityProportional,
    FixedLots,
    FreeMarginProportional,
    Override,
    OwnFunction,
    Percent,
    PercentAtRisk,
    Playground,
    Policy,
    Quantity,
    Ratio,
    Rules,
    SameQuantity,
)
from dhan_copy.core.facts import MarginReported
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import Market, Product, Side
from dhan_copy.protocols import Accounts, PositionSizer
from dhan_copy.testing import Call, Fault, NewOrder
from dhan_copy.testing.orders import Instrument

CE, PE, FUT, SHARE = "NIFTY 22500 CE", "BANKNIFTY 48000 PE", "NIFTY FUT", "RELIANCE"
CRUDE = InstrumentKey(ExchangeSegment.MCX_COMM, SecurityId("7001"))
F = "F"


def lab(rules: Rules, **more: object) -> Playground:
    made = Playground({F: rules}, **more)  # type: ignore[arg-type]
    made.exchange.set_funds("LEADER", Decimal(10_00_000))
    made.exchange.set_funds(F, Decimal(4_00_000))
    made.exchange.add_instrument(
        Instrument(key=CRUDE, facts=InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM), symbol="CRUDEOIL FUT")
    )
    made.exchange.set_price(CRUDE, Decimal(6000))
    made.step()
    return made


def copies(made: Playground) -> list[int]:
    return [order.quantity for order in made.exchange.orders(F) if order.source == "P"]


def decision(made: Playground) -> Mapping[str, object]:
    return list(made.decisions())[-1]


def code(made: Playground) -> tuple[object, object]:
    return decision(made)["code"], decision(made)["detail"]


# Sizers


def one_lot_of_calls(order: LeaderOrder, accounts: Accounts) -> Ratio | Quantity:
    return Quantity(75) if order.report.symbol.endswith("CE") else Ratio(1)


@pytest.mark.parametrize(
    ("size", "copied"),
    [
        (SameQuantity(), 300),
        (Ratio("1/3"), 75),
        (Quantity(150), 150),
        (FixedLots(3), 225),
        (CapitalProportional(), 75),  # 4 lakh to 10: 1.6 lots
        (EquityProportional(), 75),
        (FreeMarginProportional(), 75),
        (one_lot_of_calls, 75),
        (OwnFunction(one_lot_of_calls), 75),
    ],
    ids=lambda value: type(value).__name__ if isinstance(value, OwnFunction) else getattr(value, "__name__", str(value)),
)
def test_z1_each_sizer_says_how_much(size: PositionSizer, copied: int) -> None:
    made = lab(Rules(size=size))
    made.leader.buy(CE, lots=4, price=90)
    made.step()
    assert copies(made) == [copied]


def test_z1_money_in_use_is_equity_and_is_not_free() -> None:
    equity, free = lab(Rules(size=EquityProportional())), lab(Rules(size=FreeMarginProportional()))
    for made in (equity, free):
        for account, units in (("LEADER", 2_000), (F, 3_000)):
            made.exchange.set_position(account, made.instrument(SHARE), Product.INTRADAY, units, Decimal(100))
        made.advance(61)  # the funds are read again
        made.leader.buy(CE, lots=10, price=90)
        made.step()
    assert copies(equity) == [300], "still 4 lakh to 10"
    assert copies(free) == [75], "1 lakh to 8"


@pytest.mark.parametrize(("stop", "copied"), [("90", 375), ("95", 750), ("80", 150), ("99", 750), ("40", 0)])
def test_z1_percent_at_risk_from_the_stop_of_the_leaders_bracket(stop: str, copied: int) -> None:
    """1 % of 4 lakh is 4,000 rupees: at ten rupees a unit 400 units, which are five lots; at most ten lots."""
    made = lab(Rules(size=PercentAtRisk(1), caps=[Cap("LOTS", 10)]))
    made.leader.buy(CE, lots=1, price=100, stop=stop, target=120)
    made.step()
    entries = [order.quantity for order in made.exchange.orders(F) if order.source == "P" and order.side is Side.BUY]
    assert sum(entries) == copied


def test_z1_without_a_stop_nothing_is_risked() -> None:
    made = lab(Rules(size=PercentAtRisk(1)))
    made.leader.buy(CE, lots=1, price=100)
    made.step()
    assert code(made) == ("STOP_UNKNOWN", "the leader has no stop for it")
    assert copies(made) == []


def test_z1_a_position_that_the_leader_protects_already_is_added_to_by_its_stop() -> None:
    made = lab(Rules(size=PercentAtRisk("0.5")))
    made.leader.buy(CE, lots=1)
    made.step()
    made.leader.sell(CE, lots=1, price=89, trigger=90)
    made.step()
    made.leader.buy(CE, lots=1, price=100)
    made.step()
    assert [(row["code"], row["follower"]) for row in made.decisions()][0] == ("STOP_UNKNOWN", F)
    assert copies(made) == [150, 75], "2,000 rupees at ten a unit: 200 units; and as much of the stop as the leader has"


def test_z1_what_a_sizer_said_is_kept_when_the_leader_changes_his_order() -> None:
    made = lab(Rules(size=FixedLots(2)))
    order = made.leader.buy(CE, lots=4, price=90)
    made.step()
    order.modify(lots=8)
    made.step()
    assert copies(made) == [300], "twice as much as before"


# Money that cannot be told


@pytest.mark.parametrize("size", [CapitalProportional(), EquityProportional(), FreeMarginProportional(), PercentAtRisk(1)])
def test_z5_funds_that_cannot_be_read_are_a_denial(size: PositionSizer) -> None:
    made = Playground({F: Rules(size=size)})
    made.brokers[F].fail_next(Fault.READ_FAILED, on=Call.ACCOUNT, count=50)
    made.step()
    made.leader.buy(CE, lots=2, price=90, stop=80, target=120)
    made.step()
    entry = made.decisions()[0]
    assert (entry["code"], entry["detail"]) == ("FUNDS_UNKNOWN", "the follower's funds are unknown")
    assert copies(made) == []


def test_z5_money_that_is_gone_is_no_size() -> None:
    made = Playground({F: Rules(size=FreeMarginProportional())})
    made.exchange.set_funds(F, Decimal(0), Decimal(1000))
    made.step()
    made.leader.buy(CE, lots=2, price=90)
    made.step()
    assert code(made) == ("SIZER_FAILED", "the follower's funds are 0 rupees")


def test_z5_what_an_entry_has_taken_is_not_free_for_the_next() -> None:
    made = Playground({F: Rules(size=FreeMarginProportional())})
    made.exchange.set_funds("LEADER", Decimal(10_00_000), Decimal(1))
    made.exchange.set_funds(F, Decimal(3_00_000), Decimal(1))
    made.step()
    made.leader.buy(CE, lots=10, price=90)
    made.leader.buy(CE, lots=10, price=90)
    made.step()
    assert copies(made) == [225, 150], "three tenths of ten lots cost 20,250: what is left is 2.8 tenths"


def test_z5_margin_that_cannot_be_read_is_a_denial() -> None:
    made = lab(Rules(size="1", caps=[Cap("MARGIN", 100_000)]))
    made.brokers[F].fail_next(Fault.READ_FAILED, on=Call.ACCOUNT, count=50)
    made.leader.buy(CE, lots=2, price=90)
    made.step()
    assert (decision(made)["code"], copies(made)) == (None, []), "it is asked for a moment"
    made.advance(6)
    assert code(made) == ("MARGIN_UNKNOWN", "at most 100000 MARGIN per ORDER: the margin is unknown")


# Overrides


def test_z6_an_instrument_has_a_size_of_its_own() -> None:
    made = lab(Rules(size="1"), overrides=[Override(symbol="BANK*", size="1/2"), Override(segment="NSE_EQ", size=Quantity(3))])
    made.leader.buy(CE, lots=2)
    made.leader.buy(PE, lots=2)
    made.leader.buy(SHARE, quantity=100)
    made.step()
    assert copies(made) == [150, 75, 3]


def test_z6_commodities_are_counted_in_lots() -> None:
    made = lab(Rules(size="1/2", caps=[Cap("LOTS", 3)]), overrides=[Override(segment="MCX_COMM", caps=[Cap("LOTS", 2)])])
    made.exchange.place("LEADER", NewOrder(key=CRUDE, side=Side.BUY, quantity=10, terms=Market(), product=Product.MARGIN))
    made.step()
    assert copies(made) == [2]
    assert code(made) == ("CAPPED", "5 cut to 2 by at most 2 LOTS per ORDER: 5 asked")


def test_z6_what_a_contract_is_worth_is_not_guessed() -> None:
    made = lab(Rules(size="1", caps=[Cap("VALUE", 10**9)]))
    made.exchange.place("LEADER", NewOrder(key=CRUDE, side=Side.BUY, quantity=1, terms=Market(), product=Product.MARGIN))
    made.step()
    assert code(made) == ("VALUE_UNKNOWN", "at most 1000000000 VALUE per ORDER: the value is unknown")


def test_z6_where_the_size_of_a_contract_is_published_caps_count_its_value() -> None:
    gold = InstrumentKey(ExchangeSegment.MCX_COMM, SecurityId("7002"))
    made = lab(Rules(size="1", caps=[Cap("VALUE", 3_000_000)]))
    made.exchange.add_instrument(
        Instrument(key=gold, facts=InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM), symbol="GOLDM-Dec2026-FUT")
    )
    made.exchange.set_price(gold, 120_000)
    made.exchange.place("LEADER", NewOrder(key=gold, side=Side.BUY, quantity=4, terms=Market(), product=Product.MARGIN))
    made.step()
    assert code(made) == ("CAPPED", "4 cut to 2 by at most 3000000 VALUE per ORDER: 4800000 asked")


# Caps


@pytest.mark.parametrize(
    ("cap", "first", "second", "why"),
    [
        (Cap("QUANTITY", 200), [150], [150, 150], "300 cut to 150 by at most 200 QUANTITY per ORDER: 300 asked"),
        (Cap("LOTS", 3), [225], [225, 225], "300 cut to 225 by at most 3 LOTS per ORDER: 4 asked"),
        (Cap("VALUE", 25_000), [225], [225, 225], "300 cut to 225 by at most 25000 VALUE per ORDER: 30000 asked"),
        (Cap("MARGIN", 16_000), [150], [150, 150], "300 cut to 150 by at most 16000 MARGIN per ORDER: 30000 asked"),
        (Cap("LOTS", 6, per="SYMBOL"), [300], [300, 150], "300 cut to 150 by at most 6 LOTS per SYMBOL: 4 in use, 4 asked"),
        (Cap("VALUE", 40_000, per="ACCOUNT"), [300], [300, 75], "300 cut to 75 by at most 40000 VALUE per ACCOUNT: 30000 in use, 30000 asked"),
        (Cap("LOTS", 4, per="DAY"), [300], [300], "at most 4 LOTS per DAY: 4 in use, 4 asked"),
        (Cap("LOTS", 6, per="SYMBOL", then="SKIP"), [300], [300], "at most 6 LOTS per SYMBOL: 4 in use, 4 asked"),
        (Cap("LOTS", 3, then="SKIP"), [], [], "at most 3 LOTS per ORDER: 4 asked"),
        (Cap("LOTS", least=5), [], [], "at least 5 LOTS per ORDER: 4 is left"),
    ],
    ids=str,
)  # fmt: skip
def test_z7_caps_cut_or_skip_and_say_why(cap: Cap, first: list[int], second: list[int], why: str) -> None:
    made = lab(Rules(size="1", caps=[cap]))
    made.leader.buy(CE, lots=4)
    made.step()
    assert copies(made) == first
    made.leader.buy(CE, lots=4)
    made.step()
    assert copies(made) == second
    reason, detail = code(made)
    assert detail == why
    skipped = len(second) == len(first)
    assert reason == (("BELOW_MINIMUM" if cap.least else "CAP_EXCEEDED") if skipped else "CAPPED")


def test_z7_an_exit_makes_room_for_a_symbol_and_not_for_the_day() -> None:
    for per, again in (("SYMBOL", [300, 300, 300]), ("ACCOUNT", [300, 300, 300]), ("DAY", [300, 300])):
        made = lab(Rules(size="1", caps=[Cap("LOTS", 4, per=per)]))
        made.leader.buy(CE, lots=4)
        made.step()
        made.leader.sell(CE, lots=4)
        made.step()
        made.leader.buy(CE, lots=4)
        made.step()
        assert copies(made) == again, per


@pytest.mark.parametrize("measure", ["LOTS", "VALUE"])
@pytest.mark.parametrize("per", ["SYMBOL", "ACCOUNT"])
def test_z7_what_an_order_that_crosses_zero_closes_first_is_room_for_what_it_opens(per: str, measure: str) -> None:
    most = 4 if measure == "LOTS" else 4 * 75 * 100
    made = lab(Rules(size="1", caps=[Cap(measure, most, per=per)]))
    made.leader.buy(CE, lots=4)
    made.step()
    made.leader.sell(CE, lots=10)
    made.step()
    made.step()
    assert (copies(made), code(made)[0]) == ([300, 300, 300], "CAPPED")
    assert made.exchange.position(F, made.instrument(CE), Product.INTRADAY) == -300
    assert [(row["target"], row["causes"]) for row in made.drift()] == [(-450, "CAPPED -150")]


def test_z7_the_day_counts_what_an_order_that_crosses_zero_opens_besides_all_others() -> None:
    made = lab(Rules(size="1", caps=[Cap("LOTS", 6, per="DAY")]))
    made.leader.buy(CE, lots=4)
    made.step()
    made.leader.sell(CE, lots=8)
    made.step()
    assert (copies(made), code(made)[0]) == ([300, 300, 150], "CAPPED")


def test_z7_a_symbols_cap_is_the_symbols_and_an_accounts_is_the_accounts() -> None:
    made = lab(Rules(size="1", caps=[Cap("LOTS", 4, per="SYMBOL"), Cap("LOTS", 6, per="ACCOUNT")]))
    made.leader.buy(CE, lots=4)
    made.step()
    made.leader.buy(PE, lots=4)
    made.step()
    assert copies(made) == [300, 150]


def test_z7_a_day_counts_every_entry() -> None:
    made = lab(Rules(size="1", caps=[Cap("LOTS", 5, per="DAY")]))
    for _ in range(4):
        made.leader.buy(CE, lots=2)
        made.step()
    assert copies(made) == [150, 150, 75]
    assert code(made) == ("CAP_EXCEEDED", "at most 5 LOTS per DAY: 5 in use, 2 asked")


def test_z7_what_was_cut_is_closed_in_proportion() -> None:
    made = lab(Rules(size="1", caps=[Cap("LOTS", 2)]))
    made.leader.buy(CE, lots=4)
    made.step()
    made.leader.sell(CE, lots=2)
    made.step()
    assert made.exchange.position(F, made.instrument(CE), Product.INTRADAY) == 75
    assert [(row["target"], row["owned"], row["causes"]) for row in made.drift()] == [(150, 75, "CAPPED +75")]


def test_z7_exits_are_never_capped() -> None:
    made = lab(Rules(size="1", caps=[Cap("LOTS", 4, per="DAY"), Cap("LOTS", 2)]))
    made.leader.buy(CE, lots=2)
    made.leader.buy(CE, lots=2)
    made.step()
    made.leader.sell(CE, lots=4)
    made.step()
    assert made.exchange.position(F, made.instrument(CE), Product.INTRADAY) == 0


def test_z7_a_new_day_has_room_again() -> None:
    made = lab(Rules(size="1", caps=[Cap("LOTS", 4, per="DAY")]))
    made.leader.buy(CE, lots=4)
    made.step()
    made.advance(24 * 3600)
    made.leader.buy(CE, lots=4)
    made.step()
    assert copies(made)[-1] == 300 and code(made)[0] == "COPIED"


def test_z7_caps_are_remembered_over_a_restart() -> None:
    made = lab(Rules(size="1", caps=[Cap("VALUE", 40_000, per="DAY"), Cap("MARGIN", 40_000, per="SYMBOL")]))
    made.leader.buy(CE, lots=4)
    made.step()
    made.restart()
    made.step()
    made.leader.buy(CE, lots=4)
    made.step()
    assert copies(made) == [300, 75]


def test_z7_an_order_that_grows_stays_within_its_cap() -> None:
    made = lab(Rules(size="1", caps=[Cap("LOTS", 4, per="SYMBOL")]))
    order = made.leader.buy(CE, lots=2, price=90)
    made.step()
    made.leader.buy(CE, lots=2, price=90)
    made.step()
    order.modify(lots=6)
    made.step()
    assert copies(made) == [150, 150]


@pytest.mark.parametrize(("per", "held"), [("ORDER", 300), ("DAY", 150)])
def test_z7_what_a_cap_takes_off_an_order_that_grows_is_named_as_when_it_was_that_large_at_once(per: str, held: int) -> None:
    for first, owned in ((6, 300), (2, held)):
        made = lab(Rules(size="1", caps=[Cap("LOTS", 4, per=per)]))
        order = made.leader.buy(CE, lots=first, price=90)
        made.step()
        order.modify(lots=6)
        made.step()
        assert f"{owned} at the most" in str(list(made.explain(order))[1]["what"])
        order.fill(price=90)
        made.price(CE, 90)
        made.step()
        [row] = made.drift()
        cut = 450 - owned
        assert (row["target"], row["owned"], row["capped"], row["causes"]) == (450, owned, cut, f"CAPPED +{cut}")


def test_z7_the_margin_is_read_once_for_a_burst_and_is_in_the_journal() -> None:
    made = lab(Rules(size="1", caps=[Cap("MARGIN", 10**6, per="DAY")]))
    for _ in range(3):
        made.leader.buy(CE, lots=1)
    made.step()
    assert copies(made) == [75, 75, 75]
    told = [entry.fact for entry in made.engine.journal() if isinstance(entry.fact, MarginReported)]
    assert [(fact.account, fact.order.quantity, fact.margin.required) for fact in told] == [(F, 75, Decimal(7500))]


# Below one lot


@pytest.mark.parametrize(
    ("below", "risk", "first"),
    [
        (BelowLot.SKIP, "1", []),
        (BelowLot.ONE_LOT, "1", [75]),
        (BelowLot.ONE_LOT_WITHIN_RISK, "2", [75]),
        (BelowLot.ONE_LOT_WITHIN_RISK, "1", []),
    ],
)
def test_z1_below_one_lot(below: BelowLot, risk: str, first: list[int]) -> None:
    """A call at 100 can lose 7,500 rupees: less than two and more than one percent of four lakh."""
    made = lab(Rules(size="1/2", below_lot=below, one_lot_risk=Percent(Decimal(risk))))
    made.leader.buy(CE, lots=1)
    made.step()
    assert copies(made) == first
    made.leader.buy(CE, lots=1)
    made.step()
    assert sum(copies(made)) == (75 if not first else 150), "the halves that were skipped make a lot"


# The price


@pytest.mark.parametrize(("price", "code"), [("102", "COPIED"), ("103", "PRICE_MOVED")])
def test_s4_what_an_engine_that_was_away_enters_late_is_judged_by_the_price_by_then(price: str, code: str) -> None:
    made = lab(Rules(size="1"), policy=Policy(price_deviation=Percent(Decimal(2))))
    made.engine.stop()
    made.leader.buy(CE, lots=1)
    made.clock.advance(5)
    made.price(CE, price)
    made.restart()
    made.step()
    assert [row["code"] for row in made.decisions()] == [code]


def test_s4_an_entry_is_skipped_when_the_price_has_run_away() -> None:
    made = lab(Rules(size="1"), policy=Policy(price_deviation=Percent(Decimal(2))))
    source = made.sources["LEADER"]
    source.withhold()
    made.leader.buy(CE, lots=1)
    made.clock.advance(20)
    made.price(CE, "103")
    made.leader.buy(CE, lots=1)
    source.release([2, 3, 0, 1])  # what came last is told first
    made.step()
    rows = {row["code"]: row["detail"] for row in made.decisions()}
    assert rows.keys() == {"COPIED", "PRICE_MOVED"}
    assert rows["PRICE_MOVED"] == "100 when the leader traded, 103 now: 3.00 %, and 2 % are allowed"
    made.leader.sell(CE, lots=2)
    made.step()
    assert made.exchange.position(F, made.instrument(CE), Product.INTRADAY) == 0, "exits never"
