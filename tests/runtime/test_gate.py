"""After the gate is shut nothing leaves, and what had left before is waited for."""

from __future__ import annotations

import itertools
import sys
import threading
from datetime import timedelta
from types import FrameType

import pytest
from attrs import evolve

from dhan_copy.core.facts import TradingState
from dhan_copy.core.requests import Intent, Request
from dhan_copy.runtime.gate import Gate
from tests.runtime.fakes import PATIENCE_SECONDS, START, cancel, modify, submit, with_deadline

ENTRY = submit()
EXIT = submit(intent=Intent.EXIT)


@pytest.mark.parametrize(
    ("state", "leaves"),
    [
        (TradingState.ACTIVE, {"entry", "exit", "modify entry", "modify exit", "cancel"}),
        (TradingState.REDUCING, {"exit", "modify exit", "cancel"}),
        (TradingState.HALTED, {"cancel"}),
    ],
)
def test_what_each_trading_state_lets_out(state: TradingState, leaves: set[str]) -> None:
    requests: dict[str, Request] = {
        "entry": ENTRY,
        "exit": EXIT,
        "modify entry": modify(),
        "modify exit": modify(intent=Intent.EXIT),
        "cancel": cancel(),
    }
    gate = Gate()
    gate.allow(state)
    let_out = {name for name, request in requests.items() if gate.leave(request, START, late=False) == ""}
    assert let_out == leaves


def test_a_closed_gate_lets_nothing_out() -> None:
    gate = Gate()
    gate.close()
    assert all(gate.leave(r, START, late=False) for r in (ENTRY, EXIT, modify(), cancel()))


def test_t13_an_entry_is_late_by_either_clock() -> None:
    gate = Gate()
    request = with_deadline(ENTRY, 5)
    assert gate.leave(request, START + timedelta(seconds=5), late=False) == ""
    assert "too late" in gate.leave(request, START + timedelta(seconds=6), late=False)
    assert "too late" in gate.leave(request, START, late=True)


def test_what_has_no_deadline_is_never_late() -> None:
    assert Gate().leave(EXIT, START + timedelta(days=1), late=True) == ""


def test_tightening_never_allows_more() -> None:
    gate = Gate()
    gate.tighten(TradingState.HALTED)
    gate.tighten(TradingState.REDUCING)
    assert gate.leave(EXIT, START, late=False) != ""
    gate.allow(TradingState.REDUCING)
    assert gate.leave(EXIT, START, late=False) == ""


def test_waiting_sees_what_is_still_outside() -> None:
    gate = Gate()
    other = threading.Thread(target=lambda: gate.leave(ENTRY, START, late=False))
    other.start()
    other.join(PATIENCE_SECONDS)
    assert gate.wait(0.01) == (ENTRY.client_order_id,)
    gate.back(ENTRY)
    assert gate.wait(PATIENCE_SECONDS) == ()


def test_waiting_ends_when_the_answer_comes() -> None:
    gate = Gate()
    left, answered = threading.Event(), threading.Event()

    def send() -> None:
        gate.leave(ENTRY, START, late=False)
        left.set()
        answered.wait(PATIENCE_SECONDS)
        gate.back(ENTRY)

    worker = threading.Thread(target=send)
    worker.start()
    assert left.wait(PATIENCE_SECONDS)
    threading.Timer(0.01, answered.set).start()
    assert gate.wait(PATIENCE_SECONDS) == ()
    worker.join(PATIENCE_SECONDS)


def test_a_thread_does_not_wait_for_its_own_request() -> None:
    gate = Gate()
    gate.leave(ENTRY, START, late=False)
    assert gate.wait(PATIENCE_SECONDS) == ()


def test_an_answer_to_what_never_left_is_no_matter() -> None:
    gate = Gate()
    gate.back(evolve(ENTRY, attempt=7))
    assert gate.wait(0) == ()


@pytest.mark.parametrize("act", ["allow", "tighten", "leave", "back", "wait", "close"])
def test_f06_ctrl_c_at_the_start_of_any_function_keeps_nobody_else_from_leaving(act: str) -> None:
    """Where CPython looks for signals. ``with`` over a Condition is two functions of Python, one after the lock."""
    for number in range(1, 40):
        gate = Gate()
        calls = itertools.count(1)

        def interrupt(frame: FrameType, event: str, argument: object) -> None:
            if next(calls) == number:
                raise KeyboardInterrupt

        before = sys.gettrace()
        sys.settrace(interrupt)
        try:
            {
                "allow": lambda: gate.allow(TradingState.ACTIVE),
                "tighten": lambda: gate.tighten(TradingState.ACTIVE),
                "leave": lambda: gate.leave(ENTRY, START, late=False),
                "back": lambda: gate.back(ENTRY),
                "wait": lambda: gate.wait(0.0),
                "close": lambda: gate.close(),
            }[act]()
        except KeyboardInterrupt:
            pass
        else:
            break
        finally:
            sys.settrace(before)
        worker = threading.Thread(target=gate.leave, args=(cancel(), START, False), daemon=True)
        worker.start()
        worker.join(PATIENCE_SECONDS)
        assert not worker.is_alive(), f"interrupted at call {number}"
    else:
        pytest.fail("there was no end of calls")
