"""Settings that are changed while the engine runs: what they were, and what they are from then on."""

from __future__ import annotations

import json
import typing
from collections.abc import Iterable, Mapping
from functools import lru_cache

import attrs

from dhan_copy.core.checked import shown
from dhan_copy.core.effective import OVERRIDES, SETTINGS, Effective, effective
from dhan_copy.core.facts import SettingChanged
from dhan_copy.core.rules import Override, Rules
from dhan_copy.core.settings import CopierSettings, FollowerRules
from dhan_copy.core.sizers import OwnFunction
from dhan_copy.core.spelled import Plain, Unspellable, spell
from dhan_copy.core.state import State
from dhan_copy.core.unspelled import read
from dhan_copy.errors import ConfigurationError, Misspelt
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentKey


def given_rules(settings: CopierSettings, account: AccountName | None) -> Rules | None:
    """What the engine was given for a leader, a follower, or (None) for all; None for a name that it does not know."""
    if account is None:
        return settings.rules
    for leader in settings.leaders:
        if leader.name == account:
            return leader.rules
    for follower in settings.followers:
        if follower.name == account:
            return follower.said
    return None


def _given(settings: CopierSettings, account: AccountName | None, setting: str) -> tuple[object] | None:
    """The one value that the engine was given; None where nothing of that name can be said."""
    if setting == OVERRIDES:
        if account is None:
            return (settings.overrides,)
        return next(((one.overrides,) for one in settings.followers if one.name == account), None)
    rules = given_rules(settings, account)
    return None if rules is None or setting not in SETTINGS else (getattr(rules, setting),)


def given_text(settings: CopierSettings, account: AccountName | None, setting: str) -> str:
    """A setting as the engine was given it, as text by which it can be compared; empty where there is none."""
    given = _given(settings, account, setting)
    if given is None:
        return ""
    return _json(_told_apart(given[0]))


def _told_apart(value: object) -> Plain:
    """Plain values by which two settings can be told apart: of the user's own, where it is defined."""
    try:
        return None if value is None else spell(value)
    except Unspellable:
        pass
    if isinstance(value, tuple):
        return [_told_apart(each) for each in value]
    named = value.function if isinstance(value, OwnFunction) else value
    if not hasattr(named, "__qualname__"):
        named = type(named)
    own: dict[str, Plain] = {"own": f"{named.__module__}.{named.__qualname__}"}
    cls = type(value)
    if attrs.has(cls) and cls is not OwnFunction:
        own |= {field.name: _told_apart(getattr(value, field.name)) for field in attrs.fields(cls)}
    return own


def spelled_text(value: object) -> str:
    """A value as a settings file writes it; of the user's own, its class."""
    try:
        plain = spell(value)
    except Unspellable:
        return type(value).__qualname__
    return plain if isinstance(plain, str) else _json(plain)


def change(settings: CopierSettings, account: AccountName | None, setting: str, value: object) -> SettingChanged:
    """The fact that a setting has ``value`` from now on; None says nothing any more. ``overrides`` are all of that level.

    Raises :class:`~dhan_copy.errors.ConfigurationError` for a name that does not exist, a value that is not possible,
    or one that the journal could not keep (a function of your own).
    """
    if given_rules(settings, account) is None:
        names = [*(leader.name for leader in settings.leaders), *(follower.name for follower in settings.followers)]
        raise ConfigurationError(f"no account is called {account!r}", advice=f"There are {', '.join(names)}.")
    if _given(settings, account, setting) is None:
        of = "" if setting != OVERRIDES else f" of {account}, who leads,"
        raise ConfigurationError(
            f"{setting!r}{of} cannot be changed", advice=f"There are {', '.join(SETTINGS)}, and overrides of followers or all."
        )
    try:
        said = _overrides(value) if setting == OVERRIDES else getattr(Rules(**{setting: value}), setting)  # type: ignore[arg-type]
        text = _json(None if said is None else spell(said))
        read_setting(setting, text)
    except Unspellable as error:
        raise ConfigurationError(
            f"{setting} cannot be changed to it while running: {error}", advice="Give it when the engine is made."
        ) from None
    except Misspelt:
        raise
    except (ValueError, TypeError, ArithmeticError) as error:
        raise ConfigurationError(f"{setting}: {error}") from None
    return SettingChanged(account=account, setting=setting, given=given_text(settings, account, setting), value=text)


def overruled(settings: CopierSettings, changes: Iterable[SettingChanged]) -> list[SettingChanged]:
    """The facts that say of changes which no longer hold that they are over, for good: the engine was given something
    else for these settings. Nothing is said of an account that it was not given at all."""
    return [
        SettingChanged(account=fact.account, setting=fact.setting, given=given, value="")
        for fact in changes
        if (given := given_text(settings, fact.account, fact.setting))
    ]


def check_sizes(settings: CopierSettings, changes: Iterable[SettingChanged]) -> None:
    """Raises :class:`~dhan_copy.errors.ConfigurationError` where nobody says any more how large some copy is."""
    changed = values_of({(fact.account, fact.setting): fact for fact in changes})
    for rules in settings.followers:
        for leader in settings.leaders:
            followed = rules.leaders is None or leader.name in rules.leaders
            if followed and effective(settings, changed, leader.name, rules).size is None:
                raise ConfigurationError(
                    f"follower {rules.name!r} would have no size", advice="Change it to another size, or say one for all."
                )


def _overrides(value: object) -> tuple[Override, ...]:
    given: object = () if value is None else (value,) if isinstance(value, Override) else value
    said = tuple(given) if isinstance(given, Iterable) else (given,)
    if not all(isinstance(one, Override) for one in said):
        raise TypeError(f"overrides must be Override(...) or several of them, not {shown(value)}")
    return said


def in_force(state: State, leader: AccountName, follower: FollowerRules, key: InstrumentKey) -> Effective:
    """What holds now for copies of an instrument, by the names that are known of it."""
    symbols = (state.symbols.get(key, ""), str(key))
    return effective(state.settings, values_of(state.changes), leader, follower, key.segment, *symbols)


def values_of(changes: Mapping[tuple[AccountName | None, str], SettingChanged]) -> dict[tuple[AccountName | None, str], object]:
    return {where: read_setting(fact.setting, fact.value) for where, fact in changes.items()}


@lru_cache(256)
def read_setting(setting: str, text: str) -> object:
    """The value that a journaled text spells. Raises :class:`~dhan_copy.errors.Misspelt`."""
    plain = json.loads(text)
    if setting == OVERRIDES:
        return read(tuple[Override, ...], plain, (setting,))
    if setting not in SETTINGS:
        raise Misspelt(f"{setting} is no setting", (setting,))
    return None if plain is None else read(typing.get_type_hints(Rules)[setting], plain, (setting,))


def _json(plain: object) -> str:
    return json.dumps(plain, sort_keys=True, separators=(",", ":"))
