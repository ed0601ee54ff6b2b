"""Functions written as text."""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import cast

import pytest

from dhan_copy.coding.source import Malformed, Source


def test_a_function_is_written_once_and_can_use_constants() -> None:
    source = Source()
    forty_two = source.constant(42)
    written = []

    def write() -> list[str]:
        written.append(1)
        return [f"return v + {forty_two}"]

    name = source.function("add", int, "v", write)
    assert source.function("add", int, "v", write) == name
    assert written == [1]
    assert cast(Callable[[int], int], source.names[name])(1) == 43
    assert source.function("add", str, "v", write) != name


@pytest.mark.parametrize("error", [KeyboardInterrupt(), MemoryError(), RecursionError()])
def test_a_function_that_was_not_finished_is_written_anew(error: BaseException) -> None:
    source = Source()

    def interrupted() -> list[str]:
        source.function("inner", int, "v", lambda: ["return v"])
        raise error

    with pytest.raises(type(error)):
        source.function("outer", int, "v", interrupted)
    inner = source.function("inner", int, "v", lambda: pytest.fail("written twice"))
    outer = source.function("outer", int, "v", lambda: [f"return {inner}(v) + 1"])
    assert cast(Callable[[int], int], source.names[outer])(1) == 2


def test_a_thread_never_gets_the_name_of_a_function_that_another_still_writes() -> None:
    source, writing, go_on = Source(), threading.Event(), threading.Event()
    found: list[object] = []

    def slowly() -> list[str]:
        writing.set()
        assert go_on.wait(30)
        return ["return v"]

    def get() -> None:
        found.append(source.names[source.function("slow", int, "v", slowly)])

    threads = [threading.Thread(target=get) for _ in range(2)]
    threads[0].start()
    assert writing.wait(30)
    threads[1].start()
    threads[1].join(0.1)
    assert not found
    go_on.set()
    for thread in threads:
        thread.join(30)
    assert len(found) == 2
    assert found[0] is found[1]


def test_constants_have_names_of_their_own_whoever_asks_meanwhile() -> None:
    source = Source()
    names: list[str] = []

    def ask() -> None:
        names.extend(source.constant((number,)) for number in range(2000))

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(set(names)) == len(names) == 8000


def test_plain_constants_are_written_out() -> None:
    source = Source()
    assert [source.constant(value) for value in (None, True, False)] == ["None", "True", "False"]


def test_refusals_name_the_field_and_not_the_value() -> None:
    source = Source()
    with pytest.raises(Malformed, match="X.y cannot be float"):
        cast(Callable[..., None], source.names["wrong"])("X.y", 1.5)
    with pytest.raises(Malformed, match="aware"):
        cast(Callable[..., None], source.names["naive"])("X.y", 1.5)
