"""When to read which account: sweeps, lookups of unknown outcomes, and reads that a decision waits for."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from decimal import Decimal
from functools import cache
from types import MappingProxyType

from attrs import define, field

from dhan_copy.core.changes import values_of
from dhan_copy.core.effective import Changed, overrides_in
from dhan_copy.core.feeds import CATCHING_UP
from dhan_copy.core.requests import Query, Read, ReadFunds, ReadKillSwitch, ReadMargin, ReadOrders, ReadPositions, ReadQuotes
from dhan_copy.core.rules import BelowLot
from dhan_copy.core.settings import CopierSettings, FollowerRules
from dhan_copy.core.state import State, TagKey
from dhan_copy.core.worth import worth
from dhan_copy.model.ids import AccountName, ClientOrderId
from dhan_copy.model.instrument import InstrumentKey

LONGEST_LOOKUP_PAUSE = timedelta(seconds=10)
ANSWER_OVERDUE = timedelta(seconds=60)
"""A read that was never answered may be asked again after this."""
_NOBODY: frozenset[AccountName] = frozenset()


@define
class _Asked:
    at: datetime
    answered: bool = False
    times: int = 1


@define
class ReadSchedule:
    """Remembers what was asked when. It is no part of the folded state: reads change nothing at a broker."""

    asked: dict[Read, _Asked] = field(factory=dict)
    pressing: dict[Read, None] = field(factory=dict)
    """Reads that something waits for, to be asked as soon as the pause since the last one allows."""
    looked_up: set[TagKey] = field(factory=set)
    """Orders that have been looked up and not shown since."""
    sweeps_known: tuple[object, datetime] | None = None
    """What the sweeps hung on when none was due, and when the next one is."""

    def want(self, read: Read) -> None:
        if isinstance(read, ReadQuotes):
            read = _with_all_keys(read, self.pressing)
            self.pressing.pop(read, None)
        self.pressing[read] = None

    def answered(self, read: Read) -> None:
        record = self.asked.get(read)
        if record is not None:
            record.answered = True
            self.sweeps_known = None

    def shown(self, follower: AccountName, tag: ClientOrderId) -> None:
        """A report shows the order: if it was looked up, that is an answer."""
        if (follower, tag) in self.looked_up:
            self.looked_up.remove((follower, tag))
            self.answered(Query(follower=follower, client_order_id=tag))

    def forget_lookups(self) -> None:
        """Drop what was remembered of orders that are no longer looked up."""
        self.looked_up.clear()
        self.sweeps_known = None
        self.asked = {
            read: record for read, record in self.asked.items() if not isinstance(read, (Query, ReadMargin, ReadKillSwitch))
        }

    def due(self, state: State, now: datetime) -> tuple[list[Read], datetime]:
        """The reads to ask now, and when to look again."""
        ready: list[Read] = []
        wake = now + timedelta(days=1)
        for read in list(self.pressing):
            if _lacks_position(state, read):
                del self.pressing[read]
                continue
            at = self._earliest(read, state, now)
            if at <= now:
                ready.append(read)
                del self.pressing[read]
            else:
                wake = min(wake, at)
        hangs_on = _what_sweeps_hang_on(state)
        if not ready and self.sweeps_known is not None and self.sweeps_known[0] == hangs_on:
            if now < self.sweeps_known[1]:
                return [], min(wake, self.sweeps_known[1])
        next_sweep = now + timedelta(days=1)
        for read, every in _sweeps(state):
            record = self.asked.get(read)
            if record is None:
                at = now
            elif record.answered:
                at = record.at + every
                logged_in = _logged_in_by(state, read)
                if logged_in is not None and record.at < logged_in < at:
                    at = logged_in
            else:
                at = record.at + max(every, ANSWER_OVERDUE)
            if ready and read in ready:
                if isinstance(read, ReadQuotes):
                    ready[ready.index(read)] = _with_all_keys(read, ready)
                at = now + every
            elif at <= now:
                ready.append(read)
                at = now + every
            if at < next_sweep:
                next_sweep = at
        wake = min(wake, next_sweep)
        self.sweeps_known = None if ready else (hangs_on, next_sweep)
        for read in ready:
            record = self.asked.get(read)
            self.asked[read] = _Asked(now, times=1 if record is None else record.times + 1)
            if isinstance(read, Query):
                self.looked_up.add((read.follower, read.client_order_id))
        return ready, wake

    def _earliest(self, read: Read, state: State, now: datetime) -> datetime:
        record = self.asked.get(read)
        if record is None:
            return now
        if not record.answered:
            return record.at + ANSWER_OVERDUE
        pause = state.settings.policy.retry_after
        if isinstance(read, (Query, ReadKillSwitch)):
            pause = min(pause * 2 ** min(record.times - 1, 10), LONGEST_LOOKUP_PAUSE)
        return record.at + pause


def _with_all_keys(read: ReadQuotes, others: Iterable[Read]) -> ReadQuotes:
    """One question for what it and the others that are for the same account ask."""
    keys = (key for other in others if isinstance(other, ReadQuotes) and other == read for key in other.keys)
    return ReadQuotes(account=read.account, keys=tuple(dict.fromkeys((*keys, *read.keys))))


def _lacks_position(state: State, read: Read) -> bool:
    """Whether it is a leader's book while nobody knows what he holds: that is read together with his book, for an
    order heard of before could not be told for an entry or an exit."""
    leaders = (rules.name for rules in state.settings.leaders)
    return isinstance(read, ReadOrders) and read.account in leaders and not state.knows_position(read.account)


def _logged_in_by(state: State, read: Read) -> datetime | None:
    """When the present stream of an account tells of its orders for certain. Dhan does not say that a login has been
    dealt with (protocol facts 3.2): what happens between the first look at the book and then is told by neither."""
    if type(read) is not ReadOrders:
        return None
    feed = state.feeds.get(read.account)
    return None if feed is None or feed.connected_at is None else feed.connected_at + CATCHING_UP


@cache
def _orders_of(account: AccountName) -> ReadOrders:
    return ReadOrders(account=account)


@cache
def _positions_of(account: AccountName) -> ReadPositions:
    return ReadPositions(account=account)


def _what_sweeps_hang_on(state: State) -> object:
    """Equal as long as :func:`_sweeps` gives the same reads, at less than a tenth of its price."""
    return (
        tuple(map(bool, state.open_trades.values())), tuple(state.stakes.values()), tuple(state.feeds.values()),
        tuple(state.suspects), len(state.started_at), len(state.positions_known), tuple(state.changes.values()),
    )  # fmt: skip


def _sweeps(state: State) -> list[tuple[Read, timedelta]]:
    policy, started = state.settings.policy, state.started_at
    reads: list[tuple[Read, timedelta]] = []
    suspected = {account for account, _, _ in state.suspects} if state.suspects else _NOBODY
    owning = _owning_accounts(state)
    busy = _busy_accounts(state)
    for leader in state.settings.leaders:
        if leader.name in started:
            if state.knows_position(leader.name):
                often = leader.name in busy or leader.name in suspected or _is_stale(state, leader.name)
                reads.append((_orders_of(leader.name), policy.sweep_open if often else policy.sweep_idle))
            else:
                reads.append((_positions_of(leader.name), policy.sweep_open))
    for follower in state.settings.followers:
        name = follower.name
        if follower.live and name in started:
            often = name in busy or name in suspected
            reads.append((_orders_of(name), policy.sweep_open if often else policy.sweep_idle))
            if name in owning and follower.reads_positions:
                # Two reads of everything tell whether somebody closed by hand: not a minute apart.
                reads.append((_positions_of(name), policy.sweep_open if name in suspected else policy.positions_every))
            if follower.loss_limit is not None and follower.reads_quotes and (held := _held(state, name)):
                reads.append((ReadQuotes(account=name, keys=held), policy.quotes_every))
    for account in _accounts_with_funds(state):
        reads.append((ReadFunds(account=account), policy.funds_every))
    return reads


def _is_stale(state: State, account: AccountName) -> bool:
    feed = state.feeds.get(account)
    return feed is not None and feed.stale_since is not None


def _busy_accounts(state: State) -> set[AccountName]:
    busy: set[AccountName] = set()
    for (leader, follower, *_), trades in state.open_trades.items():
        if trades and not (follower in busy and leader in busy):
            busy.add(leader)
            busy.add(follower)
    return busy


def _owning_accounts(state: State) -> set[AccountName]:
    """Followers that hold something on behalf of a leader."""
    owning: set[AccountName] = set()
    for (_, follower, *_), stake in state.stakes.items():
        if follower not in owning and stake.long != stake.short:
            owning.add(follower)
    return owning


def _held(state: State, follower: AccountName) -> tuple[InstrumentKey, ...]:
    """What today's copies have opened and not closed, or held over night, as far as a loss limit counts it."""
    return tuple(
        key for (name, key), dealt in state.dealt.items()
        if name == follower and (dealt.net or dealt.carried)
        and worth(key.segment, 1, Decimal(1), state.priced(key)) is not None
    )  # fmt: skip


def _accounts_with_funds(state: State) -> list[AccountName]:
    wanting = [rules for rules in state.settings.followers if needs_funds(rules, state.settings, values_of(state.changes))]
    accounts: dict[AccountName, None] = {}
    for rules in wanting:
        for leader in state.settings.leaders:
            if (rules.leaders is None or leader.name in rules.leaders) and leader.name in state.started_at:
                accounts[leader.name] = None
        if rules.name in state.started_at:
            accounts[rules.name] = None
    return list(accounts)


def needs_funds(rules: FollowerRules, settings: CopierSettings | None = None, changed: Changed = MappingProxyType({})) -> bool:
    """Whether funds count for some copy of the follower: a sizer says so by an attribute ``needs_funds``, and what one
    lot may risk is a part of them."""
    said = [rules.rules, *rules.overrides]
    below_lot = False
    if settings is not None:
        said += [settings.rules, *(leader.rules for leader in settings.leaders), *settings.overrides]
        below_lot = settings.policy.below_lot is BelowLot.ONE_LOT_WITHIN_RISK
    said += overrides_in(changed)
    sizers = [rules.sizer, *(one.size for one in said), *changed.values()]
    below = [*(one.below_lot for one in said), *changed.values()]
    return below_lot or BelowLot.ONE_LOT_WITHIN_RISK in below or any(getattr(sizer, "needs_funds", False) for sizer in sizers)
