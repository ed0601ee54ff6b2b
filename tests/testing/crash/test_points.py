"""Lines are counted in every thread, and a trap springs at its pass and nowhere else."""

from __future__ import annotations

import contextlib
import inspect
import itertools
import sys
import threading
from collections.abc import Iterator
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core import sizing
from dhan_copy.runtime.clock import SteadyClock, SystemClock
from dhan_copy.testing.crash.points import Point, Recorder, Snare, Trap, is_watched

FIRST = inspect.getsourcelines(sizing.trunc_to_lot)[1]
BODY = {
    Point("core/sizing.py", number)
    for number, text in enumerate(inspect.getsource(sizing.trunc_to_lot).splitlines(), FIRST)
    if text.strip().startswith(("if", "return units"))
}
RETURN = max(BODY)


@pytest.fixture(autouse=True)
def tracing_restored() -> Iterator[None]:
    before = sys.gettrace(), threading.gettrace()
    yield
    sys.settrace(before[0])
    threading.settrace(before[1])  # type: ignore[arg-type]


def call(times: int) -> None:
    for _ in range(times):
        sizing.trunc_to_lot(Fraction(160), 75)


def in_a_thread(times: int) -> None:
    thread = threading.Thread(target=call, args=(times,))
    thread.start()
    thread.join()


def interrupt() -> None:
    raise KeyboardInterrupt


@given(st.from_regex(r"[a-z_/]{1,20}\.py", fullmatch=True), st.integers(1, 9999), st.integers(1, 999))
def test_a_trap_reads_as_it_is_written(file: str, line: int, count: int) -> None:
    trap = Trap(Point(file, line), count)
    assert Trap.parse(str(trap)) == trap


def test_every_executed_line_is_counted_in_every_thread() -> None:
    recorder = Recorder()
    recorder.start()
    call(2)
    in_a_thread(3)
    seen = recorder.stop()
    call(1)
    assert {point: (passes.times, passes.in_main) for point, passes in seen.items()} == {point: (5, 2) for point in BODY}


def test_the_testing_kit_is_not_watched() -> None:
    assert is_watched(sizing.__file__)
    assert not is_watched(inspect.getsourcefile(Recorder) or "")
    assert not is_watched(inspect.__file__)


@pytest.mark.parametrize(("count", "in_main", "in_threads", "main_alone"), [(1, 1, 0, True), (3, 1, 2, False), (2, 2, 5, True)])
def test_a_snare_springs_at_the_pass_that_is_named(count: int, in_main: int, in_threads: int, main_alone: bool) -> None:
    sprung: list[int] = []
    snare = Snare(Trap(RETURN, count), lambda: sprung.append(threading.get_ident()))
    snare.start(main_alone=main_alone)
    in_a_thread(in_threads)
    assert not sprung
    call(in_main + 4)
    assert sprung == [threading.get_ident()]
    assert snare.sprung


def test_a_line_that_is_not_reached_often_enough_springs_nothing() -> None:
    snare = Snare(Trap(RETURN, 3), lambda: pytest.fail("sprung"))
    snare.start(main_alone=False)
    call(1)
    in_a_thread(1)
    assert not snare.sprung


def test_an_interruption_leaves_no_lock_held_as_ctrl_c_leaves_none() -> None:
    """Each line of a function that takes a lock, at each of its passes."""
    first = inspect.getsourcelines(SteadyClock.now)[1]
    clock = SteadyClock(SystemClock())
    for line, count, times in itertools.product(range(first, first + 8), (1, 2, 3), (1, 3)):
        snare = Snare(Trap(Point("runtime/clock.py", line), count), interrupt)
        snare.start(main_alone=True)
        with contextlib.suppress(KeyboardInterrupt):
            for _ in range(times):
                clock.now()
        sys.settrace(None)
        held = not clock._lock.acquire(timeout=0)
        assert not held, (line, count)
        clock._lock.release()


def test_a_with_that_is_left_counts_for_deaths_and_not_for_interruptions() -> None:
    line = inspect.getsourcelines(SteadyClock.now)[1] + 1
    clock = SteadyClock(SystemClock())
    recorder = Recorder()
    recorder.start()
    clock.now()
    passes = recorder.stop()[Point("runtime/clock.py", line)]
    assert (passes.times, passes.in_main) == (2, 1)


def test_what_the_spring_raises_comes_out_of_the_line() -> None:
    Snare(Trap(RETURN), interrupt).start(main_alone=True)
    with pytest.raises(KeyboardInterrupt):
        call(1)
