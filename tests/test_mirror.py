"""Every module of src has a test module of the same place and name, and the other way round."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parent.parent
SRC = ROOT / "src" / "dhan_copy"
TESTS = ROOT / "tests"

SIMULATED = "a part of the simulated day, judged as a whole by test_summary and by the bugs planted in test_oracle_planted"
CRASHED = "a part of a run over deaths, judged as a whole by test_run and by the bugs planted there"
FOLDED = "a part of folding the journal, told by test_state and test_copier, and by the simulated days"
PLANNED = "a part of planning, told by test_plan and by the simulated days"
COPIED = "a part of what the copier does, told by test_copier and by the simulated days"
WITHOUT_A_TEST_OF_THEIR_OWN = {
    "protocols.py": "declarations without behaviour; tests/typing checks that they can be met without inheriting",
    "core/day_end.py": COPIED,
    "core/permits.py": COPIED,
    "core/fold.py": FOLDED,
    "core/fold_copies.py": FOLDED,
    "core/fold_days.py": FOLDED,
    "core/fold_leaders.py": FOLDED,
    "core/fold_orders.py": FOLDED,
    "core/fold_reads.py": FOLDED,
    "core/fold_requests.py": FOLDED,
    "core/plan_draft.py": PLANNED,
    "core/plan_limits.py": PLANNED,
    "core/plan_terms.py": PLANNED,
    "core/requests.py": "values without behaviour",
    "core/leader.py": "a value without behaviour",
    "model/reason.py": "names and their sentences",
    "testing/crash/day.py": CRASHED,
    "testing/crash/life.py": CRASHED,
    "testing/crash/nursery.py": CRASHED,
    "testing/crash/process.py": CRASHED,
    "testing/simulation/desk.py": SIMULATED,
    "testing/simulation/faults.py": SIMULATED,
    "testing/simulation/feed.py": SIMULATED,
    "testing/simulation/forever_judge.py": SIMULATED,
    "testing/simulation/forever_trader.py": SIMULATED,
    "testing/simulation/host.py": SIMULATED,
    "testing/simulation/ideal.py": SIMULATED,
    "testing/simulation/linked_trader.py": SIMULATED,
    "testing/simulation/market.py": SIMULATED,
    "testing/simulation/people.py": SIMULATED,
    "testing/simulation/supers.py": SIMULATED,
    "testing/simulation/timeline.py": SIMULATED,
    "testing/simulation/trees.py": SIMULATED,
    "testing/simulation/world.py": SIMULATED,
    "testing/power/lives.py": "what goes on while the power fails, judged as a whole by test_cuts and its planted bugs",
}
WITHOUT_A_MODULE_OF_THEIR_OWN = {
    "core/test_copy_mode.py": "fills copied instead of orders, in every module that they go through",
    "core/test_reverse.py": "the other side of a leader's fills, in every module that they go through",
    "core/test_linked.py": "linked orders and slices, in every module that they go through",
    "test_canary.py": "about conftest.py",
    "test_layers.py": "about the whole of src",
    "test_mirror.py": "about the whole of src and tests",
    "test_public_names.py": "about the package's face",
    "test_readme.py": "about README.md and .ci/run",
}
FOLDERS_OF_OTHER_THINGS = {
    "scenarios": "situations through the public API",
    "examples": "mirrors examples/",
    "proof": "faults against real processes",
    "benchmarks": "mirrors benchmarks/",
    "docs": "mirrors docs/",
    "typing": "only type-checked",
    "data": "frames, rows and databases",
}


def source_modules() -> set[str]:
    """As paths below src/dhan_copy; a package's ``__init__`` only says what the package is."""
    paths = {path.relative_to(SRC).as_posix() for path in SRC.rglob("*.py") if path.name != "__init__.py"}
    return paths - WITHOUT_A_TEST_OF_THEIR_OWN.keys()


def test_modules() -> dict[str, str | None]:
    """Test modules, and the module that each tests: ``test_x.py``, or ``test_x_property.py`` for a part of its tests."""
    known = source_modules() | WITHOUT_A_TEST_OF_THEIR_OWN.keys()
    found: dict[str, str | None] = {}
    for path in TESTS.rglob("test_*.py"):
        inside = path.relative_to(TESTS)
        if inside.parts[0] not in FOLDERS_OF_OTHER_THINGS and inside.as_posix() not in WITHOUT_A_MODULE_OF_THEIR_OWN:
            words = inside.stem.removeprefix("test_").split("_")
            names = ["_".join(words[:count]) for count in range(len(words), 0, -1)]
            names = ["__main__" if name == "main" else name for name in names]
            paths = [(inside.parent / f"{name}.py").as_posix() for name in names]
            found[inside.as_posix()] = next((path for path in paths if path in known), None)
    return found


test_modules.__test__ = False  # type: ignore[attr-defined]


def test_every_module_has_its_test_module() -> None:
    assert sorted(source_modules() - set(test_modules().values())) == []


def test_every_test_module_has_its_module() -> None:
    assert [test for test, module in sorted(test_modules().items()) if module is None] == []


def test_the_exceptions_exist() -> None:
    missing = [name for name in WITHOUT_A_TEST_OF_THEIR_OWN if not (SRC / name).is_file()]
    missing += [name for name in WITHOUT_A_MODULE_OF_THEIR_OWN if not (TESTS / name).is_file()]
    missing += [name for name in FOLDERS_OF_OTHER_THINGS if not (TESTS / name).is_dir()]
    assert missing == []
