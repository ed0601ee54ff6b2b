"""Plants bugs into the installed library: other text in the place of some text of a function, in this process."""

from __future__ import annotations

import inspect
import textwrap
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from importlib import import_module
from importlib.util import find_spec
from types import CodeType, FunctionType

from attrs import frozen


@frozen
class Edit:
    """In one function of the library, what stands there and what is to stand there instead."""

    where: str
    """Below ``dhan_copy``: module, then function, or class and function."""
    old: str
    new: str


@contextmanager
def planted(edits: Sequence[Edit]) -> Iterator[None]:
    """The library with these edits. Whoever imported a function by its name gets the edited one too."""
    before = plant(edits)
    try:
        yield
    finally:
        for where, code in before.items():
            function_at(where).__code__ = code


def plant(edits: Sequence[Edit]) -> dict[str, CodeType]:
    """Edit the library for good; returns what the functions did before."""
    texts: dict[str, str] = {}
    for edit in edits:
        text = texts.get(edit.where) or inspect.getsource(function_at(edit.where))
        assert text.count(edit.old) == 1, f"{text.count(edit.old)} times in {edit.where}: {edit.old}"
        texts[edit.where] = text.replace(edit.old, edit.new)
    before = {where: function_at(where).__code__ for where in texts}
    for where, text in texts.items():
        function_at(where).__code__ = _compiled(function_at(where), text)
    return before


def function_at(where: str) -> FunctionType:
    """The function of that name below ``dhan_copy``; of a property, what gets it."""
    names = where.split(".")
    modules = next(count for count in range(len(names), 0, -1) if _is_module(names[:count]))
    found: object = import_module(".".join(("dhan_copy", *names[:modules])))
    for name in names[modules:]:
        found = inspect.getattr_static(found, name)
    function = found.fget if isinstance(found, property) else found
    assert isinstance(function, FunctionType), where
    return function


def _is_module(names: Sequence[str]) -> bool:
    try:
        return find_spec(".".join(("dhan_copy", *names))) is not None
    except ModuleNotFoundError:
        return False


def _compiled(function: FunctionType, text: str) -> CodeType:
    names = dict(function.__globals__)
    source = "from __future__ import annotations\n" + textwrap.dedent(text)
    exec(compile(source, function.__code__.co_filename, "exec"), names)
    code = names[function.__name__].__code__
    assert isinstance(code, CodeType)
    return code
