"""The state at the opening of a day as text, so that recovery folds one day only."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from fractions import Fraction

from dhan_copy.core.facts import TradingState
from dhan_copy.core.ledger import Stake
from dhan_copy.core.settings import CopierSettings
from dhan_copy.core.state import State
from dhan_copy.model.ids import AccountName, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import Product
from dhan_copy.model.reason import ReasonCode


def dump(state: State) -> str:
    """What a new day begins with: yesterday's orders are over and are not in it."""
    stakes = [
        [*_place(key[2], key[3]), key[0], key[1], stake.long, stake.short, str(stake.ideal), str(stake.uncopied), stake.to_net_off, [[r.name, str(q)] for r, q in stake.declared]]
        for key, stake in state.stakes.items()
    ]
    brought_in = [[*_place(key, product), leader, units] for (leader, key, product), units in state.brought_in.items() if units]
    instruments = [
        [key.segment.value, key.security_id, facts.lot_units, None if facts.tick is None else str(facts.tick),
         None if facts.kind is None else facts.kind.value]
        for key, facts in state.instruments.items()
    ]  # fmt: skip
    return json.dumps(
        {
            "day": state.day,
            "started_at": {account: at.isoformat() for account, at in state.started_at.items()},
            "books_read": sorted(state.books_read),
            "positions_known": sorted(state.positions_known),
            "trading": [[account, trading.value] for account, trading in state.trading.items()],
            "live": state.live,
            "stakes": stakes,
            "brought_in": brought_in,
            "instruments": instruments,
        },
        separators=(",", ":"),
    )


def load(text: str, settings: CopierSettings) -> State:
    """The state that :func:`dump` wrote."""
    data = json.loads(text)
    state = State(settings=settings, day=data["day"])
    state.started_at = {AccountName(name): datetime.fromisoformat(at) for name, at in data["started_at"].items()}
    state.books_read = {AccountName(name) for name in data["books_read"]}
    state.positions_known = {AccountName(name) for name in data["positions_known"]}
    state.live = {AccountName(name): live for name, live in data["live"].items()}
    for account, trading in data["trading"]:
        state.trading[None if account is None else AccountName(account)] = TradingState(trading)
    for segment, security_id, product, leader, follower, long, short, ideal, uncopied, to_net_off, declared in data["stakes"]:
        key = InstrumentKey(ExchangeSegment(segment), SecurityId(security_id))
        state.stakes[AccountName(leader), AccountName(follower), key, Product(product)] = Stake(
            long=long,
            short=short,
            ideal=Fraction(ideal),
            uncopied=Fraction(uncopied),
            to_net_off=to_net_off,
            declared=tuple((ReasonCode[reason], Fraction(quantity)) for reason, quantity in declared),
        )
    for segment, security_id, product, leader, units in data["brought_in"]:
        key = InstrumentKey(ExchangeSegment(segment), SecurityId(security_id))
        state.brought_in[AccountName(leader), key, Product(product)] = units
    for segment, security_id, lot, tick, kind in data["instruments"]:
        key = InstrumentKey(ExchangeSegment(segment), SecurityId(security_id))
        state.instruments[key] = InstrumentFacts(
            lot_units=lot,
            tick=None if tick is None else Decimal(tick),
            kind=None if kind is None else InstrumentKind(kind),
        )
    return state


def _place(key: InstrumentKey, product: Product) -> list[str]:
    return [key.segment.value, key.security_id, product.value]
