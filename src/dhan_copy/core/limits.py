"""The request budget of one account: all its windows at once or none, exact as the broker counts."""

from __future__ import annotations

from math import inf

from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import RateLimits


class RateBudget:
    """Permits for order requests (Dhan: 10/s, 250/min, 1,000/h, 7,000 per IST day; section "Rate Limit" of the v2 docs).

    Nobody but the broker knows when between the send and the answer it counted a request, so a permit is held from
    before the send until the answer, and counts in each window from the answer on. One ring holds the times of the
    last answers; a window of limit L is free when the L-th last of them has left it. Times are monotonic seconds.
    """

    __slots__ = ("_windows", "_entry_windows", "_per_day", "_entry_per_day", "_ring", "_next", "_size", "in_flight", "today")

    def __init__(self, limits: RateLimits) -> None:
        share = limits.entry_share
        self._windows = tuple((w.limit - limits.reserve, w.seconds) for w in limits.windows)
        self._entry_windows = tuple((max(1, int(limit * share)), seconds) for limit, seconds in self._windows)
        self._per_day = limits.per_day - limits.reserve
        self._entry_per_day = max(1, int(self._per_day * share))
        self._size = max([limit for limit, _ in self._windows], default=1)
        self._ring = [-inf] * self._size
        self._next = 0
        self.in_flight = 0
        """Requests sent and not answered."""
        self.today = 0
        """Requests of this IST calendar day."""

    def wait_seconds(self, now: float, intent: Intent) -> float:
        """How long until a request may leave: 0.0 when a permit is free now, ``inf`` when only an answer can free one."""
        entry = intent is Intent.ENTRY
        if self.today >= (self._entry_per_day if entry else self._per_day):
            return inf
        longest = 0.0
        ring, following, size = self._ring, self._next, self._size
        for limit, seconds in self._entry_windows if entry else self._windows:
            free = limit - self.in_flight
            if free <= 0:
                return inf
            # The window still holds the free-th last answer up to and including the moment it is `seconds` old.
            wait = ring[(following - free) % size] + seconds - now
            if wait >= longest:
                longest = wait if wait > 0 else 1e-6
        return longest

    def is_spent(self, intent: Intent) -> bool:
        """Whether the day has no permit left for this."""
        return self.today >= (self._entry_per_day if intent is Intent.ENTRY else self._per_day)

    def take(self) -> None:
        """Hold a permit for a request about to leave."""
        self.in_flight += 1
        self.today += 1

    def answered(self, now: float) -> None:
        """The request was answered, or given up as unresolved, at ``now``."""
        if self.in_flight > 0:
            self.in_flight -= 1
        self._ring[self._next] = now
        self._next = (self._next + 1) % self._size

    def never_left(self) -> None:
        """The request was withheld: it used nothing."""
        if self.in_flight > 0:
            self.in_flight -= 1
            self.today -= 1

    def remember(self, at: float, *, today: bool) -> None:
        """A request that was answered at ``at`` before this process began."""
        self.today += today
        self._ring[self._next] = at
        self._next = (self._next + 1) % self._size

    def new_day(self) -> None:
        """A new IST calendar day: requests in flight over midnight count in it."""
        self.today = self.in_flight
