"""Bugs planted into the library, one or more for each fault that is simulated: the oracle sees every one of them."""

from __future__ import annotations

import pytest

from dhan_copy.testing.simulation.faults import NAMED
from tests.testing.simulation.mutants import MUTANTS, Mutant, marks


@pytest.mark.parametrize("mutant", MUTANTS, ids=lambda mutant: mutant.name)
def test_a_planted_bug_is_seen(mutant: Mutant) -> None:
    where = mutant.found_on()
    assert where is not None, f"nobody sees that {mutant.broken}"
    clean = mutant.without(*where)
    assert not clean.violations and mutant.shows not in marks(clean)


def test_every_simulated_fault_has_a_planted_bug() -> None:
    assert {mutant.fault for mutant in MUTANTS if mutant.fault} == set(NAMED)
