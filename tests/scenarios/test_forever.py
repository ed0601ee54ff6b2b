"""Forever orders (GTT), over the real client and the local server: L10."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from decimal import Decimal

import pytest

from dhan_copy import Policy
from dhan_copy.model.order import ForeverLeg, Leg, OrderStatus, Product, Side, StopLimit
from dhan_copy.testing import DhanServer, NewOrder, RequestKind, SimulatedExchange
from dhan_copy.testing.forever import ForeverOrder
from dhan_copy.testing.server import HttpFault
from tests.scenarios.kit import F, LEADER, SHARE, Wire

QUICK = Policy(
    sweep_open=timedelta(milliseconds=300), sweep_idle=timedelta(milliseconds=300), retry_after=timedelta(milliseconds=100),
    positions_every=timedelta(milliseconds=300),
)  # fmt: skip
Opener = Callable[..., Wire]


def at(trigger: int, price: int) -> StopLimit:
    return StopLimit(Decimal(trigger), Decimal(price))


def place(
    wire: Wire, *, side: Side = Side.BUY, units: int = 20, stop: ForeverLeg | None = None, terms: StopLimit = at(90, 91)
) -> str:
    new = NewOrder(key=SHARE, side=side, quantity=units, terms=terms, product=Product.CNC)
    return wire.exchange.forever.place(LEADER, new, stop)[0].order_id


def waiting(wire: Wire, account: str = F) -> list[ForeverOrder]:
    return [leg for leg in wire.exchange.forever.orders(account) if leg.is_working]


def stands(wire: Wire) -> list[tuple[Leg, int, StopLimit]]:
    """The follower's Forever orders: leg, quantity, terms."""
    return [(leg.leg, leg.quantity, leg.terms) for leg in waiting(wire)]  # type: ignore[misc]


def holding(wire: Wire) -> None:
    """20 at the leader and 10 at the follower, by copying."""
    order = wire.place(Side.BUY, 20, at(90, 91), key=SHARE, product=Product.CNC)
    wire.until(lambda: wire.row(order)["state"] == "WORKING")
    wire.exchange.fill(LEADER, order)
    wire.exchange.fill(F, wire.copies()[0].order_id)
    wire.until(lambda: wire.row(order)["state"] == "FILLED" and wire.row(order)["filled"] == 20)


@pytest.mark.parametrize("listed", [OrderStatus.TRADED, None], ids=["listed as traded", "no longer listed"])
def test_l10_a_single_one_is_copied_and_what_it_places_when_it_fires_is_not_copied_again_over_the_wire(
    wires: Opener, listed: OrderStatus | None
) -> None:
    def prepare(exchange: SimulatedExchange) -> None:
        exchange.unwritten.fired_forever = listed

    wire = wires(policy=QUICK, prepare=prepare)
    order = place(wire)
    wire.until(lambda: stands(wire) == [(Leg.ENTRY, 10, at(90, 91))])
    assert "/forever/orders" in wire.paths("POST")
    wire.exchange.set_price(SHARE, 90)
    assert (wire.exchange.position(LEADER, SHARE, Product.CNC), wire.exchange.position(F, SHARE, Product.CNC)) == (20, 10)
    wire.until(lambda: wire.row(order)["state"] == "FILLED")
    wire.settle()
    assert wire.exchange.position(F, SHARE, Product.CNC) == 10
    assert [o.platform for o in wire.exchange.orders(F) if o.key == SHARE] == ["FOVR"], "only what its own placed"
    assert wire.alerts == []


def test_l10_a_pair_that_closes_a_holding_is_copied_as_a_pair_over_the_wire(wires: Opener) -> None:
    wire = wires(policy=QUICK)
    holding(wire)
    order = place(wire, side=Side.SELL, terms=at(120, 119), stop=ForeverLeg(terms=at(80, 79), quantity=20))
    wire.until(lambda: stands(wire) == [(Leg.TARGET, 10, at(120, 119)), (Leg.STOP, 10, at(80, 79))])
    wire.exchange.set_price(SHARE, 120)
    wire.until(lambda: wire.row(order)["state"] == "FILLED")
    wire.settle()
    assert wire.exchange.position(F, SHARE, Product.CNC) == 0 and waiting(wire) == []
    assert wire.alerts == []


def test_l10_it_is_modified_and_cancelled_with_the_leaders_over_the_wire(wires: Opener) -> None:
    wire = wires(policy=QUICK)
    order = place(wire)
    wire.until(lambda: stands(wire) == [(Leg.ENTRY, 10, at(90, 91))])
    wire.exchange.forever.modify(LEADER, order, quantity=40, terms=at(85, 86))
    wire.until(lambda: stands(wire) == [(Leg.ENTRY, 20, at(85, 86))])
    wire.exchange.forever.cancel(LEADER, order)
    wire.until(lambda: waiting(wire) == [])
    assert {request.kind for request in wire.exchange.requests if request.account == F} == set(RequestKind)
    assert wire.alerts == []


def test_l10_the_leaders_fires_while_nobody_hears_of_it_over_the_wire(wires: Opener) -> None:
    """The row of what it placed names no parent: it is told by what is no longer waiting."""
    wire = wires(policy=QUICK)
    order = place(wire)
    wire.until(lambda: len(waiting(wire)) == 1)
    wire.withhold_news(LEADER)
    wire.withhold_news(F)
    wire.exchange.set_price(SHARE, 90)
    wire.until(lambda: wire.row(order)["state"] == "FILLED")
    assert wire.exchange.position(F, SHARE, Product.CNC) == 10
    assert [o.platform for o in wire.exchange.orders(F) if o.key == SHARE] == ["FOVR"]


def test_l10_without_the_list_of_forever_orders_the_rest_is_copied_and_an_alarm_says_what_is_missing_over_the_wire(
    wires: Opener,
) -> None:
    def refuse(server: DhanServer) -> dict[str, object]:
        server.plan_fault(HttpFault(account=LEADER, path="/forever/orders", count=10_000, execute=False, status=404, body=""))
        return {}

    wire = wires(policy=QUICK, lines={LEADER: refuse}, silence_seconds=0.6)
    assert place(wire)
    wire.until(lambda: [a for a in wire.alerts if "list of Forever orders is missing" in a.known])
    plain = wire.buy(150)
    wire.until(lambda: wire.row(plain)["state"] == "FILLED")
    wire.exchange.set_price(SHARE, 90)
    wire.settle()
    assert wire.exchange.position(F, SHARE, Product.CNC) == 0, "what is not known to be copied is not copied when it fires"
