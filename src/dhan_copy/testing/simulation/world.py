"""Everything together: trading days with faults, then healing, rest and the oracle's look."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from fractions import Fraction
from random import Random

from attrs import evolve

from dhan_copy.core.calendar import Calendar
from dhan_copy.core.changes import change
from dhan_copy.core.facts import Channel, LeaderReported, OrderReported, Refusal, TradingState
from dhan_copy.core.requests import Cancel, Command, Modify, Submit
from dhan_copy.core.rules import Rules
from dhan_copy.core.settings import Behind, CopierSettings, FollowerRules, LeaderRules, LinkedForm, Policy, RateLimits
from dhan_copy.model.freeze import FreezeLimit, FreezeLimits
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import ForeverLeg, Leg, Limit, Market, OrderReport, OrderStatus, StopLimit, StopMarket
from dhan_copy.model.sessions import Phase
from dhan_copy.model.size import Ratio
from dhan_copy.runtime.dispatch import account_of
from dhan_copy.testing.simulation.desk import Desk, Request
from dhan_copy.testing.simulation.faults import OF_RUNS, Faults
from dhan_copy.testing.simulation.feed import Feed
from dhan_copy.testing.simulation.forever import ForeverDesk
from dhan_copy.testing.simulation.forever_trader import ForeverTrader
from dhan_copy.testing.simulation.host import Host
from dhan_copy.testing.simulation.linked import LinkedDesk, fill_at_once, on_stream
from dhan_copy.testing.simulation.linked_trader import LinkedTrader
from dhan_copy.testing.simulation.market import LISTINGS, Account, Exchange, Listing, TrueOrder, price_of
from dhan_copy.testing.simulation.mistakes import Careless, wrong_calendar
from dhan_copy.testing.simulation.old_journal import OldJournal
from dhan_copy.testing.simulation.oracle import Oracle
from dhan_copy.testing.simulation.people import LeaderTrader, Meddler
from dhan_copy.testing.simulation.supers import Refused, SuperDesk
from dhan_copy.testing.simulation.timeline import BEGINNING, Timeline

LEADER = AccountName("L")
DAY_SECONDS = 86_400.0
OPENING_SECONDS = 9.25 * 3600
SPARE_SECONDS = 30.0
QUIET_SECONDS = 20.0
"""At the end of the rest nothing is asked any more but what is asked for ever."""
CAUGHT_UP_SECONDS = 10.0
"""How long what followers caught up with last may still lead to requests."""
GHOSTS = 0.0
"""Of the orders rejected after they were taken, how many never show in any book."""
BEHIND_AFTER = timedelta(seconds=8)
"""A day has ten minutes here, in which hardly anything is left behind for one."""
LONGEST_LINE_SECONDS = 20.0
DAYS_OF_MISTAKES = 30
"""Of the calendar; no run is as long."""
RATIOS = tuple(Fraction(text) for text in ("1", "1", "1/2", "1/3", "2", "3/10", "7/5", "1/10"))


class World:
    """One run. ``linked`` of the leader's new orders are super, bracket or cover orders, which followers have in this
    ``form``, and ``forever`` Forever orders. What they leave ``behind`` is waited for, or dealt with after
    :data:`BEHIND_AFTER`."""

    def __init__(
        self, seed: int, orders: int, followers: int, only: Sequence[str] | None = None, linked: float = 0.0,
        form: LinkedForm = LinkedForm.ORDERS, forever: float = 0.0, behind: Behind = Behind.WAIT,
    ) -> None:  # fmt: skip
        self.random = Random(f"dhan_copy {seed}")
        random = self.random
        self.orders = orders
        self.timeline = Timeline()
        self.faults = Faults(Random(f"faults {seed}"), only)
        self.exchange = Exchange(self.timeline, random, self.faults)
        self.exchange.filled = self._filled
        self.policy = Policy(
            sweep_open=timedelta(seconds=random.choice((10, 20, 40))), checkpoint_after=random.choice((30, 300, 2_000)),
            linked_form=form,
        )  # fmt: skip
        if behind is not Behind.WAIT:
            self.policy = evolve(self.policy, behind=behind, behind_after=BEHIND_AFTER)
        self.limits = RateLimits(per_day=250) if self.faults.rates.get("F34") and random.random() < 0.1 else RateLimits()
        self.names = [AccountName(f"F{number}-") for number in range(1, followers + 1)]
        self.next_follower = followers + 1
        self.ratios = {name: random.choice(RATIOS) for name in self.names}
        """What the engine is started with."""
        self.sizes_said: dict[str, Fraction] = {}
        """What the user changed sizes to, by how the journal spells it."""
        self.random_of_legs = Random(f"linked {seed}")
        self.freeze_units: dict[InstrumentKey, int] = {}
        """The largest order of an instrument that the exchange takes."""
        self.legs_catch_up = not linked or self.random_of_legs.random() < 0.5
        """Whether the market gives the followers' legs what it gave the leader's, once everything has healed."""
        if linked and self.random_of_legs.random() < 0.3:
            large = [listing for listing in LISTINGS if listing.lot > 1]
            self.freeze_units = {listing.key: self.random_of_legs.randint(2, 6) * listing.lot for listing in large}
        self.with_forever = forever > 0
        self.random_of_mistakes = Random(f"mistakes {seed}")
        self.calendar = Calendar()
        if self._brings("F47", only):
            self.calendar = wrong_calendar(self.random_of_mistakes, BEGINNING.date(), DAYS_OF_MISTAKES)
        self.careless = self.random_of_mistakes.choice(self.names) if self._brings("F09", only) else None
        """Whose filter raises."""
        self.old_journal = OldJournal(self, Random(f"old journal {seed}")) if self._brings("F17", only) else None
        self.oracle = Oracle(self)
        self.leader = Account(LEADER, self._leader_changed)
        self.accounts: dict[AccountName, Account] = {}
        self.host = Host(
            self.timeline, random, self.faults, self._settings(), self._carry_out, self.oracle,
            delay_seconds=random.choice((0.001, 0.01, 0.1)),
        )  # fmt: skip
        self.host.on_start = self._connect
        self.host.on_death = self._disconnect
        self.trader = LeaderTrader(self.timeline, random, self.faults, self.exchange, self.leader)
        self.desks = {LEADER: Desk(self.timeline, random, self.faults, self.host, self.leader, None)}
        self.linked = self._linked_desk(self.random_of_legs)
        self.supers: SuperDesk | None = None
        self.random_of_lines = Random(f"lines {seed}")
        self.leader_last = self.random_of_lines.choice((0.0, 0.0, 0.3, 0.8))
        """Which part of the leader's orders have others in line before them, so that copies fill first."""
        self.exchange.line_seconds = self._line_seconds
        self.exchange.follow, self.exchange.moved = self.linked.follow, self.linked.moved
        if form is LinkedForm.SUPER_ORDER:
            self._let_followers_have_super_orders(Random(f"supers {seed}"))
        if linked:
            self._let_him_link(linked)
        self.forever = self._forever_desk(seed, forever) if forever else None
        self.feeds = {
            LEADER: Feed(
                self.timeline, random, self.faults, self.host, LEADER,
                lambda report: LeaderReported(leader=LEADER, report=report, channel=Channel.STREAM),
                self.desks[LEADER].catch_up,
            )
        }  # fmt: skip
        self.meddlers: dict[AccountName, Meddler] = {}
        for name in self.names:
            self._open_account(name)
        if random.random() < 0.3:
            for listing in random.sample(LISTINGS, 2):
                self.leader.net[listing] = listing.lot * random.randint(1, 10)
            self.leader.at_open = dict(self.leader.net)
        self.day = 0
        self.closed = False
        self.over_midnight = False

    def _brings(self, mistake: str, only: Sequence[str] | None) -> bool:
        """Whether the user makes it in this run."""
        drawn = self.random_of_mistakes.random() < OF_RUNS[mistake][0]
        return drawn if only is None else mistake in only

    def _settings(self) -> CopierSettings:
        followers = tuple(
            FollowerRules(
                name=name, sizer=Ratio(self.ratios[name]), live=True, limits=self.limits,
                super_orders=self.policy.linked_form is LinkedForm.SUPER_ORDER, forever_orders=self.with_forever,
                rules=Rules(only=Careless() if name == self.careless else None),
            )
            for name in self.names
        )  # fmt: skip
        return CopierSettings(
            leaders=(LeaderRules(name=LEADER),), followers=followers, policy=self.policy, calendar=self.calendar,
            freeze_limits=FreezeLimits(
                FreezeLimit(
                    segment=key.segment, name=key.security_id, since=BEGINNING.date(), units=units, source="drawn"
                )
                for key, units in self.freeze_units.items()
            ),
        )  # fmt: skip

    def _linked_desk(self, random: Random) -> LinkedDesk:
        return LinkedDesk(
            self.timeline, random, self.faults, self.exchange, delay_seconds=random.choice((0.0, 0.3, 2.0)),
            cancelled_entry_keeps_exits=random.random() < 0.3, super_legs_announced=random.random() < 0.5,
            cover_stop_from_the_start=random.random() < 0.5,
        )  # fmt: skip

    def _let_followers_have_super_orders(self, random: Random) -> None:
        theirs = self._linked_desk(random)
        self.supers = SuperDesk(theirs, legs_in_book=random.random() < 0.5)

        def follow(order: TrueOrder) -> None:
            (self.linked if order.account is self.leader else theirs).follow(order)

        def moved(key: InstrumentKey) -> None:
            self.linked.moved(key)
            theirs.trail(key)

        self.exchange.follow, self.exchange.moved = follow, moved

    def _let_him_link(self, share: float) -> None:
        leaders = self.desks[LEADER]
        leaders.apart = self.linked.apart
        leaders.parents_in_book = self.random_of_legs.random() < 0.7
        self.trader.linked = LinkedTrader(
            self.random_of_legs, self.exchange, self.linked, self.leader, share, leaders.parents_in_book,
            self.trader.send, self.trader.place,
        )  # fmt: skip

    def _forever_desk(self, seed: int, share: float) -> ForeverDesk:
        random = Random(f"forever {seed}")
        desk = ForeverDesk(
            self.timeline, random, self.exchange,
            fired_is_listed_as=random.choice((OrderStatus.TRADED, OrderStatus.TRIGGERED, None)),
            announced=random.random() < 0.3,
        )  # fmt: skip
        self.trader.forever = ForeverTrader(
            random, self.exchange, desk, self.leader, share, random.choice((0.0, 0.5, 1.0)), self.trader.count
        )
        self.desks[LEADER].forever = desk
        moved = self.exchange.moved

        def both(key: InstrumentKey) -> None:
            moved(key)
            desk.moved(key)

        self.exchange.moved = both
        return desk

    def _open_account(self, name: AccountName) -> None:
        account = Account(name, self._follower_changed)
        self.accounts[name] = account
        desk = Desk(self.timeline, self.random, self.faults, self.host, account, self._carry)
        desk.on_lost, desk.supers, desk.forever = self.oracle.lost, self.supers, self.forever
        self.desks[name] = desk
        self.meddlers[name] = Meddler(self.random, self.exchange, account)
        if self.random.random() < 0.8:

            def understood(report: OrderReport, name: AccountName = name) -> OrderReported:
                return OrderReported(follower=name, report=report, channel=Channel.STREAM)

            self.feeds[name] = Feed(self.timeline, self.random, self.faults, self.host, name, understood, lambda: None)

    # What happens in the accounts

    def _leader_changed(self, order: TrueOrder) -> None:
        if order.forever is not None and self.forever is not None:
            for report in self.forever.frames_of(order):
                self.feeds[LEADER].tell(report)
            return
        if order.leg is Leg.ENTRY or order.own_id is not None or self.linked.super_legs_announced:
            self.feeds[LEADER].tell(on_stream(order.report))

    def _follower_changed(self, order: TrueOrder) -> None:
        feed = self.feeds.get(order.account.name)
        if feed is None or order.ghost:
            return
        if order.is_native_leg and self.supers is not None and not self.supers.desk.super_legs_announced:
            return
        if order.forever is not None and self.forever is not None:
            for report in self.forever.frames_of(order):
                feed.tell(report)
        else:
            feed.tell(on_stream(order.report))

    def _line_seconds(self, order: TrueOrder) -> float:
        if order.account is not self.leader or self.random_of_lines.random() >= self.leader_last:
            return 0.0
        return self.random_of_lines.uniform(1.0, LONGEST_LINE_SECONDS)

    def _filled(self, order: TrueOrder, units: int) -> None:
        self.oracle.filled(order, units)
        sibling = self.oracle.other_leg(order)
        if sibling is not None and self.faults.strike("F40", 20):
            if self.random.random() < 0.8:
                fill_at_once(self.exchange, self.random, sibling)
            else:
                self.exchange.end(sibling, OrderStatus.CANCELLED, "broker")

    # The process and its accounts

    def _carry_out(self, command: Command) -> None:
        self.desks[account_of(command)].put(command)

    def _connect(self) -> None:
        for feed in self.feeds.values():
            if feed.name == LEADER or feed.name in self.names:
                self.timeline.after(self.random.uniform(0.05, 1.0), self._connecting(feed, self.host.life))

    def _connecting(self, feed: Feed, life: int) -> Callable[[], None]:
        def connect() -> None:
            if self.host.life == life and self.host.up:
                feed.connect()

        return connect

    def _disconnect(self) -> None:
        for desk in self.desks.values():
            desk.forget()
        for feed in self.feeds.values():
            feed.drop()

    def _carry(self, request: Request, late: bool) -> tuple[BrokerOrderId | None, Refused | None]:
        """A request has reached a follower's broker."""
        self.oracle.arrived(request, late)
        account = self.accounts[request.follower]
        if self.closed and not isinstance(request, Cancel):
            return None, (Refusal.MARKET_CLOSED, "the market is closed", True)
        if isinstance(request, Submit):
            most = self.freeze_units.get(InstrumentKey(request.segment, request.security_id))
            if most is not None and request.quantity > most:
                self.oracle.refused(request, True)
                return None, (Refusal.OTHER, "RMS: quantity exceeds the freeze quantity", True)
            if most is not None and self.faults.strike("F42"):
                final = self.random.random() < 0.5
                self.oracle.refused(request, final)
                return None, (Refusal.OTHER, "RMS: the order is not taken", final)
            return self._submitted(account, request)
        if request.linked:
            order = self.supers.named(account, request) if self.supers is not None else None
        else:
            order = account.order(request.broker_order_id)
        if order is None or not order.is_open or order.ghost or order.waits is not request.forever:
            return None, (Refusal.ORDER_STATE, "Order Has Traded Please Refresh Order Book", True)
        if isinstance(request, Cancel):
            self.oracle.cancelled(order)
            self.exchange.end(order, OrderStatus.CANCELLED, "copier")
            if order.family is not None:
                self.exchange.note(order.family.entry)
            return request.broker_order_id, None
        if self.supers is not None and request.linked:
            return self._modified_super(self.supers, order, request)
        if request.forever:
            self._change_waiting(order, request)
            return request.broker_order_id, None
        if request.quantity <= order.filled:
            return None, (Refusal.ORDER_STATE, "Quantity below what has traded", True)
        self.exchange.modify(order, request.terms, request.quantity, request.validity)
        self.oracle.modified(order)
        if self.faults.strike("F39"):
            self.exchange.modify(order, request.terms, request.quantity, request.validity)
            order.modifications -= 1
        return request.broker_order_id, None

    def _change_waiting(self, order: TrueOrder, request: Modify) -> None:
        second, stays = request.second_leg, request.leg is not Leg.STOP
        assert self.forever is not None and isinstance(request.terms, StopLimit | StopMarket)
        first = ForeverLeg(terms=request.terms, quantity=request.quantity)
        self.forever.modify(order, request.leg, first if stays or second is None else second)
        self.oracle.modified(order)

    def _modified_super(
        self, desk: SuperDesk, order: TrueOrder, request: Modify
    ) -> tuple[BrokerOrderId | None, Refused | None]:
        refused = desk.modify(order, request)
        if refused is not None:
            return None, refused
        self.oracle.modified(order)
        if self.faults.strike("F39"):
            order.modifications -= desk.modify(order, request) is None
        return request.broker_order_id, None

    def _submitted(self, account: Account, request: Submit) -> tuple[BrokerOrderId | None, Refused | None]:
        listing = next(
            one
            for one in LISTINGS
            if one.key.segment is request.segment
            and one.key.security_id == request.security_id
            and one.product is request.product
        )
        terms = request.terms
        if request.forever:
            return self._set_waiting(account, listing, request), None
        if isinstance(terms, Market) and self.faults.strike("F43"):
            # Price protection turned it into a limit, and the market went away.
            terms = Limit(price_of(self.exchange.prices[listing.key] - 3 * request.side.sign))
        if request.bracket is not None and self.supers is not None:
            taken = self.supers.place(account, listing, request, terms)
            if not isinstance(taken, TrueOrder):
                self.oracle.refused(request, taken[2])
                return None, taken
            order = taken
        else:
            order = self.exchange.take(
                account, listing, request.side.sign, terms, request.quantity, tag=request.client_order_id,
                validity=request.validity,
            )  # fmt: skip
        self.oracle.placed(order, request)
        if self.faults.strike("F37"):
            order.ghost = self.random.random() < GHOSTS
            self.timeline.after(self.random.uniform(0.2, 5.0), lambda: self.exchange.reject(order))
        else:
            self.timeline.after(self.random.uniform(0.0, 0.1), lambda: self.exchange.confirm(order))
        return order.order_id, None

    def _set_waiting(self, account: Account, listing: Listing, request: Submit) -> BrokerOrderId:
        assert self.forever is not None and isinstance(request.terms, StopLimit | StopMarket)
        first, stop = ForeverLeg(terms=request.terms, quantity=request.quantity), request.second_leg
        legs = {Leg.ENTRY: first} if stop is None else {Leg.TARGET: first, Leg.STOP: stop}
        order = self.forever.place(account, listing, request.side.sign, legs, tag=request.client_order_id)
        self.oracle.placed(order, request)
        if self.faults.strike("F37"):
            self.timeline.after(self.random.uniform(0.2, 5.0), lambda: self.exchange.reject(order))
        return order.order_id

    # Days

    def run_day(self, *, last: bool = False) -> None:
        """One session: the leader trades under faults, everything heals, the run comes to rest and is looked at. On the
        ``last`` an old copy of the journal may be put back."""
        timeline, random = self.timeline, self.random
        begin = self.day * DAY_SECONDS
        gap = random.choice((1.5, 3.0, 6.0))
        stays = self.faults.on and not self.over_midnight and random.random() < self.faults.rates.get("F46", 0.0)
        length = self.orders * gap * 1.6
        if self.over_midnight:
            opening = begin + 120.0
        elif stays:
            opening = begin + DAY_SECONDS - length - self._rest_seconds() - 900.0
        else:
            opening = begin + OPENING_SECONDS
        self.faults.on = True
        timeline.run(opening)
        self._count_closed(BEGINNING + timedelta(seconds=opening))
        self.host.start()
        self._keep_going(opening + 5.0, gap)
        if last and self.old_journal is not None:
            self.old_journal.plan(opening, length)
        self.trader.placed = 0
        while self.trader.placed < self.orders and timeline.now < opening + 3 * length:
            timeline.run(timeline.now + 30.0)
        self._trading = False
        self._heal()
        if not self.legs_catch_up:
            self.linked.fill_some(self.leader)
        timeline.run(timeline.now + 3.0)
        final = random.random()
        if final < 0.6:
            self.trader.flatten()
        elif final < 0.8:
            self.trader.withdraw()
        healed = timeline.now
        while timeline.now < self._rested_at(healed) - QUIET_SECONDS:
            timeline.run(timeline.now + 5.0)
            self._let_followers_catch_up()
        timeline.run(timeline.now + CAUGHT_UP_SECONDS)
        end = timeline.now + QUIET_SECONDS
        self.oracle.asked.clear()
        timeline.run(end)
        self.oracle.look_at_rest()
        if random.random() < 0.5:
            self.oracle.asked.clear()
            self.host.stop()
            self.host.start()
            timeline.run(timeline.now + 15.0)
            self.oracle.look_at_restart()
        self._end_day(stays)

    def _count_closed(self, now: datetime) -> None:
        """Where the calendar is against what is about to be traded."""
        closed = sum(self.calendar.phase(one.key.segment, now)[0] is Phase.CLOSED for one in LISTINGS)
        if closed:
            self.faults.struck["F47"] += closed

    def _end_day(self, stays: bool) -> None:
        if not stays:
            self.host.stop()
        midnight = (self.day + 1) * DAY_SECONDS
        weekend = 2 if self.day % 7 == 4 and not stays else 0
        if stays:
            self.faults.struck["F46"] += 1
            self.timeline.run(midnight - 60.0)
        self.closed = True
        for account in (self.leader, *self.accounts.values()):
            self.exchange.close_day(account)
        self.timeline.run(midnight)
        self.closed = False
        self.oracle.forevers.day_ends()
        for account in (self.leader, *self.accounts.values()):
            self.exchange.next_day(account)
        for meddler in self.meddlers.values():
            meddler.next_day()
        self.linked.next_day()
        if self.supers is not None:
            self.supers.desk.next_day()
        if self.forever is not None:
            self.forever.close_day()
        self.oracle.next_day()
        self.day += 1 + weekend
        self.over_midnight = stays

    def _keep_going(self, when: float, gap: float) -> None:
        self._trading = True

        def lead() -> None:
            if self._trading:
                self.trader.act()
                self.timeline.after(self.random.expovariate(1 / gap), lead)

        def each_second() -> None:
            if self._trading:
                self.exchange.move(self.random.choice(LISTINGS).key)
                self._meddle()
                self.timeline.after(1.0, each_second)

        self.timeline.at(when, lead)
        self.timeline.at(when, each_second)

    def _meddle(self) -> None:
        """What other people and the machine do, about once a second."""
        if self.faults.strike("F41"):
            self.meddlers[self.random.choice(self.names)].act()
        if self.faults.strike("F45"):
            jump = self.random.choice((-86400.0, -3600.0, -5.0, 5.0, 60.0, 3600.0))
            ahead = self.host.machine_clock.offset_seconds + jump
            if self.timeline.day(ahead) <= self.timeline.day():  # tomorrow's date would end today for good
                self.host.machine_clock.offset_seconds = ahead
        if self.host.up and self.faults.strike("F51"):
            self._reconfigure()

    def _reconfigure(self) -> None:
        dice = self.random.random()
        if dice < 0.2:
            name, ratio = self.random.choice(self.names), self.random.choice(RATIOS)
            resized = change(self.host.settings, name, "size", Ratio(ratio))
            self.sizes_said[resized.value] = ratio
            self.host.put(resized)
            return
        if dice < 0.6:
            follower = self.random.choice((None, *self.names))
            self.host.tell(follower, self.random.choice((TradingState.HALTED, TradingState.REDUCING)))
            self.timeline.after(self.random.uniform(5.0, 120.0), lambda: self.host.tell(follower, TradingState.ACTIVE))
            return
        if dice < 0.8 and len(self.names) > 1:
            self.names.remove(self.random.choice(self.names))
        else:
            name = AccountName(f"F{self.next_follower}-")
            self.next_follower += 1
            self.names.append(name)
            self.ratios[name] = self.random.choice(RATIOS)
            self._open_account(name)
        self.host.settings = self._settings()
        self.host.die(brief=True)

    def _heal(self) -> None:
        self.faults.on = False
        self.host.go_on()
        self.host.machine_clock.offset_seconds = 0.0
        for desk in self.desks.values():
            desk.heal()
        for follower, state in list(self.host.said.items()):
            if state is not TradingState.ACTIVE:
                self.host.tell(follower, TradingState.ACTIVE)
        if self.host.up:
            for feed in self.feeds.values():
                feed.heal()
        else:
            self.host.start()

    def _rested_at(self, healed: float) -> float:
        """What was unknown when a journal was put back is decided only a while after that."""
        put_back = healed if self.old_journal is None else self.old_journal.put_back_at
        return max(healed, put_back) + self._rest_seconds()

    def _rest_seconds(self) -> float:
        """Until the last closing by hand must have been told: found by the sweep of the positions, proven by two looks
        after the absence window, and some to spare."""
        policy = self.policy
        slowest = policy.positions_every + policy.absence_window + 3 * policy.sweep_open
        return slowest.total_seconds() + SPARE_SECONDS + QUIET_SECONDS

    def _let_followers_catch_up(self) -> None:
        """What the market gave the leader it gives the followers too."""
        for account in self.accounts.values():
            for order in list(account.orders.values()):
                if not order.is_open or order.tag is None or order.ghost:
                    continue
                if not self.oracle.leader_is_done(order) and not self.oracle.opens_again(order):
                    continue
                if order.waits and self.forever is not None:
                    self.forever.fire(order, self.oracle.fired_leg(order))
                elif self.legs_catch_up or not self.oracle.is_leg(order):
                    self.exchange.fill(order, order.leaves)
