"""What holds, who says so, and what is changed while the engine runs."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy import (
    OPTIONS,
    Cap,
    CapitalProportional,
    ConfigurationError,
    CopyEngine,
    FixedLots,
    Follower,
    Leader,
    Override,
    Playground,
    Ratio,
    Rules,
    Settings,
)
from dhan_copy.core.facts import SettingChanged
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Market, Product, Side
from dhan_copy.testing import (
    FakeBroker,
    FakeSource,
    Instrument,
    NewOrder,
    SimulatedExchange,
    VirtualClock,
    instrument_key,
)
from tests.scenarios.day_kit import NOON
from tests.scenarios.kit import DurableMemory

CE, SHARE = "NIFTY 22500 CE", "RELIANCE"
F = "F"


def lab(own: Rules, **more: object) -> Playground:
    made = Playground({F: own}, **more)  # type: ignore[arg-type]
    made.step()
    return made


def copies(made: Playground) -> list[int]:
    return [order.quantity for order in made.exchange.orders(F) if order.source == "P"]


def said(made: Playground, **about: str) -> Mapping[object, tuple[object, object]]:
    return {row["setting"]: (row["value"], row["said_by"]) for row in made.engine.settings(F, **about)}  # type: ignore[arg-type]


def bought(made: Playground, lots: int = 4) -> int:
    made.leader.buy(CE, lots=lots)
    made.step()
    return copies(made)[-1]


def test_z6_every_value_can_be_asked_where_it_came_from() -> None:
    made = lab(
        Rules(size="1/2"), rules=Rules(size="1", only=OPTIONS),
        overrides=[Override(symbol="NIFTY*", size="1/4"), Override(segment="NSE_EQ", caps=[Cap("LOTS", 3)])],
    )  # fmt: skip
    assert said(made)["size"] == ("1/2", "follower F")
    assert said(made)["only"] == (str(OPTIONS), "all")
    assert said(made)["below_lot"] == ("SKIP", "policy")
    assert said(made)["caps"] == ("", "default")
    assert said(made, leader="LEADER", symbol=CE)["size"] == ("1/4", "override 1 of all (NIFTY*)")
    assert said(made, segment="NSE_EQ")["caps"] == ("at most 3 LOTS per ORDER", "override 2 of all (NSE_EQ)")
    with pytest.raises(ConfigurationError, match="no account is called 'X'"):
        made.engine.settings("X")
    with pytest.raises(ConfigurationError, match="no account is called 'X'"):
        made.engine.settings(F, leader="X")


def test_each_leader_has_rules_of_his_own_at_one_follower() -> None:
    clock = VirtualClock(NOON)
    exchange = SimulatedExchange(clock, ["A", "B", F])
    key = instrument_key("NSE_FNO", "45471")
    exchange.add_instrument(Instrument(key=key, facts=InstrumentFacts(75, Decimal("0.05"), InstrumentKind.OPTIDX), symbol=CE))
    exchange.set_price(key, 100)
    leaders = [
        Leader(name, source=FakeSource(exchange, name), rules=Rules(size=size))
        for name, size in (("A", "1"), ("B", FixedLots(1)))
    ]
    follower = Follower(F, broker=FakeBroker(exchange, F), source=FakeSource(exchange, F), live=True)
    engine = CopyEngine(leaders, [follower], DurableMemory(), clock=clock)
    engine.step()
    for name in ("A", "B"):
        exchange.place(name, NewOrder(key=key, side=Side.BUY, quantity=300, terms=Market(), product=Product.INTRADAY))
    engine.step()
    assert sorted(order.quantity for order in exchange.orders(F)) == [75, 300]
    assert {row["said_by"] for row in engine.settings(F, leader="B") if row["setting"] == "size"} == {"leader B"}
    engine.stop()


def test_a_change_while_running_is_a_fact_and_decides_the_next_order() -> None:
    made = lab(Rules(size="1"))
    assert bought(made) == 300
    made.engine.change(F, size="1/2", caps=[Cap("LOTS", 1)])
    assert bought(made) == 75
    assert said(made)["size"] == ("1/2", "follower F, changed while running")
    facts = [entry.fact for entry in made.engine.journal() if isinstance(entry.fact, SettingChanged)]
    assert [(fact.account, fact.setting, fact.given, fact.value) for fact in facts] == [
        (F, "size", '"1"', '"1/2"'), (F, "caps", "null", '[{"measure":"LOTS","most":1}]'),
    ]  # fmt: skip
    made.engine.change(None, size="1/4")
    made.engine.change(F, caps=None, size=None)
    assert bought(made) == 75
    assert said(made)["size"] == ("1/4", "all, changed while running")


@pytest.mark.parametrize("account", [F, None])
def test_overrides_are_changed_while_running_and_hold_after_a_restart(account: str | None) -> None:
    made = lab(Rules(size="1"), overrides=[Override(symbol="NIFTY*", size="1/2")])
    assert bought(made) == 150
    made.engine.change(account, overrides=[Override(segment="NSE_FNO", size="1/4")])
    assert bought(made) == 75
    whose = "all" if account is None else "follower F"
    assert said(made, segment="NSE_FNO")["size"] == ("1/4", f"override 1 of {whose} (NSE_FNO), changed while running")
    made.restart()
    made.step()
    assert bought(made) == 75
    made.engine.change(account, overrides=None)
    assert bought(made) == (300 if account is None else 150)


def test_money_is_read_for_an_override_that_came_while_running() -> None:
    made = lab(Rules(size="1"))
    made.exchange.set_funds("LEADER", Decimal(10_00_000))
    made.exchange.set_funds(F, Decimal(5_00_000))
    made.advance(61)
    made.engine.change(F, overrides=[Override(symbol="NIFTY*", size=CapitalProportional())])
    made.step()
    assert bought(made) == 150


def test_a_sizer_that_needs_money_has_it_read_from_then_on() -> None:
    made = lab(Rules(size="1"))
    made.exchange.set_funds("LEADER", Decimal(10_00_000))
    made.exchange.set_funds(F, Decimal(5_00_000))
    made.advance(61)
    made.engine.change(F, size=CapitalProportional())
    made.step()
    assert bought(made) == 150


def test_an_open_order_keeps_what_it_was_decided_by() -> None:
    made = lab(Rules(size="1"))
    order = made.leader.buy(CE, lots=2, price=90)
    made.step()
    made.engine.change(F, size="1/2")
    order.modify(lots=4)
    made.step()
    assert copies(made) == [300]


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_change_is_remembered_until_the_program_says_something_else(checkpoint: bool) -> None:
    made = lab(Rules(size="1"))
    made.engine.change(F, size="1/2")
    assert bought(made) == 150
    if checkpoint:
        made.advance(24 * 3600)  # a day begins with one
    made.restart()
    made.step()
    assert bought(made) == 150
    made._sizes[F] = Rules(size="1/4")
    made.restart()
    made.step()
    assert bought(made) == 75
    assert said(made)["size"] == ("1/4", "follower F")


def tenth(order: object, accounts: object) -> Ratio:
    return Ratio("1/10")


@pytest.mark.parametrize("checkpoint", [False, True])
def test_a_change_that_the_program_overruled_does_not_come_back(checkpoint: bool) -> None:
    made = lab(Rules(size="1"))
    made.engine.change(F, size="1/2")
    for size in ("1/4", "1", "1"):
        if checkpoint:
            made.advance(24 * 3600)
        made._sizes[F] = Rules(size=size)
        made.restart()
        made.step()
        assert said(made)["size"] == (size, "follower F")
    assert [fact.value for fact in (entry.fact for entry in made.engine.journal()) if isinstance(fact, SettingChanged)] == [
        '"1/2"',
        "",
    ]
    made.engine.change(F, size="1/2")
    made.restart()
    made.step()
    assert bought(made) == 150


def test_another_function_of_your_own_is_something_else_that_the_program_says() -> None:
    def half(order: object, accounts: object) -> Ratio:
        return Ratio("1/2")

    made = lab(Rules(size=half), overrides=[Override(symbol="X", size=half)])  # type: ignore[arg-type]
    made.engine.change(F, size="1/4")
    made.engine.change(None, overrides=[Override(symbol="X", size="1/4")])
    made.restart()
    made.step()
    assert (bought(made), said(made, symbol="X")["size"][0]) == (75, "1/4"), "the same functions are given again"
    made._sizes[F], made._overrides = Rules(size=tenth), [Override(symbol="X", size=tenth)]  # type: ignore[arg-type]
    made.restart()
    made.step()
    assert said(made)["size"] == ("OwnFunction", "follower F")
    assert said(made, symbol="X")["size"] == ("OwnFunction", "override 1 of all (X)")


def test_what_cannot_be_changed_changes_nothing() -> None:
    made = lab(Rules(size="1"))
    for account, change in (
        (F, {"size": "much"}),
        ("X", {"size": "1"}),
        (F, {"live": True}),
        (F, {"size": lambda o, a: Ratio(1)}),
    ):
        with pytest.raises(ConfigurationError):
            made.engine.change(account, **change)  # type: ignore[arg-type]
    assert bought(made) == 300
    made.engine.stop()
    with pytest.raises(ConfigurationError):
        made.engine.change("X", size="1")


def test_a_size_that_nobody_else_says_cannot_be_taken_back() -> None:
    made = lab(Rules(size="1"))
    with pytest.raises(ConfigurationError, match="'F' would have no size"):
        made.engine.change(F, size=None)
    assert bought(made) == 300
    made.engine.change(None, size="1/2")
    made.engine.change(F, size=None)
    assert bought(made) == 150
    with pytest.raises(ConfigurationError, match="'F' would have no size"):
        made.engine.change(None, size=None)
    made.engine.change("LEADER", size="1/4")
    made.engine.change(None, size=None)
    assert bought(made) == 75


def test_a_file_says_what_the_objects_say(tmp_path: Path) -> None:
    path = tmp_path / "copier.toml"
    path.write_text(
        """
        [rules]
        only = { kind = ["OPTIDX"] }

        [[leaders]]
        name = "LEADER"

        [[followers]]
        name = "F"
        size = "1/2"
        live = true
        caps = [{ measure = "LOTS", most = 3 }]

        [[followers.overrides]]
        symbol = "BANK*"
        size = { sizer = "FixedLots", lots = 1 }
        """
    )
    made = Playground({F: "1"})
    made.engine.stop()
    sources = {name: FakeSource(made.exchange, name) for name in ("LEADER", F)}
    made.engine = Settings.load(path).engine(
        sources=sources, brokers={F: made.brokers[F]}, store=tmp_path / "copies.db", clock=made.clock
    )
    made.step()
    made.leader.buy(CE, lots=4)
    made.leader.buy("BANKNIFTY 48000 PE", lots=4)
    made.leader.buy(CE, lots=8)
    made.leader.buy(SHARE, quantity=10)
    made.step()
    assert copies(made) == [150, 75, 225]
    assert [row["code"] for row in made.decisions()] == ["COPIED", "COPIED", "CAPPED", "FILTERED"]
    made.engine.stop()
