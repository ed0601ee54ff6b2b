"""What holds for a follower and who says so, as a table."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import attrs

from dhan_copy.core.changes import spelled_text, values_of
from dhan_copy.core.checked import member
from dhan_copy.core.effective import SETTINGS, effective
from dhan_copy.core.filtering import Filter
from dhan_copy.core.settings import CopierSettings, FollowerRules, LossLimit, RateLimits
from dhan_copy.core.state import State
from dhan_copy.display import Table
from dhan_copy.errors import ConfigurationError
from dhan_copy.model.ids import AccountName, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey

_COLUMNS = ("setting", "value", "said_by")
_OWN = ("live", "leaders", "max_lots", "loss_limit", "mode", "reverse", "limits")
"""What is said of a follower alone."""


def settings(
    state: State, follower: AccountName, leader: AccountName | None, symbol: str, segment: ExchangeSegment | str | None
) -> Table:
    """One row per setting. A symbol that today's orders know, or one such as ``NSE_FNO:45471``, tells its segment; where
    nothing does, ``said_by`` names the segments in which something else holds.

    Raises :class:`~dhan_copy.errors.ConfigurationError` for a segment that there is not, or that is not the symbol's.
    """
    rules = next(rules for rules in state.settings.followers if rules.name == follower)
    changed = values_of(state.changes)
    where, names = _instrument(state, symbol, segment)
    holds = effective(state.settings, changed, leader, rules, where, *names)
    others = []
    if symbol and where is None:
        others = [(one, effective(state.settings, changed, leader, rules, one, symbol)) for one in ExchangeSegment]
    rows: list[Mapping[str, object]] = []
    for name in SETTINGS:
        said = holds.said_by[name]
        elsewhere = [one.name for one, other in others if other.said_by[name] != said]
        said_by = f"{said}; otherwise in {', '.join(elsewhere)}" if elsewhere else said
        rows.append({"setting": name, "value": _text(getattr(holds, name)), "said_by": said_by})
    rows += _own(state.settings, rules)
    return Table.of(f"settings of {follower}", _COLUMNS, rows)


def _instrument(
    state: State, symbol: str, segment: ExchangeSegment | str | None
) -> tuple[ExchangeSegment | None, tuple[str, ...]]:
    """The segment as far as it is known, and the names of the instrument."""
    try:
        where = None if segment is None else member(ExchangeSegment, segment)
    except ValueError as error:
        raise ConfigurationError(f"segment: {error}") from None
    known = [key for key, name in state.symbols.items() if symbol and name.casefold() == symbol.casefold()]
    head, colon, security_id = symbol.partition(":")
    if colon and head in ExchangeSegment.__members__:
        known = [InstrumentKey(ExchangeSegment[head], SecurityId(security_id))]
    segments = {key.segment for key in known}
    if where is not None and segments and where not in segments:
        names = ", ".join(sorted(one.name for one in segments))
        raise ConfigurationError(f"symbol {symbol!r} is of {names}, not of {where.name}")
    if where is None and len(segments) == 1:
        [where] = segments
    found = [key for key in known if key.segment is where]
    if len(found) != 1:
        return where, (symbol,)
    return where, (state.symbols.get(found[0], "") or symbol, str(found[0]))


def _own(settings: CopierSettings, rules: FollowerRules) -> Iterator[Mapping[str, object]]:
    by_name = {one.name: one for one in attrs.fields(FollowerRules)}
    for name in _OWN:
        value = getattr(rules, name)
        said_by = "default" if value == by_name[name].default else f"follower {rules.name}"
        if name == "leaders":
            value = ", ".join(one.name for one in settings.leaders if value is None or one.name in value)
        yield {"setting": name, "value": _text(value), "said_by": said_by}


def _text(value: object) -> object:
    """As people write it in a settings file, text that fits a cell."""
    match value:
        case tuple():
            return "; ".join(str(item) for item in value)
        case None | bool() | int():
            return value
        case Filter():
            return str(value)
        case LossLimit():
            return f"{value.rupees:f} rupees, then {value.then.name}"
        case RateLimits() if value == RateLimits():
            return "as Dhan counts"
    return spelled_text(value)
