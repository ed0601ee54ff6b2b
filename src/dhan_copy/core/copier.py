"""The pure core: facts in, journal entries and commands out."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import date, datetime, timedelta
from math import isfinite

from attrs import frozen

from dhan_copy.core import checkpoint, supers
from dhan_copy.core.admission import decide, look_again_at
from dhan_copy.core.admit_entry import ANSWER_MAY_COME
from dhan_copy.core.alerts import (
    abandoned,
    ahead,
    alert_for,
    alert_for_order,
    circuit_opened,
    fills_apart,
    kill_switch_alert,
    left_over,
    naming_the_leaders_order,
    opened_by_exit,
    over_exit,
    requests_spent,
    requests_wait,
    stream_lost,
)
from dhan_copy.core.arrivals import OUT_OF_ORDER, in_order, is_from_before
from dhan_copy.core.changes import overruled
from dhan_copy.core.circuit import is_closed_by
from dhan_copy.core.closing import close, excess, left_to_close, not_closed
from dhan_copy.core.day_end import left_apart, left_undecided
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import (
    AlertRaised,
    BookRead,
    Channel,
    CheckpointWritten,
    CloseOrdered,
    ClockStepped,
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
    Moment,
    OpenOrdered,
    OrderNotFound,
    OrderReported,
    OutcomeUnresolved,
    PositionsReported,
    Queued,
    QuotesReported,
    ReadFailed,
    Refusal,
    ReportUnreadable,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
    TradingState,
    TradingStateChanged,
)
from dhan_copy.core.fold import fold
from dhan_copy.core.forever import Forevers, with_list
from dhan_copy.core.gone import taken
from dhan_copy.core.healing import SelfHealing
from dhan_copy.core.hours import warning
from dhan_copy.core.intake import SETTLED_AFTER, merge, says_nothing_new
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import LINKED, Trees
from dhan_copy.core.losses import day_result, stopped_by_loss, unjudged, was_stopped_by_loss
from dhan_copy.core.lost import is_of
from dhan_copy.core.opening import consequences, is_still_missed, overtaken
from dhan_copy.core.overdue import Overdue, stays
from dhan_copy.core.paper import paper_answer, paper_report
from dhan_copy.core.permits import Permits
from dhan_copy.core.plan import plan
from dhan_copy.core.plan_draft import NOTHING, Plan, Wants
from dhan_copy.core.read_names import read_named
from dhan_copy.core.reads import ReadSchedule
from dhan_copy.core.requests import (
    Cancel,
    Command,
    Intent,
    Modify,
    Query,
    Read,
    ReadFunds,
    ReadKillSwitch,
    ReadMargin,
    ReadOrders,
    ReadPositions,
    ReadQuotes,
    Request,
    Submit,
    TurnKillSwitch,
)
from dhan_copy.core.settings import Ahead, CopierSettings, FollowerRules
from dhan_copy.core.settle import difference, is_given_up, is_left_over, is_over
from dhan_copy.core.slippage import is_limited, limit_of, measured, stopped_by_slippage
from dhan_copy.core.state import LeaderKey, State, alert_key, waits
from dhan_copy.core.super_legs import SuperLegs
from dhan_copy.core.target import closes
from dhan_copy.core.trade import (
    CopyTrade,
    FollowerOrder,
    StakeKey,
    TradeKey,
    is_leaving,
    is_undoubted,
    repeats,
    reported,
    request_of,
)
from dhan_copy.model.ids import AccountName, BrokerOrderId, is_ours
from dhan_copy.model.instrument import is_cut
from dhan_copy.model.order import OrderReport, OrderStatus, Side, Variety
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.times import ist, ist_date

PERMITS_COME_WITHIN_SECONDS = 60
"""Where the hour has permits left; a longer wait is told."""
CLOCK_STEP = timedelta(seconds=2)
"""Wall time that passes this much faster than monotonic time was set, or the machine slept."""
EXIT_WAITS_LONG = timedelta(seconds=30)
"""After this an exit that is kept back raises an alarm."""
AFTER_A_HAND = timedelta(seconds=5)
"""For so long after a fill that is not ours the account is looked at as often as may be: its positions may lag behind."""
ROUNDS = 1000
"""More rounds of planning within one step would mean that the core chases its own tail."""


@frozen
class Step:
    """What one step gives: ``entries`` to make durable before any of ``commands`` is handed out.

    ``due`` is the monotonic time at which to step again even without news; None when only news can change anything.
    """

    entries: tuple[Entry, ...]
    commands: tuple[Command, ...]
    due: float | None


@frozen
class _Told:
    """A report that changed nothing about the order as it was; ``for_good`` where it never will."""

    report: OrderReport
    order: FollowerOrder
    for_good: bool = False


class Copier:
    """Folds facts, decides, and plans under the rate budgets. It reads no clock and does no I/O: the same facts at the
    same moments always give the same steps."""

    def __init__(self, settings: CopierSettings) -> None:
        self.settings = settings
        self.state = State(settings=settings)
        self.position = 0
        self._rules = {rules.name: rules for rules in settings.followers}
        self._leaders = {rules.name for rules in settings.leaders}
        self._loss_limited = [rules for rules in settings.followers if rules.loss_limit is not None]
        self._permits = Permits(settings.followers)
        self._reads = ReadSchedule()
        self._super_legs = SuperLegs()
        self._nameless: dict[LeaderKey, datetime] = {}
        self._forever = Forevers()
        self._overdue = Overdue()
        self._self_healing = SelfHealing()
        self._waiting: dict[TradeKey, datetime | None] = {}
        self._kept_back: dict[TradeKey, datetime | None] = {}
        """Since when an exit waits; None once that was told."""
        self._answer_awaited: dict[TradeKey, datetime] = {}
        """Since when a decision has waited for what an order would block, or for the price by now."""
        self._unreadable: set[tuple[AccountName, str]] = set()
        self._at_rest: dict[TradeKey, tuple[CopyTrade, LeaderOrder]] = {}
        """Entries whose last plan came to nothing: none else will until they change, or the trading state does."""
        self._told: dict[tuple[AccountName, BrokerOrderId], _Told] = {}
        """The last row of each order that said nothing new: most rows of a book do, at every sweep."""
        self._told_of_leaders: dict[LeaderKey, tuple[OrderReport, LeaderOrder]] = {}
        self._watched: dict[AccountName, float] = {}
        """Accounts in which a hand has traded what was copied, and until when their positions are read again and again."""
        self._restored = False
        self._saved_at = 0
        self._adopted: set[TradeKey] = set()
        """Copies whose decision comes with the facts of this step: the journal is being rebuilt."""
        self._before: Moment | None = None
        self._entries: list[Entry] = []
        self._commands: list[Command] = []
        self._now = Moment(datetime.min, 0.0)
        self._today = date.min
        self._midnight = datetime.min

    def restore(self, entries: Iterable[Entry]) -> None:
        """Fold a journal, or the day's checkpoints and what follows the last of them; plans nothing.

        Raises :class:`~dhan_copy.errors.StoreError` for a checkpoint that cannot be read.
        """
        for entry in entries:
            if entry.position == self.position + 1:
                fold(self.state, entry)
            else:
                assert isinstance(entry.fact, CheckpointWritten), "only a checkpoint stands for what is left out"
                self.state = checkpoint.load(self.state, entry.fact, self.settings)
            self.position = entry.position
            if isinstance(entry.fact, CheckpointWritten):
                self._saved_at = entry.position
        self._restored = True

    def step(self, now: Moment, facts: Sequence[Fact] = ()) -> Step:
        """Fold ``facts``, decide what they call for, and plan within the budgets."""
        self._now = now
        self._entries, self._commands = [], []
        facts = self._super_legs.told(self.state, facts)
        facts = self._forever.told(self.state, facts, now.wall)
        if any(isinstance(fact, OrderReported) and fact.report.variety is Variety.SUPER for fact in facts):
            facts = supers.told(self.state, facts)
        kinds = set(map(type, facts))
        if LeaderReported in kinds or PositionsReported in kinds:
            trees = Trees(self.state.leader_orders, self.state.legs, self._nameless)
            facts = trees.told(facts, now.wall)
            for leader in trees.awaited(now.wall):
                self._reads.want(ReadOrders(account=leader))
        if CopyAdmitted in kinds or CopyDeclined in kinds:
            decisions = [fact for fact in facts if isinstance(fact, (CopyAdmitted, CopyDeclined))]
            self._adopted = {(fact.leader, fact.leader_order_id, fact.follower) for fact in decisions}
        restored = self._restored
        if restored:
            self._take_over(now)
        self._watch_the_clock(now)
        if ist_date(now.wall) != self._today:
            self._today = ist_date(now.wall)
            self._midnight = _next_midnight(now.wall)
        day = self._today.isoformat()
        starting = [fact for fact in facts if isinstance(fact, EngineStarted)] if EngineStarted in kinds else []
        for started in starting:
            self._warn_of_unanswered(self._record(started).position)
            self._permits.lost(now)
        if day > self.state.day:
            self._open_day(day, continuous=not starting)
        if restored:
            self._warn_of_the_abandoned()
        for fact in facts if PositionsReported in kinds else ():
            if isinstance(fact, PositionsReported):
                self._reads.answered(ReadPositions(account=fact.account))
        if BookRead in kinds:
            facts = self._overdue.told(self.state, facts)
        for fact in in_order(self.state, self._leaders, facts) if kinds & OUT_OF_ORDER else facts:
            self._take(fact)
        self._adopted.clear()
        wake = self._forever.wake_at(min(self._watch_feeds(), self._plan_all()))
        for follower, switch in self.state.kill_switches.items():
            if switch.is_unknown:
                self._reads.want(ReadKillSwitch(account=follower))
        self._look_at_the_watched()
        reads, read_wake = self._reads.due(self.state, now.wall)
        self._commands.extend(self._with_lists(read) for read in reads)
        self._save()
        wake = min(wake, read_wake)
        return Step(tuple(self._entries), tuple(self._commands), self._due(wake))

    def _with_lists(self, read: Read) -> Read:
        if isinstance(read, (Query, ReadOrders)):
            return supers.with_list(self.state, with_list(self.state, read))
        return read

    def _save(self) -> None:
        """Write a checkpoint now and then: when nothing is to be sent, or at last in between."""
        since = self.position - self._saved_at
        due = self.settings.policy.checkpoint_after + 2 * len(self.state.stakes)
        if since >= 4 * due or (since >= due and not self._commands):
            self._checkpoint(whole=False)

    def _checkpoint(self, *, whole: bool) -> None:
        self._saved_at = self._record(checkpoint.dump(self.state, whole=whole)).position

    def is_watching(self) -> bool:
        """Whether any account has been started."""
        return bool(self.state.started_at)

    def _warn_of_unanswered(self, cause: int) -> None:
        """The process before ended between a request's journal row and its answer: that is an unknown outcome too."""
        for key in self.state.open_keys():
            trade = self.state.trades[key]
            for order in trade.orders:
                if order.unresolved is not None:
                    lost = OutcomeUnresolved(
                        follower=trade.key[2], client_order_id=order.client_order_id, attempt=order.unresolved.attempt,
                        problem="the engine ended before the answer came",
                    )  # fmt: skip
                    self._alert(alert_for(self.state, lost), cause)

    def _watch_the_clock(self, now: Moment) -> None:
        before, self._before = self._before, now
        if before is None:
            return
        stepped = now.wall - before.wall - timedelta(seconds=now.monotonic - before.monotonic)
        if stepped >= CLOCK_STEP:
            self._record(ClockStepped(milliseconds=int(stepped / timedelta(milliseconds=1))))
            self._alert(
                AlertRaised(
                    code="CLOCK_STEPPED",
                    what="this machine's clock was set forward, or it slept",
                    known=f"by {stepped}",
                    advice="Keep it in step with NTP: the age of the leader's orders is told by it.",
                )  # fmt: skip
            )

    # Taking facts

    def _record(self, fact: Fact, cause: int | None = None) -> Entry:
        self.position += 1
        entry = Entry(self.position, self._now.wall, fact, cause)
        self._entries.append(entry)
        fold(self.state, entry)
        return entry

    def _note(self, fact: Fact) -> None:
        """Fold what need not be journaled: it tells nothing that a restart would miss."""
        fold(self.state, Entry(self.position, self._now.wall, fact))

    def _alert(self, alert: AlertRaised | None, cause: int | None = None) -> None:
        alert = None if alert is None else naming_the_leaders_order(self.state, alert)
        if alert is not None and alert_key(alert) not in self.state.alerts:
            self._record(alert, cause)

    def _take(self, fact: Fact) -> None:
        match fact:
            case LeaderReported():
                self._take_leader(fact)
            case OrderReported():
                self._take_order(fact)
            case BookRead():
                self._reads.answered(ReadOrders(account=fact.account))
                news = fact.account not in self.state.books_read or any(f == fact.account for f, _ in self.state.unresolved)
                if not news and fact.forever is not None:
                    news = any(is_leaving(order) for _, order in self.state.waiting(fact.account))
                news = news or bool(self.state.legs_gone(fact))
                self._record(fact) if news else self._note(fact)
            case OrderNotFound():
                self._reads.answered(Query(follower=fact.follower, client_order_id=fact.client_order_id))
                self._record(fact)
            case PositionsReported():
                self._record(fact) if fact.account in self._leaders else self._note(fact)
                self._book_what_was_closed_by_hand(fact.account)
            case FundsReported():
                self._reads.answered(ReadFunds(account=fact.account))
                uncounted = any(key[2] == fact.account for key in self.state.since_funds)
                if uncounted or self.state.funds.get(fact.account) != fact.funds:
                    self._record(fact)
            case MarginReported():
                self._reads.answered(ReadMargin(account=fact.account, order=fact.order))
                self._record(fact)
            case QuotesReported():
                self._reads.answered(ReadQuotes(account=fact.account))
                self._take_quotes(fact)
            case ReadFailed():
                read = read_named(fact.account, fact.what)
                if read is not None:
                    self._reads.answered(read)
                self._take_failed(fact)
            case GapDetected():
                self._record(fact)
                self._reads.want(ReadOrders(account=fact.account))
            case ReportUnreadable():
                self._take_unreadable(fact)
            case RequestAccepted() | RequestRejected() | OutcomeUnresolved() | RequestWithheld():
                self._take_answer(fact)
            case AlertRaised():
                self._alert(fact)
            case TradingStateChanged():
                self._at_rest.clear()
                self._record(fact)
            case KillSwitchTurned():
                self._at_rest.clear()
                self._record(fact)
                self._commands.append(TurnKillSwitch(follower=fact.follower, on=fact.on))
            case KillSwitchAnswered() | KillSwitchRead():
                self._take_kill_switch(fact)
            case CopyAdmitted() | CopyDeclined():
                trade = self.state.trades.get((fact.leader, fact.leader_order_id, fact.follower))
                if trade is not None and trade.decision is None:
                    self._record(fact)
            case RequestIssued(request=Submit() as request):
                self._take_adopted(fact, request)
            case CloseOrdered():
                self._take_close(fact)
            case OpenOrdered():
                self._take_entry(fact)
            case _:
                self._record(fact)

    def _take_close(self, fact: CloseOrdered) -> None:
        """What the user has closed was planned before the facts that came first."""
        stake_key = (fact.leader, fact.follower, fact.key, fact.product, fact.tree)
        units = fact.quantity if fact.side is Side.SELL else -fact.quantity
        if excess(self.state).get(stake_key) == units:
            self._close(stake_key, units, fact.reason)
        else:
            self._alert(not_closed(fact))

    def _take_entry(self, fact: OpenOrdered) -> None:
        """What the user has entered was planned before the facts that came first in this step."""
        what = is_still_missed(self.state, fact)
        if what is None:
            self._alert(overtaken(fact))
            return
        follows = tuple(consequences(self.state, fact, what, self._rules[fact.follower]))
        entry = self._record(fact)
        for each in follows:
            self._record(each, entry.position)

    def _take_quotes(self, fact: QuotesReported) -> None:
        """Prices are journaled where a follower is stopped for them, or a day's result counts from them."""
        quoted = {quote.key for quote in fact.quotes}
        if any(dealt.carried and key in quoted for (_, key), dealt in self.state.dealt.items()):
            self._record(fact)
        else:
            self._note(fact)
        for key in self._answer_awaited:
            if key[2] == fact.account:
                self.state.touched.setdefault(key, self.position)
        for rules in self._loss_limited:
            if rules.name == fact.account and stopped_by_loss(self.state, rules, day_result(self.state, rules.name)):
                self._record(fact)
                self._watch_losses(rules)

    def _take_failed(self, fact: ReadFailed) -> None:
        alert, known = alert_for(self.state, fact), fact.account in self.state.token_refused
        self._note(fact)
        if fact.refusal is not Refusal.AUTHENTICATION:
            self._alert(alert)
        elif alert is not None and not known:
            self._record(alert)

    def _take_kill_switch(self, fact: KillSwitchAnswered | KillSwitchRead) -> None:
        if isinstance(fact, KillSwitchRead):
            self._reads.answered(ReadKillSwitch(account=fact.follower))
        before = self.state.kill_switches.get(fact.follower)
        self._at_rest.clear()
        entry = self._record(fact)
        self._alert(kill_switch_alert(fact, before, self.state.kill_switches[fact.follower]), entry.position)

    def _take_adopted(self, fact: RequestIssued, request: Submit) -> None:
        """A placement that another journal knew: it has used a permit, about when the leader placed his order."""
        key = (request.leader, request.leader_order_id, request.follower)
        if key not in self.state.trades or (request.follower, request.client_order_id) in self.state.by_tag:
            return
        self._record(fact)
        placed = self.state.leader_order(key).report.created_at or self._now.wall
        age = max(0.0, (self._now.wall - placed).total_seconds())
        self._permits.remember(request.follower, age, self._now)

    def _take_leader(self, fact: LeaderReported) -> None:
        if fact.leader not in self._leaders:
            return
        where = (fact.leader, fact.report.order_id)
        known = self.state.leader_orders.get(where)
        told = self._told_of_leaders.get(where)
        if told is not None and told[1] is known and fact.channel is Channel.BOOK:
            if told[0] is fact.report or told[0] == fact.report:
                return
        kept = known is not None and (waits(known.report) or known.report.variety is Variety.AFTER_MARKET)
        if known is None and fact.channel is Channel.STREAM and waits(fact.report) and not is_of(fact.report, self.state.day):
            return  # it may be an old frame, of one that is long over: their list tells what waits since another day
        if is_from_before(self.state, fact.report) and not kept:
            if waits(fact.report):
                return  # their list goes on showing them
            self._alert(
                AlertRaised(
                    code="FROM_BEFORE",
                    what="reports about orders of an earlier day are left out",
                    known=f"order {fact.report.order_id} of {fact.report.created_at}, and today is {self.state.day}",
                    advice="After midnight that is normal; at any other time check this machine's clock.",
                    account=fact.leader,
                )  # fmt: skip
            )
            return
        if known is not None and says_nothing_new(known, merge(known, fact, self._now.wall)):
            if self._ends_silence(fact.leader, fact.channel):
                self._record(fact)
            elif fact.channel is Channel.BOOK and not known.disputed:
                self._told_of_leaders[where] = (fact.report, known)
            return
        entry = self._record(fact)
        grown = known is not None and fact.report.filled_quantity > known.report.filled_quantity
        for follower in self.state.followers_of(fact.leader):
            if grown:
                self._alert(fills_apart(self.state, (fact.leader, fact.report.order_id, follower)), entry.position)
            self._decide((fact.leader, fact.report.order_id, follower), entry.position)

    def _decide(self, key: TradeKey, cause: int) -> None:
        if self.state.trades[key].decision is not None or key in self._adopted:
            return
        now, rules = self._now.wall, self._rules[key[2]]
        decision = decide(self.state, key, rules, now)
        if isinstance(decision, (ReadMargin, ReadQuotes)):
            if now < self._answer_awaited.setdefault(key, now) + ANSWER_MAY_COME:
                self._reads.want(decision)
                self._waiting[key] = now + self.settings.policy.retry_after
                return
            decision = decide(self.state, key, rules, now, patient=False)
            assert not isinstance(decision, (ReadMargin, ReadQuotes))
        if decision is None:
            order = self.state.leader_order(key)
            again = look_again_at(self.state, order, self._now.wall)
            if order.confirmed and again > self._now.wall:
                self._waiting[key] = again
                if order.report.variety in LINKED or is_cut(order.report.segment, order.report.symbol):
                    self._reads.want(ReadOrders(account=key[0]))
            return
        self._answer_awaited.pop(key, None)
        entry = self._record(decision, cause)
        if not isinstance(decision, CopyAdmitted):
            self._alert(alert_for(self.state, decision), entry.position)
        else:
            self._alert(warning(self.state.settings, self.state.leader_order(key), self._now.wall), entry.position)

    def _take_order(self, fact: OrderReported) -> None:
        report = fact.report
        where = (fact.follower, report.order_id)
        known = self._told.get(where)
        repeated = None if known is None or (known.report is not report and known.report != report) else known
        if repeated is not None and repeated.for_good:
            self._reads.shown(fact.follower, repeated.order.client_order_id)
            return
        found = self.state.order_of(fact.follower, fact.report)
        if found is None:
            self._watch_what_a_hand_closes(fact)
            tag = fact.report.client_order_id
            may_be_copy = report.variety is Variety.FOREVER  # told of where it keeps one back
            if tag is not None and is_ours(tag) and (may_be_copy or not is_from_before(self.state, fact.report)):
                if (fact.follower, tag) not in self.state.foreign:
                    self._record(fact)
                if may_be_copy:
                    return
                self._alert(
                    AlertRaised(
                        code="FOREIGN_TAG",
                        what="an order carries this library's tag but is not in the journal",
                        known=f"order {fact.report.order_id} of {fact.report.symbol or fact.report.security_id}",
                        advice="Another copier or another journal serves this account: stop one of them.",
                        account=fact.follower,
                        client_order_id=tag,
                    )  # fmt: skip
                )
            return
        trade, before = found
        self._reads.shown(fact.follower, before.client_order_id)
        if repeats(before, report):
            self._told[where] = _Told(report, before, for_good=True)
            return
        circuit = self.state.circuits.get(fact.follower)
        if repeated is not None and repeated.order is before and circuit is None and fact.channel is Channel.BOOK:
            return
        after = reported(before, fact, self._now.wall)
        closes = circuit is not None and is_closed_by(circuit, fact.report.status, before.issued_at)
        if after == before and not closes and not self._ends_silence(fact.follower, fact.channel):
            if is_undoubted(before):
                self._told[where] = _Told(report, before)
            return
        entry = self._record(fact)
        self._alert(alert_for_order(before, after, fact), entry.position)
        if after.filled_quantity > before.filled_quantity:
            self._alert(fills_apart(self.state, trade.key), entry.position)
            self._alert(over_exit(self.state, trade.key), entry.position)
        self._warn_of_circuit(fact.follower, entry.position)

    def _watch_what_a_hand_closes(self, fact: OrderReported) -> None:
        """The account's own stream tells at once of a fill that is not ours, and the next regular read may be a minute
        away: until then what rests could close a second time what a hand has closed."""
        report, rules = fact.report, self._rules.get(fact.follower)
        if (
            fact.channel is not Channel.STREAM
            or not report.filled_quantity
            or rules is None
            or is_from_before(self.state, report)
        ):
            return
        where = (fact.follower, report.key, report.product)
        stakes = (stake for key, stake in self.state.stakes.items() if key[1:4] == where)
        if rules.live and rules.reads_positions and any(stake.closable(report.side.sign * stake.turn) for stake in stakes):
            self._watched[fact.follower] = self._now.monotonic + AFTER_A_HAND.total_seconds()

    def _look_at_the_watched(self) -> None:
        for follower, until in list(self._watched.items()):
            if until <= self._now.monotonic:
                del self._watched[follower]
            self._want_position(follower)

    def _ends_silence(self, account: AccountName, channel: Channel) -> bool:
        feed = self.state.feeds.get(account)
        return channel is Channel.STREAM and feed is not None and feed.stale_since is not None

    def _watch_feeds(self) -> datetime:
        """Raise the alarm for streams that have been lost or silent for long; when to look again."""
        wake = self._now.wall + timedelta(days=1)
        for account, feed in self.state.feeds.items():
            if feed.stale_since is None:
                continue
            alarm_at = feed.stale_since + self.settings.policy.stale_after
            if alarm_at > self._now.wall:
                wake = min(wake, alarm_at)
            else:
                self._alert(stream_lost(account, feed.stale_since))
        return wake

    def _take_unreadable(self, fact: ReportUnreadable) -> None:
        seen = (fact.account, fact.raw or fact.problem)
        if seen in self._unreadable:
            return
        if len(self._unreadable) < 10_000:
            self._unreadable.add(seen)
        entry = self._record(fact)
        self._alert(alert_for(self.state, fact), entry.position)
        self._reads.want(ReadOrders(account=fact.account))

    def _take_answer(self, fact: RequestAccepted | RequestRejected | OutcomeUnresolved | RequestWithheld) -> None:
        self._permits.answered(fact, self._now)
        if (fact.follower, fact.client_order_id) not in self.state.by_tag:
            return
        found = self.state.order_by_tag(fact.follower, fact.client_order_id)
        request = None if found is None else request_of(found[1], fact.attempt)
        entry = self._record(fact)
        self._alert(alert_for(self.state, fact, request), entry.position)
        self._warn_of_circuit(fact.follower, entry.position)

    def _warn_of_circuit(self, follower: AccountName, cause: int) -> None:
        circuit = self.state.circuits.get(follower)
        if circuit is not None and circuit.until is not None:
            self._alert(circuit_opened(follower, circuit), cause)

    def _book_what_was_closed_by_hand(self, account: AccountName) -> None:
        mine = {name: suspect for name, suspect in self.state.suspects.items() if name[0] == account}
        for _, key, _ in mine:
            self.settings.expiry(key)  # asked early: a list of instruments takes seconds to be read
        proven = [name for name, suspect in mine.items() if suspect.proven]
        for name in proven:
            suspect = self.state.suspects.pop(name)
            for fact in taken(self.state, name, suspect, self._now.wall):
                entry = self._record(fact)
                self._alert(alert_for(self.state, fact), entry.position)

    # Planning

    def _close_what_is_held(self) -> None:
        """Holdings of followers that are to hold nothing, as far as nothing is due to close them yet."""
        closing = {name for name in self._rules if self.state.trading_state(name) is TradingState.CLOSING}
        for stake_key in list(self.state.stakes) if closing else ():
            if stake_key[1] in closing:
                units = left_to_close(self.state, stake_key)
                if units:
                    lost = was_stopped_by_loss(self.state, stake_key[1])
                    self._close(stake_key, units, ReasonCode.LOSS_LIMIT if lost else ReasonCode.FLATTENED)

    def _heal(self, now: datetime) -> datetime:
        """Close what followers hold beyond their share, where the policy says so; when to look again."""
        steps, reads, wake = self._self_healing.due(self.state, now)
        for step in steps:
            self._close(step.holding, step.units, ReasonCode.HEALED)
        for read in reads:
            self._reads.want(read)
        return wake

    def _watch_losses(self, rules: FollowerRules) -> None:
        result = day_result(self.state, rules.name)
        self._alert(unjudged(rules.name, result))
        stopped = stopped_by_loss(self.state, rules, result)
        if stopped is not None:
            alert, change = stopped
            self._alert(alert)
            self._at_rest.clear()
            self._record(change)

    def _close(self, stake_key: StakeKey, units: int, reason: ReasonCode, *, declare: bool = True) -> None:
        rules = self._rules[stake_key[1]]
        number = self.position + 1
        for fact in close(self.state, stake_key, units, rules, reason, number, declare=declare):
            self._record(fact)

    def _plan_all(self) -> datetime:
        state, now = self.state, self._now.wall
        for rules in self._loss_limited if state.touched else ():
            self._watch_losses(rules)
        if state.trading:
            self._close_what_is_held()
        wake = self._heal(now)
        for key, wake_at in list(self._waiting.items()):
            if wake_at is None or wake_at <= now:
                state.touched.setdefault(key, self.position)
        for _ in range(ROUNDS):
            if not state.touched:
                break
            touched, state.touched = state.touched, {}
            ready: list[tuple[CopyTrade, int]] = []
            for key, cause in touched.items():
                if key not in state.trades or key[2] not in self._rules:
                    self._waiting.pop(key, None)
                    continue
                if self._rests(key):
                    continue
                self._waiting.pop(key, None)
                if state.trades[key].decision is None:
                    self._decide(key, cause)
                self._settle(key, cause)
                trade = state.trades[key]
                if not trade.settled and trade.decision is not None:
                    ready.append((trade, cause))
                else:
                    self._kept_back.pop(key, None)
            # What one settles moves what others share: all are planned by the same state.
            planned: list[tuple[TradeKey, int, Plan]] = []
            wants: Wants = {}
            for trade, cause in ready:
                key = trade.key
                what = plan(state, key, self._rules[key[2]], now, wants)
                unchanged = trade is state.trades[key]
                if what is NOTHING and unchanged and not closes(trade) and not any(order.linked for order in trade.orders):
                    self._at_rest[key] = (trade, state.leader_order(key))
                planned.append((key, cause, what))
            self._follow(planned)
        else:
            raise AssertionError("planning does not come to rest")
        for where in state.disputed:
            self._reads.want(ReadOrders(account=where[0]))
            settled_at = state.leader_orders[where].seen_at + SETTLED_AFTER
            if settled_at > now:
                wake = min(wake, settled_at)
        return min([wake, *(at for at in self._waiting.values() if at is not None)])

    def _rests(self, key: TradeKey) -> bool:
        """Whether neither an entry nor the leader's order of it has changed since its plan came to nothing."""
        known = self._at_rest.get(key)
        return known is not None and known[0] is self.state.trades[key] and known[1] is self.state.leader_order(key)

    def _settle(self, key: TradeKey, cause: int) -> None:
        self._alert(opened_by_exit(self.state, key), cause)
        settled = is_over(self.state, key)
        if settled is not None:
            self._tell_what_is_given_up(key, cause)
            self._record(settled, cause)
            if self._rules[key[2]].live and is_limited(self.settings, self.state):
                self._measure(key, cause)
            if not self.state.trades[key].settled:
                return  # an exit does what its entry did not
        elif not is_left_over(self.state, key):
            return
        declared = difference(self.state, key)
        if declared is not None and self._is_ahead(key, declared):
            self._alert(ahead(self.state, key, declared), cause)
            if self.settings.policy.ahead is Ahead.CLOSE:
                stake_key = self.state.trades[key].stake_key
                self._close(stake_key, int(declared.quantity), ReasonCode.AHEAD, declare=False)
                declared = None
        if declared is not None:
            self._record(declared, cause)
        self._alert(left_over(self.state, key), cause)

    def _tell_what_is_given_up(self, key: TradeKey, cause: int) -> None:
        """What is due and will not be tried again is told before nobody looks at it any more."""
        if is_given_up(self.state, self.state.trades[key]):
            for fact in plan(self.state, key, self._rules[key[2]], self._now.wall, {}).facts:
                if isinstance(fact, AlertRaised):
                    self._alert(fact, cause)

    def _measure(self, key: TradeKey, cause: int) -> None:
        limit = limit_of(self.state, key, self._rules[key[2]])
        fact = None if limit is None else measured(self.state, key, limit)
        if limit is None or fact is None:
            return
        entry = self._record(fact, cause)
        stopped = stopped_by_slippage(self.state, fact, limit)
        if stopped is not None:
            alert, change = stopped
            self._alert(alert, entry.position)
            self._at_rest.clear()
            self._record(change, entry.position)

    def _is_ahead(self, key: TradeKey, declared: DriftDeclared) -> bool:
        """Whether a follower has filled more of an entry than the leader's order came to."""
        report, trade = self.state.leader_order(key).report, self.state.trades[key]
        ended = report.status.is_terminal and report.status is not OrderStatus.TRADED
        return ended and trade.filled(Intent.ENTRY) > 0 and declared.quantity * report.side.sign > 0

    def _follow(self, planned: list[tuple[TradeKey, int, Plan]]) -> None:
        """Issue what the plans ask for: cancels first, then what reduces risk, then entries."""
        requests: list[tuple[int, TradeKey, int, Request]] = []
        for key, cause, what in planned:
            for fact in what.facts:
                self._alert(fact, cause) if isinstance(fact, AlertRaised) else self._record(fact, cause)
            for query in what.queries:
                self._reads.want(query)
            if what.positions_since is not None:
                self._want_position(key[2])
            if what.book_awaited:
                self._reads.want(ReadOrders(account=key[2]))
            if what.leader_book_awaited:
                self._reads.want(ReadOrders(account=key[0]))
            if what.wake_at is not None:
                self._waiting[key] = what.wake_at
            self._tell_what_is_kept_back(key, cause, what)
            requests.extend((self._rank(request), key, cause, request) for request in what.requests)
        requests.sort(key=lambda item: item[0])
        for _, key, cause, request in requests:
            self._issue(key, cause, request)
        for key, cause, _ in planned:
            if not self._rules[key[2]].live:
                self._play_on_paper(key, cause)

    def _tell_what_is_kept_back(self, key: TradeKey, cause: int, what: Plan) -> None:
        """An exit that waits is told of after a while: once, each time that it does."""
        if what.kept_back is None:
            if not what.exit_waits:
                self._kept_back.pop(key, None)
            return
        since, now = self._kept_back.setdefault(key, self._now.wall), self._now.wall
        if since is None:
            return
        if now - since > EXIT_WAITS_LONG:
            alert = evolve(what.kept_back, known=f"since {since}")
            self._record(naming_the_leaders_order(self.state, alert), cause)
            self._kept_back[key] = None
        else:
            self._wait(key, since + EXIT_WAITS_LONG + timedelta(seconds=1))

    def _want_position(self, follower: AccountName) -> None:
        """Where the ledger and the account disagree, the book is read between two reads of the position."""
        if any(name[0] == follower for name in self.state.suspects):
            self._reads.want(ReadOrders(account=follower))
        self._reads.want(ReadPositions(account=follower))

    def _issue(self, key: TradeKey, cause: int, request: Request) -> None:
        if not self._rules[key[2]].live:
            self._record(RequestIssued(request=request), cause)
            self._record(paper_answer(request), self.position)
            return
        circuit = self.state.circuits.get(key[2])
        if circuit is not None and self._adds_risk(request):
            later = circuit.entries_wait_until(self._now.wall)
            if later is not None:
                self._wait(key, later)
                return
        wait = self._permits.wait_seconds(request, self._now)
        if wait > 0:
            if self._permits.are_spent(request):
                self._alert(requests_spent(request, self._permits.of_today(key[2])), cause)
            until = self._now.wall + timedelta(seconds=wait) if isfinite(wait) else None
            if until is not None and wait > PERMITS_COME_WITHIN_SECONDS:
                self._alert(requests_wait(request, until), cause)
            self._wait(key, until)
            return
        self._permits.take(request)
        self._record(RequestIssued(request=request), cause)
        self._commands.append(request)

    def _wait(self, key: TradeKey, until: datetime | None) -> None:
        before = self._waiting.get(key)
        self._waiting[key] = until if before is None or until is None else min(before, until)

    def _rank(self, request: Request) -> int:
        """What takes back goes first, then what closes: permits may not last for all of it."""
        if isinstance(request, Cancel):
            return 0
        if self._asks_for_less(request):
            return 1
        return 2 if request.intent is Intent.EXIT else 3

    def _adds_risk(self, request: Request) -> bool:
        """Whether a request opens more, or moves an entry; one that only shrinks does not."""
        return not isinstance(request, Cancel) and request.intent is not Intent.EXIT and not self._asks_for_less(request)

    def _asks_for_less(self, request: Submit | Modify) -> bool:
        known = self.state.order_by_tag(request.follower, request.client_order_id)
        stands = known[1].accepted if known is not None else None
        return stands is not None and request.quantity < stands.quantity

    def _play_on_paper(self, key: TradeKey, cause: int) -> None:
        while (fact := paper_report(self.state, self.state.trades[key], self._now.wall)) is not None:
            self._record(fact, cause)

    # Time

    def _take_over(self, now: Moment) -> None:
        """Begin where the journal ends: budgets are refilled from its times, and every open trade is looked at."""
        self._restored = False
        self._permits.take_over(self.state, now)
        for fact in overruled(self.settings, list(self.state.overruled.values())):
            self._record(fact)
        self.state.touched.clear()
        for key in self.state.open_keys():
            trade = self.state.trades[key]
            self.state.touch(key, self.position)
            if trade.decision is None and key[2] in self.state.started_at and key[2] in self._rules:
                self._decide(key, self.position)

    def _warn_of_the_abandoned(self) -> None:
        """Once the day is open: what ended with the day before is nobody's to look after."""
        for alert in abandoned(self.state, self._rules.keys() | self._leaders):
            self._alert(alert)

    def _open_day(self, day: str, *, continuous: bool) -> None:
        first = not self.state.day
        queued: list[LeaderKey] = []
        if not first:
            queued = self._queued(day)
            self._close_day(queued)
        known = tuple(Queued(leader=leader, order_id=order_id) for leader, order_id in queued)
        self._record(DayOpened(day=day, continuous=continuous, queued=known))
        self._permits.new_day()
        self._waiting.clear()
        self._kept_back.clear()
        self._answer_awaited.clear()
        self._unreadable.clear()
        self._super_legs.new_day()
        self._nameless.clear()
        self._forever.new_day()
        self._overdue.new_day()
        self._told.clear()
        self._told_of_leaders.clear()
        self._at_rest.clear()
        self._reads.forget_lookups()
        if not first:
            self._checkpoint(whole=True)

    def _queued(self, day: str) -> list[LeaderKey]:
        """After-market orders that are for ``day`` or a later one, as far as is known."""
        return [where for where in self.state.leader_orders if stays(self.state, where, day)]

    def _close_day(self, queued: Sequence[LeaderKey]) -> None:
        for undecided in left_undecided(self.state, queued):
            self._record(undecided)
        for apart in left_apart(self.state):
            entry = self._record(apart)
            self._alert(alert_for(self.state, apart), entry.position)

    def _due(self, wake: datetime) -> float | None:
        now = self._now
        if not self.is_watching() and not self._waiting:
            return None
        seconds = (min(wake, self._midnight) - now.wall).total_seconds()
        return now.monotonic + max(0.0, seconds)


def _next_midnight(wall: datetime) -> datetime:
    tomorrow = ist_date(wall) + timedelta(days=1)
    return ist(datetime(tomorrow.year, tomorrow.month, tomorrow.day))
