"""The request budget, against an oracle that looks at every window in which the broker could have counted."""

from __future__ import annotations

from fractions import Fraction
from math import inf, isfinite

from attrs import define, field
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.limits import RateBudget
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import RateLimits, RateWindow

TICK = 1 / 64
"""Times are multiples of a binary fraction of a second, so that floats are exact and a boundary is a boundary."""

windows = st.lists(
    st.builds(RateWindow, st.integers(1, 6), st.integers(1, 20).map(lambda ticks: ticks * TICK)), min_size=1, max_size=3
)
shares = st.sampled_from([Fraction(1), Fraction(4, 5), Fraction(1, 2)])
intents = st.sampled_from(Intent)
actions = st.tuples(
    st.sampled_from(["send", "send", "send", "answer", "answer", "withhold", "day"]),
    st.integers(0, 12),
    intents,
    st.integers(0, 5),
)
"""What happens, how many ticks after the last, for an entry or not, and to which request."""


@define
class Sent:
    at: float
    answered: float = inf
    withheld: bool = False
    day: int = 0


@define
class Account:
    """What an account has sent, and what is known of the answers."""

    budget: RateBudget
    now: float = 0.0
    day: int = 0
    sent: list[Sent] = field(factory=list)

    def under_way(self) -> list[Sent]:
        return [one for one in self.sent if one.answered == inf and not one.withheld]

    def try_to_send(self, intent: Intent) -> bool:
        if self.budget.wait_seconds(self.now, intent) > 0:
            return False
        self.budget.take()
        self.sent.append(Sent(self.now, day=self.day))
        return True

    def happen(self, what: str, ticks: int, intent: Intent, which: int) -> None:
        self.now += ticks * TICK
        waiting = self.under_way()
        if what == "send":
            self.try_to_send(intent)
        elif what == "day":
            self.day += 1
            for one in waiting:
                one.day = self.day
            self.budget.new_day()
        elif waiting and what == "answer":
            waiting[which % len(waiting)].answered = self.now
            self.budget.answered(self.now)
        elif waiting and what == "withhold":
            waiting[which % len(waiting)].withheld = True
            self.budget.never_left()

    def most_in_any_window(self, seconds: float) -> int:
        """The most that the broker can have counted: each anywhere between its sending and its answer."""
        real = [one for one in self.sent if not one.withheld]
        starts = [one.answered for one in real] + [one.at for one in real]
        return max(
            (sum(one.at <= start + seconds and one.answered >= start for one in real) for start in starts if isfinite(start)),
            default=0,
        )

    def holding(self, seconds: float) -> int:
        """What could still count in the window that ends now."""
        real = [one for one in self.sent if not one.withheld]
        return sum(one.answered >= self.now - seconds for one in real)

    def today(self) -> int:
        return sum(one.day == self.day for one in self.sent if not one.withheld)


@given(windows, shares, st.integers(1, 30), st.lists(actions, max_size=60))
def test_no_window_is_ever_exceeded_as_the_broker_counts(
    drawn: list[RateWindow], share: Fraction, per_day: int, happened: list[tuple[str, int, Intent, int]]
) -> None:
    limits = RateLimits(windows=tuple(drawn), per_day=per_day, entry_share=share)
    account = Account(RateBudget(limits))
    for action in happened:
        account.happen(*action)
    for window in drawn:
        assert account.most_in_any_window(window.seconds) <= window.limit
    for day in range(account.day + 1):
        assert sum(one.day == day for one in account.sent if not one.withheld) <= per_day


@given(windows, shares, st.integers(1, 30), st.lists(actions, max_size=60), intents)
def test_nothing_waits_that_need_not_wait(
    drawn: list[RateWindow], share: Fraction, per_day: int, happened: list[tuple[str, int, Intent, int]], intent: Intent
) -> None:
    """A permit is refused only where one more could be one too many, and the wait names the first moment after that."""
    limits = RateLimits(windows=tuple(drawn), per_day=per_day, entry_share=share)
    account = Account(RateBudget(limits))
    for action in happened:
        account.happen(*action)

    def allowed(limit: int) -> int:
        return limit if intent is Intent.EXIT else max(1, limit * share.numerator // share.denominator)

    def is_free() -> bool:
        return account.today() < allowed(per_day) and all(
            account.holding(window.seconds) < allowed(window.limit) for window in drawn
        )

    wait = account.budget.wait_seconds(account.now, intent)
    assert (wait == 0) is is_free()
    if 0 < wait < inf:
        began = account.now
        account.now = began + TICK * int(wait / TICK)
        assert not is_free()
        account.now = began + wait + TICK
        assert is_free()
        assert account.budget.wait_seconds(account.now, intent) == 0
    if wait == inf:
        account.now += 10_000
        assert not is_free(), "only an answer or a new day can free a permit"


@given(st.integers(0, 4), intents)
def test_a_reserve_is_left_to_the_users_other_programs(reserve: int, intent: Intent) -> None:
    limits = RateLimits(windows=(RateWindow(5, 1.0),), per_day=100, entry_share=Fraction(1), reserve=reserve)
    account = Account(RateBudget(limits))
    while account.try_to_send(intent):
        pass
    assert len(account.sent) == 5 - reserve


def test_dhans_windows_are_used_to_the_full_by_exits_and_to_four_fifths_by_entries() -> None:
    """10/s, 250/min, 1,000/h: what one second of answered requests leaves free."""
    entries, exits = Account(RateBudget(RateLimits())), Account(RateBudget(RateLimits()))
    for account, intent in ((entries, Intent.ENTRY), (exits, Intent.EXIT)):
        for _ in range(10 * 60 * 64):
            while account.try_to_send(intent):
                account.sent[-1].answered = account.now
                account.budget.answered(account.now)
            account.now += 1.0
            if account.now > 3 * 3600:
                break
        for limit, seconds in ((10, 1.0), (250, 60.0), (1000, 3600.0)):
            most = most_answered_at_once(account.sent, seconds)
            assert most == (limit if intent is Intent.EXIT else limit * 4 // 5)


def most_answered_at_once(sent: list[Sent], seconds: float) -> int:
    """The most in any window, where every request was answered at once (times in order)."""
    times = [one.answered for one in sent]
    most = first = 0
    for last, time in enumerate(times):
        while times[first] < time - seconds:
            first += 1
        most = max(most, last - first + 1)
    return most


def test_an_answer_of_a_request_of_an_earlier_process_counts_too() -> None:
    budget = RateBudget(RateLimits(windows=(RateWindow(1, 1.0),)))
    budget.answered(5.0)
    assert budget.in_flight == 0
    assert budget.wait_seconds(5.5, Intent.EXIT) == 0.5
    budget.never_left()
    assert (budget.in_flight, budget.today) == (0, 0)


def test_where_windows_are_wide_the_day_alone_counts() -> None:
    account = Account(RateBudget(RateLimits(windows=(RateWindow(1000, 1.0),), per_day=3)))
    assert [account.try_to_send(Intent.EXIT) for _ in range(4)] == [True, True, True, False]
    assert account.budget.wait_seconds(account.now, Intent.EXIT) == inf


def test_what_is_remembered_counts_in_its_windows_and_only_todays_in_the_day() -> None:
    budget = RateBudget(RateLimits(windows=(RateWindow(2, 3600.0),), per_day=3, entry_share=Fraction(1)))
    budget.remember(-1800.0, today=False)
    budget.remember(-900.0, today=True)
    assert budget.today == 1
    assert budget.wait_seconds(0.0, Intent.EXIT) == 1800.0
