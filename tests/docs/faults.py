"""The table of faults in the documentation: ``python -m tests.docs.faults > docs/faults.csv``.

A test that is named after a fault (``test_f20_...``) is in its row without being named here.
"""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

from attrs import frozen

from dhan_copy.testing.simulation.faults import NAMED

TESTS = Path(__file__).parent.parent
_NAME = re.compile(r"^ *def (test_\w+)\(", re.M)
_FAULTS = re.compile(r"(?:_|^)f(\d\d)(?=_)")

SIMULATED, MACHINE = "simulated days", "state machine"
LINES, DISK, PROCESS = "death at any line", "power cuts", "real processes"
WIRE, LAB, UNIT = "local server over sockets", "scenarios on virtual time", "unit tests"


@frozen
class Fault:
    """``tests`` are those that show it under another name, ``where`` is where it is injected, simulated days apart."""

    what: str
    where: tuple[str, ...]
    tests: tuple[str, ...] = ()


FAULTS: dict[str, Fault] = {
    "F01": Fault("a crash at any line", (LINES, MACHINE), ("test_t4_killed_anywhere_nothing_is_lost_and_nothing_is_doubled",)),
    "F02": Fault("a crash during the recovery", (LINES,), ("test_t4_a_restart_after_every_step_changes_nothing",)),
    "F03": Fault("kill -9 at any time", (PROCESS,)),
    "F04": Fault("killed at a system call", (PROCESS,)),
    "F05": Fault("power loss: unsynced writes are lost, torn or reordered", (DISK,)),
    "F06": Fault("Ctrl-C, SIGTERM or a restarted kernel at any line", (LINES, UNIT)),
    "F07": Fault("a pause of up to ten minutes", (LAB,), ("test_t13_what_may_no_longer_leave_is_withheld_and_on_record",)),
    "F08": Fault(
        "two engines on one journal or account",
        (PROCESS, UNIT),
        ("test_t6_a_second_engine_is_refused_and_told_who_has_it", "test_t6_two_journals_cannot_serve_one_live_account"),
    ),  # fmt: skip
    "F09": Fault("a callback of the user's raises, blocks or calls back in", (UNIT,)),
    "F10": Fault("no memory, threads or file descriptors", (PROCESS,)),
    "F11": Fault("upgrade or downgrade between runs", (UNIT,), ("test_a_later_schema_is_refused",)),
    "F12": Fault("the store is busy or locked beyond the timeout", (PROCESS, WIRE)),
    "F13": Fault("the disk is full", (PROCESS, UNIT), ("test_t7_a_full_disk_keeps_nothing_of_the_batch",)),
    "F14": Fault("writing or syncing fails", (PROCESS,)),
    "F15": Fault(
        "the journal is deleted, truncated or has a flipped bit",
        (PROCESS, UNIT),
        (
            "test_t7_a_shortened_journal_is_damage_and_never_an_empty_one",
            "test_t7_a_flipped_bit_is_damage_or_changes_nothing",
            "test_t5_a_journal_that_does_not_know_todays_orders_is_refused",
        ),
    ),  # fmt: skip
    "F16": Fault(
        "a network drive, or a folder that may not be written",
        (PROCESS, UNIT),
        ("test_a_file_system_without_locks_is_refused",),
    ),
    "F17": Fault("an old copy of the journal is put back", (LAB, PROCESS)),
    "F20": Fault(
        "the stream drops and misses updates",
        (WIRE, MACHINE),
        ("test_t1_five_orders_of_half_a_minute_without_a_stream_are_handled_by_the_same_path",),
    ),  # fmt: skip
    "F21": Fault(
        "the stream is silent, pings answered or not",
        (WIRE,),
        ("test_t2_over_the_wire_a_silent_socket_delays_and_loses_nothing",),
    ),
    "F22": Fault("updates are told twice", (MACHINE,)),
    "F23": Fault("updates overtake one another", (MACHINE, LAB), ("test_t9_news_out_of_order_end_in_the_right_state",)),
    "F24": Fault(
        "frames that are malformed, lack fields or hold new words",
        (WIRE, UNIT),
        (
            "test_t11_a_frame_that_cannot_be_read_is_recorded_and_never_guessed",
            "test_t11_a_damaged_text_never_raises_anything_else",
        ),
    ),  # fmt: skip
    "F25": Fault("a flood of old updates", (WIRE,)),
    "F26": Fault("a book is older than the stream, truncated, or its read fails", (MACHINE, UNIT)),
    "F27": Fault(
        "a version between two snapshots is never told",
        (LAB, UNIT),
        ("test_m3_of_modifications_before_an_answer_the_last_one_wins",),
    ),
    "F28": Fault("an update comes a minute late", (WIRE, UNIT)),
    "F29": Fault(
        "logins are refused, or the socket is reset after each",
        (WIRE,),
        ("test_a_reset_after_login_with_a_refused_token", "test_waits_grow_until_the_other_end_has_been_heard"),
    ),  # fmt: skip
    "F30": Fault("a request never arrives", (MACHINE, LAB), ("test_r3_an_entry_that_never_arrived_is_not_sent_again",)),
    "F31": Fault(
        "a request is carried out and its answer lost",
        (MACHINE, WIRE),
        ("test_r3_an_order_whose_answer_was_lost_exists_once_and_is_found_by_its_tag",),
    ),  # fmt: skip
    "F32": Fault("a request arrives up to a minute after our timeout", (MACHINE, UNIT)),
    "F33": Fault("answers that are cut, empty, HTML or of a gateway", (WIRE,)),
    "F34": Fault(
        "too many requests, or those of the day used up",
        (WIRE,),
        (
            "test_r2_too_many_requests_is_waited_out_and_nothing_is_lost",
            "test_r8_a_day_limit_ends_entries_but_a_part_is_left_for_exits",
        ),
    ),  # fmt: skip
    "F35": Fault(
        "server faults, a refused token in a burst, a refused address",
        (WIRE,),
        ("test_r4_over_the_wire_exits_leave_once_the_account_is_taken_again",),
    ),  # fmt: skip
    "F36": Fault("book and lookup lag, or show another order", (LAB,)),
    "F37": Fault(
        "an order is rejected after it was taken",
        (MACHINE, WIRE),
        ("test_r1_every_way_of_saying_no_ends_rejected_with_the_brokers_words",),
    ),  # fmt: skip
    "F38": Fault(
        "many partial fills, some against a cancel or modification",
        (MACHINE, UNIT),
        (
            "test_x7_what_fills_while_the_entry_is_cancelled_is_closed_too",
            "test_m8_an_order_that_has_traded_meanwhile_is_looked_up_and_left_alone",
        ),
    ),  # fmt: skip
    "F39": Fault(
        "a modification is lost or applied twice, or the cap is reached",
        (MACHINE, LAB),
        ("test_m4_no_order_is_modified_more_than_twenty_five_times",),
    ),  # fmt: skip
    "F40": Fault("both legs of a linked order fill, or one goes away", (LAB,)),
    "F41": Fault(
        "somebody trades, cancels or squares off in a follower's account",
        (LAB, WIRE, UNIT),
        (
            "test_x8_what_a_human_has_squared_off_is_not_sold_twice",
            "test_c7_an_entry_cancelled_by_hand_is_not_placed_again",
            "test_c7_an_exit_cancelled_by_hand_is_respected_with_an_alarm",
        ),
    ),  # fmt: skip
    "F42": Fault("one of the slices of a large order is refused", (LAB,)),
    "F43": Fault(
        "a market order becomes a limit and rests",
        (LAB, WIRE),
        ("test_m10_a_market_order_that_reads_back_as_a_limit_is_not_modified",),
    ),
    "F44": Fault("an order id comes twice", (LAB,)),
    "F45": Fault("the wall clock jumps", (UNIT,), ("test_t13_an_entry_is_late_although_the_wall_clock_was_set_back",)),
    "F46": Fault(
        "midnight, a token that expires, a start the next morning",
        (LAB, WIRE, UNIT),
        (
            "test_d1_yesterdays_orders_are_expired_and_not_unresolved",
            "test_t12_over_the_wire_a_new_token_is_used_without_a_restart",
        ),
    ),  # fmt: skip
    "F47": Fault("an unknown holiday, a special session, an early close", (LAB,)),
    "F49": Fault("names, certificates, proxies and addresses fail", (WIRE,)),
    "F51": Fault(
        "followers, sizes or what is allowed change in between",
        (MACHINE, LAB, UNIT),
        ("test_k2_what_is_allowed_is_remembered_over_a_restart", "test_z3_a_modification_keeps_the_ratio_of_the_entry"),
    ),  # fmt: skip
    "F52": Fault("secrets in a log, exception, repr, page or file", (UNIT,)),
    "F53": Fault("hostile text in symbols and remarks", (UNIT,)),
}


@cache
def functions() -> dict[str, set[str]]:
    """Every test function with the files that it is in."""
    found: dict[str, set[str]] = {}
    for path in sorted(TESTS.rglob("test_*.py")):
        for name in _NAME.findall(path.read_text(encoding="utf-8")):
            found.setdefault(name, set()).add(path.relative_to(TESTS.parent).as_posix())
    return found


def shown_by(fault: str) -> Iterator[str]:
    """The tests named after the fault, then those that are named in its row."""
    for name in sorted(functions()):
        if fault[1:] in _FAULTS.findall(name):
            yield name
    yield from FAULTS[fault].tests


def rows() -> Iterator[tuple[str, str, str, str]]:
    for name, fault in FAULTS.items():
        where = (*((SIMULATED,) if name in NAMED else ()), *fault.where)
        yield name, fault.what, ", ".join(where), " ".join(f"``{test}``" for test in shown_by(name))


def text() -> str:
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(("Fault", "What goes wrong", "Where it is injected", "Shown by"))
    writer.writerows(rows())
    return out.getvalue()


if __name__ == "__main__":
    print(text(), end="")
