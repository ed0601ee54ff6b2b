"""Imports run one way, the core is pure, and times are localised in one place: read from the syntax trees."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src"
CORE_TYPES = ("core.facts", "core.requests", "core.leader")

MAY_SEE: dict[str, tuple[str, ...]] = {
    "model": ("model",),
    "coding": ("coding",),
    "core": ("model", "coding", "core", "protocols", "errors"),
    "errors": ("model", *CORE_TYPES),
    "protocols": ("model", *CORE_TYPES, "errors"),
    "stores": ("stores", "model", "coding", *CORE_TYPES, "protocols", "errors"),
    "dhan": ("dhan", "model", *CORE_TYPES, "protocols", "errors"),
    "runtime": ("runtime", "model", "core", "protocols", "errors"),
    "testing": ("",),
}
"""Prefixes inside the package that a layer may import. Other top-level modules (engine, display, ...) are the shell:
they may see everything but ``dhan`` and ``testing``."""
SHELL_MAY_NOT_SEE = ("dhan", "testing")
SHELL_EXCEPTIONS = {"__init__": ("dhan.DhanAccount", "dhan.ScripMaster", "testing.playground")}
"""All are part of the face to the user and loaded when they are asked for, which test_public_names.py proves."""

PURE = ("model", "core")
PURE_MODULES = frozenset(
    "__future__ abc attr attrs base64 bisect collections dataclasses datetime decimal enum fractions functools "
    "hashlib heapq itertools json math numbers operator pytz re string types typing typing_extensions".split()
)
IMPURE_CALLS = frozenset("open input exec eval compile __import__ breakpoint globals id".split())
IMPURE_METHODS = frozenset("now utcnow today monotonic perf_counter sleep".split())
GENERATED = {"core.evolving": "exec"}
"""Compiles a copier from a class's own fields, as attrs does for its methods: nothing from outside gets in."""
SDK_ONLY = {"dhanhq": "dhan", "requests": "dhan"}


def module_name(path: Path) -> str:
    """``core.plan`` for ``src/dhan_copy/core/plan.py``; ``core.__init__`` keeps its name."""
    return ".".join(path.relative_to(SRC / "dhan_copy").with_suffix("").parts)


def imports(tree: ast.AST, module: str) -> Iterator[tuple[int, str]]:
    """Line and absolute name of everything imported; ``from a import b`` gives ``a.b``, relative ones are resolved."""
    package = ["dhan_copy", *module.split(".")[:-1]]
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for name in node.names:
                yield node.lineno, name.name
        elif isinstance(node, ast.ImportFrom):
            base = package[: len(package) - node.level + 1] if node.level else []
            origin = ".".join([*base, *([node.module] if node.module else [])])
            for name in node.names:
                yield node.lineno, f"{origin}.{name.name}"


def within(name: str, prefixes: tuple[str, ...]) -> bool:
    return any(not p or name == p or name.startswith(p + ".") for p in prefixes)


def called(node: ast.Call) -> tuple[str, bool]:
    """The last name of what is called, and whether it is an attribute."""
    if isinstance(node.func, ast.Attribute):
        return node.func.attr, True
    return (node.func.id if isinstance(node.func, ast.Name) else ""), False


def violations(source: str, module: str) -> list[str]:
    tree = ast.parse(source)
    layer = module.split(".")[0]
    found: list[str] = []
    for line, name in imports(tree, module):
        top = name.split(".")[0]
        if top == "dhan_copy":
            inside = name.partition(".")[2]
            if layer in MAY_SEE:
                allowed = within(inside, MAY_SEE[layer])
            else:
                allowed = not within(inside, SHELL_MAY_NOT_SEE) or within(inside, SHELL_EXCEPTIONS.get(layer, ()))
            if not allowed:
                found.append(f"{module}:{line} imports {name}: not below {layer}")
        elif layer in PURE and top not in PURE_MODULES:
            found.append(f"{module}:{line} imports {name}: the core is pure")
        elif top in SDK_ONLY and layer != SDK_ONLY[top]:
            found.append(f"{module}:{line} imports {name}: only dhan_copy.{SDK_ONLY[top]} may")
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        name, attribute = called(node)
        impure = name in IMPURE_METHODS if attribute else name in IMPURE_CALLS and GENERATED.get(module) != name
        if layer in PURE and impure:
            found.append(f"{module}:{node.lineno} calls {name}(): the core is pure")
        if name == "print" and not attribute and not module.endswith("__main__"):
            found.append(f"{module}:{node.lineno} calls print(): only __main__ may")
    return found + [f"{module}:{line} {problem}" for line, problem in calcutta_mean_time(tree)]


def calcutta_mean_time(tree: ast.AST) -> Iterator[tuple[int, str]]:
    """A pytz zone used as tzinfo means +05:53: ``datetime(..., tzinfo=z)``, ``.replace(tzinfo=z)``, ``combine``."""
    zones = {name.asname or name.name for name in imported_names(tree) if name.name == "IST"}
    for node in ast.walk(tree):
        if isinstance(node, (ast.Assign, ast.AnnAssign)) and node.value is not None and is_zone(node.value, zones):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            zones |= {target.id for target in targets if isinstance(target, ast.Name)}
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        handed = [keyword.value for keyword in node.keywords if keyword.arg == "tzinfo"]
        name, _ = called(node)
        handed += node.args[7:8] if name == "datetime" else node.args[2:3] if name == "combine" else []
        if any(is_zone(value, zones) for value in handed):
            yield node.lineno, "hands a pytz zone to tzinfo (+05:53): localise with dhan_copy.model.times.ist"


def imported_names(tree: ast.AST) -> Iterator[ast.alias]:
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom):
            yield from node.names


def is_zone(node: ast.AST, zones: set[str]) -> bool:
    if isinstance(node, ast.Name):
        return node.id in zones
    if isinstance(node, ast.Attribute):
        return node.attr == "IST"
    return isinstance(node, ast.Call) and called(node)[0] == "timezone" and not is_datetime_timezone(node)


def is_datetime_timezone(node: ast.Call) -> bool:
    """``datetime.timezone(timedelta(...))`` is a fixed offset and fine; ``pytz.timezone("...")`` is not."""
    return bool(node.args) and not (isinstance(node.args[0], ast.Constant) and isinstance(node.args[0].value, str))


MODULES = sorted((SRC / "dhan_copy").rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_module_keeps_to_its_layer(path: Path) -> None:
    assert violations(path.read_text(encoding="utf-8"), module_name(path)) == []


@pytest.mark.parametrize("folder", ["tests", "examples", "benchmarks"])
def test_no_calcutta_mean_time_outside_src(folder: str) -> None:
    for path in sorted((ROOT / folder).rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        assert [f"{path}:{line} {problem}" for line, problem in calcutta_mean_time(tree)] == []


def test_pure_modules_are_not_the_whole_standard_library() -> None:
    impure = {"time", "random", "logging", "threading", "os", "io", "socket", "sqlite3", "asyncio", "secrets", "uuid"}
    assert impure <= sys.stdlib_module_names
    assert not impure & PURE_MODULES


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model.order", "from dhan_copy.core.facts import Fact"),
        ("model.order", "from ..core import facts"),
        ("model.order", "from .. import core"),
        ("model.order", "import dhan_copy.core.facts"),
        ("model.order", "import time"),
        ("core.plan", "import random"),
        ("core.plan", "from logging import getLogger"),
        ("core.plan", "import threading as t"),
        ("core.plan", "import os.path"),
        ("core.plan", "from io import StringIO"),
        ("core.plan", "import socket"),
        ("core.plan", "def f():\n    import sqlite3"),
        ("core.plan", "import requests"),
        ("core.plan", "from importlib import import_module"),
        ("core.plan", "from dhan_copy.engine import CopyEngine"),
        ("core.plan", "from ..engine import CopyEngine"),
        ("core.plan", "from ..stores.sqlite import SqliteStore"),
        ("core.plan", "from dhan_copy import engine"),
        ("core.plan", "from datetime import datetime\ndatetime.now()"),
        ("core.plan", "import datetime as d\nd.datetime.utcnow()"),
        ("core.plan", "from datetime import date\ndate.today()"),
        ("core.plan", "def f(clock):\n    return clock.monotonic()"),
        ("core.plan", "open('x')"),
        ("core.plan", "print(1)"),
        ("core.plan", "eval('1')"),
        ("core.plan", "exec('1')"),
        ("core.evolving", "eval('1')"),
        ("core.plan", "__import__('time')"),
        ("stores.sqlite", "from dhan_copy.core.plan import plan"),
        ("stores.sqlite", "from ..core import copier"),
        ("stores.sqlite", "from dhan_copy.runtime.loop import Loop"),
        ("dhan.broker", "from dhan_copy.core.settings import Policy"),
        ("dhan.broker", "from dhan_copy.stores.sqlite import SqliteStore"),
        ("dhan.broker", "print('x')"),
        ("runtime.loop", "from dhan_copy.engine import CopyEngine"),
        ("runtime.loop", "import dhanhq"),
        ("engine", "from dhanhq import DhanContext"),
        ("engine", "from dhan_copy.dhan import DhanAccount"),
        ("engine", "from . import dhan"),
        ("engine", "from dhan_copy.testing.exchange import Exchange"),
        ("engine", "import requests"),
        ("testing.server", "import dhanhq"),
        ("protocols", "from dhan_copy.core.plan import plan"),
        ("errors", "from dhan_copy.protocols import Broker"),
        ("dhan.wire", "import pytz\ndatetime(2026, 1, 1, tzinfo=pytz.timezone('Asia/Kolkata'))"),
        ("dhan.wire", "from pytz import timezone\nz = timezone('Asia/Kolkata')\nx.replace(tzinfo=z)"),
        ("dhan.wire", "from dhan_copy.model.times import IST\ndatetime(2026, 1, 1, 0, 0, 0, 0, IST)"),
        ("dhan.wire", "from dhan_copy.model import times\ndatetime.combine(d, t, times.IST)"),
        ("dhan.wire", "from dhan_copy.model.times import IST as zone\nx.replace(tzinfo=zone)"),
    ],
)
def test_planted_violation_is_caught(module: str, source: str) -> None:
    assert len(violations(source, module)) == 1


@pytest.mark.parametrize(
    ("module", "source"),
    [
        ("model.order", "from __future__ import annotations\nfrom attrs import frozen\nfrom .ids import AccountName"),
        ("core.plan", "from ..model.order import Side\nfrom dhan_copy.core import facts\nfrom . import requests"),
        ("core.plan", "def f(now):\n    return now.monotonic + now.wall.timestamp()"),
        ("stores.sqlite", "import sqlite3\nfrom dhan_copy.core.facts import Entry\nfrom .codec import decode"),
        ("dhan.broker", "import requests\nfrom dhanhq import DhanContext\nfrom dhan_copy.errors import Rejected"),
        ("testing.__main__", "print('{}')"),
        ("testing.server", "from dhan_copy.dhan.account import DhanAccount\nfrom dhan_copy.engine import CopyEngine"),
        ("dhan.wire", "from datetime import timezone, timedelta\nx.astimezone(IST)\nd.replace(tzinfo=timezone.utc)"),
        ("dhan.wire", "datetime(2026, 1, 1, tzinfo=timezone(timedelta(hours=5, minutes=30)))"),
        ("dhan.wire", "IST = timezone(timedelta(hours=5, minutes=30))\nx.replace(tzinfo=IST)"),
        ("engine", "import time\nfrom dhan_copy.core.copier import Copier\ntime.monotonic()"),
    ],
)
def test_what_is_allowed_is_not_a_violation(module: str, source: str) -> None:
    assert violations(source, module) == []
