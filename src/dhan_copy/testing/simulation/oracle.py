"""Judges a run by what the brokers saw. It never calls the code under test and never looks at its state.

Of the journal it reads what was declared (decisions, drift, alerts), what had become durable when, and what the leader
was understood to have done, which it compares with the leader's own book.
"""

from __future__ import annotations

import zlib
from collections import Counter, deque
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from math import inf
from typing import TYPE_CHECKING

from attrs import define, evolve, field, frozen

from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    CopyAdmitted,
    CopyDeclined,
    DriftDeclared,
    EngineStarted,
    Entry,
    LeaderReported,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    Refusal,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
    SettingChanged,
    TradeSettled,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.legs import leg_id
from dhan_copy.core.lost import Books, Tags
from dhan_copy.core.requests import (
    Cancel,
    Command,
    Intent,
    Modify,
    Query,
    ReadFunds,
    ReadMargin,
    ReadOrders,
    ReadPositions,
    Submit,
)
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId, id_parts, is_ours
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
    OrderReport,
    OrderStatus,
    Product,
    StopLimit,
    Terms,
    Validity,
    Variety,
)
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.times import ist_date
from dhan_copy.testing.simulation.forever_judge import ForeverJudge
from dhan_copy.testing.simulation.ideal import Ideals, Tree
from dhan_copy.testing.simulation.market import LISTINGS, Listing, TrueOrder, entry_of, leg_name
from dhan_copy.testing.simulation.mistakes import raises_at
from dhan_copy.testing.simulation.trees import EXITS, TreeJudge

if TYPE_CHECKING:
    from dhan_copy.testing.simulation.host import Batch
    from dhan_copy.testing.simulation.world import World

Request = Submit | Modify | Cancel
CopyKey = tuple[BrokerOrderId, AccountName]
WINDOWS = ((1.0, 10), (60.0, 250), (3600.0, 1000))
PER_DAY = 7000
MODIFICATIONS = 25
ENTRY_AGE = timedelta(seconds=30)
ABSENCE_SECONDS = 90.0
TROUBLED_SECONDS = 300.0
AFTER_START = timedelta(seconds=10)
STALE_SECONDS = 140.0
MET_SECONDS = 20.0
UNHURRIED = ((12.0, 7), (75.0, 180), (3615.0, 780))
"""An account that was asked for less than so many requests in so many seconds is surely not out of permits."""
WITH_ROWS, MOST = 3, 100
"""Violations kept with the rows they are about, and at all: those after the first mostly follow from it."""
OFTEN = 10
"""More rows than this that say the same of an order are not news but repetition; a state may come back."""
WHATEVER_IS_OPEN = 10**9
"""What is asked for of a leg that its broker keeps."""
RAISED = 0
"""In the place of an invariant's number: the day ended with an exception."""
ROWS_PER_ORDER_AND_FOLLOWER = 120
"""Of the journal, beyond which it would not be bounded by what happens."""


@frozen
class Violation:
    day: int
    seconds: float
    invariant: int
    what: str
    rows: tuple[str, ...]


@define(eq=False)
class Copy:
    """What is known from outside of one leader order at one follower."""

    admitted: CopyAdmitted | None = None
    admitted_at: int = 0
    """The row of the journal."""
    was_over: bool = False
    """The leader's order had ended when it was admitted: the copy is what he had filled, and rests for itself."""
    declined: CopyDeclined | None = None
    unsent: ReasonCode | None = None
    """Why nothing was sent for it, as its end told."""
    submits: list[Submit] = field(factory=list)
    placed: list[tuple[TrueOrder, Submit]] = field(factory=list)
    ends: set[str] = field(factory=set)
    """Refusals, alerts and withheld requests in the journal."""


class Oracle:
    """Collects violations, and counts the rare states that a run came through."""

    def __init__(self, world: World) -> None:
        self.world = world
        self.resized: dict[AccountName, Fraction] = {}
        """Sizes that have been changed while running."""
        self.violations: list[Violation] = []
        self.rare: Counter[str] = Counter()
        self.leader_orders = 0
        self.rows = 0
        self.digest = 0
        self.asked: list[Command] = []
        """Handed over since it was last cleared, reads that go on for ever left out."""
        self._arrivals: dict[AccountName, deque[float]] = {}
        self._spun = False
        self.forgetful = False
        """Whether an old copy of the journal is in use: what it lost was decided, told and declared before, so that only
        what reaches the brokers is judged."""
        self.trees = TreeJudge(self)
        self.forevers = ForeverJudge(self)
        self._new_day()

    def _new_day(self) -> None:
        self.journal: list[Entry] = []
        self.copies: dict[CopyKey, Copy] = {}
        self.tags: dict[ClientOrderId, CopyKey] = {}
        self.durable: set[tuple[ClientOrderId, int]] = set()
        self.reached: set[ClientOrderId] = set()
        self.turned_away: set[ClientOrderId] = set()
        """What reached a broker that did not take it."""
        self.not_now: set[ClientOrderId] = set()
        self.asked_for: dict[ClientOrderId, int] = {}
        """What was last asked for of an order and not refused, fills included; a cancel asks for nothing."""
        self.unsure: dict[ClientOrderId, datetime] = {}
        """Since when nobody has known what became of the last modification of an order."""
        self.stood: dict[tuple[ClientOrderId, int], tuple[int, datetime | None]] = {}
        """What was asked for, and since when nobody knew, before a modification that is not answered."""
        self.intents: dict[ClientOrderId, Intent] = {}
        self.issued_at: dict[ClientOrderId, float] = {}
        self.lost_at: dict[ClientOrderId, float] = {}
        self.looked_for: dict[ClientOrderId, float] = {}
        """When a request was last looked for in vain."""
        self.told_fills: dict[ClientOrderId, int] = {}
        self.newest: dict[BrokerOrderId, OrderReport] = {}
        self.open_orders: dict[Listing, dict[BrokerOrderId, None]] = {listing: {} for listing in LISTINGS}
        """Those of the leader's that may still fill, as far as was told."""
        self.seen_fills: dict[BrokerOrderId, int] = {}
        self.fill_told_at: dict[tuple[Listing, int], int] = {}
        """The last row that told of the leader's fills, by listing and sign."""
        self.told: dict[BrokerOrderId, Counter[object]] = {}
        """How often the journal says the same of an order of the leader's."""
        self.last_row: dict[BrokerOrderId, tuple[datetime, int, LeaderReported]] = {}
        """The last row of each order of the leader's: when it came, and of a frame how many rows of his book came before."""
        self.book_rows = 0
        self.confirmed: set[BrokerOrderId] = set()
        """Orders of the leader's that were ever said to have got past his broker."""
        self.most: dict[BrokerOrderId, int] = {}
        """The largest quantity that an order of the leader's was ever said to have."""
        self.terms_at: dict[BrokerOrderId, dict[Terms, datetime]] = {}
        """When an order of the leader's was last said to have these terms."""
        self.terms_since: dict[BrokerOrderId, tuple[Terms, float]] = {}
        """What it says now, and since when the journal knows."""
        self.awake: deque[float] = deque(maxlen=500)
        """When the process last committed anything, at most once in ten seconds."""
        self.known: set[ClientOrderId] = set()
        """Placements that were answered with yes or seen."""
        self.under_way: dict[AccountName, set[tuple[ClientOrderId, int]]] = {}
        self.unanswered_cancels: dict[tuple[ClientOrderId, int], ClientOrderId] = {}
        self.answered_at: dict[AccountName, deque[float]] = getattr(self, "answered_at", {})
        """A permit is held until so long after the answer, over midnight too."""
        self.troubled: dict[AccountName, float] = {}
        """When an account's requests were last refused for what has to do with the account."""
        self.started: datetime | None = None
        """When a process last took the journal over."""
        self.started_back: float = getattr(self, "started_back", -inf)
        """When one last did on a clock that had been set back."""
        self.trading: dict[AccountName | None, TradingState] = getattr(self, "trading", {})
        self.today: Counter[AccountName] = Counter()
        self.spent: set[AccountName] = set()
        """Whose requests of the day or the hour are used up, and said to be: a day has ten minutes here, so that nothing is
        sent any more."""
        self.waiting: set[AccountName] = set()
        """Whose entries, and changes of them, wait for the hour: for the rest of the day as well."""
        self.settled_at: dict[CopyKey, datetime] = {}
        self.declared_at: set[tuple[AccountName, Listing, datetime]] = set()
        """Where differences were declared, and in which step."""
        self.leg_names: dict[ClientOrderId, ClientOrderId] = {}
        """What the legs of super orders go by in requests, and what they are called here."""
        self.met: dict[tuple[Listing, int], float] = {}
        """When the leader's exits of a listing were last for more than he held, by their sign."""
        self.told_over: set[ClientOrderId] = set()
        """Orders of which a report in the journal says that they have ended."""
        self.answered_no: set[ClientOrderId] = set()
        self.terms_refused: set[ClientOrderId] = set()
        known = getattr(self, "manual", {})
        carried = {place: units for place, units in known.items() if not place[1].product.ends_with_day}
        self.manual: dict[tuple[AccountName, Listing], Fraction] = carried
        """What was declared as closed by hand, signed."""
        left = getattr(self, "left_over", {})
        self.left_over: dict[tuple[AccountName, Listing], Fraction] = {
            place: units for place, units in left.items() if not place[1].product.ends_with_day
        }
        """What was declared of plain orders while the leader held nothing: no exit of his closes it, on either side."""

    def next_day(self) -> None:
        self.trees.next_day()
        self.forevers.next_day(self._new_day)
        self.ideals.next_day(self.forevers.kept(), self.world.leader)

    @property
    def ideals(self) -> Ideals:
        if not hasattr(self, "_ideals"):
            self._ideals = Ideals()
        return self._ideals

    def fired_leg(self, order: TrueOrder) -> Leg | None:
        """The leg of the leader's Forever order that has fired, of which ``order`` is the copy."""
        key = self.tags.get(order.tag) if order.tag is not None else None
        original = None if key is None else self.forevers.original(key[0])
        return None if original is None or original.forever is None else original.forever.fired

    def blame(self, invariant: int, what: str, *names: str) -> None:
        if len(self.violations) >= MOST:
            return
        shown = self.journal if len(self.violations) < WITH_ROWS else ()
        rows = [e for e in shown if not names or any(name in repr(e.fact) for name in names)]
        lines = tuple(one_line(entry) for entry in rows[-40:])
        self.violations.append(Violation(self.world.day, self.world.timeline.now, invariant, what, lines))

    # What the process does

    def committed(self, entries: Sequence[Entry], batches: Sequence[Batch]) -> None:
        for entry in entries:
            self.rows += 1
            self.digest = zlib.crc32(f"{entry.at.timestamp()}{type(entry.fact).__name__}".encode(), self.digest)
            self.journal.append(entry)
            if self.forgetful:
                self._read_on(entry)
            else:
                self._read(entry)
        if self.forgetful:
            return
        if not self.awake or self.world.timeline.now > self.awake[-1] + 10:
            self.awake.append(self.world.timeline.now)
        if entries:
            self._judge_promptness(entries)
            self._judge_exits_together(entries)
        for batch in batches:
            for fact in batch:
                if type(fact) is OrderReported and (filled := fact.report.filled_quantity):
                    tag = self._told_of(fact)
                    if tag is not None and filled > self.told_fills.get(tag, 0):
                        self.told_fills[tag] = filled

    def _read_on(self, entry: Entry) -> None:
        """What an old copy of the journal says next."""
        if isinstance(entry.fact, RequestIssued):
            request = entry.fact.request
            self.durable.add((request.client_order_id, request.attempt))
            if isinstance(request, Submit):
                self.tags[request.client_order_id] = (request.leader_order_id, request.follower)
                self.intents[request.client_order_id] = request.intent
                self._legs_issued(request)
        elif isinstance(entry.fact, AlertRaised):
            self.rare[f"alert {entry.fact.code}"] += 1

    def forget(self, journal: Sequence[Entry]) -> None:
        """An old copy of the journal is put back, or none."""
        self.forgetful = True
        everybodys = (order for account in self.world.accounts.values() for order in account.orders.values())
        waited = [order for order in everybodys if order.forever is not None and order.tag is not None]
        came_to_nothing = {order.tag for order in waited if not order.is_open and not order.filled}
        # Nobody's book shows that they were sent: lists of Forever orders have no tags.
        self.reached -= self.turned_away | came_to_nothing - _tags_asked(journal)

    def judge_refusal(self, position: int, books: Books, lost: Tags) -> None:
        """A journal whose last row is at ``position`` is refused where a book shows orders of today that were issued later."""
        if self._clock_shows_another_day():
            return
        later = _tags_asked(entry for entry in self.journal if entry.position > position)
        for name, rows in books.items():
            shown = {row.client_order_id for row in rows} & later
            if shown != set(lost.get(name, ())):
                self.blame(1, f"{name} shows {sorted(map(str, shown))} that an old journal lacks, found {lost.get(name)}", name)

    def _read(self, entry: Entry) -> None:
        fact = entry.fact
        match fact:
            case EngineStarted():
                if any(before.at > entry.at for before in self.journal[-2:]):
                    self.started_back = self.world.timeline.now
                self.started = entry.at
            case LeaderReported():
                self._leader_reported(fact, entry)
            case CopyAdmitted():
                if fact.ratio not in (0, self.resized.get(fact.follower, self.world.ratios[fact.follower])):
                    self.blame(6, f"{fact.leader_order_id} is scaled by {fact.ratio} for {fact.follower}", fact.leader_order_id)
                copy = self._copy(fact.leader_order_id, fact.follower)
                if copy.admitted is not None or copy.declined is not None:
                    self.blame(3, f"{fact.leader_order_id} was decided twice for {fact.follower}", fact.leader_order_id)
                copy.admitted, copy.admitted_at = fact, entry.position
                copy.was_over = self.newest[fact.leader_order_id].status in _ENDED
                if not self.ideals.admitted(fact):
                    self.blame(
                        3, f"{fact.leader_order_id} is older than {fact.follower}, and copied to it", fact.leader_order_id
                    )
                self._judge_mistakes(fact, fact.entry_quantity > 0 and fact.reason is ReasonCode.COPIED, fact.entry_declined)
            case CopyDeclined():
                self._copy(fact.leader_order_id, fact.follower).declined = fact
                self._judge_mistakes(fact, False, fact.reason)
            case RequestIssued():
                self._issued(fact.request)
            case RequestAccepted():
                self._answered(fact)
                self.known.add(fact.client_order_id)
            case BookRead(forever=listed) if listed is not None:
                for order in self.world.accounts[fact.account].orders.values() if fact.account in self.world.accounts else ():
                    if order.tag is not None:
                        self.looked_for[order.tag] = self.world.timeline.now
            case OrderNotFound():
                self.looked_for[fact.client_order_id] = self.world.timeline.now
            case OutcomeUnresolved():
                self._answered(fact)
                if self.asked_for.get(fact.client_order_id):
                    self.unsure[fact.client_order_id] = entry.at
            case OrderReported():
                tag = self._told_of(fact)
                if tag is not None:
                    self.known.add(tag)
                    if fact.channel is Channel.BOOK and fact.read_at is not None and self._is_settled(tag, fact.read_at):
                        self.asked_for[tag] = fact.report.quantity
                    if fact.report.status.is_terminal:
                        self.told_over.add(tag)
                    self.told_fills[tag] = max(fact.report.filled_quantity, self.told_fills.get(tag, 0))
            case RequestRejected() | RequestWithheld():
                self._answered(fact)
                self._ended(fact.client_order_id, type(fact).__name__)
                self.answered_no.add(fact.client_order_id)
                if isinstance(fact, RequestRejected):
                    if fact.refusal in _OF_THE_ACCOUNT:
                        self.troubled[fact.follower] = self.world.timeline.now
                    self.terms_refused.add(self._called(fact.client_order_id))
            case AlertRaised():
                self._alerted(fact)
            case DriftDeclared():
                self._drift(fact)
                self.declared_at.add((fact.follower, _LISTINGS[fact.key, fact.product], entry.at))
            case SettingChanged(account=str() as name, setting="size"):
                self.resized[name] = self.world.sizes_said[fact.value]
            case TradingStateChanged():
                self.trading[fact.follower] = fact.state
            case TradeSettled():
                self.settled_at[fact.leader_order_id, fact.follower] = entry.at
                self._copy(fact.leader_order_id, fact.follower).unsent = fact.unsent
            case _:
                pass

    # Legs of followers' super orders, which have no tag of their own

    def _told_of(self, fact: OrderReported) -> ClientOrderId | None:
        report = fact.report
        if report.leg is Leg.ENTRY or report.variety is not Variety.SUPER:
            return report.client_order_id
        entry = self.world.accounts[fact.follower].orders.get(BrokerOrderId(report.order_id.partition("/")[0]))
        return None if entry is None or entry.tag is None else leg_name(entry.tag, report.leg)

    def _asked_of(self, request: Request) -> ClientOrderId:
        if isinstance(request, Submit) or not request.linked or request.leg is Leg.ENTRY:
            return request.client_order_id
        order = self.world.accounts[request.follower].orders.get(leg_id(request.broker_order_id, request.leg))
        if order is not None and order.tag is not None:
            self.leg_names[request.client_order_id] = order.tag
        return self._called(request.client_order_id)

    def _called(self, tag: ClientOrderId) -> ClientOrderId:
        return self.leg_names.get(tag, tag)

    def _legs_issued(self, request: Submit) -> None:
        bracket = request.bracket
        for leg in EXITS if bracket is not None else ():
            if (bracket.target if leg is Leg.TARGET else bracket.stop) is not None:  # type: ignore[union-attr]
                name = leg_name(request.client_order_id, leg)
                self.tags[name] = (leg_id(request.leader_order_id, leg), request.follower)
                self.intents[name], self.asked_for[name] = Intent.EXIT, WHATEVER_IS_OPEN

    def _judge_leg_request(self, request: Modify | Cancel, name: ClientOrderId) -> None:
        """A leg is moved by its name once its entry is over: until then the two are moved together (protocol facts 1.10)."""
        if isinstance(request, Modify) and entry_of(name) not in self.told_over:
            self.blame(11, f"{name} is moved by itself, and nothing has told that its entry is over", entry_of(name))

    def _copy(self, leader_order_id: BrokerOrderId, follower: AccountName) -> Copy:
        return self.copies.setdefault((leader_order_id, follower), Copy())

    def _leader_reported(self, fact: LeaderReported, entry: Entry) -> None:
        report = fact.report
        listing = listing_of(report)
        known = self.newest.get(report.order_id)
        if known is None or newer(report, known):
            self.newest[report.order_id] = report
            if report.status.is_terminal:
                self.open_orders[listing].pop(report.order_id, None)
            else:
                self.open_orders[listing][report.order_id] = None
            if self.terms_since.get(report.order_id, (None, 0.0))[0] != report.terms:
                self.terms_since[report.order_id] = (report.terms, self.world.timeline.now)
        repeats = self.told.setdefault(report.order_id, Counter())
        said = (_tells(report), report.bracket, fact.channel)
        repeats[said] += 1
        # A frame that says the same again is news where his book has told in between what the stream should have: it works.
        self.book_rows += fact.channel is Channel.BOOK
        row = (entry.at, self.book_rows if fact.channel is Channel.STREAM else 0, fact)
        # Its news are counted only where they matter: that takes a while, and this is asked of every report.
        often = repeats[said] > OFTEN and repeats[said] > OFTEN + self._times_news(report)
        if often or self.last_row.get(report.order_id) == row:
            self.blame(2, f"what {report.order_id} is was journaled {repeats[said]} times", report.order_id)
        self.last_row[report.order_id] = row
        if report.updated_at is not None:
            terms = self.terms_at.setdefault(report.order_id, {})
            terms[report.terms] = max(report.updated_at, terms.get(report.terms, report.updated_at))
        self.most[report.order_id] = max(report.quantity, self.most.get(report.order_id, 0))
        before = self.seen_fills.get(report.order_id, 0)
        if report.order_id not in self.seen_fills:
            self.seen_fills[report.order_id] = 0
            self.ideals.first_seen(report, self.world.leader, listing, self.world.names)
        if report.status.is_confirmed or report.filled_quantity:
            self.confirmed.add(report.order_id)
        if report.order_id in self.confirmed:
            known = self.newest[report.order_id]
            filled = max(before, report.filled_quantity)
            merged = evolve(known, filled_quantity=filled, quantity=max(known.quantity, filled))
            self.rare["linked order taken apart"] += len(self.ideals.leader_said(merged, before, listing))
        if report.filled_quantity > before:
            self.seen_fills[report.order_id] = report.filled_quantity
            self.fill_told_at[listing, report.side.sign] = entry.position
            self.ideals.leader_filled(report, report.filled_quantity - before, listing, self.world.names)
        for sign in (1, -1):
            self._leader_exits_meet(listing, sign)

    def _times_news(self, report: OrderReport) -> int:
        """How often the broker itself said this of an order: one that is moved to and fro within a second says it again.
        What a flood tells once more of such a second cannot be told from that."""
        order = self.world.leader.orders.get(report.order_id)
        versions = [] if order is None else [version for _, version in order.versions]
        true = sum(_tells(version) == _tells(report) for version in versions)
        if len({_tells(version) for version in versions if version.updated_at == report.updated_at}) < 2:
            return true
        number = report.order_id.partition("/")[0]  # frames of a leg have the number of its entry
        told_again = self.world.feeds[report.account].told_again.items()
        alike = (
            times
            for told, times in told_again
            if (told.order_id, told.leg) == (number, report.leg) and _tells(told) == _tells(report)
        )
        return true + sum(alike)

    def _issued(self, request: Request) -> None:
        self.durable.add((request.client_order_id, request.attempt))
        self.under_way.setdefault(request.follower, set()).add((request.client_order_id, request.attempt))
        tag = self._asked_of(request)
        if isinstance(request, Submit):
            if tag in self.tags:
                self.blame(1, f"{tag} was issued twice", tag)
            self.tags[tag] = (request.leader_order_id, request.follower)
            self.intents[tag], self.issued_at[tag] = request.intent, self.world.timeline.now
            copy = self._copy(request.leader_order_id, request.follower)
            self._judge_resend(copy, request)
            copy.submits.append(request)
            self._legs_issued(request)
            self._judge_age(request)
        elif entry_of(tag) not in self.known:
            self.blame(11, f"{type(request).__name__} of {tag} before it is known whether it was placed", entry_of(tag))
        if tag != entry_of(tag) and not isinstance(request, Submit):
            self._judge_leg_request(request, tag)
            if isinstance(request, Modify):
                self._judge_terms(request, self.tags[tag][0])
                self._judge_state(request)
                return  # its quantity says nothing: the broker sizes it
        elif isinstance(request, Cancel) and tag in self.tags:
            self._judge_what_it_was(request)
        if isinstance(request, (Submit, Modify)) and tag in self.tags:
            self._judge_size(request, self.tags[tag])
        if isinstance(request, Modify) and request.quantity <= self.told_fills.get(tag, 0):
            self.blame(6, f"{tag} modified to {request.quantity} although {self.told_fills[tag]} had been reported filled", tag)
        if isinstance(request, (Submit, Modify)) and tag in self.tags:
            self._judge_terms(request, self.tags[tag][0])
        self._judge_state(request)
        since = self.unsure.pop(tag, None)
        if isinstance(request, Modify):
            self.stood[tag, request.attempt] = (self.asked_for.get(tag, 0), since)
        self.asked_for[tag] = 0 if isinstance(request, Cancel) else request.quantity
        if isinstance(request, Cancel):
            self.unanswered_cancels[request.client_order_id, request.attempt] = tag

    def _is_settled(self, tag: ClientOrderId, read_at: datetime) -> bool:
        """One read of the book that began after a request was lost decides about it, whatever may arrive later."""
        if tag not in self.unsure or read_at <= self.unsure[tag]:
            return False
        del self.unsure[tag]
        return True

    def _judge_resend(self, copy: Copy, request: Submit) -> None:
        """Entries are never sent again, exits at the earliest after the absence window: by what the broker has."""
        before = [one for one in copy.submits if same_place(one, request)]
        if not before:
            self._judge_replacement(copy, request)
            return
        last = before[-1].client_order_id
        if request.intent is Intent.ENTRY and any(one.client_order_id in self.reached - self.not_now for one in before):
            self.blame(
                9, f"an entry for {request.leader_order_id} was sent again: {request.client_order_id}", request.leader_order_id
            )
        live = [o for o, submit in copy.placed if same_place(submit, request) and o.leaves and not o.ghost]
        if live:
            self.blame(1, f"{request.client_order_id} beside the live {live[0].tag}", request.leader_order_id)
        was = next((order for order, submit in copy.placed if submit.client_order_id == last), None)
        if was is not None and self._was_taken_back(was) and was.validity is Validity.DAY:
            self.blame(
                9, f"{request.client_order_id} is sent although somebody took {last} back by hand", request.leader_order_id
            )
        lost = self.lost_at.get(last)
        if lost is not None and last not in self.reached:
            self.rare["resent after absence"] += 1
            if self.world.timeline.now < lost + ABSENCE_SECONDS:
                self.blame(9, f"{request.client_order_id} {self.world.timeline.now - lost:.0f} s after {last} was lost", last)
        elif request.intent is Intent.EXIT:
            self.rare["exit at next generation"] += 1

    def _judge_replacement(self, copy: Copy, request: Submit) -> None:
        """An order in the place of a leg that a broker kept: that is gone, and not by a hand."""
        for order, submit in copy.placed:
            if not same_place(submit, request):
                continue
            if order.is_open and not order.ghost:
                self.blame(1, f"{request.client_order_id} beside the leg {order.tag}", request.leader_order_id)
            elif self._was_taken_back(order):
                what = f"{request.client_order_id} is sent although somebody took {order.tag} back by hand"
                self.blame(9, what, request.leader_order_id)

    def _was_taken_back(self, order: TrueOrder) -> bool:
        """Whether a hand ended an order that was wanted. Beside a cancel of ours that may still arrive nobody can tell."""
        tag = order.tag
        wanted = order.ended_by == "hand" and tag is not None and bool(self.asked_for.get(tag))
        return wanted and tag not in self.unanswered_cancels.values()

    def _judge_size(self, request: Submit | Modify, key: CopyKey) -> None:
        """An entry is the follower's share of the leader's order at the most, an exit what is open at the most."""
        tag, name, admitted = request.client_order_id, request.follower, self._copy(*key).admitted
        if admitted is None or key[0] not in self.newest:
            self.blame(3, f"{tag} was issued before {key[0]} was decided", key[0])
            return
        report = self.newest[key[0]]
        listing = listing_of(report)
        freeze = self.world.freeze_units.get(listing.key)
        if freeze is not None and request.quantity > freeze:
            self.blame(6, f"{tag} for {request.quantity}, where the exchange takes {freeze} at once", tag)
        if request.intent is Intent.ENTRY:
            share = admitted.carry + admitted.ratio * (self.most[key[0]] - admitted.exit_quantity)
            total = request.quantity + self._other_slices(self._copy(*key), tag)
            if total > share:
                self.blame(6, f"{tag} for {request.quantity}, {total} in all, where the share is {float(share):g}", tag, key[0])
            return
        tree = self.ideals.tree_of(key[0])
        if tree is not None:
            self.trees.judge_size(request, tree)
            return
        sign = report.side.sign
        untold = sum(
            order.filled - self.told_fills.get(order.tag, 0)
            for order in self.world.accounts[name].orders.values()
            if order.listing is listing and order.sign == sign and order.tag in self.intents
        )
        # Where a hand has offset what was copied, as far as the account's net shows, all of the net is the copier's.
        by_hand = 0 if (name, listing) in self.manual else self.world.meddlers[name].own.get(listing, 0)
        held = self.world.accounts[name].held(listing) - by_hand
        if not self.world.closed:  # at midnight by the engine's clock, which may be ahead, linked orders have ended
            held -= sum(self.ideals.held(name, listing, tree) for tree in self.ideals.trees(listing))
        copied = self.ideals.opened(name, listing, None, -sign)
        if copied:  # what copies have bought since a hand closed their short opened all of it
            copied += max(0, int(-sign * self.manual.get((name, listing), 0)))
        opened = max(-sign * held, copied)
        most = opened + untold + self.told_fills.get(tag, 0)
        if request.quantity > most:
            self.blame(
                5, f"{tag} would close {request.quantity} of {listing.key} at {name}, where {most} are open", tag, key[0]
            )

    def _judge_exits_together(self, entries: Sequence[Entry]) -> None:
        """Exits of plain orders are for no more together than what is open, unless the leader's are: a target beside a
        stop."""
        placed: Counter[tuple[AccountName, Listing, int]] = Counter()
        asked: dict[tuple[AccountName, Listing, int], tuple[str, BrokerOrderId]] = {}
        for entry in entries:
            request = entry.fact.request if isinstance(entry.fact, RequestIssued) else None
            if not isinstance(request, (Submit, Modify)) or request.intent is not Intent.EXIT or self._asks_for_less(request):
                continue
            order_id, name = self.tags.get(request.client_order_id, (None, request.follower))
            if order_id is None or self._is_apart(order_id):
                continue
            place = (name, listing_of(self.newest[order_id]), self.newest[order_id].side.sign)
            placed[place] += request.quantity if isinstance(request, Submit) else 0
            asked[place] = (request.client_order_id, order_id)
        for (name, listing, sign), names in asked.items():
            if self._leader_exits_meet(listing, sign):
                continue
            meddler = self.world.meddlers[name]
            if listing in meddler.squared or meddler.own.get(listing) or (name, listing) in self.manual:
                continue
            live, untold = self._plain_exits(name, listing, sign)
            together, opened = live + placed[name, listing, sign], self.ideals.opened(name, listing, None, -sign) + untold
            self.rare["exits judged together"] += 1
            if together > opened:
                self.blame(5, f"{name} has exits for {together} of {listing.key}, where {opened} are open", *names)

    def _asks_for_less(self, request: Submit | Modify) -> bool:
        """Whether it takes back what was asked for, whatever others may be there whose answers were lost."""
        asked_before, _ = self.stood.get((request.client_order_id, request.attempt), (0, None))
        return isinstance(request, Modify) and request.quantity < asked_before

    def _plain_exits(self, name: AccountName, listing: Listing, sign: int) -> tuple[int, int]:
        """What those that are at the broker may still fill, by what was asked for and told; and what they, and legs of linked
        orders that were taken apart, have filled untold."""
        live = untold = 0
        for order in self.world.accounts[name].orders.values():
            if order.listing is not listing or order.sign != sign or order.tag not in self.tags or order.ghost:
                continue
            told, order_id = self.told_fills.get(order.tag, 0), self.tags[order.tag][0]
            if self.intents[order.tag] is Intent.EXIT and self.ideals.tree_of(order_id) is None:
                untold += order.filled - told
                if not self._is_apart(order_id) and order.tag not in self.told_over:
                    live += max(0, self.asked_for[order.tag] - told)
        return live, untold

    def _is_apart(self, order_id: BrokerOrderId) -> bool:
        """Whether it is a part of a linked order, or was until that was taken apart: legs are for all that is open. So may be
        Forever orders, which wait for days."""
        return "/" in order_id or self.ideals.tree_of(order_id) is not None or self.forevers.is_one(order_id)

    def _leader_exits_meet(self, listing: Listing, sign: int) -> bool:
        """Whether the leader's exits are, or were a short time ago, for more together than he holds."""
        now = self.world.timeline.now
        exits = sum(
            report.leaves_quantity
            for order_id in self.open_orders[listing]
            if (report := self.newest[order_id]).side.sign == sign and self.ideals.tree_of(order_id) is None
        )
        if exits > -sign * self.ideals.leader(listing, None):
            self.met[listing, sign] = now
        return now < self.met.get((listing, sign), -inf) + MET_SECONDS

    def _other_slices(self, copy: Copy, tag: ClientOrderId) -> int:
        """What the other orders of the same entry have filled and may still fill, as far as they are known to be there."""
        placed = {order.tag: order.filled + order.leaves for order, submit in copy.placed if submit.intent is Intent.ENTRY}
        self.rare["entry in slices"] += len(placed) > 1
        return sum(units for other, units in placed.items() if other != tag)

    def _judge_terms(self, request: Submit | Modify, leader_order_id: BrokerOrderId) -> None:
        """What is asked for is what the leader's order says in its newest second, not what it said before."""
        newest = self.newest.get(leader_order_id)
        if self.forevers.is_one(leader_order_id):
            return  # a copy stands as it was placed while one of the two has fired; it is looked at when both rest
        if newest is None or newest.status is not OrderStatus.PENDING or newest.filled_quantity or newest.updated_at is None:
            return
        if isinstance(request.terms, StopLimit) and newest.terms == Limit(request.terms.price):
            return  # the leader's stop has triggered: the follower's is still to
        said = self.terms_at[leader_order_id].get(request.terms)
        if said is not None and said < newest.updated_at:
            what = f"{request.client_order_id} at {request.terms}, which {leader_order_id} said before {newest.terms}"
            self.blame(10, what, leader_order_id)

    def _judge_what_it_was(self, request: Cancel) -> None:
        """An entry that is taken back stood at the leader's terms, if they were known for a while and nothing was wrong."""
        key, now = self.tags[request.client_order_id], self.world.timeline.now
        if self.forevers.is_one(key[0]):
            return
        original, copy = self.world.leader.orders.get(key[0]), self._copy(*key)
        order = next((one for one, _ in copy.placed if one.tag == request.client_order_id), None)
        terms, since = self.terms_since[key[0]]
        if (
            order is None
            or original is None
            or not original.modifications
            or self.intents[request.client_order_id] is not Intent.ENTRY
        ):
            return
        if terms != original.terms or type(terms) is not type(order.terms) or terms == order.terms:
            return
        if now < since + STALE_SECONDS or sum(at > since for at in self.awake) < STALE_SECONDS / 20:
            return
        if copy.ends - {"UNRESOLVED"} or request.client_order_id in self.terms_refused or key[1] in self.spent | self.waiting:
            return
        if now < self.troubled.get(key[1], -inf) + STALE_SECONDS or self.trading.get(None) or self.trading.get(key[1]):
            return
        what = f"{order.tag} stood at {order.terms} for {now - since:.0f} s, the leader's {key[0]} at {terms}"
        self.blame(10, what, key[0], str(order.tag))

    def _answered(self, fact: RequestAccepted | RequestRejected | RequestWithheld | OutcomeUnresolved) -> None:
        self.under_way.get(fact.follower, set()).discard((fact.client_order_id, fact.attempt))
        self.answered_at.setdefault(fact.follower, deque(maxlen=WINDOWS[-1][1])).append(self.world.timeline.now)
        if not isinstance(fact, OutcomeUnresolved):
            self.unanswered_cancels.pop((fact.client_order_id, fact.attempt), None)
        before = self.stood.pop((fact.client_order_id, fact.attempt), None)
        if before is not None and isinstance(fact, (RequestRejected, RequestWithheld)):
            self.asked_for[fact.client_order_id], since = before
            if since is not None:
                self.unsure[fact.client_order_id] = since

    def _judge_promptness(self, entries: Sequence[Entry]) -> None:
        """Whatever goes on at the others: a follower whose account is well gets its entry in the step that decided it."""
        admitted = [entry.fact for entry in entries if isinstance(entry.fact, CopyAdmitted)]
        if not admitted:
            return
        sent = {
            (entry.fact.request.leader_order_id, entry.fact.request.follower)
            for entry in entries
            if isinstance(entry.fact, RequestIssued) and isinstance(entry.fact.request, Submit)
        }
        # Admitted, and told in the same step that entries are stopped.
        stopped = {
            (entry.fact.leader_order_id, entry.fact.follower)
            for entry in entries
            if isinstance(entry.fact, CopyDeclined) and entry.fact.reason is ReasonCode.NOT_ACTIVE
        }
        for fact in admitted:
            if (fact.leader_order_id, fact.follower) not in sent | stopped and self._is_due_at_once(fact):
                self.blame(13, f"{fact.follower} is well, and yet {fact.leader_order_id} waits", fact.leader_order_id)

    def _is_due_at_once(self, fact: CopyAdmitted) -> bool:
        report, name, now = self.newest[fact.leader_order_id], fact.follower, self.world.timeline.now
        # A raise that came in the same step is followed when the next look confirms it.
        share = fact.carry + fact.ratio * min(report.quantity, self.most[fact.leader_order_id], fact.entry_quantity)
        if fact.exit_quantity or share < listing_of(report).lot or report.status in _ENDED:
            return False
        closed_at = self.fill_told_at.get((listing_of(report), -report.side.sign), 0)
        if closed_at > self._copy(fact.leader_order_id, name).admitted_at:
            return False  # the same step told that he closed again
        if all(now > at + TROUBLED_SECONDS for at in self.troubled.values()):
            return False  # nobody has a fault that could have done it
        if self.started is None or report.created_at is None:
            return False
        if min(report.created_at, self.world.host.clock.now()) < self.started + AFTER_START:
            return False  # the follower's book is read first: a journal that is lost may have placed it
        if self.world.host.machine_clock.offset_seconds or now < self.started_back + UNHURRIED[1][0]:
            return False  # after a restart on a clock set back, what was sent before counts as sent just now
        if name in self.spent or now < self.troubled.get(name, -inf) + TROUBLED_SECONDS:
            return False
        answered = self.answered_at.get(name, ())
        waiting = len(self.under_way.get(name, ()))
        return all(sum(now - at < seconds for at in answered) + waiting < few for seconds, few in UNHURRIED)

    def _judge_age(self, request: Submit) -> None:
        newest = self.newest.get(request.leader_order_id)
        if newest is None or request.intent is not Intent.ENTRY or newest.updated_at is None:
            return
        momentary = newest.status in (OrderStatus.TRADED, OrderStatus.CANCELLED) or newest.validity is Validity.IOC
        momentary = momentary or isinstance(newest.terms, Market)
        age = self.world.host.clock.now() - newest.updated_at
        if momentary and age > ENTRY_AGE + timedelta(seconds=2):
            self.blame(
                21,
                f"an entry for {request.leader_order_id}, {age.total_seconds():.0f} s old, was sent",
                request.leader_order_id,
            )

    def _judge_state(self, request: Request) -> None:
        states = (self.trading.get(None), self.trading.get(request.follower))
        if isinstance(request, Cancel):
            return
        if TradingState.HALTED in states:
            self.blame(20, f"{request.client_order_id} although halted", request.client_order_id)
        elif TradingState.REDUCING in states and isinstance(request, Submit) and request.intent is Intent.ENTRY:
            self.blame(20, f"{request.client_order_id} although only exits are allowed", request.client_order_id)

    def _ended(self, tag: ClientOrderId, how: str) -> None:
        key = self.tags.get(self._called(tag))
        if key is not None:
            self._copy(*key).ends.add(how)

    def _alerted(self, fact: AlertRaised) -> None:
        self.rare[f"alert {fact.code}"] += 1
        if fact.code == "EXIT_CANCELLED_BY_HAND":
            self._judge_hand(fact)
        if fact.code == "CIRCUIT_OPEN" and fact.account is not None:
            self.troubled[fact.account] = self.world.timeline.now
        is_known = fact.client_order_id is not None and self._called(fact.client_order_id) in self.tags
        if fact.client_order_id is not None and (is_known or fact.leader_order_id is None):
            self._ended(fact.client_order_id, fact.code)
        elif fact.leader_order_id is not None and fact.account is not None:
            self._copy(fact.leader_order_id, fact.account).ends.add(fact.code)
        elif fact.code in ("ENTRIES_SPENT", "REQUESTS_SPENT", "REQUESTS_WAIT") and fact.account is not None:
            self.spent.add(fact.account)
        elif fact.code == "ENTRIES_WAIT" and fact.account is not None:
            self.waiting.add(fact.account)

    def _judge_mistakes(self, fact: CopyAdmitted | CopyDeclined, entered: bool, why: ReasonCode | None) -> None:
        """A filter that raises keeps out the entries of its own follower at which it does, and a calendar none."""
        careless = fact.follower == self.world.careless and raises_at(fact.leader_order_id)
        if why is ReasonCode.FILTER_FAILED:
            self.world.faults.struck["F09"] += 1
        if why is ReasonCode.MARKET_CLOSED or (entered if careless else why is ReasonCode.FILTER_FAILED):
            what = "entered" if why is None else f"kept out as {why.name}"
            self.blame(3, f"{fact.leader_order_id} is {what} at {fact.follower}", fact.leader_order_id)

    def _judge_hand(self, fact: AlertRaised) -> None:
        """An exit is left alone because somebody took it back: somebody did, or took back the entry that it went with."""
        assert fact.leader_order_id is not None and fact.account is not None
        placed = [order for order, _ in self._copy(fact.leader_order_id, fact.account).placed]
        by = {order.ended_by for order in placed} | {o.family.entry.ended_by for o in placed if o.is_native_leg and o.family}
        if not by & {"hand", "broker"}:
            what = f"an exit for {fact.leader_order_id} at {fact.account} is said to be cancelled by hand, which nobody did"
            self.blame(5, what, fact.leader_order_id, *(str(order.tag) for order in placed))

    def _drift(self, fact: DriftDeclared) -> None:
        self.rare[f"drift {fact.reason.name}"] += 1
        listing = _LISTINGS[fact.key, fact.product]
        # What a meddler trades in another product may look converted, and before an opening as gone over night.
        if fact.reason in (ReasonCode.MANUAL, ReasonCode.CONVERTED, ReasonCode.GONE_OVERNIGHT):
            place = (fact.follower, listing)
            self.manual[place] = self.manual.get(place, Fraction(0)) + fact.quantity
            self.ideals.closed_by_hand(fact.follower, listing, self.world.accounts[fact.follower].held(listing))
            if self._clock_shows_another_day():
                return
            meddler = self.world.meddlers[fact.follower]
            if meddler.own.get(listing) or listing in meddler.squared or self.forevers.is_between(fact.follower, listing):
                return
            if self._has_untold_fills(fact.follower, listing):
                self.rare["a fill not seen yet called closed by hand"] += 1
            else:
                what = f"{-fact.quantity} of {listing.key} at {fact.follower} called closed by hand, which nobody did"
                self.blame(4, what, fact.follower)
            return
        if fact.reason is ReasonCode.NEVER_PLACED and fact.leader_order_id is not None:
            copy = self._copy(fact.leader_order_id, fact.follower)
            last = copy.submits[-1].client_order_id if copy.submits else None
            if last in self.reached - self.turned_away:
                self.blame(8, f"{last} was given up, but the broker has it", fact.leader_order_id)
        if fact.leader_order_id is not None:
            self._copy(fact.leader_order_id, fact.follower).ends.add("DRIFT")
        tree = self._ledger(fact)
        if tree is None and not self.ideals.leader(listing, None):
            place = (fact.follower, listing)
            self.left_over[place] = self.left_over.get(place, Fraction(0)) + fact.quantity
        self.ideals.declared(fact.follower, listing, tree, fact.quantity)

    def _ledger(self, fact: DriftDeclared) -> Tree:
        return None if fact.tree is None else self.ideals.tree_of(fact.tree)

    def _has_untold_fills(self, name: AccountName, listing: Listing) -> bool:
        return any(
            order.listing is listing and order.tag is not None and order.filled > self.told_fills.get(order.tag, 0)
            for order in self.world.accounts[name].orders.values()
        )

    def handed_over(self, command: Command) -> None:
        match command:
            case Submit() | Modify() | Cancel():
                self.asked.append(command)
                if (command.client_order_id, command.attempt) not in self.durable:
                    self.blame(7, f"{command.client_order_id} was handed over without a journal row", command.client_order_id)
            case Query():
                self.asked.append(command)
            case ReadOrders() | ReadPositions() | ReadFunds() | ReadMargin():
                pass

    def died(self) -> None:
        """Requests without an answer are lost from now on: the window starts again when the process does."""
        self.rare["died"] += 1
        now = self.world.timeline.now
        in_flight = 0
        for (_, _), copy in self.copies.items():
            for submit in copy.submits[-1:]:
                tag = submit.client_order_id
                if self._is_known_absent(tag):
                    continue
                if tag in self.lost_at or tag not in self.reached | self.answered_no:
                    in_flight += 1
                    self.lost_at[tag] = max(now, self.lost_at.get(tag, 0.0))
        if in_flight:
            self.rare["died with requests in flight"] += 1

    def _is_known_absent(self, tag: ClientOrderId) -> bool:
        """Whether it was looked for in vain once the window was over: a new process need not wait again."""
        return tag in self.lost_at and self.looked_for.get(tag, 0.0) >= self.lost_at[tag] + ABSENCE_SECONDS

    def spun(self) -> None:
        if not self._spun:
            self._spun = True
            self.blame(17, "the core asks again and again to be stepped, and then does nothing")

    def raised(self, problem: Exception, frames: Sequence[str]) -> None:
        """An exception ended the day: an assertion of the core's, or something that nobody has thought of."""
        what = f"raised {type(problem).__name__}: {problem}"
        lines = (*(one_line(entry) for entry in self.journal[-20:]), *frames[-20:])
        self.violations.append(Violation(self.world.day, self.world.timeline.now, RAISED, what, lines))

    def lost(self, request: Request) -> None:
        self.rare["lost " + type(request).__name__] += 1
        if isinstance(request, Submit):
            self.lost_at[request.client_order_id] = self.world.timeline.now

    # What the brokers see

    def arrived(self, request: Request, late: bool) -> None:
        """A request reached a follower's broker."""
        tag, now = request.client_order_id, self.world.timeline.now
        self.digest = zlib.crc32(f"{now}{request}".encode(), self.digest)
        if (tag, request.attempt) not in self.durable:
            self.blame(7, f"{tag} reached the broker before it was durable", tag)
        if isinstance(request, Submit):
            if tag in self.reached:
                self.blame(1, f"{tag} reached the broker twice", tag)
            self.reached.add(tag)
        if late:
            self.rare["late arrival"] += 1
            return
        times = self._arrivals.setdefault(request.follower, deque(maxlen=WINDOWS[-1][1] + 1))
        times.append(now)
        # What was sent of late an old journal does not know: nobody was there for longer than the windows of a minute.
        for seconds, limit in WINDOWS[:2] if self.forgetful else WINDOWS:
            if len(times) > limit and times[-limit - 1] > now - seconds:
                self.blame(12, f"more than {limit} requests in {seconds:g} s at {request.follower}", tag)
        self.today[request.follower] += 1
        if self.today[request.follower] > self.world.limits.per_day and not self.forgetful:
            self.blame(12, f"more than {self.world.limits.per_day} requests in a day at {request.follower}", tag)

    def refused(self, request: Submit, final: bool) -> None:
        """A broker did not take a placement; not ``final``: it may be sent again."""
        self.turned_away.add(request.client_order_id)
        if not final:
            self.not_now.add(request.client_order_id)

    def placed(self, order: TrueOrder, request: Submit) -> None:
        copy = self._copy(request.leader_order_id, request.follower)
        before = [other for other, submit in copy.placed if same_place(submit, request) and not other.ghost]
        if any(other.leaves for other in before):
            self.blame(1, f"two live orders for {request.leader_order_id} at {request.follower}", request.leader_order_id)
        if request.intent is Intent.ENTRY and before:
            self.blame(9, f"a second entry for {request.leader_order_id} at {request.follower}", request.leader_order_id)
        copy.placed.append((order, request))
        if any(other.is_native_leg and same_place(submit, request) for other, submit in copy.placed):
            self.rare["native leg replaced by an order"] += 1
        for leg in order.family.legs.values() if order.family is not None else ():
            key, name = (leg_id(request.leader_order_id, leg.leg), request.follower), leg_name(request.client_order_id, leg.leg)
            self._copy(*key).placed.append((leg, evolve(request, client_order_id=name, intent=Intent.EXIT, leg=leg.leg)))
        entry = BrokerOrderId(request.leader_order_id.partition("/")[0])
        original = self.forevers.original(entry)
        self.forevers.judge_legs(request)
        if self.forevers.placed(request):
            return
        if original is None:
            self.blame(14, f"an order for {request.leader_order_id}, which the leader never had", request.leader_order_id)
        elif is_ours(original.tag):
            self.blame(14, f"{request.leader_order_id}, tagged as a copier's own, was copied", request.leader_order_id)
        elif original.forever is None and (len(original.versions) == 1 or original.status is OrderStatus.REJECTED):
            self.blame(3, f"{request.leader_order_id} was copied before it was confirmed", request.leader_order_id)

    def cancelled(self, order: TrueOrder) -> None:
        """A broker is about to take an order back, as the copier asked."""
        if order.is_native_leg:
            self.rare["native leg taken back"] += 1
        elif order.family is not None and order.filled:
            self.rare["native entry cancelled with a part filled"] += 1

    def modified(self, order: TrueOrder) -> None:
        if order.is_native_leg:
            self.rare["native leg moved"] += 1
        if order.modifications > MODIFICATIONS:
            self.blame(12, f"{order.tag} was modified {order.modifications} times", str(order.tag))

    def filled(self, order: TrueOrder, units: int) -> None:
        if order.tag is None or order.tag not in self.tags or self.forgetful:
            return
        name, listing = order.account.name, order.listing
        exit_order = self.intents[order.tag] is Intent.EXIT
        leaders = self.forevers.original(self.tags[order.tag][0])
        self.rare["filled before the leader's"] += leaders is not None and not leaders.filled
        meddler = self.world.meddlers[name]
        if listing in meddler.squared and self.issued_at.get(order.tag, inf) <= meddler.squared[listing]:
            meddler.spoilt.add(listing)
        if exit_order and listing in meddler.squared and self._has_a_sibling(order):
            # A target and a stop that fill together after somebody has squared off: whose close was whose is unknowable.
            meddler.spoilt.add(listing)
        tree = self.ideals.tree_of(self.tags[order.tag][0])
        beyond = self.ideals.follower_filled(name, listing, tree, units, order.sign, closing=exit_order)
        if tree is not None:
            self.trees.filled(order, tree, beyond)
        elif beyond:
            others = [
                other
                for other in order.account.orders.values()
                if other is not order and other.listing is listing and other.sign == order.sign and other.filled
            ]
            if others or (name, listing) in self.manual or listing in meddler.squared:
                self.rare["closed twice in a race"] += 1
            elif order.forever is not None and name not in self.world.names:
                self.rare["an order that waited for a follower who was taken out has fired"] += 1
            else:
                self.blame(5, f"{order.tag} closed {beyond} more than {name} had of {listing.key}", order.tag)

    def _has_a_sibling(self, order: TrueOrder) -> bool:
        """Whether another exit of the same position is live, or has ended in this very second."""
        now = self.world.timeline.now
        return any(
            other is not order
            and other.tag in self.intents
            and self.intents[other.tag] is Intent.EXIT
            and (other.listing, other.sign) == (order.listing, order.sign)
            and (other.leaves or (other.filled and other.versions and now - other.versions[-1][0] < 1.0))
            for other in order.account.orders.values()
        )

    def is_leg(self, order: TrueOrder) -> bool:
        return _leg_of(self.tags.get(order.tag) if order.tag is not None else None) is not None

    def other_leg(self, order: TrueOrder) -> TrueOrder | None:
        """A live leg of the same copy of a linked order, on the other side of the price."""
        leg = _leg_of(self.tags.get(order.tag)) if order.tag is not None else None
        if leg is None:
            return None
        for other in order.account.orders.values():
            of_other = _leg_of(self.tags.get(other.tag)) if other.tag is not None and other.leaves else None
            if of_other is not None and of_other[0] == leg[0] and of_other[1] != leg[1]:
                return other
        return None

    def leader_is_done(self, order: TrueOrder) -> bool:
        """Whether the leader's twin of a follower's order has traded in full."""
        key = self.tags.get(order.tag) if order.tag is not None else None
        original = self.forevers.original(key[0]) if key is not None else None
        return original is not None and original.status is OrderStatus.TRADED

    def opens_again(self, order: TrueOrder) -> bool:
        """Whether it opens, at the market, what both legs of a linked order have closed too much."""
        if order.tag not in self.tags or self.intents[order.tag] is not Intent.EXIT:
            return False
        entry = self.tags[order.tag][0]
        return self.ideals.tree_of(entry) == entry

    # At rest

    def look_at_rest(self) -> None:
        """Everything has healed a while ago."""
        if self.forgetful:
            self.rare["not judged at rest: an old journal"] += 1
            return
        self.asked = [command for command in self.asked if not self.forevers.is_parked_copy(command)]
        if self.asked:
            self.blame(
                18, f"not at rest: still asks {len(self.asked)} times, such as {self.asked[-1]}", *_names(self.asked[-1])
            )
        if self._clock_shows_another_day():
            # Then everything is from before, or still to come, and the alert says to look at the clock.
            self.rare["not judged: the clock shows another day"] += 1
            return
        self._every_leader_order()
        for name in self.world.names:
            for listing in LISTINGS:
                self._position(name, listing)
                self.trees.look_at_rest(name, listing)
            for order in self.world.accounts[name].orders.values():
                self._live_order(order)
        most = ROWS_PER_ORDER_AND_FOLLOWER * (self.world.orders + 50) * (len(self.world.names) + 1)
        if len(self.journal) > most:
            self.blame(17, f"{len(self.journal)} rows for one day", "nothing")
        self.rare["looked at rest"] += 1

    def _clock_shows_another_day(self) -> bool:
        host = self.world.host
        return ist_date(host.clock.now()) != ist_date(host.timeline.wall())

    def look_at_restart(self) -> None:
        """Nothing happened since the rest but a restart."""
        if self.forgetful:
            return
        changes = [command for command in self.asked if isinstance(command, (Submit, Modify, Cancel))]
        if changes:
            self.blame(16, f"a restart without news sent {changes[0]}", *_names(changes[0]))
        self.rare["restart without news"] += 1

    def _every_leader_order(self) -> None:
        parked = {order.own_id for order in self.world.leader.orders.values() if self._is_parked_leg(order)}
        for order_id in self.newest:
            if self.forevers.original(order_id) is None and order_id not in {*parked, *self.world.leader.fired}:
                self.blame(2, f"{order_id} was journaled, an order that the leader never had", order_id)
        for order in self.world.leader.orders.values():
            if not order.is_shown:
                continue
            self.leader_orders += 1
            if order.own_id in parked:
                self.rare["a leg of an entry that never filled was parked"] += 1
                continue
            if self.forevers.is_parked(order):
                continue
            newest = self.newest.get(order.order_id)
            if newest is None:
                self.blame(2, f"the leader's {order.order_id} was never journaled", order.order_id)
                continue
            if self.seen_fills[order.order_id] != order.filled:
                self.blame(
                    2, f"{order.order_id} filled {order.filled}, journaled {self.seen_fills[order.order_id]}", order.order_id
                )
            if newest.status is not order.status and (newest.status in _ENDED or order.status in _ENDED):
                self.blame(10, f"{order.order_id} is {order.status.value}, journaled {newest.status.value}", order.order_id)
            for name in self.world.names:
                self._outcome(order, name)

    def _is_parked_leg(self, order: TrueOrder) -> bool:
        """Whether it is a leg that was over, like its entry, when it was first seen, and the row did not say of what: it
        was declined by the name that it has, and there is nothing to protect."""
        if order.own_id is None or order.own_id not in self.newest or order.family is None or order.family.entry.filled:
            return False
        copies = [copy for name in self.world.names if (copy := self.copies.get((order.own_id, name))) is not None]
        return not order.is_open and bool(copies) and all(copy.declined is not None for copy in copies)

    def _outcome(self, original: TrueOrder, name: AccountName) -> None:
        copy = self.copies.get((original.order_id, name))
        if copy is None or (copy.admitted is None and copy.declined is None):
            if original.status is not OrderStatus.TRANSIT:
                self.blame(3, f"{original.order_id} has no decision for {name}", original.order_id)
            return
        if copy.declined is not None or copy.placed or copy.ends:
            return
        assert copy.admitted is not None
        if copy.admitted.reason is ReasonCode.BELOW_ONE_LOT:
            return
        share = min(Fraction(0), copy.admitted.carry) + copy.admitted.ratio * original.filled  # less what was ahead already
        if name in self.spent:
            self.rare["the day's requests are used up"] += 1
            return
        if name in self.waiting and not copy.submits and original.is_open:
            self.rare["waits for the hour's requests"] += 1
            return
        if copy.unsent is not None and self.troubled.get(name, -inf) >= copy.admitted_at:
            self.rare["kept back by a blocked account, and said to be"] += 1
            return
        if (name, original.listing, self.settled_at.get((original.order_id, name))) in self.declared_at:
            self.rare["declared with another"] += 1
            return
        rests = original.is_open and copy.admitted.ratio * original.leaves < original.listing.lot
        if (copy.unsent is not None or rests) and self._was_overtaken(original, copy):
            self.rare["overtaken by an exit"] += 1
            return
        if copy.submits or (copy.admitted.entry_quantity and not copy.admitted.exit_quantity and share >= original.listing.lot):
            self.blame(3, f"{original.order_id} at {name}: admitted, and then nothing", original.order_id)

    def _was_overtaken(self, original: TrueOrder, copy: Copy) -> bool:
        """Whether the leader closed again what he opened with this order, perhaps before anything could be sent; or was
        told to have, by a book that shows what happened before it."""
        if self.fill_told_at.get((original.listing, -original.sign), 0) > copy.admitted_at:
            return True
        assert copy.admitted is not None
        if (copy.admitted.position_before or 0) * original.sign < 0 and not copy.admitted.exit_quantity:
            return True  # it was told before what it adds to: its fills closed what only seemed to be there
        return any(
            other.filled and other.updated_at >= original.created_at
            for other in self.world.leader.orders.values()
            if other.listing is original.listing and other.sign != original.sign
        )

    def _live_order(self, order: TrueOrder) -> None:
        if not order.leaves or order.tag is None or order.ghost or order.account.name in self.spent:
            return
        key = self.tags.get(order.tag)
        if key is None:
            return
        original = self.world.leader.orders.get(key[0])
        if self.forevers.looks_right(order, original) or original is None:
            return
        if not original.is_open and self.intents[order.tag] is Intent.ENTRY and not self._copy(*key).was_over:
            self.blame(4, f"{order.tag} is live although the leader's {key[0]} is {original.status.value}", order.tag)
        kept = order.tag in self.terms_refused or order.account.name in self.waiting
        if original.is_open and self.intents[order.tag] is Intent.ENTRY and not kept:
            same = order.limit == original.limit and (order.trigger is None or order.trigger == original.trigger)
            same = same or _reads_like_a_market_order(original)
            if not same and not self._copy(*key).ends & {"MODIFICATION_CAP", "REQUEST_BUDGET", "MODIFICATION_REFUSED"}:
                self.blame(10, f"{order.tag} stands at {order.terms}, the leader's {key[0]} at {original.terms}", order.tag)

    def _position(self, name: AccountName, listing: Listing) -> None:
        """What is held by plain orders."""
        meddler = self.world.meddlers[name]
        held = self.world.accounts[name].held(listing) - meddler.own.get(listing, 0)
        held -= sum(self.ideals.held(name, listing, tree) for tree in self.ideals.trees(listing))
        if listing in meddler.spoilt or (meddler.own.get(listing) and (name, listing) in self.manual):
            self.rare["position not judged: meddled with"] += 1
            return
        if self._rests(self.world.leader.orders.values(), listing) or self._rests(
            self.world.accounts[name].orders.values(), listing
        ):
            self.rare["position not judged: orders rest"] += 1
            return
        if self.forevers.is_between(name, listing):
            self.rare["position not judged: a Forever order has fired on one side"] += 1
            return
        if name in self.spent:
            self.rare["position not judged: the day's requests are used up"] += 1
            return
        if self._gave_up(name, listing):
            self.rare["position not judged: the request budget of an order is used up"] += 1
            return
        leader = self.world.leader.held(listing)
        leader -= sum(self.ideals.leader(listing, tree) for tree in self.ideals.trees(listing))
        flat = leader == 0
        if (name, listing) in self.manual and (not flat or self.ideals.trees(listing)):
            self.rare["position not judged: squared off"] += 1
            return
        ideal = self.ideals.ideal(name, listing)
        by_hand = self.manual.get((name, listing))
        # What a hand closed may have been due to an exit that was on its way, or to nobody.
        if by_hand is not None and (not held or min(ideal, ideal + by_hand) <= held <= max(ideal, ideal + by_hand)):
            self.rare["position judged: squared off and flat"] += 1
            return
        if flat and ideal != held and self.ideals.lots_apart(listing, None) > 1:
            # Holdings that cancel each other out have become one: what each was copied by is not told apart any more.
            self.rare["position not judged: flat by holdings that cancel out"] += 1
            return
        off = held - ideal
        under_way = self.forevers.under_way(name, listing)
        if under_way is None:
            self.rare["position not judged: what waits cannot be reckoned"] += 1
            return
        waited_for = self.forevers.is_waited_for(name, listing)
        if waited_for:
            self.rare["position judged with what waits"] += 1
        least, most = under_way
        off -= max(least, min(most, off))
        closed = meddler.closed.get(listing)
        if off and closed is not None and abs(off - closed) < 1:
            # Orders on the other side filled before a second look could show that somebody had squared off.
            self.rare["position not judged: squared off unseen"] += 1
            return
        self.rare["position judged"] += 1
        if flat and held and listing.product.ends_with_day:
            self.rare["leader flat, follower not"] += 1
            if not self._was_alarmed_about(name, listing):
                what = f"{name} still holds {held} of {listing.key} {listing.product.value}, and nobody was told"
                self.blame(5, what, name)
        if not held:
            self.left_over.pop((name, listing), None)
        elif flat and held == self.left_over.get((name, listing)):
            self.rare["left over from before"] += 1
            return
        if abs(off) > listing.lot * self.ideals.lots_apart(listing, None) or (flat and off and held and not waited_for):
            what = f"{name} holds {held} of {listing.key} {listing.product.value}, expected {float(ideal):g}"
            self.blame(4, f"{what} (leader {leader}, lot {listing.lot})", name)

    def _gave_up(self, name: AccountName, listing: Listing) -> bool:
        return any(
            "REQUEST_BUDGET" in copy.ends and follower == name and listing_of(self.newest[order_id]) is listing
            for (order_id, follower), copy in self.copies.items()
            if order_id in self.newest
        )

    def _rests(self, orders: Iterable[TrueOrder], listing: Listing) -> bool:
        """Whether an order is open that is not reckoned by itself."""
        for order in orders:
            if order.listing is not listing or not order.leaves or not order.is_shown or order.ghost or order.waits:
                continue
            key = self.tags.get(order.tag) if order.tag is not None else None
            if self.ideals.tree_of(order.order_id if key is None else key[0]) is None:
                return True
        return False

    def _was_alarmed_about(self, name: AccountName, listing: Listing) -> bool:
        """That a difference was declared is for the books: somebody has to be told of a position that stays open."""
        return any(
            copy.ends - {"DRIFT"}
            for (order_id, follower), copy in self.copies.items()
            if follower == name and listing_of(self.newest[order_id]) is listing
            if "LEFT_OVER" in copy.ends
            or copy.declined is not None
            or (copy.admitted is not None and copy.admitted.exit_quantity)
        )


_LISTINGS = {(one.key, one.product): one for one in LISTINGS}
_OF_THE_ACCOUNT = (Refusal.RATE_LIMIT, Refusal.AUTHENTICATION, Refusal.IP)
_ENDED = (OrderStatus.TRADED, OrderStatus.CANCELLED, OrderStatus.REJECTED)


def same_place(one: Submit, other: Submit) -> bool:
    """Whether the second is sent in the place of the first: a large order has several, each with its own number."""
    return one.intent is other.intent and _slice_of(one) == _slice_of(other)


def _slice_of(submit: Submit) -> tuple[str, int]:
    parts = id_parts(submit.client_order_id)
    if parts is None:  # a leg that a broker keeps is all of it
        return submit.leg.letter, 0
    return parts.leg, parts.slice


def _leg_of(key: CopyKey | None) -> tuple[str, str] | None:
    """Entry and leg that an order of the copier is for."""
    entry, slash, leg = key[0].partition("/") if key is not None else ("", "", "")
    return (entry, leg) if slash else None


def listing_of(report: OrderReport) -> Listing:
    product = Product.INTRADAY if report.product in (Product.BO, Product.CO) else report.product
    return _LISTINGS[report.key, product]


def newer(report: OrderReport, known: OrderReport) -> bool:
    """By the broker's own time, then by what cannot be undone."""
    if known.status in _ENDED:
        return False
    if report.status in _ENDED or (_is_implied(known) and not _is_implied(report)):
        return True
    assert report.updated_at is not None and known.updated_at is not None
    return report.updated_at >= known.updated_at


def _tags_asked(journal: Iterable[Entry]) -> set[ClientOrderId]:
    """The tags of the orders that a journal asked for."""
    requests = (entry.fact.request for entry in journal if isinstance(entry.fact, RequestIssued))
    return {request.client_order_id for request in requests if isinstance(request, Submit)}


def _is_implied(report: OrderReport) -> bool:
    """Whether a leg is told of by its entry's frame, which has the time of the entry and may not know that the leg has moved."""
    return report.leg is not Leg.ENTRY and report.leg_order_id is None


def _reads_like_a_market_order(order: TrueOrder) -> bool:
    """Whether it was one, and was modified within the second in which it was placed: it reads as a limit either way (protocol
    facts 1.7), and only its time would tell."""
    first = order.versions[0][1]
    return isinstance(first.terms, Market) and first.created_at == order.created_at


def _tells(report: OrderReport) -> tuple[object, ...]:
    times, amounts = (report.created_at, report.updated_at), (report.filled_quantity, report.quantity)
    return times, amounts, report.status, report.terms, report.second_leg


def _names(command: Command) -> tuple[str, ...]:
    if isinstance(command, (Submit, Modify, Cancel, Query)):
        return (command.client_order_id,)
    return ()


def one_line(entry: Entry) -> str:
    """A journal row for people."""
    fact = entry.fact
    match fact:
        case LeaderReported(report=r) | OrderReported(report=r):
            who = fact.leader if isinstance(fact, LeaderReported) else fact.follower
            what = (
                f"{who} {r.order_id} {r.client_order_id or ''} {r.side.value} {r.filled_quantity}/{r.quantity} "
                f"{short(r.terms)} {r.validity.value} {r.status.value} {r.product.value} {r.key} {fact.channel.value}"
            )
        case RequestIssued(request=request):
            what = short(request)
        case _:
            what = short(fact)
    name = "" if isinstance(fact, RequestIssued) else type(fact).__name__
    return f"{entry.position} {entry.at:%d %H:%M:%S.%f} {name} {what}"[:300]


_DULL = frozenset({"segment", "leg", "note", "disclosed_quantity", "facts", "advice", "leader", "live", "validity"})


def short(value: object) -> str:
    """The fields that tell something."""
    fields = getattr(value, "__attrs_attrs__", None)
    if fields is None:
        return str(getattr(value, "name", value))
    named = [(one.name, getattr(value, one.name)) for one in fields if one.name not in _DULL]
    told = " ".join(f"{name}={short(one)}" for name, one in named if one not in (None, "", ()))
    return f"{type(value).__name__}({told})"
