"""Bugs to plant into the library: what is broken, how, and the simulated days that must show it."""

from __future__ import annotations

from functools import lru_cache

from attrs import field, frozen

from dhan_copy.core.settings import LinkedForm
from dhan_copy.testing.simulation.summary import Summary, simulate
from tests.planting import Edit, planted


@frozen(kw_only=True)
class Mutant:
    """A planted bug, which simulated days must show."""

    name: str
    fault: str
    """The class of faults that must not find this bug in the library; empty for what no fault is needed for."""
    broken: str
    """What is planted, in a sentence."""
    edits: tuple[Edit, ...]
    shows: int | str
    """The invariant that is then violated, or the rare state that is then reached."""
    seed: int = 1
    days: int = 1
    orders: int = 30
    followers: int = 2
    linked: float = 0.0
    form: LinkedForm = LinkedForm.ORDERS
    """What followers have for the leader's linked orders."""
    forever: float = 0.0
    row: str = ""
    """The row of the scenarios that says what is right."""
    faults: tuple[str, ...] = field()

    @faults.default
    def _its_own(self) -> tuple[str, ...]:
        return (self.fault,) if self.fault else ()

    def found_on(self) -> tuple[int, int] | None:
        """The first seed and number of orders whose days show the bug: those that did when it was planted here, or, now
        that the days are others, one of thirty more."""
        more = [(seed, orders) for orders, seeds in ((self.orders, 20), (3 * self.orders, 10)) for seed in range(1, seeds + 1)]
        for seed, orders in dict.fromkeys(((self.seed, self.orders), *more)):
            with planted(self.edits):
                summary = simulate(
                    seed, self.days, orders=orders, followers=self.followers, only=self.faults, linked=self.linked,
                    form=self.form, forever=self.forever,
                )  # fmt: skip
            if self.shows in marks(summary):
                return seed, orders
        return None

    def without(self, seed: int, orders: int) -> Summary:
        """The same days in the library as it is."""
        return _days(seed, self.days, orders, self.followers, self.faults, self.linked, self.form, self.forever)

    @property
    def caught_by(self) -> str:
        return f"invariant {self.shows}" if isinstance(self.shows, int) else self.shows


def marks(summary: Summary) -> set[int | str]:
    """What was violated, and the rare states that were reached."""
    return {violation.invariant for violation in summary.violations} | {name for name, times in summary.rare.items() if times}


@lru_cache
def _days(
    seed: int, days: int, orders: int, followers: int, faults: tuple[str, ...], linked: float, form: LinkedForm, forever: float
) -> Summary:
    return simulate(seed, days, orders=orders, followers=followers, only=faults, linked=linked, form=form, forever=forever)


MUTANTS: tuple[Mutant, ...] = (
    # F01
    Mutant(
        name="resend_after_restart", fault="F01", shows=9, seed=10,
        broken="After a restart, an order without an answer is taken for one that never left.",
        edits=(Edit("core.fold_days.engine_started",
            "life.unresolved(order, order.outstanding, at)",
            "evolve(order, outstanding=None, state=life.OrderState.REJECTED, refused_for_now=True, over_at=at)"),),
    ),
    Mutant(
        name="stale_entries_go", fault="F07", shows=21, seed=15,
        broken="The age of an entry is not looked at when it is sent.",
        edits=(Edit("core.admit_entry.passes_at", "now - age_of(order, now) + settings.policy.entry_age", "None"),),
    ),
    Mutant(
        name="filter_that_raises_lets_through", fault="F09", shows=3,
        broken="A filter that raises lets the order through.",
        edits=(Edit("core.admit_entry.admit_entry",
            "        return Refused(ReasonCode.FILTER_FAILED, f\"{type(problem).__name__}: {problem}\")\n    if not passes:\n",
            "        passes, because = True, str(problem)\n    if not passes:\n"),),
    ),
    Mutant(
        name="withheld_taken_for_sent", fault="F12", shows=4, seed=23, orders=30,
        broken="A request that never left is waited for.",
        edits=(Edit("core.trade.withheld", "state=next_state(order.state, OrderEvent.HELD_BACK)", "state=OrderState.WORKING"),),
    ),
    Mutant(
        name="old_journal_not_refused", fault="F17", shows=1, seed=1, orders=60,
        broken="Orders of today that a follower's book shows and the journal does not know are not looked for.",
        edits=(Edit("core.lost.unknown_tags", "        if lost:\n", "        if lost and follower not in books:\n"),),
    ),
    Mutant(
        name="new_orders_of_the_book_left_out", fault="F20", shows=2,
        broken="An order that only the leader's book shows is not copied.",
        edits=(Edit("core.copier.Copier._take_leader", "        entry = self._record(fact)",
            "        if known is None and fact.channel is Channel.BOOK:\n            return\n        entry = self._record(fact)"),),
    ),
    Mutant(
        name="followers_books_not_read", fault="F21", shows=4, seed=38, orders=30,
        broken="The book of a follower is not read: his stream is trusted to tell everything.",
        edits=(Edit("core.reads.ReadSchedule.due", "return ready, wake",
            "return [r for r in ready if not isinstance(r, ReadOrders) or r.account == state.settings.leaders[0].name], wake"),),
    ),
    Mutant(
        name="fills_added", fault="F22", shows=4, seed=3,
        broken="What a report says was filled is added to what was known.",
        edits=(Edit("core.trade.reported", "max(order.filled_quantity, report.filled_quantity)",
            "min(order.asked.quantity, order.filled_quantity + report.filled_quantity)"),),
    ),
    Mutant(
        name="last_arrival_wins", fault="F23", shows=10, seed=11, days=2, orders=60,
        broken="The report that arrives last is taken for the newest.",
        edits=(Edit("core.intake._is_newer", "    old, new = known.report, fact.report\n", "    return True\n"),),
    ),
    Mutant(
        name="repeats_journaled", fault="F25", shows=2, seed=10, orders=7,
        broken="A report that says nothing new is journaled again.",
        edits=(Edit("core.intake.says_nothing_new", "    old, new = known.report, merged.report\n", "    return False\n"),),
    ),
    Mutant(
        name="book_changes_nothing_known", fault="F27", shows=2,
        broken="A row of the leader's book changes nothing about an order that the stream has shown.",
        edits=(Edit("core.copier.Copier._take_leader", "        entry = self._record(fact)",
            "        if known is not None and fact.channel is Channel.BOOK:\n            return\n        entry = self._record(fact)"),),
    ),
    Mutant(
        name="lost_taken_for_refused", fault="F30", shows=9, seed=2,
        broken="A request without an answer is sent again.",
        edits=(Edit("core.trade.unresolved", "    order = _cleared(order, request)\n",
            "    order = _cleared(order, request)\n    if isinstance(request, Submit):\n"
            "        return evolve(order, state=OrderState.REJECTED, refused_for_now=True, over_at=at)\n"),),
    ),
    Mutant(
        name="never_given_up", fault="F30", shows=18, seed=2,
        broken="An order whose placement is unknown is looked up for ever.",
        edits=(Edit("core.trade._absent", "order.missed_by_tag >= 2", "order.missed_by_tag >= 2_000"),),
    ),
    Mutant(
        name="answer_lost_sent_again", fault="F31", shows=9, seed=7, orders=15,
        broken="An order whose answer was lost is taken for refused and sent again.",
        edits=(Edit("core.trade.unresolved", "    order = _cleared(order, request)\n",
            "    order = _cleared(order, request)\n    if isinstance(request, Submit):\n"
            "        return evolve(order, state=OrderState.REJECTED, refused_for_now=True, over_at=at)\n"),),
    ),
    Mutant(
        name="short_absence_window", fault="F32", shows=9, seed=15,
        broken="The absence window is shorter than a request may be under way.",
        edits=(Edit("core.fold_reads.looked", "since + state.settings.policy.absence_window", "since + state.settings.policy.absence_window / 9"),),
    ),
    Mutant(
        name="day_not_counted", fault="F34", shows=12, seed=56, orders=200, followers=1,
        broken="The requests of the day are not counted.",
        edits=(Edit("core.limits.RateBudget.take", "self.today += 1", "pass"),),
    ),
    Mutant(
        name="same_id_after_429", fault="F34", shows=1,
        broken="What was refused for now is sent again under the same id.",
        edits=(Edit("core.plan_place.place", "generation = 0 if last is None else last.generation + 1",
            "generation = 0 if last is None else last.generation + (not last.refused_for_now)"),),
    ),
    Mutant(
        name="blocked_for_good", fault="F35", shows=4, seed=7, orders=15,
        broken="An account that was refused once stays blocked for the day.",
        edits=(Edit("core.fold_requests.answered", "(at + pause, fact.refusal)", "(at + timedelta(days=1), fact.refusal)"),),
    ),
    Mutant(
        name="blocked_all", fault="F35", shows=13, seed=7, orders=15,
        broken="One follower's blocked account blocks the others.",
        edits=(Edit("core.plan_limits._must_wait", "b.state.blocked_until.get(b.rules.name)",
            "max(b.state.blocked_until.values(), key=lambda one: one[0], default=None)"),),
    ),
    Mutant(
        name="late_rejection_ignored", fault="F37", shows=4, seed=2,
        broken="An order that was taken is never thought rejected.",
        edits=(Edit("core.lifecycle.next_state", "return TRANSITIONS[state].get(event, state)",
            "return state if (state, event) == (_S.WORKING, _E.SEEN_REJECTED) else TRANSITIONS[state].get(event, state)"),),
    ),
    Mutant(
        name="part_filled_is_filled", fault="F38", shows=1,
        broken="A partial fill is taken for the end of the order.",
        edits=(Edit("core.trade.reported", "state = next_state(order.state, event_of(report.status))",
            "state = OrderState.FILLED if report.filled_quantity else next_state(order.state, event_of(report.status))"),
            Edit("core.trade.reported", "        state = OrderState.WORKING  #", "        pass  #")),
    ),
    Mutant(
        name="modification_cap_ignored", fault="F39", shows=12, seed=175, orders=30,
        broken="An order's modifications are not counted.",
        edits=(Edit("core.plan_change._modify", "if supers.modifications(b.state, b.rules.name, order) >= b.rules.limits.modifications_per_order:", "if False:"),),
    ),
    Mutant(
        name="lost_modification_taken_for_done", fault="F39", shows=10, seed=35, orders=30, followers=6,
        broken="A modification without an answer is taken for done.",
        edits=(Edit("core.trade.unresolved", "    order = _cleared(order, request)\n",
            "    order = _cleared(order, request)\n    if isinstance(request, Modify):\n"
            "        return evolve(order, accepted=instruction_of(request))\n"),),
    ),
    Mutant(
        name="positions_not_compared", fault="F41", shows=4, seed=87, orders=60,
        broken="What the account really holds is not looked at: what was squared off by hand is closed again.",
        edits=(Edit("core.fold_reads.positions_reported", "        if missing:\n", "        if False:\n"),),
    ),
    Mutant(
        name="market_taken_for_filled", fault="F43", shows=1,
        broken="A market order is taken for filled once the broker has it.",
        edits=(Edit("core.plan._steer", "reversed(orders) if not order.state.is_over)",
            "reversed(orders) if not order.state.is_over"
            " and not (order.accepted and type(order.accepted.terms).__name__ == 'Market'))"),),
    ),
    Mutant(
        name="batch_judged_before_it_is_folded", fault="F44", shows=2,
        broken="Whether a report tells anything new is asked of what was known before its batch.",
        edits=(Edit("core.copier.Copier.step", "        for fact in in_order(self.state, self._leaders, facts) if kinds & OUT_OF_ORDER else facts:\n            self._take(fact)\n",
            "        known = dict(self.state.leader_orders.items())\n"
            "        for fact in in_order(self.state, self._leaders, facts):\n"
            "            before = known.get((fact.leader, fact.report.order_id)) if isinstance(fact, LeaderReported) else None\n"
            "            if isinstance(fact, LeaderReported) and (before is None or not says_nothing_new(before, merge(before, fact, now.wall))):\n"
            "                entry = self._record(fact)\n"
            "                for follower in self.state.followers_of(fact.leader):\n"
            "                    self._decide((fact.leader, fact.report.order_id, follower), entry.position)\n"
            "            elif not isinstance(fact, LeaderReported):\n"
            "                self._take(fact)\n"),),
    ),
    Mutant(
        name="midnight_not_noticed", fault="F46", shows=4, seed=3, days=2, orders=60,
        broken="A new day begins only with a new process.",
        edits=(Edit("core.copier.Copier.step", "if day > self.state.day:", "if day > self.state.day and starting:"),),
    ),
    Mutant(
        name="calendar_keeps_entries_out", fault="F47", shows=3,
        broken="Entries are refused whenever the calendar calls the market closed, whatever the policy says.",
        edits=(Edit("core.hours.refusal", "    if policy.closed_market is ClosedMarket.DENY:\n", "    if True:\n"),),
    ),
    Mutant(
        name="change_of_size_lost", fault="F51", shows=6, seed=11, orders=15,
        broken="A size that was changed while running is what the engine was started with.",
        edits=(Edit("core.fold.setting_changed", "(state.changes if holds else state.overruled)", "state.overruled"),),
    ),
    Mutant(
        name="halt_of_one_not_heard", fault="F51", shows=20, seed=2,
        broken="Trading that was halted for one follower goes on.",
        edits=(Edit("core.state.State.trading_state", "self.trading.get(follower, TradingState.ACTIVE)", "TradingState.ACTIVE"),),
    ),
    # general
    Mutant(
        name="entry_one_lot_too_large", fault="", shows=6,
        broken="An entry is one lot too large.",
        edits=(Edit("core.sizing.entry_size", "units // (both * lot_units) * lot_units", "units // (both * lot_units) * lot_units + lot_units"),),
    ),
    Mutant(
        name="exit_not_clamped", fault="", shows=5, seed=1, orders=15,
        broken="An exit is not clamped to what is owned.",
        edits=(Edit("core.target._exit_wants_of_side", "due = min(owned, due_claims[trade.key] + take - closing_entry_leaves(trade))",
            "due = due_claims[trade.key] + take"),
               Edit("core.target._claims_less", "min(claim - gone, owned)", "claim - gone"),
               Edit("core.target._exit_wants_of_side", "unclaimed = there = max(0, owned - claims - by_entries)", "unclaimed = there = free")),
    ),
    Mutant(
        name="cancel_forgotten", fault="", shows=4,
        broken="The leader's cancel is not copied.",
        edits=(Edit("core.plan_change.steer_live", "        _cancel(b, order)\n        return\n    if order.cancel_sent:", "        return\n    if order.cancel_sent:"),),
    ),
    Mutant(
        name="wrong_side", fault="", shows=4,
        broken="Every order is placed on the other side.",
        edits=(Edit("core.plan_place.place", "side=b.side,", "side=next(side for side in type(b.side) if side is not b.side),"),),
    ),
    Mutant(
        name="changed_before_it_is_known", fault="", shows=11,
        broken="An order is changed while its placement is under way.",
        edits=(Edit("core.trade.issued", "            outstanding=request,\n        )", "            outstanding=request,\n            broker_order_id=BrokerOrderId(request.client_order_id),\n        )"),
               Edit("core.plan_change.steer_live", "if order.outstanding is not None or order.broker_order_id", "if order.broker_order_id")),
    ),
    Mutant(
        name="own_orders_copied", fault="", shows=14, seed=15, orders=15,
        broken="An order that carries a copier's tag is taken for the leader's own.",
        edits=(Edit("core.admission.decide", "if is_ours(report.client_order_id):", "if False:"),),
    ),
    Mutant(
        name="instructions_forgotten_at_restart", fault="", shows=16, seed=10, orders=15,
        broken="A new process does not know what the broker took before it.",
        edits=(Edit("core.trade.taken_over", "    return order\n", "    return evolve(order, accepted=None)\n"),),
    ),
    Mutant(
        name="due_at_once", fault="", shows=17,
        broken="The core asks to be stepped again at once although nothing is due.",
        edits=(Edit("core.copier.Copier._due", "return now.monotonic + max(0.0, seconds)", "return now.monotonic"),),
    ),
    Mutant(
        name="claim_forgotten", fault="", shows="alert LEFT_OVER",
        broken="What the leader's fills oblige the follower to exit is forgotten.",
        edits=(Edit("core.state.obliged", "claim=max(trade.claim, trade.filled(Intent.EXIT)) + units", "claim=trade.claim"),),
    ),
    Mutant(
        name="missing_in_the_book_is_cancelled", fault="F26", shows=10, seed=14, orders=7,
        broken="An order that a read of the leader's book leaves out is taken for cancelled.",
        edits=(Edit("core.arrivals.in_order", "    return [_as_of_before(state, fact, rows) for fact, rows in held] + result",
            "    for read in [f for f in facts if isinstance(f, BookRead) and f.account in leaders]:\n"
            "        shown = {row.report.order_id for part in reads for row in part}\n"
            "        for where in state.open_leader_orders:\n"
            "            known = state.leader_orders[where]\n"
            "            if where[1] not in shown and known.first_seen_at < read.read_at:\n"
            "                gone = evolve(known.report, status=type(known.report.status).CANCELLED)\n"
            "                result.append(LeaderReported(leader=where[0], report=gone, channel=Channel.BOOK, read_at=read.read_at))\n"
            "    return [_as_of_before(state, fact, rows) for fact, rows in held] + result"),),
    ),
    Mutant(
        name="fills_may_shrink", fault="F28", shows=4,
        broken="A report that comes late takes back what has filled since.",
        edits=(Edit("core.trade.reported", "max(order.filled_quantity, report.filled_quantity)", "report.filled_quantity"),),
    ),
    Mutant(
        name="absent_from_one_book", fault="F36", shows=1, seed=13, orders=15,
        broken="An order that a read of the book does not show is taken for never placed.",
        edits=(Edit("core.fold_reads.looked", "        shown = set(fact.tags)\n",
            "        shown = set(fact.tags)\n"
            "        for key in state.open_keys():\n"
            "            for order in state.trades[key].orders if key[2] == follower else ():\n"
            "                if order.accepted and not order.state.is_over and order.client_order_id not in shown:\n"
            "                    gone = life.evolve(order, state=life.OrderState.ABSENT, over_at=fact.read_at)\n"
            "                    state.put(state.trades[key].with_order(gone))\n"
            "                    state.touch(key, position)\n"),),
    ),
    Mutant(
        name="windows_follow_the_wall_clock", fault="F45", shows=18, seed=5, orders=60, faults=("F30", "F45"),
        broken="Wall time goes back with the machine's clock, and windows with it.",
        edits=(Edit("runtime.clock.SteadyClock.now", "now = max(now, self._latest + elapsed)", "pass"),),
    ),
    Mutant(
        name="issued_after_hand_over", fault="", shows=7,
        broken="A request is journaled in the step after the one that hands it over.",
        edits=(
            Edit("core.copier.Copier.step", "self._entries, self._commands = [], []",
                "self._entries, self._commands = self.__dict__.pop('_late', []), []"),
            Edit("core.copier.Copier.step", "return Step(tuple(self._entries),",
                "late = next((n for n, e in enumerate(self._entries) if isinstance(e.fact, RequestIssued)), len(self._entries))\n"
                "        self._late = self._entries[late:]\n"
                "        return Step(tuple(self._entries[:late]),"),
        ),
    ),
    # linked orders
    Mutant(
        name="stop_not_copied", fault="", row="L1", shows=5, linked=0.5,
        broken="The stop of a linked order is not copied.",
        edits=(Edit("core.target._leg_wants", "        if trade.admitted is None:\n",
            "        if trade.admitted is None or trade.key[1].endswith('/STOP'):\n"),),
    ),
    Mutant(
        name="legs_of_the_leaders_size", fault="", row="L2", shows=5, linked=0.5,
        broken="A leg is for what the leader's leg is for, and not for what the follower's own entry has filled.",
        edits=(Edit("core.target._leg_wants", "        wants[key] = trade.filled(Intent.EXIT) + open_units\n",
            "        wants[key] = order.report.quantity if open_units else trade.filled(Intent.EXIT)\n"),),
    ),
    Mutant(
        name="sibling_does_not_shrink", fault="", row="L3", shows=5, seed=9, orders=15, linked=0.5,
        broken="What one leg has filled is not taken off the other.",
        edits=(Edit("core.target._leg_wants", "        open_units = max(0, stake.closable(sign) - max(0, -sign * missing))\n",
            "        others = sum(t.filled(Intent.EXIT) for t, o in trades if t.key != key and is_exit_leg(o.report))\n"
            "        open_units = max(0, stake.closable(sign) + others - max(0, -sign * missing))\n"),),
    ),
    Mutant(
        name="over_exit_not_told", fault="F40", row="L4", shows=5, linked=0.5,
        broken="Nobody is told that both legs have filled.",
        edits=(Edit("core.copier.Copier._take_order", "            self._alert(over_exit(self.state, trade.key), entry.position)\n", "            pass\n"),),
    ),
    Mutant(
        name="over_exit_not_closed", fault="F40", row="L4", shows=5, seed=7, orders=7, linked=0.5,
        broken="What both legs have closed too much is not opened again.",
        edits=(Edit("core.fold_orders._follower_filled",
            "            state.open(evolve(obliged(entry, beyond), over_exited_at=at), stake_key)\n",
            "            state.put(evolve(entry, over_exited_at=at))\n"
            "            state.open_trades.setdefault(stake_key, {})[entry.key] = None\n"),),
    ),
    Mutant(
        name="legs_go_with_the_leaders", fault="", row="L5", shows=5, seed=7, orders=15, linked=0.5,
        broken="The follower's stop goes when the exchange takes the leader's away, whether the follower is flat or not.",
        edits=(Edit("core.target.is_taken_back", "    return may_be_taken_back(state, stake_key, order) and _looked_since(state, order)\n",
            "    return order.report.status.is_terminal and order.report.status is not OrderStatus.TRADED\n"),),
    ),
    Mutant(
        name="legs_do_not_move", fault="", row="L6", shows=10, seed=26, orders=30, linked=0.5,
        broken="A target or stop that the leader moves or trails is left where it was.",
        edits=(Edit("core.plan_change.steer_live", "    if want == order.accepted:\n",
            "    if want == order.accepted or (is_exit_leg(b.report) and order.accepted and want.quantity == order.accepted.quantity):\n"),),
    ),
    Mutant(
        name="taken_back_leg_stays", fault="", row="L7", shows=4, seed=3, orders=15, linked=0.5,
        broken="A leg that the leader takes back stays at the follower.",
        edits=(Edit("core.target.may_be_taken_back", "    report = order.report\n", "    return False\n    report = order.report\n"),),
    ),
    Mutant(
        name="brackets_of_no_entry", fault="", row="L8", shows=2, seed=4, orders=15, linked=0.5,
        broken="The leg of a bracket order is known by a report that names its entry alone.",
        edits=(Edit("core.legs.Trees._named", "            entry = self._entry(fact, facts)\n",
            "            entry = report.parent_order_id or (report.order_id if report.variety is Variety.SUPER else None)\n"),),
    ),
    Mutant(
        name="cover_orders_are_plain", fault="", row="L9", shows=4, seed=8, orders=7, linked=0.5,
        broken="A cover order and its stop are taken for two plain orders.",
        edits=(Edit("core.legs.tree_of", "    if report.variety not in LINKED:\n", "    if report.variety not in LINKED or report.variety is Variety.COVER:\n"),),
    ),
    Mutant(
        name="fired_and_copied_again", fault="", row="L10", shows=1, forever=0.5,
        broken="What appears when a Forever order fires is taken for a plain order of the leader's.",
        edits=(Edit("core.forever._Reading._leaders_child", "        report, where = fact.report, (fact.leader, fact.report.order_id)\n",
            "        plain = evolve(fact.report, variety=Variety('REGULAR'), parent_order_id=None)\n"
            "        return evolve(fact, report=plain)\n"),),
    ),
    Mutant(
        name="legs_by_the_ratio", fault="F38", row="L11", shows=5, linked=0.5,
        broken="A leg is the leader's leg scaled, whatever the follower has open.",
        edits=(Edit("core.target._leg_wants", "        wants[key] = trade.filled(Intent.EXIT) + open_units\n",
            "        entry = state.trades.get((key[0], stake_key[4], key[2]))\n"
            "        ratio = entry.admitted.ratio if entry is not None and entry.admitted is not None else 1\n"
            "        left = order.report.quantity - order.report.filled_quantity\n"
            "        wants[key] = trade.filled(Intent.EXIT) + (int(left * ratio) if left and open_units else open_units)\n"),),
    ),
    Mutant(
        name="stop_at_its_cap_left_alone", fault="F39", row="L12", shows=5, seed=3, orders=15, linked=0.5,
        broken="What a stop that can no longer be modified does not cover is not completed by another order.",
        edits=(Edit("core.plan._steer", "    if left <= 0 or hold or b.trade.admitted is None:\n",
            "    if left <= 0 or hold or b.trade.admitted is None or (intent is Intent.EXIT and slices and b.report.leg in supers.EXIT_LEGS):\n"),),
    ),
    Mutant(
        name="freeze_limit_ignored", fault="F42", row="P12", shows=6, seed=3, orders=15, linked=0.5,
        broken="An order above the freeze limit goes in one piece.",
        edits=(Edit("core.admission.slice_units", "    return state.settings.freeze_limits.most_units(",
            "    return None\n    return state.settings.freeze_limits.most_units("),),
    ),
    Mutant(
        name="refused_slice_sent_again", fault="F42", row="P12", shows=9, seed=3, orders=15, linked=0.5,
        broken="A slice that was refused for good is sent again.",
        edits=(Edit("core.plan_place.is_replaced", "    return last.refused_for_now or (", "    return last.state is OrderState.REJECTED or ("),),
    ),
    Mutant(
        name="leg_cancelled_by_hand_sent_again", fault="F41", row="L5", shows=9, linked=0.5, orders=60,
        broken="A leg that somebody took back by hand is placed again.",
        edits=(Edit("core.plan_place._is_to_exit", "    if last.was_cancelled_by_hand:\n", "    if last.was_cancelled_by_hand and not is_exit_leg(b.report):\n"),),
    ),
    # super orders at the follower
    Mutant(
        name="fills_of_a_leg_are_the_entrys", fault="", shows=5, seed=24, orders=7, linked=0.5, form=LinkedForm.SUPER_ORDER,
        broken="What the broker reports of a super order's leg, by the entry's tag, is taken for the entry's.",
        edits=(Edit("core.supers.told", "    return [_named(state, fact) if isinstance(fact, OrderReported) else fact for fact in facts]\n",
            "    return list(facts)\n"),),
    ),
    Mutant(
        name="leg_for_too_much_stays", fault="", shows=4, seed=24, orders=15, linked=0.5, form=LinkedForm.SUPER_ORDER,
        broken="A leg of a super order stays although it is for more than is open.",
        edits=(Edit("core.plan_change._may_stay", "        return False\n", "        return True\n"),
               Edit("core.plan_change._may_stay", "    return left >= supers.kept_open(b.state, b.rules.name, order)\n", "    return True\n")),
    ),
    Mutant(
        name="order_beside_the_brokers_leg", fault="", shows=1, seed=4, orders=7, linked=0.5, form=LinkedForm.SUPER_ORDER,
        broken="An order is placed for what the broker's leg protects.",
        edits=(Edit("core.plan._steer", "            left = max(0, left - supers.kept_open(b.state, b.rules.name, live)) if stays else 0  # one that goes goes first\n",
            "            ended.append((number, orders))\n"),),
    ),
    Mutant(
        name="leg_gone_and_not_replaced", fault="", shows=5, seed=24, orders=7, linked=0.5, form=LinkedForm.SUPER_ORDER,
        broken="No order takes the place of a leg that the broker took back.",
        edits=(Edit("core.plan._steer", "    if left <= 0 or hold or b.trade.admitted is None:\n",
            "    if left <= 0 or hold or b.trade.admitted is None or any(order.is_leg for order in b.trade.orders):\n"),),
    ),
    Mutant(
        name="leg_moved_while_the_entry_works", fault="F38", shows=11, seed=3, orders=15, linked=0.5, form=LinkedForm.SUPER_ORDER,
        broken="A leg is moved by its name while its entry works.",
        edits=(Edit("core.plan_change.steer_leg", "entry is None or not entry.state.is_over:", "entry is None:"),),
    ),
    Mutant(
        name="brokers_legs_do_not_move", fault="", shows=10, seed=31, orders=7, days=2, linked=0.7,
        form=LinkedForm.SUPER_ORDER,
        broken="A leg that the broker keeps is left where it was.",
        edits=(Edit("core.plan_change.steer_leg", "            _modify(b, order, want)\n", "            pass\n"),),
    ),
    Mutant(
        name="leg_gone_unseen_is_looked_up_for_ever", fault="", shows=18, seed=10089, orders=60, linked=0.5, form=LinkedForm.SUPER_ORDER,
        broken="A leg that was taken back before it was for anything is looked up until a row shows it.",
        edits=(Edit("core.state.State.legs_gone", "        if not read.linked:\n", "        if read:\n"),),
    ),
    Mutant(
        name="gone_with_its_entry_is_gone_by_hand", fault="F38", shows=5, seed=12, orders=15, linked=0.5, form=LinkedForm.SUPER_ORDER,
        broken="A leg that goes with the entry that the copier takes back is thought to have been cancelled by hand.",
        edits=(Edit("core.state.State.entry_was_cancelled", "if found is None or not found[1].was_cancelled_by_us:", "if leg:"),),
    ),
    Mutant(
        name="gone_with_the_other_is_gone_by_hand", fault="F23", shows=5, seed=33, orders=15, linked=0.5, form=LinkedForm.SUPER_ORDER,
        broken="A leg that goes because the other has closed everything is thought to have been cancelled by hand.",
        edits=(Edit("core.supers.is_unexplained", "    if not order.is_leg or", "    if order or"),),
    ),
)
