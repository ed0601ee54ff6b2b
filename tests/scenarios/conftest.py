"""Stages for the scenarios: ``lab`` on virtual time, ``wire`` over the real client, ``stage`` once on each."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import pytest

from tests.scenarios.kit import F, Lab, Slow, Stage, Wire

StageT = TypeVar("StageT", bound=Stage)
Opener = Callable[..., StageT]


@pytest.fixture
def opened() -> Iterator[list[Stage]]:
    """Every stage of the test, closed after it."""
    stages: list[Stage] = []
    yield stages
    for stage in stages:
        stage.close()


def _opener(opened: list[Stage], make: Callable[..., StageT]) -> Callable[..., StageT]:
    def open_one(ratios: object = "1/2", **more: object) -> StageT:
        stage = make({F: ratios} if isinstance(ratios, str) else ratios, **more)
        opened.append(stage)
        return stage

    return open_one


@pytest.fixture
def labs(opened: list[Stage]) -> Callable[..., Lab]:
    return _opener(opened, Lab)


@pytest.fixture
def slows(opened: list[Stage]) -> Callable[..., Slow]:
    return _opener(opened, Slow)


@pytest.fixture
def wires(opened: list[Stage], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Wire]:
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path))
    return _opener(opened, lambda ratios, **more: Wire(ratios, tmp_path, **more))


@pytest.fixture
def lab(labs: Callable[..., Lab]) -> Lab:
    return labs()


@pytest.fixture
def slow(slows: Callable[..., Slow]) -> Slow:
    return slows()


@pytest.fixture
def wire(wires: Callable[..., Wire]) -> Wire:
    return wires()


@pytest.fixture(params=["simulated", "wire"])
def stages(request: pytest.FixtureRequest) -> Callable[..., Stage]:
    opener: Callable[..., Stage] = request.getfixturevalue("labs" if request.param == "simulated" else "wires")
    return opener


@pytest.fixture
def stage(stages: Callable[..., Stage]) -> Stage:
    return stages()
