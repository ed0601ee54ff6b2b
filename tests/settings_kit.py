"""Settings that Hypothesis can draw: every kind of size, filter, cap and level."""

from __future__ import annotations

from datetime import time, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import get_args, get_type_hints

from attrs import AttrsInstance, evolve, fields
from hypothesis import strategies as st

from dhan_copy.core.caps import AtCap, Cap, Measure, Per
from dhan_copy.core.filtering import AllOf, AnyOf, Filter, Not
from dhan_copy.core.filters import (
    Between,
    Kinds,
    Origin,
    Origins,
    Products,
    QuantityRange,
    Segments,
    Sides,
    Symbols,
    Tags,
    ValueRange,
)
from dhan_copy.core.facts import CopyMode, TradingState
from dhan_copy.core.rules import Override, Percent, Rules, SlippageLimit
from dhan_copy.core.settings import LossLimit, Policy, RateLimits, RateWindow, Ticks
from dhan_copy.core.sizers import (
    CapitalProportional,
    EquityProportional,
    FixedLots,
    FreeMarginProportional,
    Money,
    PercentAtRisk,
    SameQuantity,
)
from dhan_copy.logins import DhanLogin
from dhan_copy.model.finding import Check
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKind
from dhan_copy.model.order import Product, Side
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.settings_file import FollowerSettings, LeaderSettings, Settings

words = st.text(st.characters(categories=["L", "N", "P", "S"]), min_size=1, max_size=20)
decimals = st.decimals(min_value="0.01", max_value="1000000", places=2)
rupees = st.one_of(decimals, st.integers(1, 10**9).map(Decimal))
percents = st.decimals(min_value="0.01", max_value="100", places=2).map(Percent)
moments = st.timedeltas(min_value=timedelta(microseconds=1), max_value=timedelta(hours=30))

sizers = st.one_of(
    st.fractions(min_value=Fraction(1, 1000), max_value=100).map(Ratio),
    st.integers(1, 10**6).map(Quantity),
    st.integers(1, 1000).map(FixedLots),
    st.sampled_from([SameQuantity(), CapitalProportional(), EquityProportional(), FreeMarginProportional()]),
    st.builds(
        lambda percent, of: PercentAtRisk(percent, of=of),
        st.decimals(min_value="0.01", max_value=100, places=2),
        st.sampled_from(Money),
    ),
)


def _some(kind: type, members: type) -> st.SearchStrategy[Filter]:
    return st.lists(st.sampled_from(list(members)), min_size=1, max_size=3, unique=True).map(lambda of: kind(*of))  # type: ignore[call-overload,no-any-return]


def _ranges(numbers: st.SearchStrategy[object], kind: type) -> st.SearchStrategy[Filter]:
    pairs = st.tuples(numbers, numbers).map(lambda pair: sorted(pair))  # type: ignore[type-var]
    return st.one_of(
        pairs.map(lambda pair: kind(least=pair[0], most=pair[1])),
        numbers.map(lambda least: kind(least=least)),
        numbers.map(lambda most: kind(most=most)),
    )


_times = st.times().map(lambda at: at.replace(fold=0))
_leaves: st.SearchStrategy[Filter] = st.one_of(
    _some(Segments, ExchangeSegment), _some(Kinds, InstrumentKind), _some(Products, Product), _some(Sides, Side),
    _some(Origins, Origin),
    st.lists(words, min_size=1, max_size=3).map(lambda of: Symbols(*of)),
    st.lists(words, min_size=1, max_size=3).map(lambda of: Tags(*of)),
    st.lists(_times, min_size=2, max_size=2, unique=True).map(lambda pair: Between(min(pair), max(pair))),
    _ranges(st.integers(0, 10**6), QuantityRange), _ranges(rupees, ValueRange),
)  # fmt: skip
filters: st.SearchStrategy[Filter] = st.recursive(
    _leaves,
    lambda inner: st.one_of(
        inner.map(Not),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AllOf(*parts)),
        st.lists(inner, min_size=1, max_size=3).map(lambda parts: AnyOf(*parts)),
    ),
    max_leaves=6,
)
caps: st.SearchStrategy[Cap] = st.one_of(
    st.builds(
        lambda measure, most, per, then: Cap(measure, most, per=per, then=then),
        st.sampled_from(Measure), rupees, st.sampled_from(Per), st.sampled_from(AtCap),
    ),
    st.builds(lambda measure, least: Cap(measure, least=least), st.sampled_from(Measure), rupees),
)  # fmt: skip


def _each_field(cls: type[AttrsInstance], **given: st.SearchStrategy[object]) -> st.SearchStrategy[object]:
    """A value of ``cls`` whose every field is drawn, by its type where it is not given."""
    hints = get_type_hints(cls)
    drawn = {one.name: _by_hint(hints[one.name]) for one in fields(cls) if one.name not in given}
    return st.builds(cls, **given, **drawn)


def _by_hint(hint: object) -> st.SearchStrategy[object]:
    kinds = {timedelta: moments, Percent: percents, str: words, int: st.integers(1, 10**6), bool: st.booleans()}
    for known, drawn in kinds.items():
        if hint in (known, known | None):
            return drawn if hint is known else st.none() | drawn
    kind = next(kind for kind in (hint, *get_args(hint)) if isinstance(kind, type) and issubclass(kind, Enum))
    return st.sampled_from(kind) if hint is kind else st.none() | st.sampled_from(kind)


_said: dict[str, st.SearchStrategy[object]] = {
    "size": st.none() | sizers,
    "only": st.none() | filters,
    "caps": st.none() | st.lists(caps, max_size=3).map(tuple),
    "slippage": st.none() | st.builds(SlippageLimit, percents, st.integers(1, 20)),
}
rules = _each_field(Rules, **_said)
overrides = _each_field(
    Override,
    symbol=st.lists(words, min_size=1, max_size=2).map(tuple),
    segment=st.lists(st.sampled_from(ExchangeSegment), max_size=2, unique=True).map(tuple),
    **_said,
)
_variables = st.from_regex(r"[A-Z_][A-Z0-9_]{0,20}", fullmatch=True)
logins = _each_field(
    DhanLogin, client_id=st.from_regex(r"[0-9]{10}", fullmatch=True), token_env=_variables,
    source_address=st.none() | st.ip_addresses(v=4).map(str), proxy_env=st.none() | _variables,
    timeout_seconds=st.floats(0.1, 600),
)  # fmt: skip
limits = _each_field(
    RateLimits, reserve=st.integers(0, 5), per_day=st.integers(100, 7000),
    entry_share=st.fractions(min_value=Fraction(1, 10), max_value=1, max_denominator=20),
    windows=st.lists(st.builds(RateWindow, st.integers(6, 1000), st.floats(0.1, 4000)), min_size=1, max_size=3).map(tuple),
)  # fmt: skip
losses = _each_field(
    LossLimit, rupees=rupees, then=st.sampled_from([state for state in TradingState if state is not TradingState.ACTIVE])
)
policies = _each_field(
    Policy,
    stop_market_offsets=st.dictionaries(
        st.sampled_from(ExchangeSegment), percents | st.integers(1, 100).map(Ticks), max_size=3
    ),
)
accounts = {"name": words, "login": st.none() | logins, "rules": rules}


def _possible(drawn: Settings) -> Settings:
    """The same with names of their own, leaders that there are, sizes, and what is reversed as fills."""
    leaders = [evolve(one, name=f"{one.name}L{number}") for number, one in enumerate(drawn.leaders)]
    followers = []
    for number, one in enumerate(drawn.followers):
        named = None if one.leaders is None or not leaders else (leaders[len(one.leaders) % len(leaders)].name,)
        rules = evolve(one.rules, size=one.rules.size or Ratio(1))
        followers.append(evolve(one, name=f"{one.name}F{number}", leaders=named, rules=rules))
    return evolve(drawn, leaders=leaders, followers=followers)


settings = _each_field(
    Settings, store=words, policy=policies, rules=rules, overrides=st.lists(overrides, max_size=2).map(tuple),
    skip_checks=st.lists(st.sampled_from(Check), max_size=3, unique=True).map(tuple),
    leaders=st.lists(_each_field(LeaderSettings, **accounts), max_size=2).map(tuple),
    followers=st.lists(
        _each_field(
            FollowerSettings, **accounts, max_lots=st.none() | st.integers(1, 100), limits=limits,
            leaders=st.none() | st.lists(words, max_size=2).map(tuple), loss_limit=st.none() | losses,
            overrides=st.lists(overrides, max_size=2).map(tuple), reverse=st.just(False),
        ).flatmap(lambda one: st.sampled_from([one, evolve(one, mode=CopyMode.EXECUTION, reverse=True)])),
        max_size=2,
    ).map(tuple),
).map(_possible)  # fmt: skip
__all__ = ["caps", "filters", "rules", "settings", "sizers", "time"]
