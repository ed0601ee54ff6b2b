"""Which requests may leave: the budget of each account, and what has left and not been answered."""

from __future__ import annotations

from collections.abc import Iterable

from dhan_copy.core.facts import Moment, OutcomeUnresolved, RequestAccepted, RequestRejected, RequestWithheld
from dhan_copy.core.limits import RateBudget
from dhan_copy.core.requests import Request, intent_of
from dhan_copy.core.settings import FollowerRules
from dhan_copy.core.state import State
from dhan_copy.model.ids import AccountName, ClientOrderId
from dhan_copy.model.times import ist_date


class Permits:
    """Remembers when requests left. It is no part of the folded state: :meth:`take_over` finds it in there."""

    def __init__(self, followers: Iterable[FollowerRules]) -> None:
        self._budgets = {rules.name: RateBudget(rules.limits) for rules in followers}
        self._in_flight: set[tuple[AccountName, ClientOrderId, int]] = set()
        """(follower, id, attempt)."""

    def take_over(self, state: State, now: Moment) -> None:
        """Begin where a journal ends."""
        for follower, times in state.answered_at.items():
            budget = self._budgets.get(follower)
            for at in (time + state.stepped for time in times) if budget is not None else ():
                age = max(0.0, (now.wall - at).total_seconds())
                self._budgets[follower].remember(now.monotonic - age, today=ist_date(at).isoformat() == state.day)
        for sent in state.in_flight:
            if sent[0] in self._budgets:
                self._budgets[sent[0]].take()
                self._in_flight.add(sent)

    def wait_seconds(self, request: Request, now: Moment) -> float:
        """How long until the request may leave: 0.0 when it may now, ``inf`` when only an answer can free a permit."""
        return self._budgets[request.follower].wait_seconds(now.monotonic, intent_of(request))

    def are_spent(self, request: Request) -> bool:
        """Whether the day has none left for such a request."""
        return self._budgets[request.follower].is_spent(intent_of(request))

    def of_today(self, follower: AccountName) -> int:
        """Requests of this IST calendar day."""
        return self._budgets[follower].today

    def take(self, request: Request) -> None:
        self._budgets[request.follower].take()
        self._in_flight.add((request.follower, request.client_order_id, request.attempt))

    def answered(self, fact: RequestAccepted | RequestRejected | OutcomeUnresolved | RequestWithheld, now: Moment) -> None:
        sent = (fact.follower, fact.client_order_id, fact.attempt)
        if sent in self._in_flight:
            self._in_flight.remove(sent)
            if isinstance(fact, RequestWithheld):
                self._budgets[fact.follower].never_left()
            else:
                self._budgets[fact.follower].answered(now.monotonic)

    def lost(self, now: Moment) -> None:
        """The process that sent what is in flight is gone: its answers will never come."""
        for follower, _, _ in self._in_flight:
            self._budgets[follower].answered(now.monotonic)
        self._in_flight.clear()

    def remember(self, follower: AccountName, age_seconds: float, now: Moment) -> None:
        """A request of today that somebody else has sent."""
        self._budgets[follower].remember(now.monotonic - age_seconds, today=True)

    def new_day(self) -> None:
        for budget in self._budgets.values():
            budget.new_day()
