"""Forever orders (GTT): rows of the broker's list of them, and what appears when one fires, as news of one order.

When one fires an ordinary order appears, with an id of its own and without a tag; frames name the Forever order as its
parent, rows of the order book do not (protocol facts 1.11, 3.4). Here both are one order: the leader's goes by the id of
the Forever order, and a follower's by our tag, which the list does not show either.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta

from attrs import define, field

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import AlertRaised, BookRead, Fact, LeaderReported, OrderReported, Searched
from dhan_copy.core.forever_rows import (
    FIRED,
    Report,
    account_of,
    completed,
    fired_terms,
    in_pairs,
    is_alike,
    is_as_asked,
    is_later,
    is_news,
    legs_of,
    looks_like_copy,
    may_have_placed,
    tag_if_alike,
)
from dhan_copy.core.intake import SETTLED_AFTER
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Query, ReadOrders
from dhan_copy.core.state import State, has_fired
from dhan_copy.core.trade import CopyTrade, FollowerOrder, is_child, is_leaving
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import Leg, OrderReport, OrderStatus, StopLimit, Variety

FRAME_MAY_FOLLOW = timedelta(seconds=5)
"""How long a row without a parent waits for the frame that names it."""
CHILD_MAY_FOLLOW = timedelta(seconds=60)
"""How long what a Forever order placed may stay unseen before the alarm."""
CLOCKS_APART = timedelta(seconds=60)
"""What this machine's clock and the broker's may differ by: a copy that was taken for another's would be sent again."""
_Id = tuple[AccountName, BrokerOrderId]


@define
class _Unnamed:
    """Rows of an order whose parent nobody has named."""

    since: datetime
    still: set[_Id]
    """What the leader's list showed as waiting, or taken back, when the order was first seen."""
    waiting: list[LeaderReported] = field(factory=list)


@define
class Forevers:
    """Reads news of Forever orders. It remembers only what waits for the name of its parent, and since when."""

    unnamed: dict[_Id, _Unnamed] = field(factory=dict)

    def told(self, state: State, facts: Sequence[Fact], now: datetime) -> Sequence[Fact]:
        """``facts`` with every Forever order as one order, and followers' tagged where they are ours; without what says
        nothing: rows of those that have fired, of others' at a follower, and for a while of what cannot be told yet."""
        lists = {fact.account for fact in facts if type(fact) is BookRead and fact.forever is not None}
        still: set[_Id] = set()
        for where, unnamed in self.unnamed.items():
            if not unnamed.waiting:
                continue
            still |= unnamed.still if where[0] not in lists else set()
            if now >= unnamed.since + FRAME_MAY_FOLLOW:
                facts = [*unnamed.waiting, *facts]
                unnamed.waiting = []
        news = [fact for fact in facts if is_news(fact)]
        if not (news or lists or state.legs):
            return facts
        named = {
            (fact.leader, fact.report.order_id): fact.report.parent_order_id for fact in news
            if isinstance(fact, LeaderReported) and fact.report.parent_order_id is not None
        }  # fmt: skip
        facts = [_marked(state, named, fact) for fact in facts]
        return _Reading(state, in_pairs(facts), now, self.unnamed, still).told()

    def wake_at(self, latest: datetime) -> datetime:
        """When to look again without news."""
        return min((one.since + FRAME_MAY_FOLLOW for one in self.unnamed.values() if one.waiting), default=latest)

    def new_day(self) -> None:
        self.unnamed.clear()


def with_list(state: State, read: Query | ReadOrders) -> Query | ReadOrders:
    """A look at a follower with the list of Forever orders, where he has any of ours, or may have."""
    account = read.follower if isinstance(read, Query) else read.account
    return evolve(read, forever=True) if state.waiting(account) or state.not_looked_for(account) else read


@define
class _Reading:
    state: State
    facts: list[Fact]
    now: datetime
    unnamed: dict[_Id, _Unnamed]
    still: set[_Id]
    """Listed here as waiting: those had not fired when the order book was read; or as taken back, for those never will."""
    taken: dict[_Id, BrokerOrderId] = field(factory=dict)
    """What leaders' Forever orders placed, as these facts tell."""
    ours: dict[_Id, ClientOrderId] = field(factory=dict)
    """Ids at followers that turned out to be of our orders."""
    fired: set[ClientOrderId] = field(factory=set)
    """Our orders of which these facts show what they placed."""
    orphans: list[OrderReport] = field(factory=list)
    """What appeared at leaders, with nobody to name its parent, and that no Forever order may have placed as far as is
    known."""
    claims: dict[_Id, set[BrokerOrderId]] = field(factory=dict)
    """What appeared at leaders, by the Forever order that a frame names, or that alone may have placed it."""
    rows: dict[_Id, OrderReport] = field(factory=dict)
    """The newest of a leader's order that these facts tell."""
    result: list[Fact] = field(factory=list)

    def told(self) -> list[Fact]:
        rows = [fact for fact in self.facts if isinstance(fact, Report) and is_news(fact)]
        listed = [fact for fact in rows if not is_child(fact.report)]
        appeared = [fact for fact in rows if is_child(fact.report)]
        self.still.update((account_of(fact), fact.report.order_id) for fact in listed if not _may_have_fired(fact.report))
        # A list that shows one as waiting may be older than another that shows it as fired, and be answered after that.
        self.still -= {(account_of(fact), fact.report.order_id) for fact in listed if fact.report.status in FIRED}
        self.still -= {where for where in self.still if self._is_known_to_have_fired(where)}
        reads = {fact.account: fact for fact in self.facts if isinstance(fact, BookRead) and fact.forever is not None}
        doubtful = {account: self._settle(read, rows) for account, read in reads.items()}
        self._match_ours(reads, appeared)
        searched = {read.account: self.state.not_looked_for(read.account, read.read_at) for read in reads.values()}
        alike = [row for trades in searched.values() if trades for row in self._look_for_copies(trades, rows)]
        self._claim(appeared, listed)
        children = iter([self._child(fact, listed) for fact in appeared])
        for fact in self.facts:
            if isinstance(fact, BookRead):
                self.result.extend(row for row in alike if row.follower == fact.account)
                tags = doubtful.get(fact.account, [])
                sought = () if fact.forever is None else tuple(map(_sought, searched[fact.account]))
                self.result.append(evolve(fact, tags=(*fact.tags, *tags), searched=sought) if tags or sought else fact)
                self._miss(fact)
            elif isinstance(fact, Report) and is_news(fact):
                news = next(children) if is_child(fact.report) else self._row(fact)
                if news is not None:
                    self.result.append(news)
            else:
                self.result.append(fact)
        return self.result

    def _claim(self, appeared: Sequence[Report], listed: Sequence[Report]) -> None:
        """Note which Forever orders may have placed what has appeared, now or before without a name."""
        shown = {(account_of(fact), fact.report.order_id) for fact in appeared}
        held = (one.waiting[-1] for where, one in self.unnamed.items() if one.waiting and where not in shown)
        for fact in (*appeared, *held):
            if not isinstance(fact, LeaderReported):
                continue
            if fact.report.parent_order_id is not None:
                parents = [fact.report.parent_order_id]
            elif self._is_unnamed(fact):
                parents = self._parents(fact, self._waiting_reports(fact.leader, listed))
                if not parents:
                    self.orphans.append(fact.report)
            else:
                continue
            if len(parents) == 1:
                self.claims.setdefault((fact.leader, parents[0]), set()).add(fact.report.order_id)

    def _row(self, fact: Report) -> Report | None:
        """A row of the list. One of an order whose child is known says less than that does."""
        report = fact.report
        if isinstance(fact, LeaderReported):
            known = self.state.leader_orders.get((fact.leader, report.order_id))
            if (fact.leader, report.order_id) in self.taken or (known is not None and known.report.leg_order_id is not None):
                return None
            where = (fact.leader, report.order_id)
            last = self.rows.get(where) or (None if known is None else known.report)
            shown = completed(report, last)
            if shown is not None and not (last is not None and _is_older(shown, last)):
                self.rows[where] = shown
            return None if shown is None else evolve(fact, report=shown)
        order = self._our_order(fact.follower, report)
        if order is None or not order.waits or order.client_order_id in self.fired:
            return None
        if is_leaving(order) and report.status is OrderStatus.CANCELLED:
            shown = report
        else:
            stands = order.accepted or order.asked
            shown = completed(
                report, evolve(report, terms=stands.terms, quantity=stands.quantity, second_leg=stands.second_leg)
            )
        return None if shown is None else evolve(fact, report=evolve(shown, client_order_id=order.client_order_id))

    def _child(self, fact: Report, listed: Sequence[Report]) -> Report | None:
        return self._leaders_child(fact, listed) if isinstance(fact, LeaderReported) else self._our_child(fact)

    def _is_known_to_have_fired(self, where: _Id) -> bool:
        order = self.state.leader_orders.get(where)
        return order is not None and has_fired(order.report)

    # What a leader's placed

    def _leaders_child(self, fact: LeaderReported, listed: Sequence[Report]) -> LeaderReported | None:
        report, where = fact.report, (fact.leader, fact.report.order_id)
        if where in self.state.leader_orders or report.client_order_id is not None:
            return fact  # it was parked before anybody named its parent, or it is somebody's own
        waiting = self._waiting_reports(fact.leader, listed)
        parent = self.state.legs.get(where) or report.parent_order_id or self._only_parent(fact, waiting)
        if parent is None:
            held = self.unnamed.get(where)
            if held is None:
                still = {one for one in self.still if one[0] == fact.leader}
                held = self.unnamed[where] = _Unnamed(self.now, still)
            if self.now >= held.since + FRAME_MAY_FOLLOW:
                return fact
            held.waiting.append(fact)
            return None
        known = self.state.leader_orders.get((fact.leader, parent))
        before = self.taken.get((fact.leader, parent)) if known is None else known.report.leg_order_id
        if before not in (None, report.order_id):
            return fact  # a Forever order fires once
        self.taken[fact.leader, parent] = report.order_id
        self.unnamed.pop(where, None)
        before_it = waiting.get(parent, [])
        fits = [waited for waited in before_it if may_have_placed(legs_of(waited), report)] or before_it
        terms = fired_terms(fits[0], report) if fits else report.terms
        named = evolve(report, order_id=parent, leg_order_id=report.order_id, parent_order_id=None, terms=terms)
        return evolve(fact, report=named)

    def _waiting_reports(self, leader: AccountName, listed: Sequence[Report]) -> dict[BrokerOrderId, list[OrderReport]]:
        """A leader's Forever orders of which nothing has appeared yet: as these facts tell of them, for one may have been
        changed just before it fired, and as they were before."""
        known = (self.state.leader_orders[where].report for where in self.state.open_leader_orders if where[0] == leader)
        mine = {r.order_id: r for r in known if r.variety is Variety.FOREVER and r.leg_order_id is None and not is_child(r)}
        told: dict[BrokerOrderId, list[OrderReport]] = {}
        for report in (fact.report for fact in listed if isinstance(fact, LeaderReported) and fact.leader == leader):
            before = mine.get(report.order_id)
            shown = report if before is None else completed(report, before)
            if before is None and (leader, report.order_id) in self.state.leader_orders:
                continue
            if shown is not None and (before is None or not _is_older(shown, before)):
                told[report.order_id] = [shown]
        for order_id, report in mine.items():
            told.setdefault(order_id, []).append(report)
        return told

    def _only_parent(self, fact: LeaderReported, waiting: dict[BrokerOrderId, list[OrderReport]]) -> BrokerOrderId | None:
        fits = self._parents(fact, waiting)
        if len(fits) != 1 or self._is_doubtful(fact, waiting[fits[0]]):
            return None
        return fits[0] if len(self.claims.get((fact.leader, fits[0]), ())) <= 1 else None  # a Forever order fires once

    def _is_unnamed(self, fact: LeaderReported) -> bool:
        where = (fact.leader, fact.report.order_id)
        named = fact.report.parent_order_id is not None or fact.report.client_order_id is not None
        return not named and where not in self.state.leader_orders and where not in self.state.legs

    def _parents(self, fact: LeaderReported, waiting: dict[BrokerOrderId, list[OrderReport]]) -> list[BrokerOrderId]:
        """Those that may have placed it."""
        return [
            order_id for order_id, reports in waiting.items()
            if (fact.leader, order_id) not in self.still and (fact.leader, order_id) not in self.taken
            and not self._was_gone_before((fact.leader, order_id), (fact.leader, fact.report.order_id))
            and any(
                is_alike(report, fact.report) and may_have_placed(legs_of(report), fact.report)
                and not is_later(report, fact.report)
                for report in reports
            )
        ]  # fmt: skip

    def _is_doubtful(self, fact: LeaderReported, waited: Sequence[OrderReport]) -> bool:
        """Whether only a market leg, which places at any price, fits, and another order has appeared that none fits: one
        of those that wait was changed since, or is not known yet."""
        priced = (leg for report in waited for leg in legs_of(report) if isinstance(leg[0], StopLimit))
        return any(is_alike(fact.report, other) for other in self.orphans) and not may_have_placed(list(priced), fact.report)

    def _was_gone_before(self, parent: _Id, child: _Id) -> bool:
        """Whether it was gone long before the order appeared: what it placed was told of then, or never."""
        order, held = self.state.leader_orders.get(parent), self.unnamed.get(child)
        if order is None:
            return False
        gone = order.seen_at if has_fired(order.report) else order.gone_at
        return gone is not None and (self.now if held is None else held.since) > gone + CHILD_MAY_FOLLOW

    # What ours placed, and what became of ours

    def _our_child(self, fact: OrderReported) -> OrderReported:
        report = fact.report
        order = self._our_order(fact.follower, report)
        if order is None and report.parent_order_id is not None:
            order = self._tagged(fact.follower, self.state.by_broker_id.get((fact.follower, report.parent_order_id)))
        if order is None or (not order.waits and order.broker_order_id != report.order_id):
            return fact
        self.fired.add(order.client_order_id)
        return evolve(fact, report=evolve(report, client_order_id=order.client_order_id))

    def _our_order(self, follower: AccountName, report: OrderReport) -> FollowerOrder | None:
        where = (follower, report.order_id)
        return self._tagged(follower, self.ours.get(where) or self.state.by_broker_id.get(where) or report.client_order_id)

    def _tagged(self, follower: AccountName, tag: ClientOrderId | None) -> FollowerOrder | None:
        found = None if tag is None else self.state.order_by_tag(follower, tag)
        return None if found is None else found[1]

    def _is_unknown(self, fact: Report) -> bool:
        where, parent = (account_of(fact), fact.report.order_id), fact.report.parent_order_id
        return (
            isinstance(fact, OrderReported)
            and where not in self.state.by_broker_id
            and where not in self.ours
            and (parent is None or (where[0], parent) not in self.state.by_broker_id)
        )

    def _settle(self, read: BookRead, rows: Sequence[Report]) -> list[ClientOrderId]:
        """Find placements of which nobody knows what became, by what was asked: returns those that cannot be told."""
        window = self.state.settings.policy.absence_window
        lost = [
            (key, order) for key, order in self.state.waiting(read.account)
            if order.state is OrderState.ABSENT or (
                order.state is OrderState.UNRESOLVED and order.unresolved_at is not None
                and read.read_at >= order.unresolved_at + window
            )
        ]  # fmt: skip
        mine = (fact for fact in rows if account_of(fact) == read.account) if lost else ()
        unknown = list({fact.report.order_id: fact.report for fact in mine if self._is_unknown(fact)}.values())
        found: dict[ClientOrderId, list[OrderReport]] = {}
        older: dict[ClientOrderId, list[OrderReport]] = {}
        for key, order in lost:
            leader = self.state.leader_order(key).report
            alike = [row for row in unknown if is_alike(leader, row)]
            listed = [row for row in alike if not is_child(row) and is_as_asked(order.asked, row)]
            placed = [row for row in alike if is_child(row) and may_have_placed(legs_of(order.asked), row)]
            if order.state is OrderState.ABSENT:  # the one that was sent in its place asked for the same
                placed = [row for row in placed if not self._placers(read.account, row)]
            newer = [[row for row in rows if _is_since(row, order)] for rows in (listed, placed)]
            found[order.client_order_id] = newer[0] or newer[1]
            older[order.client_order_id] = listed or placed
        claims = [row.order_id for fits in found.values() for row in fits]
        doubtful = []
        for key, order in lost:
            fits = found[order.client_order_id]
            if len(fits) == 1 and claims.count(fits[0].order_id) == 1:
                self.ours[read.account, fits[0].order_id] = order.client_order_id
            # Only the clocks say of some that they are older, and this machine's may be wrong.
            elif fits := fits or [row for row in older[order.client_order_id] if row.order_id not in claims]:
                doubtful.append(order.client_order_id)
                self._doubt(read.account, order, [row.order_id for row in fits])
        return doubtful

    def _match_ours(self, reads: dict[AccountName, BookRead], appeared: Sequence[Report]) -> None:
        """Rows of the book that name no parent, by the only order of ours that may have placed them: it is no longer
        listed as waiting."""
        for account in reads:
            rows = [
                fact.report for fact in appeared
                if account_of(fact) == account and fact.report.parent_order_id is None and self._is_unknown(fact)
            ]  # fmt: skip
            found = {row.order_id: self._placers(account, row) for row in rows}
            claims = [order.client_order_id for orders in found.values() for order in orders]
            for order_id, orders in found.items():
                if len(orders) == 1 and claims.count(orders[0].client_order_id) == 1:
                    self.ours[account, order_id] = orders[0].client_order_id
                else:
                    for order in orders:
                        self._doubt(account, order, [order_id])

    def _placers(self, account: AccountName, row: OrderReport) -> list[FollowerOrder]:
        """Orders of ours that the broker has taken and no longer lists as waiting, and that may have placed it."""
        return [
            order for key, order in self.state.waiting(account)
            if order.broker_order_id is not None and (account, order.broker_order_id) not in self.still
            and is_alike(self.state.leader_order(key).report, row) and _is_since(row, order)
            and may_have_placed(legs_of(order.accepted or order.asked), row)
        ]  # fmt: skip

    def _look_for_copies(self, trades: Sequence[CopyTrade], rows: Sequence[Report]) -> list[OrderReported]:
        """Rows that nobody knows and that look like what is to be set: a journal that is lost may have set it."""
        unknown = [fact for fact in rows if isinstance(fact, OrderReported) and self._is_unknown(fact)]
        return [
            evolve(fact, report=evolve(fact.report, client_order_id=tag_if_alike(trade)))
            for trade in trades for fact in unknown
            if fact.follower == trade.key[2] and looks_like_copy(fact.report, self.state.leader_order(trade.key).report)
        ]  # fmt: skip

    # Alarms

    def _miss(self, read: BookRead) -> None:
        """Tell of Forever orders that are no longer listed, with nothing to show for it."""
        if read.forever is None:
            return
        for leader, order_id in self.state.open_leader_orders:
            order = self.state.leader_orders[leader, order_id] if leader == read.account else None
            if order is None or order.report.variety is not Variety.FOREVER or order.report.leg_order_id is not None:
                continue
            patience = CHILD_MAY_FOLLOW if has_fired(order.report) else SETTLED_AFTER
            gone = has_fired(order.report) or order_id not in read.forever
            if not gone or (leader, order_id) in self.taken or is_child(order.report):
                continue
            if order.seen_at + patience <= read.read_at:
                self._gone(leader, f"the leader's order {order_id}", order_id)
        for _, mine in self.state.waiting(read.account):
            known = mine.broker_order_id is not None and mine.client_order_id not in self.fired and not is_leaving(mine)
            since = mine.fired_at or (None if mine.broker_order_id in read.forever else mine.issued_at)
            if known and since is not None and since + CHILD_MAY_FOLLOW <= read.read_at:
                self._gone(read.account, f"the copy {mine.broker_order_id}", None, mine.client_order_id)

    def _gone(self, account: AccountName, which: str, order_id: BrokerOrderId | None, tag: ClientOrderId | None = None) -> None:
        self.result.append(
            AlertRaised(
                code="FOREVER_GONE",
                what="a Forever order is no longer in the broker's list, or has fired, and nothing shows what became of it",
                known=which,
                account=account,
                leader_order_id=order_id,
                client_order_id=tag,
                advice="Nothing is concluded from that: copy and leader stay as they are known. Look at both accounts.",
            )  # fmt: skip
        )

    def _doubt(self, account: AccountName, order: FollowerOrder, ids: Sequence[str]) -> None:
        self.result.append(
            AlertRaised(
                code="FOREVER_DOUBTFUL",
                what="which order is the copy's cannot be told: their list shows no tags, and more "
                "than one looks like it, or one that seems older",
                known=f"orders {', '.join(ids)}",
                account=account,
                client_order_id=order.client_order_id,
                advice="Nothing is sent again for it, and what it does is not followed: look after it by hand.",
            )  # fmt: skip
        )


def _marked(state: State, named: Mapping[_Id, BrokerOrderId], fact: Fact) -> Fact:
    """A report of an order that a Forever order is known to have placed, where nothing in it says so."""
    if not isinstance(fact, LeaderReported):
        return fact
    where = (fact.leader, fact.report.order_id)
    parent = named.get(where)
    if parent is None:
        if fact.report.variety is Variety.FOREVER:
            return fact
        parent = state.legs.get(where)
        order = None if parent is None else state.leader_orders.get((fact.leader, parent))
        if order is None or order.report.variety is not Variety.FOREVER:
            return fact
    return evolve(fact, report=evolve(fact.report, variety=Variety.FOREVER, parent_order_id=parent))


def _sought(copy: CopyTrade) -> Searched:
    return Searched(leader=copy.key[0], leader_order_id=copy.key[1])


def _may_have_fired(report: OrderReport) -> bool:
    """Of a pair of which one leg alone is told of, that was cancelled, the other may have."""
    return report.status in FIRED or (report.status.is_terminal and report.leg is not Leg.ENTRY)


def _is_older(one: OrderReport, other: OrderReport) -> bool:
    return one.updated_at is not None and other.updated_at is not None and one.updated_at < other.updated_at


def _is_since(row: OrderReport, order: FollowerOrder) -> bool:
    return row.created_at is None or row.created_at >= order.issued_at - CLOCKS_APART
