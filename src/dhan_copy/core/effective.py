"""What holds for one follower, leader and instrument, and which level said so."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import cast

from attrs import fields, frozen

from dhan_copy.core.caps import Cap
from dhan_copy.core.filtering import Filter
from dhan_copy.core.rules import BelowLot, Override, Percent, Rules, SlippageLimit
from dhan_copy.core.settings import CopierSettings, FollowerRules
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.protocols import PositionSizer

SETTINGS = tuple(field.name for field in fields(Rules))
"""The names of everything that can be said on each level."""
OVERRIDES = "overrides"
"""What else can be changed while the engine runs: all overrides of a follower, or for all, at once."""
Changed = Mapping[tuple[AccountName | None, str], object]
"""What was changed while the engine ran, by account (None: for all) and setting."""


@frozen(kw_only=True)
class Effective:
    """The settings that hold, and in ``said_by`` who says so."""

    size: PositionSizer | None
    only: Filter | None
    caps: tuple[Cap, ...]
    below_lot: BelowLot
    one_lot_risk: Percent
    price_deviation: Percent
    slippage: SlippageLimit | None
    said_by: Mapping[str, str]


def effective(
    settings: CopierSettings,
    changed: Changed,
    leader: AccountName | None,
    follower: FollowerRules,
    segment: ExchangeSegment | None = None,
    *symbols: str,
) -> Effective:
    """What holds for ``follower`` copying ``leader``; ``symbols`` are the names of one instrument."""
    policy = settings.policy
    values: dict[str, object] = {
        "size": None, "only": None, "caps": (), "below_lot": policy.below_lot, "one_lot_risk": policy.one_lot_risk,
        "price_deviation": policy.price_deviation, "slippage": None,
    }  # fmt: skip
    said_by = dict.fromkeys(values, "default")
    for name in ("below_lot", "one_lot_risk", "price_deviation"):
        said_by[name] = "policy"
    for who, account, rules in _levels(settings, changed, leader, follower, segment, symbols):
        for name in SETTINGS:
            value = getattr(rules, name)
            by = who
            if account is not _NOBODY and (account, name) in changed:
                value, by = changed[account, name], f"{who}, changed while running"  # type: ignore[index]
            if value is not None:
                values[name], said_by[name] = value, by
    return Effective(**values, said_by=said_by)  # type: ignore[arg-type]


def overrides_in(changed: Changed) -> list[Override]:
    """All that were given while the engine ran."""
    return [one for (_, name), value in changed.items() if name == OVERRIDES for one in cast("Sequence[Override]", value)]


_NOBODY = object()


def _levels(
    settings: CopierSettings,
    changed: Changed,
    leader: AccountName | None,
    follower: FollowerRules,
    segment: ExchangeSegment | None,
    symbols: tuple[str, ...],
) -> Iterator[tuple[str, object, Rules]]:
    yield "all", None, settings.rules
    for one in settings.leaders:
        if one.name == leader:
            yield f"leader {one.name}", one.name, one.rules
    yield f"follower {follower.name}", follower.name, follower.said
    for who, override in _overrides(settings, changed, follower):
        if override.fits(segment, *symbols):
            yield who, _NOBODY, override


def _overrides(settings: CopierSettings, changed: Changed, follower: FollowerRules) -> Iterator[tuple[str, Override]]:
    given = ((None, "all", settings.overrides), (follower.name, f"follower {follower.name}", follower.overrides))
    for account, whose, overrides in given:
        said = cast("Sequence[Override]", changed.get((account, OVERRIDES), overrides))
        since = ", changed while running" if (account, OVERRIDES) in changed else ""
        for number, override in enumerate(said, start=1):
            yield f"override {number} of {whose} ({override}){since}", override


def unclear_override(
    settings: CopierSettings, changed: Changed, follower: FollowerRules, segment: ExchangeSegment, *symbols: str
) -> str | None:
    """The first override of which the beginning of a symbol does not tell whether it holds."""
    said = _overrides(settings, changed, follower)
    return next((who for who, override in said if override.fits(segment, *symbols) is None), None)
