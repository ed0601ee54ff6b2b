"""Linked orders as trees: an entry with its legs, where each stands at a follower, and what each waits for."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from dhan_copy.core.facts import TradingState
from dhan_copy.core.intake import SETTLED_AFTER
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.legs import EXIT_LEGS, LINKED, leg_id
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Intent
from dhan_copy.core.settings import OverExit
from dhan_copy.core.settle import is_given_up
from dhan_copy.core.state import State
from dhan_copy.core.target import entry_pending, is_taken_back, may_be_taken_back
from dhan_copy.core.trade import CopyTrade, TradeKey
from dhan_copy.display import Table
from dhan_copy.model.order import Leg, OrderReport, OrderStatus
from dhan_copy.model.reason import ReasonCode
from dhan_copy.views import place_cells, terms_text

_COLUMNS = (
    "leader", "tree", "symbol", "form", "leg", "side", "terms", "quantity", "filled", "status",
    "follower", "live", "done", "at", "waits_for",
)  # fmt: skip


def trees(state: State) -> Table:
    """Today's linked orders: a row for the entry and for each leg that is known, for each follower.

    ``terms``, ``quantity``, ``filled`` and ``status`` are the leader's; ``live``, ``done`` and ``at`` (the terms) are
    what the follower has open of it and has filled.
    """
    rows: list[Mapping[str, object]] = []
    for key, trade in state.trades.items():
        report = state.leader_order(key).report
        if report.variety not in LINKED or report.leg is not Leg.ENTRY:
            continue
        rows.append(_row(state, trade, _entry_waits(state, trade)))
        rows.extend(_row(state, leg, _leg_waits(state, trade, leg)) for leg in _legs(state, key))
    return Table.of("linked orders", _COLUMNS, rows)


def _legs(state: State, key: TradeKey) -> Iterator[CopyTrade]:
    for leg in EXIT_LEGS:
        trade = state.trades.get((key[0], leg_id(key[1], leg), key[2]))
        if trade is not None:
            yield trade


def _intent(report: OrderReport) -> Intent:
    return Intent.ENTRY if report.leg is Leg.ENTRY else Intent.EXIT


def _row(state: State, trade: CopyTrade, waits_for: str) -> dict[str, object]:
    report = state.leader_order(trade.key).report
    intent = _intent(report)
    live = trade.live(intent)
    return {
        "leader": trade.key[0], "symbol": report.symbol or str(report.key), "form": report.variety,
        **place_cells(report), "side": report.side, "terms": terms_text(report.terms), "quantity": report.quantity,
        "filled": report.filled_quantity, "status": report.status, "follower": trade.key[2], "live": trade.leaves(intent), "done": trade.filled(intent),
        "at": None if live is None else terms_text((live.accepted or live.asked).terms), "waits_for": waits_for,
    }  # fmt: skip


def _unknown(trade: CopyTrade) -> str | None:
    if any(order.unresolved is not None for order in trade.orders):
        return "to learn what became of a request"
    return None


def _entry_waits(state: State, trade: CopyTrade) -> str:
    if trade.decision is None:
        return "news of its legs, or to be confirmed"
    if not trade.orders and (trade.declined is not None or trade.decision is ReasonCode.BELOW_ONE_LOT):
        return f"nothing: not copied ({trade.decision.name})"
    unknown = _unknown(trade)
    if unknown is not None:
        return unknown
    twice = _closed_twice(state, trade)
    if twice:
        by_hand = state.settings.policy.over_exit is OverExit.ALERT
        return f"{twice} that its legs closed twice to be taken back{' by hand' if by_hand else ''}"
    pending, open_units = entry_pending(state, trade), _open_units(state, trade)
    if pending:
        said = f"{pending} to fill"
    elif not trade.filled(Intent.ENTRY):
        return f"nothing: {_ended(trade)}"
    else:
        said = "its legs" if open_units else "nothing: closed"
    return f"{said}; {_protection(state, trade, open_units)}" if open_units else said


def _ended(trade: CopyTrade) -> str:
    last = trade.last(Intent.ENTRY)
    return "it was never placed" if last is None else f"it ended {last.state.value} without a fill"


def _protection(state: State, entry: CopyTrade, open_units: int) -> str:
    """What protects the units that are open now."""
    if entry.stake_key[4] is None:
        return f"{open_units} are held with plain orders now: the leader traded against it by another order"
    legs = list(_legs(state, entry.key))
    live = {_name(state, leg): leg.leaves(Intent.EXIT) for leg in legs}
    live = {name: units for name, units in live.items() if units}
    if not live:
        return f"no leg is live for the {open_units} that are open"
    if len(live) == 2 and len(set(live.values())) == 1:
        return f"both legs live for {next(iter(live.values()))}"
    return ", ".join(f"{name.lower()} live for {units}" for name, units in live.items())


def _name(state: State, leg: CopyTrade) -> str:
    return state.leader_order(leg.key).report.leg.value


def _leg_waits(state: State, entry: CopyTrade, leg: CopyTrade) -> str:
    if leg.admitted is None:
        return "its entry" if leg.declined is None else f"nothing: {leg.declined.reason.name}"
    unknown = _unknown(leg)
    if unknown is not None:
        return unknown
    if leg.stake_key[4] is None:
        return "nothing as a leg: the leader traded against its entry by another order"
    order, open_units = state.leader_order(leg.key), _open_units(state, entry)
    if not open_units:
        return "the entry to fill" if entry_pending(state, entry) else "nothing: there is nothing to close"
    if is_taken_back(state, leg.stake_key, order):
        return "nothing: the leader took it back"
    if may_be_taken_back(state, leg.stake_key, order):
        cause = "it was cancelled by him, or by its sibling's fill"
        return f"a look at the leader's book {SETTLED_AFTER.seconds} s later: {cause}"
    live = leg.leaves(Intent.EXIT)
    if live == open_units:
        return f"its price, live for all {live} that are open" + _leader_is_out(order)
    why = _why_no_more(state, leg, order)
    if why is not None:
        return f"its price, live for {live} of the {open_units} that are open: {why}" if live else f"nothing: {why}"
    if live:
        return f"to be live for {open_units}, live for {live} now"
    last = leg.last(Intent.EXIT)
    if last is not None and last.state is OrderState.REJECTED:
        if is_given_up(state, leg):
            until = "nothing" if order.report.status.is_terminal else "the leader to move it"
            return f"{until}, refused again and again for {open_units}: {last.text or 'rejected'}"
        return f"to be placed again for {open_units}: {last.text or 'rejected'}"
    return f"to be placed for {open_units}"


_TOLD = {
    "EXIT_CANCELLED_BY_HAND": "it was cancelled by hand",
    "EXIT_LOST": "it was lost twice",
}
"""Why a leg that has ended is not placed again, by the alert that has said so."""


def _why_no_more(state: State, leg: CopyTrade, order: LeaderOrder) -> str | None:
    """Why nothing is sent for what is open and not covered by a leg, where nothing is."""
    _, order_id, follower = leg.key
    for last in (orders[-1] for orders in leg.lanes(Intent.EXIT).values()):
        for code, said in _TOLD.items() if last.state.is_over else ():
            if (code, follower, order_id, last.client_order_id) in state.alerts:
                return said
        if not last.state.is_over and last.refused is not None:
            return "the broker refused the change"
    if ("REQUEST_BUDGET", follower, order_id, "") in state.alerts:
        return "the request budget of this leg is used up"
    if leg.settled:
        taken_back = order.report.status.is_terminal and order.report.status is not OrderStatus.TRADED
        return "the leader took it back" if taken_back else "it is over"
    if state.trading_state(follower) is TradingState.HALTED:
        return "trading is halted"
    return None


def _leader_is_out(order: LeaderOrder) -> str:
    return "; the leader's is over" if order.report.status.is_terminal else ""


def _closed_twice(state: State, entry: CopyTrade) -> int:
    if entry.stake_key[4] is None:
        return 0
    return state.stake(entry.stake_key).closable(state.leader_order(entry.key).report.side.sign)


def _open_units(state: State, entry: CopyTrade) -> int:
    """What is open of a tree; of one that was taken apart, what its own entry filled."""
    if entry.stake_key[4] is None:
        return entry.filled(Intent.ENTRY)
    return state.stake(entry.stake_key).closable(-state.leader_order(entry.key).report.side.sign)
