"""Yes, no or unknown about an entry, and how such answers are combined: ``&``, ``|`` and ``~``."""

from __future__ import annotations

from abc import ABC, abstractmethod

from attrs import frozen

from dhan_copy.core.leader import LeaderOrder
from dhan_copy.model.instrument import InstrumentFacts


@frozen
class Verdict:
    """Whether an order may be copied, None where that cannot be told; ``because`` names the filter and what it saw."""

    passes: bool | None
    because: str


class Filter(ABC):
    """Subclass it for a filter of your own: :meth:`judge` alone is needed. It is called on the engine's thread, so it
    must be quick; what it raises declines the order with that reason."""

    @abstractmethod
    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        """The verdict on an entry; ``facts`` is what is known of its instrument."""

    def __and__(self, other: Filter) -> AllOf:
        return AllOf(*_parts(self, AllOf), *_parts(other, AllOf))

    def __or__(self, other: Filter) -> AnyOf:
        return AnyOf(*_parts(self, AnyOf), *_parts(other, AnyOf))

    def __invert__(self) -> Filter:
        return Not(self)


def _parts(one: Filter, kind: type[AllOf] | type[AnyOf]) -> tuple[Filter, ...]:
    if not isinstance(one, Filter):
        raise TypeError(f"a filter can be combined with filters only, not with {type(one).__name__}")
    return one.parts if isinstance(one, kind) else (one,)


@frozen(init=False)
class AllOf(Filter):
    """Lets through what every part lets through: ``a & b``."""

    parts: tuple[Filter, ...]

    def __init__(self, *parts: Filter) -> None:
        self.__attrs_init__(_filters(parts))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        verdicts = [part.judge(order, facts) for part in self.parts]
        for wanted in (False, None):
            for verdict in verdicts:
                if verdict.passes is wanted:
                    return verdict
        return Verdict(True, " and ".join(verdict.because for verdict in verdicts))

    def __str__(self) -> str:
        return " and ".join(f"({part})" if isinstance(part, AnyOf) else str(part) for part in self.parts)


@frozen(init=False)
class AnyOf(Filter):
    """Lets through what some part lets through: ``a | b``."""

    parts: tuple[Filter, ...]

    def __init__(self, *parts: Filter) -> None:
        self.__attrs_init__(_filters(parts))

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        verdicts = [part.judge(order, facts) for part in self.parts]
        for verdict in verdicts:
            if verdict.passes:
                return verdict
        unknown = any(verdict.passes is None for verdict in verdicts)
        return Verdict(None if unknown else False, "; ".join(verdict.because for verdict in verdicts))

    def __str__(self) -> str:
        return " or ".join(f"({part})" if isinstance(part, AllOf) else str(part) for part in self.parts)


@frozen
class Not(Filter):
    """Lets through what the part refuses: ``~a``."""

    part: Filter

    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        verdict = self.part.judge(order, facts)
        return Verdict(None if verdict.passes is None else not verdict.passes, f"not ({verdict.because})")

    def __str__(self) -> str:
        return f"not ({self.part})"


def _filters(parts: tuple[Filter, ...]) -> tuple[Filter, ...]:
    if not parts or not all(isinstance(part, Filter) for part in parts):
        raise ValueError("a combination of filters needs filters")
    return parts
