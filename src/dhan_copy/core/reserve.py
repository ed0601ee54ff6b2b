"""What a follower can spend: the funds last read, less what entries of ours have taken since."""

from __future__ import annotations

from decimal import Decimal

from dhan_copy.core.evolving import evolve
from dhan_copy.core.requests import Intent
from dhan_copy.core.state import State
from dhan_copy.core.target import entry_pending
from dhan_copy.core.trade import CopyTrade
from dhan_copy.core.worth import limit_of, worth
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import AccountName


def spendable(state: State, follower: AccountName) -> Funds | None:
    """Funds in which two orders do not count the same rupee twice; None where they are unknown, or where nobody can say
    what an entry under way costs.

    An entry costs price x quantity in full: what it filled is spent, and what may still fill is blocked. Margin may make
    it cheaper; the next read of the funds tells.
    """
    funds = state.funds.get(follower)
    if funds is None:
        return None
    reserved = Decimal(0)
    for key in state.since_funds:
        if key[2] != follower:
            continue
        trade = state.trades[key]
        units = trade.filled(Intent.ENTRY) + max(trade.leaves(Intent.ENTRY), entry_pending(state, trade))
        if not units:
            continue
        price = _price(state, trade)
        rupees = (
            None
            if price is None
            else worth(trade.stake_key[2].segment, units, price, None if trade.admitted is None else trade.admitted.facts)
        )
        if rupees is None:
            return None
        reserved += rupees
    if not reserved:
        return funds
    # What is taken is in use: free and in use together stay what they were.
    used = None if funds.used is None else funds.used + reserved
    return evolve(funds, available=funds.available - reserved, used=used)


def _price(state: State, trade: CopyTrade) -> Decimal | None:
    """The entry's limit, else what the leader paid, else the last price that his broker named."""
    report = state.leader_order(trade.key).report
    last = trade.last(Intent.ENTRY)
    limit = limit_of(report.terms if last is None else (last.accepted or last.asked).terms)
    return limit if limit is not None else report.average_price or report.last_price
