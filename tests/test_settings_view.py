"""Each value that holds for a follower can be asked where it came from, and for which segment."""

from __future__ import annotations

from collections.abc import Mapping

import pytest
from attrs import fields

from dhan_copy import (
    Cap,
    ConfigurationError,
    CopyEngine,
    Follower,
    Leader,
    LossLimit,
    Override,
    Playground,
    RateLimits,
    Rules,
)
from dhan_copy.core.effective import SETTINGS
from dhan_copy.core.settings import FollowerRules
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.stores.memory import MemoryStore
from tests.runtime.fakes import ReadingSource

CE, SHARE, F = "NIFTY 22500 CE", "RELIANCE", "F"
FNO = [Override(segment="NSE_FNO", size="1/4")]


def lab(**more: object) -> Playground:
    made = Playground({F: Rules(size="1")}, **more)  # type: ignore[arg-type]
    made.step()
    return made


def said(made: Playground, **about: str) -> Mapping[object, tuple[object, object]]:
    return {row["setting"]: (row["value"], row["said_by"]) for row in made.engine.settings(F, **about)}  # type: ignore[arg-type]


def test_everything_that_a_user_says_of_a_follower_has_a_row() -> None:
    told = {"live", "leaders", "max_lots", "loss_limit", "mode", "reverse", "limits"}
    of_brokers = {"name", "sizer", "rules", "overrides", "reads_positions", "reads_quotes", "forever_orders", "super_orders"}
    assert told | of_brokers == {one.name for one in fields(FollowerRules)}
    assert set(said(lab())) == told | set(SETTINGS)


def test_what_is_said_of_a_follower_alone_is_told_with_who_said_it() -> None:
    plain = said(lab())
    assert plain["max_lots"] == (None, "default")
    assert plain["loss_limit"] == (None, "default")
    assert plain["mode"] == ("ORDER", "default")
    assert plain["leaders"] == ("LEADER", "default")
    assert plain["limits"] == ("as Dhan counts", "default")
    told = said(lab(mode="EXECUTION", reverse=True))
    assert told["mode"] == ("EXECUTION", "follower F")
    assert told["reverse"] == (True, "follower F")
    limits = RateLimits(reserve=2)
    follower = Follower(F, size="1", loss_limit=LossLimit("5000"), limits=limits, max_lots=3, leaders="M")
    engine = CopyEngine([Leader(name, source=ReadingSource()) for name in "LM"], [follower], MemoryStore())
    rows = {row["setting"]: (row["value"], row["said_by"]) for row in engine.settings(F)}
    engine.stop()
    assert rows["loss_limit"] == ("5000 rupees, then CLOSING", "follower F")
    assert rows["limits"] == ('{"reserve":2}', "follower F")
    assert rows["max_lots"] == (3, "follower F")
    assert rows["leaders"] == ("M", "follower F")
    assert rows["live"] == (False, "default")


def test_a_symbol_with_its_segment_is_in_that_segment() -> None:
    made = lab(overrides=FNO)
    by = "override 1 of all (NSE_FNO)"
    assert said(made, symbol="NSE_FNO:50001")["size"] == ("1/4", by)
    assert said(made, symbol="NSE_EQ:50001")["size"] == ("1", "follower F")
    assert said(made, symbol="NSE_FNO:50001", segment="NSE_FNO")["size"] == ("1/4", by)
    with pytest.raises(ConfigurationError, match="'NSE_FNO:50001' is of NSE_FNO, not of NSE_EQ"):
        made.engine.settings(F, symbol="NSE_FNO:50001", segment="NSE_EQ")


def test_a_symbol_that_todays_orders_know_tells_its_segment_and_another_names_those_that_differ() -> None:
    made = lab(overrides=FNO)
    assert said(made, symbol=CE)["size"] == ("1", "follower F; otherwise in NSE_FNO")
    assert said(made, symbol=CE)["caps"] == ("", "default")
    assert said(made)["size"] == ("1", "follower F")
    made.leader.buy(CE, lots=4)
    made.step()
    assert said(made, symbol=CE)["size"] == said(made, symbol=CE.lower())["size"] == ("1/4", "override 1 of all (NSE_FNO)")
    [key] = [key for key, name in made.engine._state().symbols.items() if name == CE]  # type: ignore[attr-defined]
    assert made.exchange.orders(F)[-1].quantity == 75
    assert said(made, symbol=str(key))["size"] == ("1/4", "override 1 of all (NSE_FNO)")


def test_an_override_for_a_symbol_holds_for_its_id_once_both_are_known() -> None:
    made = lab(overrides=[Override(symbol="NIFTY*", caps=[Cap("LOTS", 1)]), Override(symbol="NSE_FNO:*", size="1/2")])
    made.leader.buy(CE, lots=1)
    made.step()
    [key] = made.engine._state().symbols  # type: ignore[attr-defined]
    by_name, by_id = said(made, symbol=CE), said(made, symbol=str(key))
    assert by_name == by_id
    assert by_id["caps"][1] == "override 1 of all (NIFTY*)" and by_id["size"][1] == "override 2 of all (NSE_FNO:*)"


def test_a_segment_that_there_is_not_is_refused_with_those_that_there_are() -> None:
    with pytest.raises(ConfigurationError) as caught:
        lab().engine.settings(F, segment="MCX")
    assert str(caught.value) == (
        f"segment: 'MCX' is no ExchangeSegment: it must be one of {', '.join(ExchangeSegment.__members__)}"
    )
