"""Which of the leader's entries are copied: values that are combined with ``&``, ``|`` and ``~``.

A filter is asked once for every leader order and follower, about entries alone. What it cannot tell (the instrument's
kind in a row of the order book, where an order was entered) is neither yes nor no: the entry is refused, and so it is
by the opposite of that filter.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import time
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import TypeVar

from attrs import field, frozen

from dhan_copy.core.checked import check, exact, shown
from dhan_copy.core.filtering import Filter, Verdict
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.worth import price_of, worth
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKind, is_cut
from dhan_copy.model.order import Product, Side
from dhan_copy.model.times import IST

_EnumT = TypeVar("_EnumT", bound=Enum)


class Origin(Enum):
    """How the leader entered his order."""

    API = "API"
    MANUAL = "MANUAL"
    """In Dhan's app, on its web page or in TradingView."""


_LETTERS = {"P": Origin.API, "N": Origin.MANUAL, "W": Origin.MANUAL, "T": Origin.MANUAL}
"""Dhan's ``source`` of an order update: P is documented, the others were seen (protocol facts 3.4)."""


def _members(kind: type[_EnumT], given: tuple[_EnumT | str, ...]) -> tuple[_EnumT, ...]:
    names = ", ".join(member.name for member in kind)
    if not given:
        raise ValueError(f"name at least one {kind.__name__}: {names}")
    found = [member if isinstance(member, kind) else kind.__members__.get(str(member)) for member in given]
    for member, said in zip(found, given):
        if member is None:
            raise ValueError(f"{str(said)[:40]!r} is no {kind.__name__}: it must be one of {names}")
    return tuple(member for member in found if member is not None)


def _patterns(given: tuple[str, ...]) -> tuple[str, ...]:
    if not given or not all(isinstance(pattern, str) and pattern.strip() for pattern in given):
        raise ValueError("name at least one pattern, such as 'NIFTY*'")
    return given


def _clock(value: time | str) -> time:
    try:
        at = time.fromisoformat(value) if isinstance(value, str) else value
    except ValueError:
        at = None
    if not isinstance(at, time) or at.tzinfo is not None:
        raise ValueError(f"a time of the day is written as '09:20', not {shown(value)}")
    return at


def _rupees(value: Decimal | int | str | None) -> Decimal | None:
    return None if value is None else exact(value)


@frozen(init=False)
class Segments(Filter):
    """Orders of these exchange segments: ``Segments("NSE_FNO", "BSE_FNO")``."""

    of: tuple[ExchangeSegment, ...]

    def __init__(self, *of: ExchangeSegment | str) -> None:
        self.__attrs_init__(_members(ExchangeSegment, of))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        return _among(self, order.report.segment, self.of)

    def __str__(self) -> str:
        return f"segment {_or(self.of)}"


@frozen(init=False)
class Kinds(Filter):
    """Orders of these instrument kinds: ``Kinds("OPTIDX", "OPTSTK")``, or :data:`OPTIONS`."""

    of: tuple[InstrumentKind, ...]

    def __init__(self, *of: InstrumentKind | str) -> None:
        self.__attrs_init__(_members(InstrumentKind, of))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        # Indices are not traded, so that a share is all that the equity segments have.
        kind = InstrumentKind.EQUITY if order.report.segment.is_equity else facts.kind
        return _among(self, kind, self.of)

    def __str__(self) -> str:
        return f"kind {_or(self.of)}"


OPTIONS = Kinds(*(kind for kind in InstrumentKind if kind.is_option))
"""Options only."""


@frozen(init=False)
class Symbols(Filter):
    """Orders whose symbol, as Dhan's order book spells it (``NIFTY-Mar2025-22550-PE``), fits one of the patterns:
    ``*`` stands for any text, capitals do not matter. ``SEGMENT:id`` names one instrument: ``NSE_FNO:45471``.

    An order update has only the first 15 characters of a derivative's symbol (``NIFTY-Mar2025-2``). The list of
    instruments completes it; without one, what these cannot tell waits a few seconds for the order book, and is then
    unknown."""

    of: tuple[str, ...]

    def __init__(self, *of: str) -> None:
        self.__attrs_init__(_patterns(of))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        report = order.report
        fits = fits_instrument(self.of, report.segment, report.symbol, str(report.key))
        if fits:
            return Verdict(True, f"{self}: it is {report.symbol or report.key}")
        if fits is None:
            return Verdict(None, f"{self}: it begins with {report.symbol}, and the rest is unknown")
        # Without its symbol nobody can say that it is not one of these; that of another instrument says so.
        return Verdict(False if report.symbol else None, f"{self}: {_is(report.symbol or None)}")

    def __str__(self) -> str:
        return f"symbol {' or '.join(self.of)}"


@frozen(init=False)
class Products(Filter):
    """Orders of these products: ``Products("INTRADAY")``."""

    of: tuple[Product, ...]

    def __init__(self, *of: Product | str) -> None:
        self.__attrs_init__(_members(Product, of))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        return _among(self, order.report.product, self.of)

    def __str__(self) -> str:
        return f"product {_or(self.of)}"


@frozen(init=False)
class Sides(Filter):
    """Entries of this side: ``Sides("BUY")`` copies no shorts."""

    of: tuple[Side, ...]

    def __init__(self, *of: Side | str) -> None:
        self.__attrs_init__(_members(Side, of))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        return _among(self, order.report.side, self.of)

    def __str__(self) -> str:
        return f"side {_or(self.of)}"


@frozen(init=False)
class Origins(Filter):
    """Orders that the leader entered so: ``Origins("MANUAL")``. Order updates tell it, rows of the order book do not."""

    of: tuple[Origin, ...]

    def __init__(self, *of: Origin | str) -> None:
        self.__attrs_init__(_members(Origin, of))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        return _among(self, _LETTERS.get(order.report.source or ""), self.of)

    def __str__(self) -> str:
        return f"source {_or(self.of)}"


@frozen(init=False)
class Tags(Filter):
    """Orders whose tag (Dhan's correlationId, which the leader's own program gives) fits one of the patterns; ``*``
    stands for any text, capitals do not matter. An order without a tag fits none."""

    of: tuple[str, ...]

    def __init__(self, *of: str) -> None:
        self.__attrs_init__(_patterns(of))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        tag = order.report.client_order_id
        return Verdict(fits_symbol(self.of, tag or "") if tag else False, f"{self}: it is {tag or 'none'}")

    def __str__(self) -> str:
        return f"tag {' or '.join(self.of)}"


@frozen
class Between(Filter):
    """Orders placed at this time of the day (IST), the end not included: ``Between("09:20", "15:15")``."""

    start: time = field(converter=_clock)
    end: time = field(converter=_clock)

    def __attrs_post_init__(self) -> None:
        if self.start >= self.end:
            raise ValueError(f"the time of day must begin before it ends, not {self.start} to {self.end}")

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        placed = (order.report.created_at or order.first_seen_at).astimezone(IST).time()
        return Verdict(self.start <= placed < self.end, f"{self}: it is {placed:%H:%M:%S}")

    def __str__(self) -> str:
        return f"time {self.start:%H:%M:%S} to {self.end:%H:%M:%S}"


@frozen(kw_only=True)
class QuantityRange(Filter):
    """Orders of the leader of at least and at most so many units (MCX: lots)."""

    least: int | None = None
    most: int | None = None

    def __attrs_post_init__(self) -> None:
        check(self, may_be_zero=("least", "most"))
        _check_range(self.least, self.most)

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        return _within(self, Decimal(order.report.quantity), self.least, self.most)

    def __str__(self) -> str:
        return f"quantity {_range(self.least, self.most)}"


@frozen(kw_only=True)
class ValueRange(Filter):
    """Orders of the leader worth at least and at most so many rupees: price times quantity, of commodities and
    currencies where the size of a contract is known."""

    least: Decimal | None = field(default=None, converter=_rupees)
    most: Decimal | None = field(default=None, converter=_rupees)

    def __attrs_post_init__(self) -> None:
        _check_range(self.least, self.most)

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        price = price_of(order.report)
        value = None if price is None else worth(order.report.segment, order.report.quantity, price, facts)
        return _within(self, value, self.least, self.most)

    def __str__(self) -> str:
        return f"value {_range(self.least, self.most)}"


def fits_symbol(patterns: Iterable[str], *names: str) -> bool:
    """Whether one of the names fits one of the patterns, in which ``*`` stands for any text."""
    return any(_pattern(pattern).fullmatch(name) for pattern in patterns for name in names if name)


def fits_instrument(patterns: Iterable[str], segment: ExchangeSegment | None, *names: str) -> bool | None:
    """Whether one of the names of an instrument fits one of the patterns; None where the rest of a cut symbol says."""
    found: bool | None = False
    for pattern in patterns:
        for name in names:
            fits = fits_symbol([pattern], name)
            if is_cut(segment, name) and not (fits and pattern.endswith("*")):
                fits = _may_go_on(pattern.upper(), name.upper())
                found = None if fits else found
            elif fits:
                return True
    return found


def _may_go_on(pattern: str, beginning: str) -> bool:
    """Whether some text that begins so fits the pattern."""
    head, star, _ = pattern.partition("*")
    return head.startswith(beginning) or (star != "" and beginning.startswith(head))


@cache
def _pattern(pattern: str) -> re.Pattern[str]:
    return re.compile(".*".join(map(re.escape, pattern.split("*"))), re.IGNORECASE | re.DOTALL)


def _among(one: Filter, value: Enum | None, wanted: tuple[Enum, ...]) -> Verdict:
    return Verdict(None if value is None else value in wanted, f"{one}: {_is(None if value is None else value.name)}")


def _within(one: Filter, value: Decimal | None, least: Decimal | int | None, most: Decimal | int | None) -> Verdict:
    if value is None:
        return Verdict(None, f"{one}: {_is(None)}")
    fits = (least is None or value >= least) and (most is None or value <= most)
    return Verdict(fits, f"{one}: {_is(str(value))}")


def _is(value: str | None) -> str:
    return "it is unknown" if value is None else f"it is {value}"


def _or(members: Iterable[Enum]) -> str:
    return " or ".join(member.name for member in members)


def _range(least: object, most: object) -> str:
    return f"{'any' if least is None else least} to {'any' if most is None else most}"


def _check_range(least: Decimal | int | None, most: Decimal | int | None) -> None:
    if least is None and most is None:
        raise ValueError("give least=, most= or both")
    if any(limit is not None and limit < 0 for limit in (least, most)):
        raise ValueError("least and most must not be negative")
    if least is not None and most is not None and least > most:
        raise ValueError(f"least {least} is above most {most}")
