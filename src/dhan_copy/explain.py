"""The journal in sentences: what happened to an order, and because of what."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from typing_extensions import assert_never

from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    CheckpointWritten,
    ClockStepped,
    CloseOrdered,
    CopyAdmitted,
    CopyDeclined,
    DayOpened,
    DriftDeclared,
    EngineStarted,
    Entry,
    Fact,
    FundsReported,
    GapDetected,
    KillSwitchAnswered,
    KillSwitchRead,
    KillSwitchTurned,
    LeaderReported,
    MarginReported,
    OpenOrdered,
    OrderNotFound,
    OrderReported,
    Outcome,
    OutcomeUnresolved,
    PositionsReported,
    QuotesReported,
    ReadFailed,
    ReportUnreadable,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
    SettingChanged,
    SlippageMeasured,
    SourceStarted,
    TradeSettled,
    TradingStateChanged,
)
from dhan_copy.core.legs import EXIT_LEGS
from dhan_copy.core.requests import Cancel, Modify, Request, Submit
from dhan_copy.display import Table
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, id_parts
from dhan_copy.model.order import Leg, OrderReport
from dhan_copy.model.reason import ReasonCode
from dhan_copy.views import number, terms_text

_COLUMNS = ("position", "at", "account", "what", "because_of")
_ROUTINE = (BookRead, PositionsReported, FundsReported, MarginReported, CheckpointWritten)


def story(leader_order_id: str, entries: Iterable[Entry]) -> Table:
    """Everything that the entries of a journal say of one leader order and its legs, in order."""
    told = Story(leader_order_id)
    for entry in entries:
        told.take(entry)
    return told.table()


class Story:
    """Picks the rows about one leader order, and about its legs, out of a journal, in order."""

    def __init__(self, leader_order_id: str) -> None:
        self._wanted = leader_order_id
        self._tags: set[tuple[AccountName | None, ClientOrderId]] = set()
        self._placed: set[tuple[AccountName | None, BrokerOrderId]] = set()
        self._rows: list[Mapping[str, object]] = []
        self._told: dict[int, str] = {}

    def take(self, entry: Entry) -> None:
        tag = _tag(entry.fact)
        named = entry.leader_order_id
        about = named == self._wanted or (named is not None and named.startswith(f"{self._wanted}/"))
        if isinstance(entry.fact, OrderReported):  # a leg of a super order, for which nothing was sent
            about = about or (entry.account, entry.fact.report.parent_order_id) in self._placed
        if about and tag is not None:
            self._tags.add((entry.account, tag))
        if isinstance(entry.fact, RequestAccepted) and (entry.account, tag) in self._tags:
            self._placed.add((entry.account, entry.fact.broker_order_id))
        if about or (tag is not None and (entry.account, tag) in self._tags):
            self._rows.append(row(entry, self._told))

    def table(self) -> Table:
        return Table.of(f"order {self._wanted}", _COLUMNS, self._rows)


def happened(entries: Iterable[Entry]) -> Table:
    """What happened, without the routine reads."""
    told: dict[int, str] = {}
    return Table.of("what happened", _COLUMNS, [row(e, told) for e in entries if not isinstance(e.fact, _ROUTINE)])


def row(entry: Entry, told: dict[int, str]) -> Mapping[str, object]:
    """One line; ``told`` remembers which facts came before, so that a cause can be named."""
    told[entry.position] = type(entry.fact).__name__
    cause = None if entry.cause is None else f"{entry.cause} {told.get(entry.cause, '')}".strip()
    return {
        "position": entry.position,
        "at": entry.at,
        "account": entry.account,
        "what": _part(entry) + sentence(entry.fact),
        "because_of": cause,
    }


def _part(entry: Entry) -> str:
    """Which leg of a linked order a line is about; empty for entries and plain orders."""
    parts = id_parts(_tag(entry.fact))
    tagged = next((leg for leg in EXIT_LEGS if parts is not None and parts.leg == leg.letter), None)
    leg = _leg_named(entry.leader_order_id) or tagged
    return f"{leg.value}: " if leg is not None else ""


def _leg_named(order_id: str | None) -> Leg | None:
    return next((leg for leg in EXIT_LEGS if order_id is not None and order_id.endswith(f"/{leg.value}")), None)


def sentence(fact: Fact) -> str:
    """What the fact says, in words."""
    match fact:
        case EngineStarted():
            return f"The engine started (release {fact.version}, owner {fact.epoch} of this journal)."
        case DayOpened():
            return f"The trading day {fact.day} began."
        case SourceStarted():
            return f"{fact.account} is watched from here on."
        case LeaderReported():
            return f"The leader's order is {_report(fact.report)} ({fact.channel.value.lower()})."
        case OrderReported():
            return f"The follower's order is {_report(fact.report)} ({fact.channel.value.lower()})."
        case ReportUnreadable():
            return f"A report could not be understood: {fact.problem}."
        case GapDetected():
            return f"Updates may have been missed: {fact.cause}."
        case BookRead():
            return f"The order book was read; {len(fact.tags)} orders in it are ours."
        case OrderNotFound():
            return "A lookup by our id showed nothing."
        case ReadFailed():
            return f"Reading {fact.what} failed: {fact.problem}. What is known stays as it was."
        case PositionsReported():
            return f"Positions were read: {len(fact.positions)}."
        case FundsReported():
            return f"Funds were read: {fact.funds.available} rupees available."
        case MarginReported():
            asked = f"{fact.order.side.value} {fact.order.quantity} of {fact.order.segment.value}:{fact.order.security_id}"
            return f"The margin of {asked} at {fact.order.price} was read: {fact.margin.required} rupees."
        case QuotesReported():
            told = ", ".join(f"{quote.key} {quote.price}" for quote in fact.quotes)
            return f"Last prices were read: {told or 'none'}."
        case CopyAdmitted():
            return _admitted(fact)
        case CopyDeclined():
            return f"Not copied: {_why(fact.reason, fact.detail)}."
        case TradeSettled():
            return f"{'' if fact.unsent is None else f'Nothing was sent: {fact.unsent.value}. '}Nothing more is expected of this copy."
        case SlippageMeasured():
            word = "worse" if fact.percent >= 0 else "better"
            return f"It traded {abs(float(fact.percent)):.2f} % {word} than the leader's order; {fact.allowed} % are allowed."
        case DriftDeclared():
            more = "more" if fact.quantity > 0 else "less"
            amount = f"{number(abs(fact.quantity))} units {more} of {fact.key} than the leader scales to"
            return f"The follower holds {amount}: {_why(fact.reason, fact.detail)}."
        case CloseOrdered():
            of = f"{fact.quantity} of {fact.key}"
            return f"The copier closes {of} on its own account ({fact.side.value}, at the market): {fact.reason.value}."
        case OpenOrdered():
            of = f"{fact.quantity} of {fact.key}"
            return f"The copier enters {of} at the user's word ({fact.side.value} of the leader's side, at the market)."
        case RequestIssued():
            return _issued(fact.request)
        case RequestAccepted():
            return f"The broker took the request (attempt {fact.attempt}), order {fact.broker_order_id}."
        case RequestRejected():
            final = "for good" if fact.final else "for now"
            return f"The broker refused the request (attempt {fact.attempt}) {final}: {fact.code} {fact.text}".rstrip() + "."
        case OutcomeUnresolved():
            return f"Nobody knows what became of the request (attempt {fact.attempt}): {fact.problem}."
        case ClockStepped():
            return f"The machine's clock was set forward by {fact.milliseconds / 1000:g} s."
        case RequestWithheld():
            return f"The request (attempt {fact.attempt}) was held back and never left: {fact.problem}."
        case TradingStateChanged():
            return f"Trading of {fact.follower or 'every follower'} was set to {fact.state.value}."
        case KillSwitchTurned():
            return f"The broker is asked to turn its kill switch {'on' if fact.on else 'off'} at {fact.follower}."
        case KillSwitchAnswered(outcome=Outcome.TAKEN):
            return f"The broker turned its kill switch {'on' if fact.on else 'off'}."
        case KillSwitchAnswered(outcome=Outcome.REFUSED):
            return f"The kill switch was not turned {'on' if fact.on else 'off'}: {fact.problem}."
        case KillSwitchAnswered():
            return f"Nobody knows whether the kill switch was turned {'on' if fact.on else 'off'}: {fact.problem}."
        case KillSwitchRead():
            return f"The broker's kill switch was read: it is {'on' if fact.on else 'off'}."
        case SettingChanged(value=""):
            return (
                f"The change of {fact.setting} of {fact.account or 'all'} is over: it was given as {fact.given} at the start."
            )
        case SettingChanged():
            return f"The setting {fact.setting} of {fact.account or 'all'} was changed to {fact.value}; it was given as {fact.given}."
        case AlertRaised():
            return f"ALERT {fact.code}: {fact.what} {fact.known} {fact.advice}".rstrip()
        case CheckpointWritten():
            return "What changed in the state was written down, so that recovery can begin here."
    assert_never(fact)


def _report(report: OrderReport) -> str:
    filled = f", {report.filled_quantity} filled" if report.filled_quantity else ""
    at = f" at {report.average_price}" if report.filled_quantity and report.average_price is not None else ""
    name = report.symbol or str(report.key)
    reason = f": {report.reason}" if report.reason and report.status.is_terminal else ""
    return (
        f"{report.status.value}, {report.side.value} {report.quantity} {name} {terms_text(report.terms)} "
        f"{report.product.value}{filled}{at}{reason}"
    )


def _admitted(fact: CopyAdmitted) -> str:
    parts = []
    if _leg_named(fact.leader_order_id):
        return f"Copied{'' if fact.live else ' on paper'}: it closes what its entry fills here, as much as is open."
    if fact.exit_quantity:
        parts.append(f"{fact.exit_quantity} units close what the leader holds")
    if fact.entry_quantity:
        carry = f" plus {number(fact.carry)} carried" if fact.carry else ""
        most = "" if fact.most_units is None else f", {fact.most_units} at the most whatever becomes of the leader's order"
        parts.append(f"{fact.entry_quantity} units open, scaled by {fact.ratio}{carry}, lot {fact.facts.lot_units}{most}")
    before = "unknown" if fact.position_before is None else str(fact.position_before)
    paper = "" if fact.live else " on paper"
    said = f"Copied{paper}: {'; '.join(parts) or 'nothing to do'} (leader held {before})"
    return f"{said}. {_why(fact.reason, fact.detail)}." if fact.reason is not ReasonCode.COPIED or fact.detail else f"{said}."


def _issued(request: Request) -> str:
    match request:
        case Submit():
            what = f"{request.side.value} {request.quantity} of {request.segment.value}:{request.security_id}"
            text = f"Decided to place {_kind(request)}{what} {_legs_text(request)} as {request.intent.value.lower()}"
        case Modify() if request.linked and request.leg is not Leg.ENTRY:
            text = f"Decided to move it: {_legs_text(request)}"
        case Modify():
            text = f"Decided to change it to a total of {request.quantity}, {_legs_text(request)}"
        case Cancel():
            return f"Decided to cancel it (attempt {request.attempt})."
        case _ as never:
            assert_never(never)
    note = f" ({request.note})" if request.note else ""
    return f"{text} (attempt {request.attempt}){note}."


def _kind(request: Submit) -> str:
    if request.after_market is not None:
        return f"an after-market order ({request.after_market.value}), "
    if request.forever:
        return "a Forever order, "
    return "" if request.bracket is None else "a super order, "


def _legs_text(request: Submit | Modify) -> str:
    second, bracket = request.second_leg, request.bracket
    own = terms_text(request.terms)
    if bracket is not None:
        jump = "" if bracket.trailing_jump is None else f" that follows by {bracket.trailing_jump}"
        legs = [
            *([] if bracket.target is None else [f"target {bracket.target}"]),
            *([] if bracket.stop is None else [f"stop {bracket.stop}{jump}"]),
        ]
        return ", ".join(legs if request.leg is not Leg.ENTRY else [own, *legs])
    return own if second is None else f"{own}, or {second.quantity} {terms_text(second.terms)}, whichever is reached first"


def _why(reason: ReasonCode, detail: str) -> str:
    return f"{reason.value} ({detail})" if detail else reason.value


def _tag(fact: Fact) -> ClientOrderId | None:
    if isinstance(fact, RequestIssued):
        return fact.request.client_order_id
    if isinstance(fact, OrderReported):
        return fact.report.client_order_id
    tag: ClientOrderId | None = getattr(fact, "client_order_id", None)
    return tag
