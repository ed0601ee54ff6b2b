"""A change while running holds for what it was made of, and is a fact."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from dhan_copy.core.changes import change, given_text, read_setting, spelled_text, values_of
from dhan_copy.core.effective import SETTINGS
from dhan_copy.core.rules import BelowLot, Override, Rules
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules
from dhan_copy.core.sizers import FixedLots, OwnFunction
from dhan_copy.errors import ConfigurationError, Misspelt
from dhan_copy.model.ids import AccountName
from dhan_copy.model.size import Ratio
from tests.settings_kit import overrides, rules

LEADER, FOLLOWER = AccountName("L"), AccountName("F")


def half(order: object, accounts: object) -> Ratio:
    return Ratio("1/2")


SETTINGS_GIVEN = CopierSettings(
    leaders=(LeaderRules(name=LEADER, rules=Rules(below_lot=BelowLot.SKIP)),),
    followers=(FollowerRules(name=FOLLOWER, sizer=Ratio("1/2")), FollowerRules(name=AccountName("OWN"), sizer=OwnFunction(half))),
)  # fmt: skip


@given(rules)
@hypothesis_settings(deadline=None)
def test_whatever_can_be_said_can_be_changed_to_and_read_back(said: Rules) -> None:
    for name in SETTINGS:
        fact = change(SETTINGS_GIVEN, FOLLOWER, name, getattr(said, name))
        assert read_setting(name, fact.value) == getattr(said, name)
        assert values_of({(FOLLOWER, name): fact}) == {(FOLLOWER, name): getattr(said, name)}


@given(st.lists(overrides, max_size=3))
@hypothesis_settings(deadline=None)
def test_overrides_are_changed_all_at_once(said: list[Override]) -> None:
    for account in (FOLLOWER, None):
        fact = change(SETTINGS_GIVEN, account, "overrides", said)
        assert (fact.given, values_of({(account, "overrides"): fact})) == ("[]", {(account, "overrides"): tuple(said)})


def test_overrides_may_be_one_or_none_and_nothing_else() -> None:
    one = Override(symbol="X", size="1")
    assert change(SETTINGS_GIVEN, FOLLOWER, "overrides", one) == change(SETTINGS_GIVEN, FOLLOWER, "overrides", [one])
    assert change(SETTINGS_GIVEN, FOLLOWER, "overrides", None).value == "[]"
    assert given_text(SETTINGS_GIVEN, AccountName("X"), "overrides") == given_text(SETTINGS_GIVEN, LEADER, "overrides") == ""


def test_a_change_says_what_was_given() -> None:
    fact = change(SETTINGS_GIVEN, FOLLOWER, "size", "0.25")
    assert (fact.account, fact.setting, fact.given, fact.value) == (FOLLOWER, "size", '"1/2"', '"1/4"')
    assert change(SETTINGS_GIVEN, LEADER, "below_lot", BelowLot.ONE_LOT).given == '"SKIP"'
    assert change(SETTINGS_GIVEN, None, "size", FixedLots(2)).given == "null"
    assert change(SETTINGS_GIVEN, FOLLOWER, "size", None).value == "null"


def test_what_is_your_own_is_told_apart_by_where_it_is_defined() -> None:
    assert given_text(SETTINGS_GIVEN, AccountName("OWN"), "size") == f'{{"own":"{__name__}.half"}}'
    assert given_text(SETTINGS_GIVEN, AccountName("X"), "size") == given_text(SETTINGS_GIVEN, None, "x") == ""
    assert (spelled_text(OwnFunction(half)), spelled_text(Ratio("1/2"))) == ("OwnFunction", "1/2")
    assert spelled_text(FixedLots(2)) == '{"lots":2,"sizer":"FixedLots"}'


@pytest.mark.parametrize(
    ("account", "setting", "value", "said"),
    [
        ("X", "size", "1", "no account is called 'X'"),
        ("F", "sise", "1", "'sise' cannot be changed"),
        ("F", "size", "0", "size: a ratio must be above zero"),
        ("F", "size", 0.5, "size: the float"),
        ("F", "caps", "many", "caps must be"),
        ("F", "size", half, "OwnFunction is your own"),
        ("F", "overrides", "all", "overrides must be"),
        ("F", "overrides", 3, "overrides must be Override.* or several of them, not 3"),
        ("F", "overrides", [Override(symbol="X", size=half)], "OwnFunction is your own"),
        ("F", "below_lot", "LOT", "^below_lot: must be one of SKIP, ONE_LOT, "),
        ("L", "overrides", [], "'overrides' of L, who leads, cannot be changed"),
    ],
)
def test_what_cannot_be_changed(account: str, setting: str, value: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        change(SETTINGS_GIVEN, AccountName(account), setting, value)


def test_a_setting_that_nobody_knows_cannot_be_read() -> None:
    with pytest.raises(Misspelt):
        read_setting("sise", '"1"')
