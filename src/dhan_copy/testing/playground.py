"""A leader, followers and an exchange in one process: try what copying does, without an account and without waiting."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from datetime import datetime
from decimal import Decimal

from attrs import evolve

from dhan_copy.config import Follower, Leader
from dhan_copy.core.facts import CopyMode
from dhan_copy.core.rules import Override, Rules
from dhan_copy.core.settings import Policy
from dhan_copy.display import Table
from dhan_copy.engine import CopyEngine
from dhan_copy.errors import ValidationError
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import Leg, Limit, Market, Product, Side, StopLimit, StopMarket, Terms, Validity
from dhan_copy.model.times import ist
from dhan_copy.protocols import PositionSizer, Store
from dhan_copy.stores.memory import MemoryStore
from dhan_copy.testing.clock import VirtualClock
from dhan_copy.testing.exchange import SimulatedExchange
from dhan_copy.testing.linked_broker import FakeLinkedBroker
from dhan_copy.testing.orders import Instrument, NewOrder, SimulatedOrder
from dhan_copy.testing.source import FakeSource

Price = Decimal | str | int
_OPENING = ist(datetime(2026, 9, 1, 9, 30))
_OPTION = re.compile(r"\b(CE|PE)$")
_FUTURE = re.compile(r"\bFUT$")
_FIRST_SECURITY_ID = 50_001


class _LabStore(MemoryStore):
    """Memory that outlives the engine: the playground keeps it over a restart."""

    durable = True


class LeaderOrderHandle:
    """An order of the leader: change it, take it back, or have it fill."""

    def __init__(self, lab: Playground, order: SimulatedOrder) -> None:
        self._lab = lab
        self._account = order.account
        self.id = order.book_id

    @property
    def now(self) -> SimulatedOrder:
        """The order as the exchange knows it now."""
        return self._lab.exchange.order(self._account, self.id)

    @property
    def target(self) -> LeaderOrderHandle:
        """The leg that takes the profit; ValidationError where there is none yet."""
        return self._leg(Leg.TARGET)

    @property
    def stop(self) -> LeaderOrderHandle:
        """The leg that stops the loss; ValidationError where there is none yet."""
        return self._leg(Leg.STOP)

    def modify(
        self,
        *,
        lots: int | None = None,
        quantity: int | None = None,
        price: Price | None = None,
        trigger: Price | None = None,
    ) -> LeaderOrderHandle:
        """Change the order; what is not named stays. ``lots`` or ``quantity`` is the new total. A target is moved by its
        ``price``, a stop by its ``trigger``."""
        now = self.now
        if now.is_super:
            return self._modify_super(now, lots, quantity, price, trigger)
        total = now.quantity if lots is None and quantity is None else self._lab.units(now.key, lots, quantity)
        new_price = now.price if price is None else price
        new_trigger = now.trigger if trigger is None else trigger
        self._lab.exchange.modify(
            self._account,
            self.id,
            quantity=total,
            terms=StopMarket(Decimal(trigger)) if trigger and now.leg is Leg.STOP else _terms(new_price, new_trigger),
            validity=now.validity,
            disclosed_quantity=now.disclosed_quantity,
        )
        return self

    def cancel(self) -> LeaderOrderHandle:
        """Take the order back: an entry that has not traded takes its legs with it."""
        now = self.now
        if now.is_super:
            self._lab.exchange.linked.cancel(self._account, now.order_id, now.leg)
        else:
            self._lab.exchange.cancel(self._account, self.id)
        return self

    def fill(self, lots: int | None = None, *, quantity: int | None = None, price: Price | None = None) -> LeaderOrderHandle:
        """Have the exchange trade a part of it (default: the rest)."""
        whole = lots is None and quantity is None
        units = None if whole else self._lab.units(self.now.key, lots, quantity)
        self._lab.exchange.fill(self._account, self.id, units, price)
        return self

    def _leg(self, leg: Leg) -> LeaderOrderHandle:
        for order in self._lab.exchange.linked.legs(self._account, self.now.order_id):
            if order.leg is leg:
                return LeaderOrderHandle(self._lab, order)
        raise ValidationError(
            f"order {self.id} has no {leg.value.lower()}", advice="A bracket order has its legs once it trades."
        )

    def _modify_super(
        self, now: SimulatedOrder, lots: int | None, quantity: int | None, price: Price | None, trigger: Price | None
    ) -> LeaderOrderHandle:
        linked, total, terms = self._lab.exchange.linked, None, None
        bracket = self._lab.exchange.order(self._account, now.order_id).bracket
        if now.leg is Leg.ENTRY:
            total = now.quantity if lots is None and quantity is None else self._lab.units(now.key, lots, quantity)
            terms = now.terms if price is None else Limit(Decimal(price))
        elif now.leg is Leg.TARGET and price is not None and bracket is not None:
            bracket = evolve(bracket, target=Decimal(price))
        elif now.leg is Leg.STOP and trigger is not None and bracket is not None:
            bracket = evolve(bracket, stop=Decimal(trigger))
        else:
            raise ValidationError("a target has a price, and a stop a trigger")
        linked.modify(self._account, now.order_id, now.leg, bracket, quantity=total, terms=terms)
        return self

    def __repr__(self) -> str:
        now = self.now
        return f"<{now.side.value} {now.quantity} {now.status.value}, {now.filled_quantity} filled, id {self.id}>"


class LabLeader:
    """The leader's hands."""

    def __init__(self, lab: Playground, name: str) -> None:
        self._lab = lab
        self.name = name

    def buy(
        self,
        symbol: str,
        lots: int | None = None,
        *,
        quantity: int | None = None,
        price: Price | None = None,
        trigger: Price | None = None,
        product: Product | str | None = None,
        validity: Validity | str = Validity.DAY,
        target: Price | None = None,
        stop: Price | None = None,
        trailing: Price | None = None,
    ) -> LeaderOrderHandle:
        """Place a buy order: at the market, or at ``price``, or as a stop with ``trigger`` and ``price`` (rupees).

        Give ``lots`` or ``quantity`` (units); ``product`` is INTRADAY for derivatives and CNC for shares by default.
        With ``target`` or ``stop`` (prices) it is a super order, whose stop follows the price by jumps of ``trailing``
        rupees; with product BO a bracket order, with product CO and a stop a cover order.
        """
        legs = _bracket(target, stop, trailing)
        return self._place(Side.BUY, symbol, lots, quantity, price, trigger, product, validity, legs)

    def sell(
        self,
        symbol: str,
        lots: int | None = None,
        *,
        quantity: int | None = None,
        price: Price | None = None,
        trigger: Price | None = None,
        product: Product | str | None = None,
        validity: Validity | str = Validity.DAY,
        target: Price | None = None,
        stop: Price | None = None,
        trailing: Price | None = None,
    ) -> LeaderOrderHandle:
        """Place a sell order; as :meth:`buy`."""
        legs = _bracket(target, stop, trailing)
        return self._place(Side.SELL, symbol, lots, quantity, price, trigger, product, validity, legs)

    def _place(
        self,
        side: Side,
        symbol: str,
        lots: int | None,
        quantity: int | None,
        price: Price | None,
        trigger: Price | None,
        product: Product | str | None,
        validity: Validity | str,
        legs: Bracket | None,
    ) -> LeaderOrderHandle:
        key = self._lab.instrument(symbol)
        if product is None:
            product = Product.CNC if key.segment.is_equity else Product.INTRADAY
        new = NewOrder(
            key=key,
            side=side,
            quantity=self._lab.units(key, lots, quantity),
            terms=_terms(price, trigger),
            product=Product(product),
            validity=Validity(validity),
        )
        return LeaderOrderHandle(self._lab, self._taken(new, legs))

    def _taken(self, new: NewOrder, legs: Bracket | None) -> SimulatedOrder:
        exchange = self._lab.exchange
        if new.product is Product.CO:
            if legs is None or legs.stop is None or legs.target is not None:
                raise ValidationError("a cover order has a stop, and no target")
            return exchange.linked.place_cover(self.name, new, legs.stop)
        if new.product is Product.BO:
            price = new.terms.price if isinstance(new.terms, Limit) else exchange.last_price(new.key)
            if legs is None or legs.trailing_jump is not None or price is None:
                raise ValidationError("a bracket order has a target or a stop, and does not trail here")
            profit, loss = (None if at is None else abs(at - price) for at in (legs.target, legs.stop))
            return exchange.linked.place_bracket(self.name, new, profit=profit, stop=loss)
        return exchange.place(self.name, new) if legs is None else exchange.linked.place_super(self.name, new, legs)


class Playground:
    """The real engine on a simulated exchange, on virtual time and without threads.

    ``followers`` maps names to sizes (a sizer, or a ratio as text), or to ``Rules`` with a size and what else holds for
    the follower; ``rules``, ``overrides``, ``mode`` and ``reverse`` hold for all of them. They are live: their orders go to the simulated
    exchange. A symbol that was not seen before is made up: options and futures (``"NIFTY 22500 CE"``, ``"NIFTY FUT"``)
    with a lot of 75, everything else as shares; all with a tick of 0.05 and a price of 100 rupees.
    """

    def __init__(
        self,
        followers: Mapping[str, PositionSizer | str | Rules],
        *,
        leader: str = "LEADER",
        policy: Policy = Policy(),
        rules: Rules = Rules(),
        overrides: Sequence[Override] = (),
        store: Store | None = None,
        start: datetime = _OPENING,
        mode: CopyMode = CopyMode.ORDER,
        reverse: bool = False,
    ) -> None:
        self.clock = VirtualClock(start)
        self.exchange = SimulatedExchange(self.clock, [leader, *followers])
        self.leader = LabLeader(self, leader)
        self.brokers = {name: FakeLinkedBroker(self.exchange, name) for name in followers}
        self.sources: dict[str, FakeSource] = {}
        self._sizes = {name: size if isinstance(size, Rules) else Rules(size=size) for name, size in followers.items()}
        self._rules, self._overrides = rules, overrides
        self._policy, self._mode, self._reverse = policy, mode, reverse
        self._store = _LabStore() if store is None else store
        self._instruments: dict[str, InstrumentKey] = {}
        self.engine = self._new_engine()

    def step(self) -> Table:
        """Let the engine see what happened, act, and see what came of that; returns what happened."""
        return self.engine.step()

    def advance(self, seconds: float) -> Table:
        """Let time pass, with a step whenever the engine wants one and one at the end; returns the last one's table."""
        end = self.clock.monotonic() + seconds
        while (due := self.engine.due) is not None and due < end:
            self.clock.advance(max(due - self.clock.monotonic(), 0.01))
            self.engine.step()
        self.clock.advance(max(end - self.clock.monotonic(), 0.0))
        return self.engine.step()

    def price(self, symbol: str, price: Price, *, available: int | None = None) -> None:
        """Move the market: resting orders that it reaches fill, the oldest first and ``available`` units at most, and stops
        that it passes trigger."""
        self.exchange.set_price(self.instrument(symbol), Decimal(price), available)

    def restart(self) -> None:
        """Stop the engine and start another one on the same journal."""
        self.engine.stop()
        self.engine = self._new_engine()

    def orders(self) -> Table:
        return self.engine.orders()

    def trees(self) -> Table:
        return self.engine.trees()

    def decisions(self) -> Table:
        return self.engine.decisions()

    def drift(self) -> Table:
        return self.engine.drift()

    def status(self) -> Table:
        return self.engine.status()

    def explain(self, order: LeaderOrderHandle | str) -> Table:
        """The journal of one leader order, in sentences."""
        return self.engine.explain(order if isinstance(order, str) else order.id)

    def instrument(self, symbol: str) -> InstrumentKey:
        """The instrument with this symbol; made up when it is new."""
        known = self._instruments.get(symbol)
        if known is not None:
            return known
        derivative = _OPTION.search(symbol) or _FUTURE.search(symbol)
        segment = ExchangeSegment.NSE_FNO if derivative else ExchangeSegment.NSE_EQ
        option = _OPTION.search(symbol)
        kind = InstrumentKind.OPTIDX if option else InstrumentKind.FUTIDX if derivative else InstrumentKind.EQUITY
        key = InstrumentKey(segment, SecurityId(str(_FIRST_SECURITY_ID + len(self._instruments))))
        self.exchange.add_instrument(
            Instrument(
                key=key,
                facts=InstrumentFacts(75 if derivative else 1, Decimal("0.05"), kind),
                symbol=symbol,
                display_name=symbol,
                option_type=option[1] if option else "XX",
            )
        )
        self.exchange.set_price(key, Decimal(100))
        self._instruments[symbol] = key
        return key

    def units(self, key: InstrumentKey, lots: int | None, quantity: int | None) -> int:
        """Units of the exchange for so many lots, or for a quantity as it is."""
        if (lots is None) == (quantity is None):
            raise ValidationError("give lots= or quantity=, and not both")
        if quantity is not None:
            return quantity
        assert lots is not None
        return lots * self.exchange.instrument(key).facts.lot_units

    def _new_engine(self) -> CopyEngine:
        name = self.leader.name
        self.sources = {
            each: FakeSource(self.exchange, each, linked=True, forever=each == name) for each in (name, *self._sizes)
        }
        return CopyEngine(
            leaders=[Leader(name, source=self.sources[name])],
            followers=[
                Follower(
                    each,
                    rules=size,
                    broker=self.brokers[each],
                    source=self.sources[each],
                    live=True,
                    mode=self._mode,
                    reverse=self._reverse,
                )  # fmt: skip
                for each, size in self._sizes.items()
            ],
            store=self._store,
            policy=self._policy,
            rules=self._rules,
            overrides=self._overrides,
            clock=self.clock,
        )

    def __repr__(self) -> str:
        return f"Playground(leader {self.leader.name}, followers {', '.join(self._sizes)})"


def _bracket(target: Price | None, stop: Price | None, trailing: Price | None) -> Bracket | None:
    prices = [None if each is None else Decimal(each) for each in (target, stop, trailing)]
    if prices == [None] * 3:
        return None
    if prices[1] is None and (prices[0] is None or prices[2] is not None):
        raise ValidationError("trailing needs a stop")
    return Bracket(target=prices[0], stop=prices[1], trailing_jump=prices[2])


def _terms(price: Price | None, trigger: Price | None) -> Terms:
    if trigger is None:
        return Market() if price is None else Limit(Decimal(price))
    if price is None:
        raise ValidationError("a stop needs a price as well: stop-market orders are not copied yet")
    return StopLimit(Decimal(trigger), Decimal(price))
