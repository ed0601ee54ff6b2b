"""How late and how much worse each copy was than the leader's order, out of the journal."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from attrs import define, field

from dhan_copy.core.facts import (
    CopyAdmitted,
    DayOpened,
    Entry,
    LeaderReported,
    OrderReported,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
)
from dhan_copy.core.legs import leg_id
from dhan_copy.core.requests import Submit
from dhan_copy.core.trade import TradeKey, is_own
from dhan_copy.core.worth import worth
from dhan_copy.display import Table
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import OrderReport, Side

_COLUMNS = (
    "leader", "leader_order_id", "follower", "symbol", "side", "live", "leader_at", "seen_ms", "decided_ms", "sent_ms",
    "answered_ms", "filled_ms", "filled", "leader_price", "price", "behind_seconds", "slippage", "slippage_bps",
)  # fmt: skip
_TEN_THOUSANDTH, _HUNDREDTH = Decimal("0.0001"), Decimal("0.01")


@define
class _Fills:
    """What an order has filled, as its reports tell."""

    quantity: int = 0
    price: Decimal | None = None
    at: datetime | None = None

    def take(self, report: OrderReport, at: datetime) -> None:
        if report.filled_quantity > self.quantity:
            self.quantity, self.at = report.filled_quantity, report.updated_at or at
        if report.filled_quantity == self.quantity and report.average_price is not None:
            self.price = report.average_price


@define
class _Leading:
    report: OrderReport
    at: datetime | None
    """When he placed it, by his broker's clock."""
    seen_at: datetime
    fills: _Fills = field(factory=_Fills)


@define
class _Copy:
    live: bool
    decided_at: datetime
    facts: InstrumentFacts
    reverse: bool = False
    sent_at: datetime | None = None
    answered_at: datetime | None = None
    first_filled_at: datetime | None = None
    fills: dict[ClientOrderId, _Fills] = field(factory=dict)


def executions(entries: Iterable[Entry]) -> Table:
    """The table of a whole journal's entries."""
    folded = Executions()
    for entry in entries:
        folded.take(entry)
    return folded.table()


class Executions:
    """Folds the entries of a journal, in order, and makes a table of the last day's copies that were sent."""

    def __init__(self) -> None:
        self._leading: dict[tuple[AccountName, BrokerOrderId], _Leading] = {}
        self._copies: dict[TradeKey, _Copy] = {}
        self._by_tag: dict[tuple[AccountName, ClientOrderId], TradeKey] = {}
        self._tags: dict[tuple[AccountName, BrokerOrderId], ClientOrderId] = {}

    def take(self, entry: Entry) -> None:
        fact, at = entry.fact, entry.at
        if isinstance(fact, DayOpened):
            for held in (self._leading, self._copies, self._by_tag, self._tags):
                held.clear()
        elif isinstance(fact, LeaderReported):
            report = fact.report
            key = (fact.leader, report.order_id)
            leading = self._leading.setdefault(key, _Leading(report, report.created_at, at))
            leading.report = report
            leading.fills.take(report, at)
        elif isinstance(fact, CopyAdmitted):
            self._copies.setdefault(
                (fact.leader, fact.leader_order_id, fact.follower), _Copy(fact.live, at, fact.facts, fact.reverse)
            )
        elif isinstance(fact, RequestIssued):
            self._issued(fact, at)
        elif isinstance(fact, (RequestAccepted, RequestRejected)):
            copy = self._copy(fact.follower, fact.client_order_id)
            if copy is not None:
                copy.answered_at = copy.answered_at or at
            if isinstance(fact, RequestAccepted) and (fact.follower, fact.broker_order_id) not in self._tags:
                self._tags[fact.follower, fact.broker_order_id] = fact.client_order_id
        elif isinstance(fact, OrderReported):
            self._reported(fact, at)

    def _issued(self, fact: RequestIssued, at: datetime) -> None:
        request = fact.request
        if isinstance(request, Submit) and not is_own(request.leader_order_id):
            key = (request.leader, request.leader_order_id, request.follower)
            self._by_tag[request.follower, request.client_order_id] = key
            if key in self._copies:
                self._copies[key].sent_at = self._copies[key].sent_at or at

    def _reported(self, fact: OrderReported, at: datetime) -> None:
        report = fact.report
        self._sent_with_its_entry(fact)
        tag = report.client_order_id or self._tags.get((fact.follower, report.order_id))
        copy = None if tag is None else self._copy(fact.follower, tag)
        if copy is not None and tag is not None and report.filled_quantity:
            copy.fills.setdefault(tag, _Fills()).take(report, at)
            copy.first_filled_at = copy.first_filled_at or at

    def _sent_with_its_entry(self, fact: OrderReported) -> None:
        """A leg of a super order was sent when that was."""
        report = fact.report
        entry = None if report.parent_order_id is None else self._tags.get((fact.follower, report.parent_order_id))
        key = None if entry is None else self._by_tag.get((fact.follower, entry))
        if report.leg_order_id is None or key is None or report.client_order_id is None:
            return
        leg = (key[0], leg_id(key[1], report.leg), key[2])
        if leg in self._copies and (fact.follower, report.client_order_id) not in self._by_tag:
            self._by_tag[fact.follower, report.client_order_id] = leg
            self._copies[leg].sent_at, self._copies[leg].answered_at = self._copies[key].sent_at, self._copies[key].answered_at

    def _copy(self, follower: AccountName, tag: ClientOrderId) -> _Copy | None:
        key = self._by_tag.get((follower, tag))
        return None if key is None else self._copies.get(key)

    def table(self) -> Table:
        """A row for each copy, and one for each follower with the sums of what is known."""
        rows: list[Mapping[str, object]] = []
        totals: dict[AccountName, tuple[Decimal, Decimal]] = {}
        for key, copy in self._copies.items():
            leading = self._leading.get(key[:2])
            if copy.sent_at is None or leading is None:
                continue
            slippage, turnover = _slippage(leading, copy)
            rows.append(_row(key, leading, copy, slippage, turnover))
            segment = leading.report.segment
            lost = None if slippage is None else worth(segment, 1, slippage, copy.facts)
            paid = worth(segment, 1, turnover, copy.facts)
            if lost is not None and paid is not None:
                before = totals.get(key[2], (Decimal(0), Decimal(0)))
                totals[key[2]] = (before[0] + lost, before[1] + paid)
        for follower, (slippage, turnover) in totals.items():
            rows.append(
                {
                    "follower": follower, "symbol": "all", "slippage": slippage,
                    "slippage_bps": _basis_points(slippage, turnover),
                }
            )  # fmt: skip
        return Table.of("executions", _COLUMNS, rows)


def _slippage(leading: _Leading, copy: _Copy) -> tuple[Decimal | None, Decimal]:
    """What the follower paid more, or received less, than the leader would have for the same quantity; and that at the
    leader's price. None where a price is not known."""
    price, done = leading.fills.price, [fills for fills in copy.fills.values() if fills.quantity]
    if not leading.fills.quantity or price is None or not done:
        return None, Decimal(0)
    paid = Decimal(0)
    for fills in done:
        if fills.price is None:
            return None, Decimal(0)
        paid += fills.price * fills.quantity
    turnover = price * sum(fills.quantity for fills in done)
    return (paid - turnover) * _side(leading, copy).sign, turnover


def _side(leading: _Leading, copy: _Copy) -> Side:
    """The side that the follower took."""
    side = leading.report.side
    return side.opposite if copy.reverse else side


def _row(key: TradeKey, leading: _Leading, copy: _Copy, slippage: Decimal | None, turnover: Decimal) -> Mapping[str, object]:
    report = leading.report
    steps = (leading.at, leading.seen_at, copy.decided_at, copy.sent_at, copy.answered_at, copy.first_filled_at)
    names = ("seen_ms", "decided_ms", "sent_ms", "answered_ms", "filled_ms")
    last = max((fills.at for fills in copy.fills.values() if fills.at is not None), default=None)
    return {
        "leader": key[0],
        "leader_order_id": key[1],
        "follower": key[2],
        "symbol": report.symbol or str(report.key),
        "side": _side(leading, copy),
        "live": copy.live,
        "leader_at": leading.at,
        **dict(zip(names, _between(steps))),
        "filled": sum(fills.quantity for fills in copy.fills.values()),
        "leader_price": leading.fills.price if leading.fills.quantity else None,
        "price": _average(copy),
        "behind_seconds": _seconds(leading.fills.at, last),
        "slippage": None if slippage is None else worth(report.segment, 1, slippage, copy.facts),
        "slippage_bps": None if slippage is None else _basis_points(slippage, turnover),
    }


def _between(steps: tuple[datetime | None, ...]) -> Iterator[int | None]:
    """Milliseconds from each moment to the next; None where one of them is not known."""
    for before, after in zip(steps, steps[1:]):
        yield None if before is None or after is None else round((after - before).total_seconds() * 1000)


def _seconds(his: datetime | None, ours: datetime | None) -> Decimal | None:
    return None if his is None or ours is None else Decimal(round((ours - his).total_seconds() * 1000)) / 1000


def _average(copy: _Copy) -> Decimal | None:
    prices = [(fills.price, fills.quantity) for fills in copy.fills.values()]
    if not prices:
        return None
    paid = Decimal(0)
    for price, quantity in prices:
        if price is None:
            return None
        paid += price * quantity
    average = (paid / sum(quantity for _, quantity in prices)).quantize(_TEN_THOUSANDTH)
    short = average.quantize(_HUNDREDTH)
    return short if short == average else average


def _basis_points(slippage: Decimal, turnover: Decimal) -> Decimal | None:
    if not turnover:
        return None
    exact = Fraction(slippage) / Fraction(turnover) * 10_000
    return (Decimal(exact.numerator) / Decimal(exact.denominator)).quantize(_HUNDREDTH)
