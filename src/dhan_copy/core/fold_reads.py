"""Fold what a look at an account shows: what is absent, what is held, and what money there is."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from dhan_copy.core import trade as life
from dhan_copy.core.evolving import evolve
from dhan_copy.core.facts import BookRead, FundsReported, MarginReported, OrderNotFound, PositionsReported
from dhan_copy.core.fold_requests import legs_follow
from dhan_copy.core.requests import Intent
from dhan_copy.core.state import State, Suspect
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Product

POSITIONS_LAG = timedelta(seconds=30)
"""As for books (F36): nothing is known of how late positions may be."""


def funds_reported(state: State, fact: FundsReported) -> None:
    """The figure counts every order that the broker had when he was asked."""
    state.funds[fact.account] = fact.funds
    for key in [key for key in state.since_funds if key[2] == fact.account]:
        trade = state.trades[key]
        last = trade.last(Intent.ENTRY)
        to_come = last is None and trade.declined is None and not trade.settled
        if not to_come and (last is None or (last.issued_at <= fact.read_at and not last.is_busy)):
            del state.since_funds[key]


def margin_reported(state: State, fact: MarginReported, position: int) -> None:
    asked = fact.order
    key = InstrumentKey(asked.segment, asked.security_id)
    state.margins[fact.account, key, asked.product, asked.side] = fact
    for stake_key in state.open_trades:
        if stake_key[1:4] == (fact.account, key, asked.product):
            state.touch_stake(stake_key, position)


def looked(state: State, fact: BookRead | OrderNotFound, position: int) -> None:
    state.token_refused.discard(fact.account if isinstance(fact, BookRead) else fact.follower)
    if isinstance(fact, BookRead):
        state.books_read.add(fact.account)
        awaited = not state.has_read_book(fact.account)
        _unlisted(state, fact, position)
        for key, leg in state.legs_gone(fact):
            after = life.taken_back(leg, fact.read_at, with_entry=state.entry_was_cancelled(fact.account, leg))
            state.put(state.trades[key].with_order(after))
            state.unresolved.pop((fact.account, leg.client_order_id), None)
            state.touch_stake(state.trades[key].stake_key, position)
        for key, entry in state.bare_entries(fact):
            state.put(state.trades[key].with_order(life.given_up_as_lost(entry)))
            state.unresolved.pop((fact.account, entry.client_order_id), None)
            state.touch_stake(state.trades[key].stake_key, position)
        state.book_read_at[fact.account] = fact.read_at
        for one in fact.searched:
            key = (one.leader, one.leader_order_id, fact.account)
            state.looked_for.add(key)
            state.touch(key, position)
        if awaited:
            for stake_key in state.open_trades:
                if stake_key[1] == fact.account:
                    state.touch_stake(stake_key, position)
        follower = fact.account
        shown = set(fact.tags)
        tags = [tag for who, tag in state.unresolved if who == follower and tag not in shown]
    else:
        follower = fact.follower
        tags = [fact.client_order_id]
    for tag in tags:
        found = state.order_by_tag(follower, tag)
        if found is None:
            continue
        trade, order = found
        since = order.unresolved_at
        if since is None:
            continue
        order = life.missed(order, fact, since + state.settings.policy.absence_window)
        state.put(trade.with_order(order))
        legs_follow(state, trade.key, order)
        state.touch(trade.key, position)
        if not order.is_busy:
            state.unresolved.pop((follower, tag), None)
            state.touch_stake(trade.stake_key, position)  # what waited for it waits no longer


def _unlisted(state: State, fact: BookRead, position: int) -> None:
    for key, order in state.waiting(fact.account) if fact.forever is not None else ():
        after = life.unlisted(order, fact)
        if after is not order:
            state.put(state.trades[key].with_order(after))
            state.touch_stake(state.trades[key].stake_key, position)


def positions_reported(state: State, fact: PositionsReported, at: datetime, position: int) -> None:
    net = {(p.key, p.product): p.net_quantity for p in fact.positions}
    leaders = {rules.name for rules in state.settings.leaders}
    if fact.account in leaders:
        for where in {**state.brought_in, **state.leader_fills}:
            if where[0] == fact.account:
                net.setdefault(where[1:3], 0)
        for (key, product), quantity in net.items():
            legs = sum(units for where, units in state.leader_fills.items() if where[:3] == (fact.account, key, product))
            state.brought_in[fact.account, key, product, None] = quantity - legs
        state.positions_known.add(fact.account)
        return
    before = state.net_positions.get(fact.account)
    state.positions_read_at[fact.account] = fact.read_at
    state.net_positions[fact.account] = net
    held: dict[tuple[InstrumentKey, Product], tuple[int, int]] = {}
    for (_, follower, key, product, _), stake in state.stakes.items():
        if follower == fact.account:
            long, short = held.get((key, product), (0, 0))
            mine = (stake.short, stake.long) if stake.turned else (stake.long, stake.short)
            held[key, product] = (long + mine[0], short + mine[1])
    for (key, product), (long, short) in held.items():
        less = long - short - net.get((key, product), 0)
        # The other side is the user's own, however much of it there is.
        missing = min(less, long) if less > 0 else min(-less, short)
        name = (fact.account, key, product)
        known = state.suspects.get(name)
        if known is not None and _may_be_older(known, missing, fact.read_at):
            continue
        if missing:
            state.suspects[name] = _suspect(state, name, known, missing, 1 if less > 0 else -1, fact.read_at, before)
        else:
            state.suspects.pop(name, None)
    for stake_key in state.open_trades:
        if stake_key[1] == fact.account:
            state.touch_stake(stake_key, position)


def _may_be_older(suspect: Suspect, missing: int, read_at: datetime) -> bool:
    """Whether a read may be from before an order of ours closed what was left: it shows as many then as the ledger now."""
    late = suspect.closed_at is not None and read_at < suspect.closed_at + POSITIONS_LAG
    return late and 0 < suspect.missing - missing <= suspect.closed


def _suspect(
    state: State,
    name: tuple[AccountName, InstrumentKey, Product],
    known: Suspect | None,
    missing: int,
    side: int,
    read_at: datetime,
    before: Mapping[tuple[InstrumentKey, Product], int] | None,
) -> Suspect:
    if known is None or (known.missing, known.side) != (missing, side):
        return Suspect(missing, side, read_at, converted_to=_converted_to(state, name, missing * side, before))
    book = state.book_read_at.get(name[0])
    confirmed = known.confirmed or (book is not None and known.since < book <= read_at)
    late = book is not None and min(book, read_at) - known.since >= state.settings.policy.absence_window
    if not late or book == known.book_read_at or state.is_busy(*name):
        return evolve(known, confirmed=confirmed)
    return evolve(known, confirmed=confirmed, book_read_at=book, books=known.books + 1)


def _converted_to(
    state: State,
    name: tuple[AccountName, InstrumentKey, Product],
    units: int,
    before: Mapping[tuple[InstrumentKey, Product], int] | None,
) -> Product | None:
    """The product that holds exactly so many more than at the read before, or than was copied where there was none: by
    one read, for fills of our own take time to be told."""
    account, key, product = name
    for other in Product:
        now = state.net_positions[account].get((key, other), 0)
        owned = sum(stake.held for where, stake in state.stakes.items() if where[1:4] == (account, key, other))
        had = owned if before is None else before.get((key, other), 0)
        if other is not product and now - had == units and now != owned:
            return other
    return None
