"""The circuit of one follower: after some rejections in a row entries stop, while exits and cancels go on."""

from __future__ import annotations

from datetime import datetime, timedelta

from attrs import frozen

from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import Refusal, RequestRejected
from dhan_copy.core.requests import Cancel, Intent, Request, Submit
from dhan_copy.core.settings import Policy
from dhan_copy.model.ids import ClientOrderId
from dhan_copy.model.order import OrderStatus

_NOT_COUNTED = (Refusal.RATE_LIMIT, Refusal.AUTHENTICATION, Refusal.IP, Refusal.ORDER_STATE)
"""These have remedies of their own, or say nothing of what was asked."""
TAKEN = (OrderStatus.PENDING, OrderStatus.PART_TRADED, OrderStatus.TRADED)
"""What an order is once the exchange has it. The broker's 200 alone promises nothing: a rejection may follow it
(protocol facts 1.5)."""


@frozen(slots=True)
class Circuit:
    """Rejections in a row. Open (entries stop) until ``until``; then one entry is the ``probe``, and the next ones wait
    until the exchange has taken it, or for a while."""

    since: datetime
    """When the first of the row was refused."""
    rejections: int = 0
    words: str = ""
    until: datetime | None = None
    probe: ClientOrderId | None = None
    probed_until: datetime | None = None

    def entries_wait_until(self, now: datetime) -> datetime | None:
        """When the next entry may leave; None when it may now."""
        for until in (self.until, self.probed_until):
            if until is not None and until > now:
                return until
        return None

    def is_open(self, now: datetime) -> bool:
        return self.until is not None and now < self.until


def counts(request: Request, fact: RequestRejected) -> bool:
    """Whether an answer counts: a definite no to a placement or a change, for a reason of the order's own. A passing
    one (no connection could be opened) is nobody's word against our orders."""
    return fact.final and not isinstance(request, Cancel) and fact.refusal not in _NOT_COUNTED


def rejected(circuit: Circuit | None, words: str, at: datetime, policy: Policy) -> Circuit:
    """One more rejection."""
    before = circuit or Circuit(since=at)
    rejections = before.rejections + 1
    until = at + policy.circuit_for if rejections >= policy.circuit_after else None
    return Circuit(since=before.since, rejections=rejections, words=words, until=until)


def issued(circuit: Circuit, request: Request, at: datetime, policy: Policy) -> Circuit:
    """A request has left: the first entry after the pause is the probe."""
    if circuit.until is None or not isinstance(request, Submit) or request.intent is not Intent.ENTRY:
        return circuit
    return evolve(circuit, probe=request.client_order_id, probed_until=at + policy.circuit_for)


def withheld(circuit: Circuit, tag: ClientOrderId) -> Circuit:
    """A request never left: if it was the probe, the next entry is."""
    return evolve(circuit, probe=None, probed_until=None) if circuit.probe == tag else circuit


def is_closed_by(circuit: Circuit, status: OrderStatus, issued_at: datetime) -> bool:
    """Whether a report ends the row: the exchange has an order that was placed after the row had begun. What becomes
    of older orders says nothing about new ones."""
    return status in TAKEN and issued_at >= circuit.since


def postponed(circuit: Circuit, by: timedelta) -> Circuit:
    """The same circuit after the clock was set forward: no pause is over by that."""
    until, probed = circuit.until, circuit.probed_until
    return evolve(circuit, until=None if until is None else until + by, probed_until=None if probed is None else probed + by)


def taken_over(circuit: Circuit, at: datetime, policy: Policy) -> Circuit:
    """The same circuit in a new process, whose clock may show less than the one before did."""
    longest = at + policy.circuit_for
    until, probed = circuit.until, circuit.probed_until
    return evolve(
        circuit,
        until=None if until is None else min(until, longest),
        probed_until=None if probed is None else min(probed, longest),
    )
