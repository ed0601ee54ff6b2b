"""Fold what was asked of a follower's broker, and what it answered."""

from __future__ import annotations

from datetime import datetime, timedelta

from typing_extensions import assert_never

from dhan_copy.core import circuit as circuits, trade as life
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import (
    OutcomeUnresolved,
    Refusal,
    RequestAccepted,
    RequestIssued,
    RequestRejected,
    RequestWithheld,
)
from dhan_copy.core.legs import EXIT_LEGS
from dhan_copy.core.requests import Intent, Modify, Submit
from dhan_copy.core.state import LONGEST_RETRY, State
from dhan_copy.core.trade import CopyTrade, FollowerOrder, Instruction, TradeKey, leg_key
from dhan_copy.model.ids import AccountName, client_order_id, id_parts
from dhan_copy.model.order import Leg


def answered(
    state: State,
    fact: RequestIssued | RequestAccepted | RequestRejected | OutcomeUnresolved | RequestWithheld,
    at: datetime,
    position: int,
) -> None:
    if isinstance(fact, RequestIssued):
        issued = fact.request
        state.in_flight[issued.follower, issued.client_order_id, issued.attempt] = None
        _issued(state, fact, at, position)
        return
    state.in_flight.pop((fact.follower, fact.client_order_id, fact.attempt), None)
    found = state.order_by_tag(fact.follower, fact.client_order_id)
    if found is None:
        return
    trade, order = found
    state.touch(trade.key, position)
    if not isinstance(fact, RequestWithheld):
        state.note_answer(fact.follower, at)
    if isinstance(fact, RequestAccepted):
        _works(state, fact.follower, at)
    request = life.request_of(order, fact.attempt)
    if request is None:
        return
    match fact:
        case RequestAccepted() if isinstance(request, Submit):
            order = life.accepted(order, request, fact.broker_order_id, at)
            state.by_broker_id[fact.follower, fact.broker_order_id] = order.client_order_id
        case RequestAccepted():
            order = life.accepted(order, request, None, at)
            if isinstance(request, Modify) and order.intent is Intent.EXIT:
                # It led somewhere: a stop that trails or shrinks for long must not run out. A loop still ends, for an
                # order takes few changes, and those that follow it count.
                trade = evolve(trade, requests=trade.requests - 1)
        case RequestRejected():
            order = life.rejected(order, request, fact, at, _retry_at(state, trade, order, at))
            if circuits.counts(request, fact):
                count_rejection(state, fact.follower, f"{fact.code} {fact.text}".strip(), at)
            if fact.refusal in (Refusal.RATE_LIMIT, Refusal.AUTHENTICATION, Refusal.IP):
                pause = (
                    state.settings.policy.retry_after
                    if fact.refusal is Refusal.RATE_LIMIT
                    else state.settings.policy.blocked_for
                )
                state.blocked_until[fact.follower] = (at + pause, fact.refusal)
                trade = evolve(trade, requests=trade.requests - 1)
        case OutcomeUnresolved():
            order = life.unresolved(order, request, at)
            state.unresolved[fact.follower, fact.client_order_id] = None
        case RequestWithheld():
            order = life.withheld(order, request, fact, at, at + state.settings.policy.retry_after)
            if fact.follower in state.circuits:
                state.circuits[fact.follower] = circuits.withheld(state.circuits[fact.follower], fact.client_order_id)
            trade = evolve(trade, requests=trade.requests - 1)
        case _:
            assert_never(fact)
    if not order.is_busy:
        state.unresolved.pop((fact.follower, fact.client_order_id), None)
    state.put(trade.with_order(order))
    legs_follow(state, trade.key, order)
    state.touch_stake(state.stake_key(trade.key), position)


def legs_follow(state: State, key: TradeKey, entry: FollowerOrder, doubted: tuple[Instruction, ...] = ()) -> None:
    """What happens to the entry of a super order happens to its legs; ``doubted`` is what may have happened to an entry
    that has ended."""
    for leg in EXIT_LEGS if entry.linked is Leg.ENTRY else ():
        trade = state.trades.get(leg_key(key, leg))
        for known in () if trade is None else trade.orders:
            if trade is not None and known.entry == entry.client_order_id:
                after = life.inherited(life.with_entry(known, entry), doubted)
                state.put(trade := trade.with_order(after))
                if not after.is_busy:
                    state.unresolved.pop((key[2], after.client_order_id), None)
                if after.broker_order_id is not None:
                    state.by_broker_id[key[2], after.broker_order_id] = after.client_order_id


def entry_follows(state: State, follower: AccountName, leg: FollowerOrder) -> None:
    """Where the stop of a super order has trailed to is where its entry has it: whatever is asked of that says it again."""
    found = state.entry_of_leg(follower, leg)
    moved = None if leg.accepted is None else leg.accepted.bracket
    if found is None or moved is None or moved.trailing_jump is None:
        return
    trade, entry = found
    if entry.accepted is not None and entry.accepted.bracket is not None and not entry.state.is_over:
        bracket = evolve(entry.accepted.bracket, stop=moved.stop)
        state.put(trade.with_order(evolve(entry, accepted=evolve(entry.accepted, bracket=bracket))))


def _works(state: State, follower: AccountName, at: datetime) -> None:
    """The account's requests are taken: what blocked it is over, and worth an alert when it comes again."""
    blocked = state.blocked_until.get(follower)
    if blocked is not None and (blocked[1] is not Refusal.RATE_LIMIT or blocked[0] <= at):
        del state.blocked_until[follower]
    for refusal in (Refusal.AUTHENTICATION, Refusal.IP):
        state.alerts.discard((f"BLOCKED_{refusal.value}", follower, "", ""))


def count_rejection(state: State, follower: AccountName, words: str, at: datetime) -> None:
    state.circuits[follower] = circuits.rejected(state.circuits.get(follower), words, at, state.settings.policy)


def close_circuit(state: State, follower: AccountName, position: int) -> None:
    """Orders are taken again: what waited may leave."""
    del state.circuits[follower]
    state.alerts.discard(("CIRCUIT_OPEN", follower, "", ""))
    for stake_key in state.open_trades:
        if stake_key[1] == follower:
            state.touch_stake(stake_key, position)


def _retry_at(state: State, trade: CopyTrade, order: FollowerOrder, at: datetime) -> datetime:
    """Later after every refusal in a row: of this order, and of those before it that were refused for now."""
    refused = order.tries
    for earlier in reversed(trade.orders):
        if earlier.intent is order.intent and earlier.client_order_id != order.client_order_id:
            if not earlier.refused_for_now:
                break
            refused += 1
    pause: timedelta = state.settings.policy.retry_after * (1 << min(refused, 10))
    return at + min(pause, LONGEST_RETRY)


def _issued(state: State, fact: RequestIssued, at: datetime, position: int) -> None:
    request = fact.request
    found = state.order_by_tag(request.follower, request.client_order_id)
    if found is not None:
        trade, order = found
        order = life.issued(order, fact, at, order.slice, order.generation)
    else:
        assert isinstance(request, Submit)
        key = (request.leader, request.leader_order_id, request.follower)
        trade = state.trades[key]
        parts = id_parts(request.client_order_id)
        order = life.issued(None, fact, at, parts.slice if parts else 0, parts.generation if parts else 0)
        state.by_tag[request.follower, request.client_order_id] = key
        _legs_issued(state, request, order)
    state.put(evolve(trade.with_order(order), requests=trade.requests + 1))
    circuit = state.circuits.get(request.follower)
    if circuit is not None:
        state.circuits[request.follower] = circuits.issued(circuit, request, at, state.settings.policy)


def _legs_issued(state: State, request: Submit, entry: FollowerOrder) -> None:
    """The legs of a super order are orders of their legs' copies: nothing is sent for them. A leg may be undecided yet,
    and the settings may no longer name the follower, or name nobody: then no report of the leader's began its copy."""
    for leg in EXIT_LEGS:
        asked = None if request.bracket is None else life.as_leg(request.bracket, leg, request.quantity)
        key = leg_key((request.leader, request.leader_order_id, request.follower), leg)
        if asked is None or key[:2] not in state.leader_orders:
            continue
        trade = state.trades.get(key)
        if trade is None:
            trade = state.trade_of(key)
            state.open(trade, trade.stake_key)
        generation = max((order.generation + 1 for order in trade.lanes(Intent.EXIT).get(0, ())), default=0)
        tag = client_order_id(*key, leg.letter, 0, generation)
        order = FollowerOrder(
            client_order_id=tag, slice=0, generation=generation, intent=Intent.EXIT, issued_at=entry.issued_at, asked=asked,
            linked=leg, entry=entry.client_order_id,
        )  # fmt: skip
        state.put(trade.with_order(order))
        state.by_tag[request.follower, tag] = key
