"""Say which facts a human should look at: what happened, what is known, what can be done."""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import datetime

from attrs import define, field
from typing_extensions import assert_never

from dhan_copy.core.circuit import Circuit
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import (
    AlertRaised,
    CopyDeclined,
    DriftDeclared,
    Fact,
    KillSwitchAnswered,
    KillSwitchRead,
    OrderReported,
    Outcome,
    OutcomeUnresolved,
    ReadFailed,
    Refusal,
    ReportUnreadable,
    RequestRejected,
    RequestWithheld,
)
from dhan_copy.core.killing import Switch
from dhan_copy.core.legs import is_exit_leg
from dhan_copy.core.lifecycle import OrderState
from dhan_copy.core.requests import Cancel, Intent, Modify, Request, Submit, intent_of
from dhan_copy.core.settings import Ahead, OverExit
from dhan_copy.core.state import State, opened_instead
from dhan_copy.core.trade import FollowerOrder, TradeKey, place_of, was_ignored
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Variety
from dhan_copy.model.reason import ReasonCode


_READS = {
    "Query": "LOOKUP",
    "ReadOrders": "READ_ORDERS",
    "ReadPositions": "READ_POSITIONS",
    "ReadFunds": "READ_FUNDS",
    "ReadMargin": "READ_MARGIN",
    "ReadKillSwitch": "READ_KILL_SWITCH",
    "ReadQuotes": "READ_QUOTES",
}


def alert_for(state: State, fact: Fact, request: Request | None = None) -> AlertRaised | None:
    """The alert that a fact calls for on its own; ``request`` is what it answers, where that still matters."""
    match fact:
        case OutcomeUnresolved():
            return AlertRaised(
                code="UNRESOLVED", what="nobody knows what became of a request", known=fact.problem,
                advice="It is looked up by its tag and in the order book; nothing is sent again blindly.",
                account=fact.follower, client_order_id=fact.client_order_id,
            )  # fmt: skip
        case RequestRejected(refusal=Refusal.AUTHENTICATION | Refusal.IP):
            return AlertRaised(
                code=f"BLOCKED_{fact.refusal.value}", what="the broker refuses this account's requests",
                known=f"{fact.code} {fact.text}",
                advice="Replace the token or register the address; exits are tried again soon, entries once it works.",
                account=fact.follower,
            )  # fmt: skip
        case RequestRejected(final=True):
            return AlertRaised(
                code="REJECTED", what="the broker rejected a request", known=f"{fact.code} {fact.text}",
                advice=_after_rejection(request, fact.refusal),
                account=fact.follower, client_order_id=fact.client_order_id,
            )  # fmt: skip
        case RequestWithheld():
            return AlertRaised(
                code="WITHHELD", what="a request was held back and never left", known=fact.problem,
                advice="A late entry is not sent; an exit is planned anew.",
                account=fact.follower, client_order_id=fact.client_order_id,
            )  # fmt: skip
        case ReportUnreadable():
            return AlertRaised(
                code="UNREADABLE", what="a report of the broker could not be understood", known=fact.problem,
                advice="It is kept in the journal as it came, and the order book is read.", account=fact.account,
            )  # fmt: skip
        case ReadFailed(refusal=Refusal.AUTHENTICATION):
            return AlertRaised(
                code=f"BLOCKED_{Refusal.AUTHENTICATION.value}", what=f"the access token of {fact.account} is refused",
                known=fact.problem, advice="Give the account a new token: it is tried again, and what waits goes on.",
                account=fact.account,
            )  # fmt: skip
        case ReadFailed():
            return AlertRaised(
                code=f"{_READS.get(fact.what.split(':')[0], 'READ')}_FAILED", what=f"{fact.what.split(':')[0]} failed", known=fact.problem,
                advice="What is known stays as it was; the read is repeated.", account=fact.account,
            )  # fmt: skip
        case DriftDeclared(reason=ReasonCode.MANUAL):
            return AlertRaised(
                code="MANUAL", what="a copied position was closed by hand", known=f"{-fact.quantity} of {fact.key}",
                advice="The copier will not close it a second time.", account=fact.follower,
            )  # fmt: skip
        case DriftDeclared(reason=ReasonCode.EXPIRED):
            return AlertRaised(
                code="EXPIRED", what="a copied position has expired or was exercised",
                known=f"{-fact.quantity} of {fact.key}, {fact.detail}",
                advice="Nothing is traded because of it; look at what was delivered or settled.", account=fact.follower,
            )  # fmt: skip
        case DriftDeclared(reason=ReasonCode.CONVERTED):
            return AlertRaised(
                code="CONVERTED", what="a copied position was converted to another product",
                known=f"{-fact.quantity} of {fact.key}, {fact.detail}",
                advice="It is the account's own now: the leader's exit does not close it.", account=fact.follower,
            )  # fmt: skip
        case DriftDeclared(reason=ReasonCode.GONE_OVERNIGHT):
            return AlertRaised(
                code="GONE_OVERNIGHT", what="a copied position is no longer there, and nobody has traded today",
                known=f"{-fact.quantity} of {fact.key}, {fact.detail}",
                advice="Look for a corporate action, a delivery or a trade of the day before. Nothing is traded because of it.",
                account=fact.follower,
            )  # fmt: skip
        case DriftDeclared(reason=ReasonCode.DAY_END):
            return AlertRaised(
                code="DAY_END", what="the day ended with a copy that is not what the leader's is",
                known=f"{fact.quantity} more than the leader's fills scale to, of {fact.key}",
                advice="Nothing is done about it; adjust by hand if that is wrong.", account=fact.follower,
            )  # fmt: skip
        case CopyDeclined(reason=ReasonCode.UNKNOWN_PARENT) if _is_forever(state, fact):
            return AlertRaised(
                code="FOREVER_UNKNOWN", what="a Forever order has placed it, and which one cannot be told",
                known=fact.detail or fact.reason.value, account=fact.leader, leader_order_id=fact.leader_order_id,
                advice="It is not copied, for the copy of that Forever order fires by itself. Look whether every follower has one.",
            )  # fmt: skip
        case CopyDeclined():
            return _missed_exit(state, fact)
        case _:
            return None


def _after_rejection(request: Request | None, refusal: Refusal) -> str:
    match request:
        case None:
            return "The order book says what became of it."
        case Submit():
            return _of_placement(request.intent)
        case Modify() if refusal is not Refusal.ORDER_STATE:
            return "This change is not asked again: the order stands as it was; an exit too large for that is taken back."
        case Modify():
            return "The order is looked up, and changed if it is still open."
        case Cancel():
            return "The order is looked up, and its cancel is tried again if it is still open."
    assert_never(request)


def _of_placement(intent: Intent) -> str:
    return "An entry is not tried again." if intent is Intent.ENTRY else "An exit is tried again, a few times."


def naming_the_leaders_order(state: State, alert: AlertRaised) -> AlertRaised:
    """The same alert with the leader's order, where it is about one of our orders and that is known."""
    if alert.leader_order_id is not None or alert.account is None or alert.client_order_id is None:
        return alert
    key = state.by_tag.get((alert.account, alert.client_order_id))
    return alert if key is None else evolve(alert, leader_order_id=key[1])


def _is_forever(state: State, fact: CopyDeclined) -> bool:
    order = state.leader_orders.get((fact.leader, fact.leader_order_id))
    return order is not None and order.report.variety is Variety.FOREVER


def circuit_opened(follower: AccountName, circuit: Circuit) -> AlertRaised:
    return AlertRaised(
        code="CIRCUIT_OPEN", what=f"{circuit.rejections} requests in a row were rejected: entries stop",
        known=f"the broker's last words: {circuit.words}; one entry is tried after {circuit.until}",
        advice="Exits and cancels go on. Look at the follower's account; orders declined meanwhile are not made up for.",
        account=follower,
    )  # fmt: skip


def stream_lost(account: AccountName, since: datetime) -> AlertRaised:
    return AlertRaised(
        code="STALE", what=f"the order stream of {account} tells nothing", known=f"since {since}",
        advice="Its order book is read every few seconds and copying goes on, later than usual. Check network and token.",
        account=account,
    )  # fmt: skip


def fills_apart(state: State, key: TradeKey) -> AlertRaised | None:
    """The alert for a copy whose first fills, or last ones once both are done, are far from the leader's."""
    leader, orders = state.leader_order(key), state.trades[key].orders
    first = min((order.first_filled_at for order in orders if order.first_filled_at is not None), default=None)
    if leader.first_filled_at is None or leader.last_filled_at is None or first is None:
        return None
    pairs = [(leader.first_filled_at, first)]
    if leader.report.status.is_terminal and all(order.state.is_over for order in orders):
        pairs.append((leader.last_filled_at, max(order.filled_at for order in orders if order.filled_at is not None)))
    for his, ours in pairs:
        if abs(ours - his) > state.settings.policy.fills_apart:
            return AlertRaised(
                code="FILLS_APART", what="a copy filled long before or after the leader's order",
                known=f"the leader at {his}, the follower at {ours}",
                advice="Compare the prices; if it recurs, look at the follower's feed, limits and network.",
                account=key[2], leader_order_id=key[1],
            )  # fmt: skip
    return None


def requests_spent(request: Request, today: int) -> AlertRaised:
    """The day's budget has nothing left for such a request."""
    entry = intent_of(request) is Intent.ENTRY
    return AlertRaised(
        code="ENTRIES_SPENT" if entry else "REQUESTS_SPENT", what="the day's order requests are used up", known=f"{today} were sent today",
        advice="Entries and their changes stop; exits go on." if entry else "Nothing more can be sent today: act by hand.",
        account=request.follower,
    )  # fmt: skip


def requests_wait(request: Request, until: datetime) -> AlertRaised:
    """The hour's budget has nothing left for such a request."""
    entry = intent_of(request) is Intent.ENTRY
    return AlertRaised(
        code="ENTRIES_WAIT" if entry else "REQUESTS_WAIT", what="the hour's order requests are used up", known=f"until {until:%H:%M:%S}",
        advice="Entries and their changes wait until then; exits go on." if entry else "Nothing more can be sent until then: act by hand.",
        account=request.follower,
    )  # fmt: skip


def opened_by_exit(state: State, key: TradeKey) -> AlertRaised | None:
    """The alert for what the leader has opened by an order that was to close: he had nothing left to close when it filled."""
    opened = opened_instead(state, state.trades[key])
    if not opened:
        return None
    return AlertRaised(
        code="OPENED_BY_EXIT", what="an order that was to close has opened a position of the leader's, which is not copied",
        known=f"{opened} of {state.leader_order(key).report.key}",
        advice="Enter it by engine.heal(..., opening=True) or by hand, or leave it.",
        account=key[2], leader_order_id=key[1],
    )  # fmt: skip


def left_over(state: State, key: TradeKey) -> AlertRaised | None:
    """The alert for what a follower still holds when nothing is open any more and the leader is out: nobody watches it."""
    stake_key = state.stake_key(key)
    _, follower, instrument, product, _ = stake_key
    stake = state.stake(stake_key)
    if not stake.owned or state.position(place_of(stake_key)) or state.open_trades.get(stake_key):
        return None
    why = "; ".join(reason.value for reason, _ in stake.declared)
    return AlertRaised(
        code="LEFT_OVER", what="the leader is out of a position and the follower is not",
        known=f"{stake.held} of {instrument} {product.value}" + (f": {why}" if why else ""),
        advice="No order of the leader's will close it: close it by hand, or keep it.",
        account=follower, leader_order_id=key[1],
    )  # fmt: skip


def ahead(state: State, key: TradeKey, declared: DriftDeclared) -> AlertRaised:
    """The alert for an entry that filled at a follower and not at the leader."""
    report, close = state.leader_order(key).report, state.settings.policy.ahead is Ahead.CLOSE
    return AlertRaised(
        code="AHEAD", what="a follower filled what the leader's order never came to",
        known=f"{abs(declared.quantity)} of {report.key} more; the leader's order ended {report.status.value}",
        advice="It is closed at the market." if close else "It is kept: close it by hand, or set ahead=Ahead.CLOSE.",
        account=key[2], leader_order_id=key[1],
    )  # fmt: skip


def over_exit(state: State, key: TradeKey) -> AlertRaised | None:
    """The alert for legs of a linked order that closed more than its entry had opened."""
    leader, follower, instrument, _, tree = state.trades[key].stake_key
    entry = None if tree is None else state.trades.get((leader, tree, follower))
    stake = state.stake(state.trades[key].stake_key)
    if entry is None or not stake.closable(state.leader_order(entry.key).report.side.sign):
        return None
    close = state.settings.policy.over_exit is OverExit.CLOSE
    return AlertRaised(
        code="OVER_EXIT", what="the legs of a linked order have closed more than it had opened",
        known=f"{stake.held} of {instrument} owned",
        advice="Once the positions show it, it is closed at the market." if close else "Close it by hand.",
        account=follower, leader_order_id=tree,
    )  # fmt: skip


_NOTHING_MISSED = frozenset({
    ReasonCode.NOTHING_OWNED, ReasonCode.LEADER_REJECTED, ReasonCode.LEADER_UNFILLED, ReasonCode.STALE, ReasonCode.NOT_ACTIVE,
})  # fmt: skip


def _missed_exit(state: State, fact: CopyDeclined) -> AlertRaised | None:
    """A leader's exit that is not copied leaves the follower with the position."""
    trade = state.trades.get((fact.leader, fact.leader_order_id, fact.follower))
    if trade is None or fact.reason in _NOTHING_MISSED:
        return None
    if is_exit_leg(state.leader_order(trade.key).report):
        return None  # its entry was not copied: there is nothing that it would close
    stake_key = state.stake_key(trade.key)
    side = state.leader_order(trade.key).report.side
    if state.stake(stake_key).owned * side.sign >= 0:
        return None
    return AlertRaised(
        code="EXIT_NOT_COPIED", what="an order that closes the leader's position is not copied", known=fact.reason.value,
        advice="Close the follower's position by hand when the leader's order fills.",
        account=fact.follower, leader_order_id=fact.leader_order_id,
    )  # fmt: skip


def alert_for_order(before: FollowerOrder, after: FollowerOrder, fact: OrderReported) -> AlertRaised | None:
    """The alert that a change of a follower's order calls for."""
    known = fact.report.reason or after.text
    if before.state in (OrderState.ABSENT, OrderState.WITHHELD, OrderState.REJECTED) and after.state is not before.state:
        code, what = "LATE_EVIDENCE", "an order already given up exists after all"
        advice = "It was folded in; check the position."
    elif after.state is OrderState.REJECTED and before.state is not OrderState.REJECTED:
        code, what = "REJECTED", "the broker rejected an order after taking it"
        advice = _of_placement(after.intent)
    elif was_ignored(before, after):
        code, what = "CHANGE_IGNORED", "a change that the broker took has had no effect"
        known = f"{fact.report.order_id} stands as before, for {fact.report.quantity}"
        advice = "It is asked for again; change the order by hand if it stays."
    else:
        return None
    return AlertRaised(
        code=code, what=what, known=known, advice=advice,
        account=fact.follower, client_order_id=after.client_order_id,
    )  # fmt: skip


def kill_switch_alert(fact: KillSwitchAnswered | KillSwitchRead, before: Switch | None, now: Switch) -> AlertRaised | None:
    """What a user must know of the broker's kill switch who is not there to see the answer."""
    word = "on" if now.wanted else "off"
    if isinstance(fact, KillSwitchAnswered) and fact.outcome is Outcome.REFUSED:
        return AlertRaised(
            code="KILL_SWITCH_REFUSED", what=f"the broker did not turn the kill switch {word}", known=fact.problem,
            advice="Dhan refuses while a position or an order is open: flatten, wait until it is flat, and kill it again. "
            "The follower stays halted.",
            account=fact.follower,
        )  # fmt: skip
    if isinstance(fact, KillSwitchAnswered) and fact.outcome is Outcome.UNKNOWN:
        return AlertRaised(
            code="KILL_SWITCH_UNKNOWN", what=f"nobody knows whether the broker turned the kill switch {word}",
            known=fact.problem, advice="It is read until that is known; the follower is halted meanwhile.",
            account=fact.follower,
        )  # fmt: skip
    if before is not None and before.is_unknown and not now.is_unknown and now.on is not now.wanted:
        return AlertRaised(
            code="KILL_SWITCH_LOST", what=f"the request to turn the kill switch {word} had no effect",
            known="the broker was asked, its answer was lost, and its status does not show it",
            advice="Ask again if you still want it; the follower stays halted.", account=fact.follower,
        )  # fmt: skip
    return None


def abandoned(state: State, named: Container[AccountName]) -> Iterator[AlertRaised]:
    """What was copied for an account that the settings no longer name stays as it is, and nobody looks after it.

    All copies are asked, for those of an account that is not named are not among the open ones where the journal was
    folded without it.
    """
    left: dict[AccountName, _Abandoned] = {}
    for stake_key, stake in state.stakes.items():
        gone = [name for name in stake_key[:2] if name not in named]
        if gone and stake.owned:
            left.setdefault(stake_key[1], _Abandoned(gone[0])).owned.append(f"{stake.held} of {stake_key[2]}")
    for key in state.trades:
        gone = [name for name in (key[0], key[2]) if name not in named]
        orders = sum(_is_open(state, key[2], order) for order in state.trades[key].orders) if gone else 0
        if orders:
            left.setdefault(key[2], _Abandoned(gone[0])).orders += orders
    for follower, what in left.items():
        yield AlertRaised(
            code="ABANDONED", what=f"{what.gone} is in the journal but no longer in the settings",
            known=f"{', '.join(what.owned) or 'nothing'} owned, {what.orders} orders open for {follower}",
            advice="Put the account back into the settings, or cancel and close by hand what it has open.",
            account=follower,
        )  # fmt: skip


@define
class _Abandoned:
    gone: AccountName
    owned: list[str] = field(factory=list)
    orders: int = 0


def _is_open(state: State, follower: AccountName, order: FollowerOrder) -> bool:
    """Whether an order may still work; the legs of a super order count once its entry has filled something."""
    entry = state.entry_of_leg(follower, order)
    return not order.state.is_over and (entry is None or entry[1].filled_quantity > 0)
