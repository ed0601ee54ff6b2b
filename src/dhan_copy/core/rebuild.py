"""What today's order books tell of copies that the journal has lost, as facts that bring them back.

Every id of ours is a function of the leader's order and the follower, so a follower's order is matched by computing it
again. The facts are folded in one step, in the order in which the leader placed his orders; nothing new is entered.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from fractions import Fraction
from math import gcd

from attrs import define, field

from dhan_copy.core.admission import instrument_facts
from dhan_copy.core.arrivals import before_fills
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import (
    AlertRaised,
    Channel,
    CopyAdmitted,
    CopyDeclined,
    CopyMode,
    Fact,
    LeaderReported,
    OrderReported,
    PositionsReported,
    RequestAccepted,
    RequestIssued,
)
from dhan_copy.core.forever import Forevers
from dhan_copy.core.intake import is_confirmed
from dhan_copy.core.legs import Trees, is_exit_leg, tree_of
from dhan_copy.core.lost import Books, Found, Tags, is_of, matched, named, unknown_tags
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.core.state import State
from dhan_copy.core.super_legs import SuperLegs
from dhan_copy.core.terms import copied_terms
from dhan_copy.core.trade import PositionKey, StakeKey, TradeKey
from dhan_copy.model.ids import AccountName, ClientOrderId, is_ours
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Limit, Market, OrderReport, StopLimit, StopMarket, Terms, Validity, Variety
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.times import ist_date


def rebuilt(
    state: State,
    rows: Sequence[LeaderReported],
    positions: Sequence[PositionsReported],
    given: Sequence[PositionsReported],
    books: Books,
    now: datetime,
) -> tuple[Fact, ...]:
    """One batch of facts, to be folded in one step: from ``rows`` of the leaders' books and what they hold (read
    together), what the user ``given`` says that the others held before, and the ``books`` of the live followers."""
    today = ist_date(now).isoformat()
    same_day = state.day == today
    trees = Trees(state.leader_orders if same_day else {}, state.legs if same_day else {}, {})
    known = state if same_day else State(settings=state.settings)
    read: list[Fact] = [*(row for row in rows if is_of(row.report, today)), *positions]
    facts = Forevers().told(known, SuperLegs().told(known, read), now)
    told = trees.told(facts, now)
    rows = [fact for fact in told if isinstance(fact, LeaderReported)]
    rows = _in_turn(rows + _legs_as_known(known, rows, now))
    positions = [fact for fact in told if isinstance(fact, PositionsReported)]
    work = _Rebuild(state=state, same_day=same_day, rows=rows, books=books, now=now)
    return tuple(work.facts(positions, given))


def _legs_as_known(state: State, rows: Sequence[LeaderReported], now: datetime) -> list[LeaderReported]:
    """Legs of linked orders that no row tells of, or nothing new: an old copy of the journal knows them by their entries, and
    may not know what was placed for them."""
    told = {(fact.leader, fact.report.order_id) for fact in rows}
    legs = ((where, order.report) for where, order in state.leader_orders.items() if is_exit_leg(order.report))
    return [
        LeaderReported(leader=where[0], report=report, channel=Channel.BOOK, read_at=now)
        for where, report in legs if where not in told
    ]  # fmt: skip


@define
class _Rebuild:
    state: State
    same_day: bool
    """Whether the journal is of today: an old copy of it, not an empty one."""
    rows: Sequence[LeaderReported]
    books: Books
    now: datetime
    position: dict[PositionKey, int] = field(factory=dict)
    """Leaders' positions as the orders before made them."""
    told: set[AccountName] = field(factory=set)
    """Leaders whose positions are known; the others' are not flat but unknown."""
    owned: set[StakeKey] = field(factory=set)
    turned: dict[StakeKey, bool] = field(factory=dict)
    """Whether what was adopted is on the other side of what the leader did."""
    instruments: dict[InstrumentKey, InstrumentFacts] = field(factory=dict)
    adopted: int = 0
    exits: int = 0

    def facts(self, positions: Sequence[PositionsReported], given: Sequence[PositionsReported]) -> Iterator[Fact]:
        lost = unknown_tags(self.state, self.books, self.now)
        matches, orphans = matched(self.rows, lost, self.books)
        known = self._known()
        for leader in self.state.settings.leaders:
            if self.same_day and self.state.knows_position(leader.name):
                self.told.add(leader.name)
                mine = (where for where in {**self.state.brought_in, **self.state.leader_fills} if where[0] == leader.name)
                self.position.update({where: self.state.position(where) for where in mine})
        for fact in given:
            self._take(fact)
        for fact in positions:
            if fact.account not in self.told:
                yield self._take(self._before_the_rows(fact))
        for told in self.rows:
            yield evolve(told, channel=Channel.STREAM, read_at=None)
            split = self._split(told)
            for follower in self.state.followers_of(told.leader):
                key = (told.leader, told.report.order_id, follower)
                yield from known.pop(key, ())
                yield from self._copy(key, told.report, split, matches.get(key, ()))
            where = _place(told.leader, told.report)
            grown = max(0, told.report.filled_quantity - self._known_fills(told))
            self.position[where] = self.position.get(where, 0) + told.report.side.sign * grown
        for news in known.values():
            yield from news
        for follower, row in orphans:
            yield self._seen(follower, row)
        yield self._summary(lost, [*dict.fromkeys(tag for _, row in orphans if (tag := row.client_order_id) is not None)])

    def _known(self) -> dict[TradeKey, list[OrderReported]]:
        """What the books say of orders that the journal knows: an old copy does not know their last fills."""
        news: dict[TradeKey, list[OrderReported]] = {}
        for follower, rows in self.books.items():
            for row in rows:
                tag = row.client_order_id
                key = self.state.by_tag.get((follower, tag)) if tag is not None and self.same_day else None
                if key is not None:
                    news.setdefault(key, []).append(self._seen(follower, row))
        return news

    def _seen(self, follower: AccountName, row: OrderReport) -> OrderReported:
        return OrderReported(follower=follower, report=row, channel=Channel.BOOK, read_at=self.now)

    def _before_the_rows(self, fact: PositionsReported) -> PositionsReported:
        """What a leader held before the fills that the rows are about to tell."""
        mine = [told for told in self.rows if told.leader == fact.account]
        return before_fills(fact, ((t.report, max(0, t.report.filled_quantity - self._known_fills(t))) for t in mine))

    def _take(self, fact: PositionsReported) -> PositionsReported:
        self.told.add(fact.account)
        self.position.update({(fact.account, p.key, p.product, None): p.net_quantity for p in fact.positions})
        return fact

    def _known_fills(self, told: LeaderReported) -> int:
        known = self.state.leader_orders.get((told.leader, told.report.order_id)) if self.same_day else None
        return known.report.filled_quantity if known is not None else 0

    def _copy(self, key: TradeKey, report: OrderReport, split: tuple[int, int], found: Sequence[Found]) -> Iterator[Fact]:
        """The decision for one leader order and follower, unless it is known, and the orders that it led to."""
        trade = self.state.trades.get(key) if self.same_day else None
        if not found and not is_confirmed(report):
            return  # his broker may reject it yet: it is decided when that is known
        if found:
            self.turned[_stake_key(key, report)] = any(one.row.side is not report.side for one in found)
        if trade is None or trade.decision is None:
            yield self._decision(key, report, split, found)
        if trade is not None and trade.admitted is not None:
            split = trade.admitted.exit_quantity, trade.admitted.entry_quantity
        for one in found:
            self.adopted += 1
            if one.row.filled_quantity or not one.row.status.is_terminal:
                self.owned.add(_stake_key(key, report))
            yield from self._order(key, report, one.row, one.intent(*split))

    def _decision(
        self, key: TradeKey, report: OrderReport, split: tuple[int, int], found: Sequence[Found]
    ) -> CopyAdmitted | CopyDeclined:
        leader, order_id, follower = key
        exit_units, entry_units = split
        entries = [one.row for one in found if one.intent(*split) is Intent.ENTRY]
        stake_key = _stake_key(key, report)
        owns = stake_key in self.owned or (self.same_day and bool(self.state.stake(stake_key).owned))
        rules = next(rules for rules in self.state.settings.followers if rules.name == follower)
        # A copy that waits, or has fired, has no tag: it may be there.
        waits = report.variety is Variety.FOREVER and rules.mode is CopyMode.ORDER
        closes = bool(exit_units) and owns and not waits and not is_ours(report.client_order_id)
        if not found and not closes:
            reason = ReasonCode.OWN_ORDER if is_ours(report.client_order_id) else ReasonCode.OLDER_THAN_START
            return CopyDeclined(
                leader=leader, leader_order_id=order_id, follower=follower, reason=reason,
                detail="" if reason is ReasonCode.OWN_ORDER else "found in the book when the journal was rebuilt",
            )  # fmt: skip
        self.exits += not found
        facts = self._instrument(report.key)
        reverse = self.turned.get(stake_key, self.same_day and self.state.stake(stake_key).turned)
        mode = CopyMode.EXECUTION if reverse else rules.mode
        return CopyAdmitted(
            leader=leader, leader_order_id=order_id, follower=follower, live=rules.live, facts=facts,
            exit_quantity=exit_units, entry_quantity=entry_units if entries else 0,
            position_before=self.position.get(_place(leader, report), 0) if leader in self.told else None,
            ratio=_ratio(entries, report, exit_units, mode), carry=Fraction(0), mode=mode, reverse=reverse,
            most_units=None if rules.max_lots is None or not entries else rules.max_lots * facts.lot_units,
            reason=ReasonCode.ADOPTED,
            detail="found in the order books" if found else "it closes what was adopted",
        )  # fmt: skip

    def _split(self, told: LeaderReported) -> tuple[int, int]:
        """The leader's units as (exit, entry), by what he held then."""
        report = told.report
        units = report.expected_quantity
        sign = report.side.sign
        if tree_of(report) is not None:
            return (units, 0) if is_exit_leg(report) else (0, units)
        if report.product.is_delivery:
            return (units, 0) if sign < 0 else (0, units)
        before = self.position.get(_place(told.leader, report), 0) - sign * self._known_fills(told)
        if told.leader not in self.told or before * sign >= 0:
            return 0, units
        closing = min(units, abs(before))
        return closing, units - closing

    def _order(self, key: TradeKey, report: OrderReport, row: OrderReport, intent: Intent) -> Iterator[Fact]:
        tag, facts = row.client_order_id, self._instrument(report.key)
        assert tag is not None
        submit = Submit(
            follower=key[2], client_order_id=tag, attempt=1, leader=key[0], leader_order_id=key[1], intent=intent,
            segment=row.segment, security_id=row.security_id, side=row.side, product=row.product, validity=row.validity,
            terms=_asked(self._terms(report, facts), row, over=report.status.is_terminal),
            quantity=row.quantity, disclosed_quantity=row.disclosed_quantity, note="adopted from the order book",
        )  # fmt: skip
        yield RequestIssued(request=submit)
        yield RequestAccepted(follower=key[2], client_order_id=tag, attempt=1, broker_order_id=row.order_id)
        yield self._seen(key[2], row)

    def _terms(self, report: OrderReport, facts: InstrumentFacts) -> Terms:
        return copied_terms(report.terms, report.side, report.segment, facts, self.state.settings.policy)

    def _instrument(self, key: InstrumentKey) -> InstrumentFacts:
        """Its lot. Rows of Dhan's book do not name it, but every quantity in them is a multiple of it."""
        known = self.instruments.get(key) or instrument_facts(self.state, key)
        if known is None:
            ours = [row for rows in self.books.values() for row in rows if row.key == key]
            about = [told.report for told in self.rows if told.report.key == key] + ours
            named = (row.instrument for row in about if row.instrument is not None)
            known = next(named, None) or InstrumentFacts(gcd(*(row.quantity for row in about)))
        self.instruments[key] = known
        return known

    def _summary(self, lost: Tags, orphans: list[ClientOrderId]) -> AlertRaised:
        known = f"{self.adopted} orders of {', '.join(sorted(lost)) or 'nobody'} were adopted from today's order books"
        if self.exits:
            known += f"; {self.exits} orders of the leader that close them had no copy yet"
        if orphans:
            known += f"; {len(orphans)} are super orders, or of no order in a leader's book, and left alone: {named(orphans)}"
        return AlertRaised(
            code="REBUILT", what="the journal was rebuilt from today's order books", known=known,
            advice="Not known, and to be looked after by hand: positions from before today, what rounding had left over, "
            "requests under way when the journal was lost, and Forever orders, whose list shows no tags.",
        )  # fmt: skip


def _stake_key(key: TradeKey, report: OrderReport) -> StakeKey:
    return (key[0], key[2], report.key, report.product, tree_of(report))


def _place(leader: AccountName, report: OrderReport) -> PositionKey:
    return (leader, report.key, report.product, tree_of(report))


def _in_turn(rows: Sequence[LeaderReported]) -> list[LeaderReported]:
    """As he placed them, legs after their entries: a row may say that a leg was there before its entry."""
    placed = {(fact.leader, fact.report.order_id): _placed_at(fact.report) for fact in rows}

    def turn(told: LeaderReported) -> tuple[float, str]:
        entry = (told.leader, tree_of(told.report) or told.report.order_id)
        at = _placed_at(told.report)
        return max(at, placed.get(entry, at)), told.report.order_id

    return sorted(rows, key=turn)


def _placed_at(report: OrderReport) -> float:
    at = report.created_at or report.updated_at
    return at.timestamp() if at is not None else 0.0


def _ratio(entries: Sequence[OrderReport], report: OrderReport, exit_units: int, mode: CopyMode) -> Fraction:
    """The follower's quantity by the leader's, so that later modifications scale: what stands, and what filled before it
    was placed anew."""
    if not entries:
        return Fraction(0)
    if mode is CopyMode.EXECUTION:
        units = report.filled_quantity - exit_units
        copied = sum(row.expected_quantity for row in entries)
        return Fraction(copied, units) if units > 0 else Fraction(0)
    total = entries[-1].quantity + sum(row.filled_quantity for row in entries[:-1])
    over_at_once = report.validity is Validity.IOC and report.status.is_terminal and report.filled_quantity
    units = (report.filled_quantity if over_at_once else report.quantity) - exit_units
    return Fraction(total, units) if units > 0 else Fraction(0)


def _asked(wanted: Terms, row: OrderReport, *, over: bool) -> Terms:
    """What we had asked, told from how the book shows it: a MARKET order reads LIMIT there, and a triggered stop reads
    LMT at its price (protocol facts 1.7, 1.8). What differs otherwise is a change that the follower has not got yet."""
    if over:
        return wanted
    match wanted, row.terms:
        case ((Market() | StopMarket()), Limit()):
            return wanted
        case StopLimit(price=price), Limit(price=shown) if price == shown:
            return wanted
    return row.terms
