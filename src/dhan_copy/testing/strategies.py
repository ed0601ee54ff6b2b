"""Hypothesis strategies for facts, reports and the life of an order. Needs ``hypothesis``, which is not a dependency.

Facts are drawn from the fields and type hints of their classes, so that a new fact or field is covered at once.
"""

from __future__ import annotations

import string
import types
import typing
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta, timezone
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from functools import cache

import attrs
import pytz
from hypothesis import strategies as st

from dhan_copy.core.facts import Entry, Fact
from dhan_copy.core.requests import Request
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts
from dhan_copy.model.order import (
    Limit,
    Market,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Terms,
    Validity,
)
from dhan_copy.model.times import IST

T = typing.TypeVar("T")

_ZONES = st.sampled_from([IST, pytz.utc, timezone.utc, timezone(timedelta(hours=-5))])
_TAG = string.ascii_letters + string.digits + "_-"
_TICK = Decimal("0.05")


def prices() -> st.SearchStrategy[Decimal]:
    """Rupees above zero, on a tick of 0.05."""
    return st.integers(1, 2_000_000).map(lambda ticks: ticks * _TICK)


def moments() -> st.SearchStrategy[datetime]:
    """Aware times in this century's trading years, in IST and other zones."""
    return st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=_ZONES)


def terms() -> st.SearchStrategy[Terms]:
    """Any price instructions."""
    return st.one_of(
        st.just(Market()),
        st.builds(Limit, price=prices()),
        st.builds(StopLimit, trigger=prices(), price=prices()),
        st.builds(StopMarket, trigger=prices()),
    )


def brackets() -> st.SearchStrategy[Bracket]:
    """Any target, stop or both, trailing or not."""
    both = st.tuples(st.none() | prices(), prices(), st.none() | prices())
    some = both | st.tuples(prices(), st.none(), st.none())
    return some.map(lambda legs: Bracket(target=legs[0], stop=legs[1], trailing_jump=legs[2]))


def instrument_facts() -> st.SearchStrategy[InstrumentFacts]:
    return st.builds(
        InstrumentFacts,
        lot_units=st.sampled_from([1, 15, 35, 75, 125]),
        tick=st.none() | st.just(_TICK),
        kind=_for_hint(typing.get_type_hints(InstrumentFacts)["kind"]),
    )


def order_reports() -> st.SearchStrategy[OrderReport]:
    """Any report that can be made, whether or not an order could ever look like that."""

    quantities = st.tuples(st.integers(1, 100_000), st.integers(0, 100_000)).map(lambda q: (max(q), min(q)))
    others = _arguments(OrderReport, without=("quantity", "filled_quantity"))
    return st.builds(lambda q, values: OrderReport(quantity=q[0], filled_quantity=q[1], **values), quantities, others)


def requests() -> st.SearchStrategy[Request]:
    """Any request that changes something."""
    return typing.cast("st.SearchStrategy[Request]", _for_hint(Request))


def facts(*classes: type[Fact]) -> st.SearchStrategy[Fact]:
    """Any fact, or any of ``classes``."""
    wanted: tuple[object, ...] = classes or typing.get_args(Fact)
    return st.one_of([_for_hint(cls) for cls in wanted])


def entries(max_size: int = 20) -> st.SearchStrategy[list[Entry]]:
    """The first entries of a journal: positions from 1 without a gap, causes before what they caused."""

    @st.composite
    def draw_entries(draw: st.DrawFn) -> list[Entry]:
        drawn = draw(st.lists(st.tuples(moments(), facts()), max_size=max_size))
        return [
            Entry(position, at, fact, draw(st.none() | st.integers(1, position - 1)) if position > 1 else None)
            for position, (at, fact) in enumerate(drawn, start=1)
        ]

    return draw_entries()


def order_lives(account: str = "1000000001") -> st.SearchStrategy[list[OrderReport]]:
    """The reports of one order in the order in which they were made, from its first to the one that ends it.

    It is rejected at once, or becomes pending, is modified and filled in parts, and ends traded or cancelled.
    Quantities are whole lots; filled quantities and times never go back. An order may be left open.
    """

    @st.composite
    def draw_life(draw: st.DrawFn) -> list[OrderReport]:
        lot = draw(st.sampled_from([1, 15, 75]))
        at = IST.localize(datetime(2026, 9, 1, 9, 15)) + timedelta(seconds=draw(st.integers(0, 20_000)))
        now = OrderReport(
            account=AccountName(account),
            order_id=BrokerOrderId(str(draw(st.integers(10**11, 10**12 - 1)))),
            segment=ExchangeSegment.NSE_EQ if lot == 1 else ExchangeSegment.NSE_FNO,
            security_id=SecurityId(str(draw(st.integers(1, 99_999)))),
            side=draw(st.sampled_from(Side)),
            product=draw(st.sampled_from([Product.INTRADAY, Product.MARGIN])),
            validity=Validity.DAY,
            terms=draw(terms()),
            quantity=lot * draw(st.integers(1, 20)),
            status=OrderStatus.TRANSIT,
            instrument=InstrumentFacts(lot, _TICK),
            source="N",
            created_at=at,
            updated_at=at,
        )
        life = [now] if draw(st.booleans()) else []
        if draw(st.integers(0, 9)) == 0:
            return [*life, attrs.evolve(now, status=OrderStatus.REJECTED, reason="RMS: margin")]
        now = attrs.evolve(now, status=OrderStatus.PENDING)
        life.append(now)
        for step in draw(st.lists(st.sampled_from(["modify", "fill", "cancel"]), max_size=6)):
            at += timedelta(seconds=draw(st.integers(0, 600)))
            now = attrs.evolve(_next(draw, now, step, lot), updated_at=at)
            life.append(now)
            if now.status.is_terminal:
                break
        return life

    return draw_life()


def _next(draw: st.DrawFn, now: OrderReport, step: str, lot: int) -> OrderReport:
    done, total = now.filled_quantity // lot, now.quantity // lot
    if step == "modify":
        quantity = lot * draw(st.integers(done + 1, done + 20))
        status = OrderStatus.PART_TRADED if done else OrderStatus.PENDING
        changed = Market() if isinstance(now.terms, Market) else Limit(draw(prices()))
        return attrs.evolve(now, quantity=quantity, terms=changed, status=status)
    if step == "cancel":
        return attrs.evolve(now, status=OrderStatus.CANCELLED)
    filled = lot * draw(st.integers(done + 1, total))
    return attrs.evolve(
        now,
        filled_quantity=filled,
        average_price=draw(prices()),
        status=OrderStatus.TRADED if filled == now.quantity else OrderStatus.PART_TRADED,
    )


def _instances(cls: type[T]) -> st.SearchStrategy[T]:
    return _arguments(cls).map(lambda values: cls(**values))


def _arguments(cls: type, without: Sequence[str] = ()) -> st.SearchStrategy[dict[str, typing.Any]]:
    """Arguments for an attrs class, those with a default given or left out."""
    hints = typing.get_type_hints(cls)
    required: dict[str, st.SearchStrategy[typing.Any]] = {}
    optional: dict[str, st.SearchStrategy[typing.Any]] = {}
    for field in attrs.fields(typing.cast("type[attrs.AttrsInstance]", cls)):
        if field.name not in without:
            validated = field.validator is not None and hints[field.name] is int
            strategy = st.integers(1, 10**6) if validated else _for_hint(hints[field.name])
            (required if field.default is attrs.NOTHING else optional)[field.alias or field.name] = strategy
    return st.fixed_dictionaries(required, optional=optional)


@cache
def _for_hint(hint: object) -> st.SearchStrategy[typing.Any]:
    """Values of a type that a fact's field may have."""
    if isinstance(hint, typing.NewType):
        return _NAMED.get(hint, _names())
    if isinstance(hint, type) and hint in _PLAIN:
        return _PLAIN[hint]()
    arguments: Sequence[object] = typing.get_args(hint)
    if typing.get_origin(hint) in (typing.Union, types.UnionType):
        return st.one_of([_for_hint(argument) for argument in arguments])
    if typing.get_origin(hint) is tuple:
        return st.lists(_for_hint(arguments[0]), max_size=3).map(tuple)
    if isinstance(hint, type) and issubclass(hint, Enum):
        return st.sampled_from(hint)
    if isinstance(hint, type) and attrs.has(hint):
        return _instances(hint)
    raise TypeError(f"no strategy for {hint}")


def _names() -> st.SearchStrategy[str]:
    return st.text(_TAG, min_size=1, max_size=12)


_NAMED: dict[object, st.SearchStrategy[typing.Any]] = {
    AccountName: st.text(min_size=1, max_size=12),
    ClientOrderId: st.text(_TAG, min_size=1, max_size=30),
}
_PLAIN: dict[type, Callable[[], st.SearchStrategy[typing.Any]]] = {
    str: st.text,
    int: lambda: st.integers(-(10**6), 10**6),
    bool: st.booleans,
    Decimal: lambda: st.decimals(-(10**9), 10**9, places=2),
    Fraction: lambda: st.fractions(-(10**6), 10**6),
    datetime: moments,
    Limit: lambda: st.builds(Limit, price=prices()),
    StopLimit: lambda: st.builds(StopLimit, trigger=prices(), price=prices()),
    StopMarket: lambda: st.builds(StopMarket, trigger=prices()),
    InstrumentFacts: instrument_facts,
    Bracket: brackets,
    OrderReport: order_reports,
    type(None): st.none,
}
