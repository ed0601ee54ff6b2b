"""What is known of a broker's kill switch, whatever is lost and whenever it arrives."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core import killing
from dhan_copy.core.facts import KillSwitchAnswered, KillSwitchRead, Outcome
from dhan_copy.core.killing import Switch
from tests.core.make import FOLLOWER, after

WINDOW = timedelta(seconds=90)


def answer(on: bool, outcome: Outcome) -> KillSwitchAnswered:
    return KillSwitchAnswered(follower=FOLLOWER, on=on, outcome=outcome)


def shown(on: bool, seconds: float) -> KillSwitchRead:
    return KillSwitchRead(follower=FOLLOWER, on=on, read_at=after(seconds))


@given(
    st.lists(
        st.tuples(
            st.booleans(), st.sampled_from(Outcome), st.booleans(), st.integers(0, 60), st.lists(st.integers(1, 60), max_size=5)
        ),
        max_size=6,
    )
)
def test_it_is_never_taken_for_off_while_it_is_on(asks: list[tuple[bool, Outcome, bool, int, list[int]]]) -> None:
    """A broker that executes what it takes, nothing that it refuses, and of what is lost what it likes, within a minute."""
    switch: Switch | None = None
    really, now, coming = False, 0, []
    for on, outcome, arrives, late, reads in asks:
        switch = killing.turned(switch, on)
        assert not on or switch.may_be_on
        if outcome is Outcome.TAKEN:
            really, coming = on, []
        elif outcome is Outcome.UNKNOWN and arrives:
            coming = [(now + late, on)]
        switch = killing.answered(switch, answer(on, outcome), after(now))
        for pause in reads:
            now += pause
            for at, what in [each for each in coming if each[0] <= now]:
                really = what
                coming.remove((at, what))
            switch = killing.read(switch, shown(really, now), WINDOW)
            assert not really or switch.may_be_on
        # Nobody asks again while something may still arrive.
        now += 100
        really = coming.pop()[1] if coming else really
        switch = killing.read(switch, shown(really, now), WINDOW)
        assert not switch.is_unknown or outcome is not Outcome.UNKNOWN
        assert switch.on is None or switch.on is really


def test_a_lost_answer_is_known_again_as_soon_as_the_status_shows_it() -> None:
    lost = killing.answered(killing.turned(None, True), answer(True, Outcome.UNKNOWN), after(10))
    assert lost.is_unknown and lost.may_be_on
    assert killing.read(lost, shown(True, 11), WINDOW).on is True
    assert killing.read(lost, shown(False, 99), WINDOW) == lost, "it may arrive late"
    assert killing.read(lost, shown(False, 100), WINDOW).on is False
    assert killing.read(killing.postponed(lost, timedelta(hours=1)), shown(False, 100), WINDOW).is_unknown


def test_a_new_process_does_not_know_what_was_not_answered() -> None:
    asked = killing.turned(None, True)
    assert killing.taken_over(asked, after(5)) == Switch(on=None, asked=None, wanted=True, unknown_since=after(5))
    on = killing.answered(asked, answer(True, Outcome.TAKEN), after(6))
    assert killing.taken_over(on, after(7)) == on == killing.postponed(on, timedelta(1))


def test_a_read_says_nothing_while_a_request_is_under_way() -> None:
    asked = killing.turned(None, True)
    assert killing.read(asked, shown(False, 500), WINDOW) == asked
