"""Reads the bodies of requests about super and Forever orders, and refuses what Dhan refuses."""

from __future__ import annotations

from collections.abc import Mapping
from decimal import Decimal

from attrs import evolve, frozen

from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import ForeverLeg, Leg, Limit, Market, StopLimit, StopMarket, Terms
from dhan_copy.testing.orders import NewOrder
from dhan_copy.testing.server.answers import DhanError
from dhan_copy.testing.server.dialect import REST_LEGS, Dialect
from dhan_copy.testing.server.inputs import amount, check_client, read_new_order, units

_LEGS = {name: leg for leg, name in REST_LEGS.items()}


@frozen
class NewSuper:
    entry: NewOrder
    bracket: Bracket


@frozen
class SuperChange:
    """A modification of one leg: of the ENTRY all of it, of an exit the bracket alone."""

    leg: Leg
    bracket: Bracket | None
    quantity: int | None = None
    terms: Terms | None = None


@frozen
class NewForever:
    order: NewOrder
    stop: ForeverLeg | None


@frozen
class ForeverChange:
    leg: Leg
    quantity: int
    terms: StopLimit | StopMarket
    disclosed_quantity: int


def read_leg(name: object) -> Leg:
    """ENTRY_LEG, TARGET_LEG or STOP_LOSS_LEG."""
    leg = _LEGS.get(name) if isinstance(name, str) else None
    if leg is None:
        raise DhanError("DH-905", "Invalid legName")
    return leg


def read_new_super(body: Mapping[str, object], account: str, dialect: Dialect) -> NewSuper:
    """The order that a body of POST /super/orders asks for: without validity and trigger, and for a market order
    without a price ("Invalid Price for orderType", received in 2026)."""
    terms = _entry_terms(body)
    entry = read_new_order({**body, "validity": "DAY", "triggerPrice": 0}, account)
    target, stop, jump = (amount(body, name) for name in ("targetPrice", "stopLossPrice", "trailingJump"))
    if (dialect.super_needs_both and not (target and stop)) or not (target or stop) or (jump and not stop):
        raise DhanError("DH-905", "Missing required fields, bad values for parameters: targetPrice, stopLossPrice")
    return NewSuper(evolve(entry, terms=terms), bracket_of(target, stop, jump))


def read_super_change(body: Mapping[str, object], account: str, now: Bracket | None) -> SuperChange:
    """What a body of PUT /super/orders/{id} asks for. Of an entry a leg whose price is left out stays as it is in
    ``now``; a jump that is 0 or left out ends trailing."""
    check_client(body, account)
    leg = read_leg(body.get("legName"))
    target, stop, jump = (amount(body, name) for name in ("targetPrice", "stopLossPrice", "trailingJump"))
    if leg is Leg.ENTRY:
        target = target or (now.target if now is not None and now.target is not None else Decimal(0))
        stop = stop or (now.stop if now is not None and now.stop is not None else Decimal(0))
        bracket = bracket_of(target, stop, jump) if target or stop else None
        return SuperChange(leg, bracket, units(body, "quantity", least=1), _entry_terms(body))
    if not (target if leg is Leg.TARGET else stop):
        raise DhanError("DH-905", f"Invalid {'targetPrice' if leg is Leg.TARGET else 'stopLossPrice'}")
    if leg is Leg.TARGET:
        return SuperChange(leg, Bracket(target=target))
    return SuperChange(leg, bracket_of(Decimal(0), stop, jump))


def read_new_forever(body: Mapping[str, object], account: str) -> NewForever:
    """The order that a body of POST /forever/orders asks for."""
    flag = body.get("orderFlag")
    if flag not in ("SINGLE", "OCO"):
        raise DhanError("DH-905", "Invalid orderFlag")
    kind = body.get("orderType")
    if kind not in ("LIMIT", "MARKET"):
        raise DhanError("DH-905", "Missing required fields, bad values for parameters: orderType")
    order = evolve(
        read_new_order({**body, "price": body.get("price") or 1, "orderType": "LIMIT"}, account),
        terms=_waiting_terms(body, ""),
    )
    if flag == "SINGLE":
        return NewForever(order, None)
    stop = ForeverLeg(terms=_waiting_terms(body, "1"), quantity=units(body, "quantity1", least=1))
    return NewForever(order, stop)


def read_forever_change(body: Mapping[str, object], account: str) -> ForeverChange:
    """What a body of PUT /forever/orders/{id} asks for: TARGET_LEG is the first leg, or the only one."""
    check_client(body, account)
    leg = read_leg(body.get("legName"))
    if leg is Leg.ENTRY:
        raise DhanError("DH-905", "Invalid legName")
    return ForeverChange(
        leg=leg,
        quantity=units(body, "quantity", least=1),
        terms=_waiting_terms(body, ""),
        disclosed_quantity=units(body, "disclosedQuantity", least=0),
    )


def bracket_of(target: Decimal, stop: Decimal, jump: Decimal) -> Bracket:
    """A bracket of prices of which 0 means none."""
    return Bracket(target=target or None, stop=stop or None, trailing_jump=jump if stop and jump else None)


def _entry_terms(body: Mapping[str, object]) -> Terms:
    kind, price = body.get("orderType"), amount(body, "price")
    if kind not in ("LIMIT", "MARKET"):
        raise DhanError("DH-905", "Missing required fields, bad values for parameters: orderType")
    if bool(price) is (kind == "MARKET"):
        raise DhanError("DH-905", "Invalid Price for orderType")
    return Limit(price) if price else Market()


def _waiting_terms(body: Mapping[str, object], suffix: str) -> StopLimit | StopMarket:
    kind, price, trigger = body.get("orderType"), amount(body, f"price{suffix}"), amount(body, f"triggerPrice{suffix}")
    if not trigger:
        raise DhanError("DH-905", "Invalid Trigger Price for orderType")
    match kind:
        case "LIMIT" | "STOP_LOSS":
            if not price:
                raise DhanError("DH-905", "Invalid Price for orderType")
            return StopLimit(trigger, price)
        case "MARKET" | "STOP_LOSS_MARKET":
            return StopMarket(trigger)
    raise DhanError("DH-905", "Missing required fields, bad values for parameters: orderType")
