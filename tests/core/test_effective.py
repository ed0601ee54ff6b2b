"""The last level that says something counts, and it is named."""

from __future__ import annotations

from collections.abc import Mapping

from attrs import fields
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dhan_copy.core.caps import Cap
from dhan_copy.core.effective import SETTINGS, effective
from dhan_copy.core.rules import BelowLot, Override, Rules
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules, Policy
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.size import Ratio
from tests.settings_kit import rules

LEADER, OTHER, FOLLOWER = AccountName("L"), AccountName("M"), AccountName("F")
FNO = ExchangeSegment.NSE_FNO


def built(
    everybody: Rules = Rules(), leader: Rules = Rules(), follower: Rules = Rules(),
    for_all: tuple[Override, ...] = (), own: tuple[Override, ...] = (), policy: Policy = Policy(),
) -> CopierSettings:  # fmt: skip
    return CopierSettings(
        leaders=(LeaderRules(name=LEADER, rules=leader), LeaderRules(name=OTHER, rules=Rules(size="9"))),
        followers=(FollowerRules(name=FOLLOWER, rules=follower, overrides=own),),
        rules=everybody, overrides=for_all, policy=policy,
    )  # fmt: skip


levels = st.lists(rules, min_size=5, max_size=5)


def _override(said: Rules) -> Override:
    return Override(symbol="NIFTY*", **{field.name: getattr(said, field.name) for field in fields(Rules)})


@given(levels)
@hypothesis_settings(deadline=None)
def test_z6_the_last_that_says_something_wins(said: list[Rules]) -> None:
    settings = built(*said[:3], for_all=(_override(said[3]),), own=(_override(said[4]),))
    holds = effective(settings, {}, LEADER, settings.followers[0], FNO, "NIFTY 22500 CE")
    names = ["all", "leader L", "follower F", "override 1 of all (NIFTY*)", "override 1 of follower F (NIFTY*)"]
    for name in SETTINGS:
        saying = [(who, getattr(one, name)) for who, one in zip(names, said) if getattr(one, name) is not None]
        if saying:
            assert (holds.said_by[name], getattr(holds, name)) == saying[-1]
        else:
            assert holds.said_by[name] in ("default", "policy")


def test_where_nobody_says_anything_the_policy_does() -> None:
    settings = built(policy=Policy(below_lot=BelowLot.ONE_LOT))
    holds = effective(settings, {}, LEADER, settings.followers[0])
    assert (holds.below_lot, holds.said_by["below_lot"]) == (BelowLot.ONE_LOT, "policy")
    assert (holds.size, holds.only, holds.caps) == (None, None, ())


def test_z6_an_override_is_for_its_instruments_and_a_leader_for_his_orders() -> None:
    nifty = Override(symbol="NIFTY*", size="1/4")
    settings = built(Rules(size="1"), Rules(size="1/2"), own=(nifty, Override(segment="MCX_COMM", size="1/8")))
    [follower] = settings.followers

    def size(leader: str | None, segment: ExchangeSegment | None = None, *symbols: str) -> object:
        return effective(settings, {}, None if leader is None else AccountName(leader), follower, segment, *symbols).size

    assert size(None) == Ratio(1)
    assert size("L") == Ratio("1/2")
    assert size("M") == Ratio(9)
    assert size("L", FNO, "NIFTY 22500 CE") == Ratio("1/4")
    assert size("L", FNO, "BANKNIFTY") == Ratio("1/2")
    assert size("L", ExchangeSegment.MCX_COMM, "CRUDE") == Ratio("1/8")
    assert size("L", ExchangeSegment.MCX_COMM, "NIFTY") == Ratio("1/8"), "the last that fits"


def test_values_are_taken_whole_and_not_merged() -> None:
    settings = built(Rules(caps=[Cap("LOTS", 1)]), follower=Rules(caps=[Cap("VALUE", 2)]))
    assert effective(settings, {}, LEADER, settings.followers[0]).caps == (Cap("VALUE", 2),)


def test_a_change_takes_the_place_of_what_its_level_said() -> None:
    settings = built(Rules(size="1"), Rules(size="1/2"), Rules(caps=[Cap("LOTS", 1)]), own=(Override(symbol="X", size="3"),))

    def holds(changed: Mapping[tuple[AccountName | None, str], object]) -> tuple[object, object, str]:
        found = effective(settings, changed, LEADER, settings.followers[0])
        return found.size, found.caps, found.said_by["size"]

    caps = (Cap("LOTS", 1),)
    assert holds({(None, "size"): Ratio(7)}) == (Ratio("1/2"), caps, "leader L")
    assert holds({(LEADER, "size"): None}) == (Ratio(1), caps, "all")
    assert holds({(LEADER, "size"): Ratio(7)}) == (Ratio(7), caps, "leader L, changed while running")
    assert holds({(FOLLOWER, "caps"): None, (FOLLOWER, "size"): Ratio(8)})[:2] == (Ratio(8), ())
    assert effective(settings, {(FOLLOWER, "size"): Ratio(8)}, LEADER, settings.followers[0], None, "X").size == Ratio(3)
