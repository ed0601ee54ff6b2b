"""Bugs that other proofs than the simulation must catch: each with the test that fails once it is planted."""

from __future__ import annotations

from attrs import field, frozen

from tests.planting import Edit


@frozen(kw_only=True)
class Broken:
    """A planted bug, and the test that must then fail."""

    name: str
    fault: str
    """The class of faults that must not find this bug in the library; empty for what no fault is needed for."""
    broken: str
    """What is planted, in a sentence."""
    edits: tuple[Edit, ...]
    caught_by: str
    """As pytest names it."""
    environment: dict[str, str] = field(factory=dict)
    """For a test that runs long, or seldom, on demand."""
    says: str = ""
    """What the failed run says besides; empty when failing says it all."""
    rows: tuple[str, ...] = ()
    """The rows of the scenarios that say what is right."""


@frozen(kw_only=True)
class Self:
    """A test that plants the bug itself, and passes when it is caught."""

    fault: str
    broken: str
    caught_by: str


BROKEN: tuple[Broken, ...] = (
    Broken(
        name="stop_market_as_it_is", fault="", rows=("P5",),
        broken="A stop-market order is sent as it is, though Dhan drops its trigger.",
        edits=(Edit("core.terms.copied_terms", "policy.stop_market is not StopMarketForm.AS_IS", "False"),),
        caught_by="tests/scenarios/test_placement.py::test_p5_a_stop_market_becomes_a_stop_limit_with_its_limit_beyond_the_trigger",
    ),
    Broken(
        name="ahead_and_nobody_told", fault="", rows=("X3", "X5"),
        broken="What a follower filled of an order that the leader took back, or that was rejected after all, is told to nobody.",
        edits=(Edit("core.copier.Copier._is_ahead", "    return ended and trade.filled", "    return False and trade.filled"),),
        caught_by="tests/core/test_closing.py::test_x3_x5_what_a_follower_filled_ahead_of_the_leader_is_told_and_kept_or_closed",
    ),
    Broken(
        name="sells_what_is_entered_next", fault="", rows=("X3",),
        broken="An exit that has filled before the leader's sells what another order enters meanwhile.",
        edits=(Edit("core.target._has_done", "share > 0 and", "False and"),),
        caught_by="tests/core/test_target.py::"
            "test_x3_an_exit_that_has_filled_all_its_whole_lots_before_the_leader_sells_nothing_of_what_is_entered_next",
    ),
    Broken(
        name="sold_ahead_and_not_counted", fault="", rows=("X3",),
        broken="What an exit has filled before the leader's is missing from what the exits beside it share.",
        edits=(Edit("core.target._exit_wants_of_side", "sold_ahead(state, trades, stake.ideal, position, position)", "dict.fromkeys((t.key for t in trades), 0)"),),
        caught_by="tests/core/test_target.py::test_x3_what_one_exit_fills_before_the_leader_moves_nothing_from_one_that_shares_with_it",
    ),
    Broken(
        name="sells_what_is_entered_ahead", fault="", rows=("X3",),
        broken="An exit for a part of the position sells what a follower has entered ahead of another order.",
        edits=(Edit("core.target._exit_wants_of_side", "ahead = entered_ahead(state, stake_key, -sign)", "ahead = Fraction(0)"),),
        caught_by="tests/core/test_copier.py::"
            "test_x3_what_a_follower_has_entered_ahead_of_an_order_that_rests_is_not_for_an_exit_of_a_part",
    ),
    Broken(
        name="exits_of_what_is_still_to_come", fault="",
        broken="An exit is for what a lagging entry is still to fill, while another one closes what is there.",
        edits=(Edit("core.target._exit_wants_of_side", "unclaimed = there = max(0, owned - claims - by_entries)", "unclaimed = there = owned"),),
        caught_by="tests/core/test_target.py::test_exits_are_for_no_more_together_than_is_there_while_an_entry_lags",
    ),
    Broken(
        name="grows_before_another_has_shrunk", fault="",
        broken="An exit grows by what another that is to shrink still covers.",
        edits=(Edit("core.plan._beside_what_goes", "if total <= most or", "if True or"),),
        caught_by="tests/core/test_copier.py::test_m3_an_exit_does_not_grow_by_what_another_that_is_to_shrink_still_covers",
    ),
    Broken(
        name="behind_and_left_alone", fault="", rows=("X4",),
        broken="An order that still rests when the leader's has filled is neither told of nor moved.",
        edits=(Edit("core.plan_terms._is_behind", "_has_filled(b.report) and", "False and"),),
        caught_by="tests/core/test_linked.py::test_x4_an_entry_that_is_left_behind_waits_is_moved_or_given_up",
    ),
    Broken(
        name="sent_again_by_the_next", fault="F02",
        broken="What one process left without an answer, the next takes for refused, sends again, and dies as well.",
        edits=(Edit("core.fold_days.engine_started", "trade.with_order(life.unresolved(order, order.outstanding, at))",
            "trade.with_order(evolve(order, outstanding=None, state=life.OrderState.REJECTED, refused_for_now=True, over_at=at))"),),
        caught_by="tests/testing/crash/test_run.py::test_f02_a_second_death_in_the_recovery",
    ),
    Broken(
        name="rows_in_memory", fault="F03",
        broken="Rows are kept in memory, and written when the journal is closed.",
        edits=(Edit("stores.sqlite.SqliteStore.append", "            rows, head = self._rows(entries)\n",
            "            self.__dict__.setdefault('_held', []).extend(entries)\n"
            "            return entries[-1].position\n"),
               Edit("stores.sqlite.SqliteStore.close", "            self._closed = True\n",
            "            if self.__dict__.get('_held') and self._lease is not None:\n"
            "                rows, head = self._rows(self._held)\n"
            "                with self._transaction():\n"
            "                    self._connection.execute('UPDATE head SET position = ?, hash = ?', (head.position, head.hash))\n"
            "                    self._connection.executemany(_INSERT, rows)\n"
            "            self._closed = True\n")),
        caught_by="tests/examples/test_kill.py", environment={"DHAN_COPY_KILLS": "12"}, says="JournalLost",
    ),
    Broken(
        name="unanswered_taken_for_refused", fault="F04",
        broken="What had no answer when the process was killed is taken for refused, and sent again.",
        edits=(Edit("core.fold_days.engine_started", "trade.with_order(life.unresolved(order, order.outstanding, at))",
            "trade.with_order(evolve(order, outstanding=None, state=life.OrderState.REJECTED, refused_for_now=True, over_at=at))"),),
        caught_by="tests/proof/test_kills.py", environment={"DHAN_COPY_STRACE_KILLS": "6"}, says="has too much",
    ),
    Broken(
        name="interrupted_turn_goes_on", fault="F06",
        broken="A turn that Ctrl-C has cut short goes on with what it knew, not with what the journal knows.",
        edits=(Edit("runtime.kernel.Kernel.turn", "        self._sound = False\n", "        self._sound = True\n"),),
        caught_by="tests/runtime/test_kernel.py::test_a_turn_that_was_interrupted_begins_again_from_the_journal",
    ),
    Broken(
        name="no_lock", fault="F08",
        broken="A lock that is held is taken all the same.",
        edits=(Edit("stores.locks._try_lock", "            return False\n", "            return True\n"),),
        caught_by="tests/proof/test_rivals.py::test_f08_a_second_engine_on_the_journal_or_the_account_is_refused",
    ),
    Broken(
        name="callback_ends_its_thread", fault="F09",
        broken="A user's callback that raises ends the thread of all callbacks.",
        edits=(Edit("runtime.outlet.Outlet._deliver", "                self._failures += 1\n", "                self._failures += 1\n                raise\n"),),
        caught_by="tests/test_engine.py::test_f09_callbacks_that_raise_block_or_call_in_do_not_stop_the_copying",
    ),
    Broken(
        name="failed_start_keeps_the_journal", fault="F10",
        broken="A start that failed for lack of descriptors or memory gives nothing back.",
        edits=(Edit("engine.CopyEngine.start", "                self.stop()\n                raise\n", "                raise\n"),),
        caught_by="tests/proof/test_limits.py",
    ),
    Broken(
        name="later_schema_opened", fault="F11",
        broken="A journal of a later release is opened.",
        edits=(Edit("stores.schema.check_schema", "version > SCHEMA_VERSION", "False"),),
        caught_by="tests/stores/test_schema.py::test_a_later_schema_is_refused",
    ),
    Broken(
        name="fields_forgotten", fault="F11",
        broken="A field of an earlier journal is not read.",
        edits=(Edit("stores.codec.decode", "        return cast(Fact, kind.decode(value))\n",
            "        value.pop('detail', None)\n        return cast(Fact, kind.decode(value))\n"),),
        caught_by="tests/stores/test_schema.py::test_f11_a_journal_of_every_version_opens_to_the_same_facts",
    ),
    Broken(
        name="full_disk_ignored", fault="F13",
        broken="Requests leave although the journal could not be written: the disk is full.",
        edits=(Edit("runtime.kernel.Kernel.turn", "                    self._store.append(decision.entries)\n",
            "                    try:\n                        self._store.append(decision.entries)\n"
            "                    except StoreError:\n                        pass\n"),),
        caught_by="tests/proof/test_disk.py::test_f13_a_full_disk", environment={"DHAN_COPY_STRACE_KILLS": "1"},
    ),
    Broken(
        name="failed_sync_ignored", fault="F14",
        broken="Requests leave although the disk reported an error when their rows were synced.",
        edits=(Edit("runtime.kernel.Kernel.turn", "                    self._store.append(decision.entries)\n",
            "                    try:\n                        self._store.append(decision.entries)\n"
            "                    except StoreError:\n                        pass\n"),),
        caught_by="tests/proof/test_disk.py::test_f13_f14_system_calls_of_the_journal_fail[0]",
    ),
    Broken(
        name="begun_anew", fault="F15",
        broken="A journal that is empty is taken for a new one.",
        edits=(Edit("stores.sqlite.SqliteStore._open", "not os.path.lexists(self.path)",
                    "(not self.path.is_file() or not self.path.stat().st_size)"),
               Edit("stores.sqlite.SqliteStore._make", "if not self.path.exists():", "if True:")),
        caught_by="tests/proof/test_damage.py::test_f15_a_damaged_journal_is_refused_and_left_as_it_is",
    ),
    Broken(
        name="no_locks_no_matter", fault="F16",
        broken="A file system that cannot lock, as that of a network drive, is used all the same.",
        edits=(Edit("stores.locks._try_lock", "            raise StoreError(", "            return True\n            raise StoreError("),),
        caught_by="tests/stores/test_locks.py::test_a_file_system_without_locks_is_refused",
    ),
    Broken(
        name="old_copy_accepted", fault="F17",
        broken="Orders of ours that the journal does not know are nothing to worry about.",
        edits=(Edit("core.lost.unknown_tags", "        if lost:\n", "        if False:\n"),),
        caught_by="tests/scenarios/test_journal_lost.py::test_f17_an_old_copy_of_the_journal_is_refused_or_brought_up_to_date",
    ),
    Broken(
        name="unknown_status_defaulted", fault="F24",
        broken="A status that nobody knows is taken for pending.",
        edits=(Edit("dhan.words.status_of", 'filter(str.isalnum, word)).upper())', 'filter(str.isalnum, word)).upper(), OrderStatus.PENDING)'),),
        caught_by="tests/dhan/test_wire.py::test_f24_a_mutated_frame_is_refused_or_read_as_it_says",
    ),
    Broken(
        name="refused_login_tried_for_ever", fault="F29",
        broken="A socket that is reset because of the token is taken for a broken network, and connected again at once.",
        edits=(Edit("dhan.login.reset_after_login", "    except AuthenticationError as refusal:\n        return FeedLoginRefused(",
                    "    except AuthenticationError as refusal:\n        return FeedConnectionError("),),
        caught_by="tests/dhan/test_login.py::test_a_refused_token_is_named",
    ),
    Broken(
        name="empty_200_accepted", fault="F33",
        broken="An empty answer with status 200 is taken for a yes.",
        edits=(Edit("dhan.outcomes._classify", "    rule = rule_for(answer, asked)\n",
            "    if answer.http_status == 200 and answer.body is None:\n        return BrokerOrderId('1')\n    rule = rule_for(answer, asked)\n"),),
        caught_by="tests/dhan/test_outcomes.py::test_f33_whatever_is_not_certain_is_unresolved",
    ),
    Broken(
        name="no_connection_taken_for_lost", fault="F49",
        broken="A host name that cannot be resolved leaves the order unknown, as if it might have arrived.",
        edits=(Edit("dhan.line.Line._opened", "raise NotSent(", "raise Lost("),),
        caught_by="tests/dhan/test_line.py::test_a_name_that_does_not_resolve_means_that_nothing_was_sent",
    ),
    Broken(
        name="calendar_vetoes", fault="F47",
        broken="Entries are refused whenever the calendar calls the market closed, whatever the policy says.",
        edits=(Edit("core.hours.refusal", "    if policy.closed_market is ClosedMarket.DENY:\n", "    if True:\n"),),
        caught_by="tests/scenarios/test_faults.py::test_f47_no_calendar_vetoes_an_order_of_the_leaders",
    ),
    Broken(
        name="token_logged", fault="F52",
        broken="A request is logged with its headers, and the token with them.",
        edits=(Edit("dhan.http.KeepAliveHTTP._send_request", "        request = self._rendered(method.value, endpoint, token, body)\n",
            "        request = self._rendered(method.value, endpoint, token, body)\n"
            "        __import__('logging').getLogger('dhan_copy').debug('%r', request)\n"),),
        caught_by="tests/scenarios/test_connection.py", says="an access token was shown (F52)",
    ),
    Broken(
        name="html_not_escaped", fault="F53",
        broken="Texts of the broker stand in the HTML of a table as they are.",
        edits=(Edit("display.Table._repr_html_", "escape(_text(cell))", "_text(cell)"),),
        caught_by="tests/test_display.py::test_f53_no_text_escapes_from_the_html",
    ),
    Broken(
        name="lines_forged", fault="F53",
        broken="A text with a line break is written to the log as it is.",
        edits=(Edit("display.printable", "    if text.isprintable():\n", "    if True:\n"),),
        caught_by="tests/test_display.py::test_f53_no_text_adds_a_line_or_moves_the_cursor",
    ),
)
SELF: tuple[Self, ...] = (
    Self(
        fault="F01", broken="A row is written together with what comes after it, when its request may have left already.",
        caught_by="tests/testing/crash/test_run.py::test_the_oracle_finds_an_order_that_left_before_its_row",
    ),
    Self(
        fault="F01", broken="What had no answer before a restart is taken for refused, and sent again.",
        caught_by="tests/testing/crash/test_run.py::test_the_oracle_finds_an_order_that_is_sent_again_after_a_restart",
    ),
    Self(
        fault="F01", broken="Nobody is told that the outcome of a request is unknown.",
        caught_by="tests/testing/crash/test_run.py::test_the_oracle_finds_an_order_that_is_silently_lost",
    ),
    Self(
        fault="F05", broken="The journal's database runs with synchronous=NORMAL.",
        caught_by="tests/testing/power/test_cuts.py::test_f05_with_synchronous_normal_acknowledged_commits_are_lost",
    ),
    Self(
        fault="F05", broken="A commit is made when the next one begins, or every statement is one of its own.",
        caught_by="tests/testing/power/test_cuts.py::test_planted_transactions_are_caught",
    ),
    Self(
        fault="F52", broken="A token is shown in each of six ways: log, stdout, stderr, file, page, traceback.",
        caught_by="tests/test_canary.py::test_f52_a_token_in_any_sink_is_noticed",
    ),
)
LATER = {
    "F18": "journals in PostgreSQL are not built yet",
    "F19": "journals in PostgreSQL are not built yet",
    "F48": "journals in PostgreSQL are not built yet",
    "F50": "journals in PostgreSQL are not built yet",
}
"""Classes of faults without a planted bug, and why."""
