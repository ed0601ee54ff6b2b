"""Forever orders reach Dhan in its own words, and its answers come back as accepted, rejected or unresolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.errors import (
    BrokerError,
    CancellationRejected,
    ModificationRejected,
    OrderStateChanged,
    PlacementRejected,
    RateLimited,
    ReadError,
    Rejected,
)
from dhan_copy.model.order import ForeverLeg, Leg, Limit, Market, OrderStatus, Product, Side, StopLimit, StopMarket, Variety
from dhan_copy.protocols import ForeverOrders
from dhan_copy.testing import DhanServer
from dhan_copy.testing.strategies import prices
from tests.dhan.linked_kit import ANSWERS, TAG, broker_of, cancel, modify, submit
from tests.dhan.servers import CANARY, HttpServer, reply
from tests.testing.exchange_kit import SHARE, instruments

ABOVE = StopLimit(Decimal(410), Decimal(409))
BELOW = StopLimit(Decimal(390), Decimal(389))
STOP = ForeverLeg(terms=BELOW, quantity=7)
FOREVER = submit(ABOVE, side=Side.SELL, product=Product.CNC)
ACCEPTED = reply(200, {"orderId": "112111182198", "orderStatus": "PENDING"})
CALLS: dict[str, tuple[Callable[[DhanBroker, str], object], type[Rejected]]] = {
    "submit": (lambda broker, _: broker.submit_forever(FOREVER, STOP), PlacementRejected),
    "modify": (
        lambda broker, order_id: broker.modify_forever(modify(order_id, Leg.STOP, BELOW), oco=True),
        ModificationRejected,
    ),
    "cancel": (lambda broker, order_id: broker.cancel_forever(cancel(order_id)), CancellationRejected),
}

waiting = st.one_of(
    st.tuples(*[st.builds(StopLimit, trigger=prices(), price=prices())] * 2),
    st.tuples(*[st.builds(StopMarket, trigger=prices())] * 2),
)


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        running.set_price("NSE_EQ", "11630", 400)
        yield running


@pytest.fixture
def mute(http_server: HttpServer) -> DhanBroker:
    return DhanAccount("1000000001", CANARY, base_url=http_server.url).broker()


def test_it_takes_forever_orders(mute: DhanBroker) -> None:
    checked: ForeverOrders = mute
    assert isinstance(checked, ForeverOrders)


def exact(terms: StopLimit | StopMarket) -> tuple[str, float, float]:
    if isinstance(terms, StopLimit):
        return "LIMIT", float(terms.price), float(terms.trigger)
    return "MARKET", 0.0, float(terms.trigger)


@settings(max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    terms=waiting,
    pair=st.booleans(),
    side=st.sampled_from(Side),
    quantities=st.tuples(*[st.integers(1, 10**6)] * 2),
)
def test_l10_an_order_is_placed_as_it_was_asked_for(
    http_server: HttpServer,
    mute: DhanBroker,
    terms: tuple[StopLimit | StopMarket, StopLimit | StopMarket],
    pair: bool,
    side: Side,
    quantities: tuple[int, int],
) -> None:
    http_server.plan(ACCEPTED)
    stop = ForeverLeg(terms=terms[1], quantity=quantities[1]) if pair else None
    request = submit(terms[0], side=side, product=Product.CNC, quantity=quantities[0])
    assert mute.submit_forever(request, stop) == "112111182198"
    sent = http_server.requests[-1]
    assert (sent.method, sent.path) == ("POST", "/v2/forever/orders")
    kind, price, trigger = exact(terms[0])
    _, price1, trigger1 = exact(terms[1]) if pair else ("", 0.0, 0.0)
    assert sent.json == {
        "dhanClientId": "1000000001",
        "correlationId": TAG,
        "orderFlag": "OCO" if pair else "SINGLE",
        "transactionType": side.value,
        "exchangeSegment": "NSE_EQ",
        "productType": "CNC",
        "orderType": kind,
        "validity": "DAY",
        "securityId": "11630",
        "quantity": quantities[0],
        "disclosedQuantity": 0,
        "price": price,
        "triggerPrice": trigger,
        "price1": price1,
        "triggerPrice1": trigger1,
        "quantity1": quantities[1] if pair else 0,
    }


@pytest.mark.parametrize(
    ("leg", "oco", "name"),
    [
        (Leg.ENTRY, False, "TARGET_LEG"),
        (Leg.TARGET, False, "TARGET_LEG"),
        (Leg.STOP, False, "TARGET_LEG"),
        (Leg.TARGET, True, "TARGET_LEG"),
        (Leg.STOP, True, "STOP_LOSS_LEG"),
    ],
)
def test_a_leg_is_changed_by_name(http_server: HttpServer, mute: DhanBroker, leg: Leg, oco: bool, name: str) -> None:
    http_server.plan(ACCEPTED)
    mute.modify_forever(modify("112111182198", leg, BELOW), oco=oco)
    [sent] = http_server.requests
    assert (sent.method, sent.path) == ("PUT", "/v2/forever/orders/112111182198")
    assert sent.json == {
        "dhanClientId": "1000000001", "orderId": "112111182198", "orderFlag": "OCO" if oco else "SINGLE",
        "orderType": "LIMIT", "legName": name, "quantity": 20, "disclosedQuantity": 0, "price": 389.0,
        "triggerPrice": 390.0, "validity": "DAY",
    }  # fmt: skip


@pytest.mark.parametrize(
    "call",
    [
        lambda broker: broker.submit_forever(submit(Limit(Decimal(400)), product=Product.CNC)),
        lambda broker: broker.submit_forever(submit(Market(), product=Product.CNC)),
        lambda broker: broker.submit_forever(FOREVER, ForeverLeg(terms=StopMarket(Decimal(390)), quantity=1)),
        lambda broker: broker.submit_forever(submit(ABOVE, client_order_id="a.b")),
        lambda broker: broker.modify_forever(modify("1"), oco=False),
        lambda broker: broker.modify_forever(modify("1 2", terms=ABOVE), oco=False),
        lambda broker: broker.cancel_forever(cancel("1/2")),
    ],
)
def test_what_cannot_be_said_never_leaves(
    http_server: HttpServer, mute: DhanBroker, call: Callable[[DhanBroker], object]
) -> None:
    with pytest.raises(Rejected):
        call(mute)
    assert http_server.requests == []


class TestAgainstTheServer:
    def test_l10_a_pair_is_placed_listed_changed_and_cancelled(self, server: DhanServer) -> None:
        broker = broker_of(server)
        order_id = broker.submit_forever(FOREVER, STOP)
        target, stop = broker.forever()
        assert [(r.order_id, r.leg, r.terms, r.quantity, r.status, r.filled_quantity) for r in (target, stop)] == [
            (order_id, Leg.TARGET, ABOVE, 10, OrderStatus.CONFIRM, 0),
            (order_id, Leg.STOP, BELOW, 7, OrderStatus.CONFIRM, 0),
        ]
        assert {(r.variety, r.side, r.product, r.client_order_id) for r in (target, stop)} == {
            (Variety.FOREVER, Side.SELL, Product.CNC, None)
        }
        moved = StopLimit(Decimal(391), Decimal("390.5"))
        broker.modify_forever(modify(order_id, Leg.STOP, moved), oco=True)
        assert [(r.terms, r.quantity) for r in broker.forever()] == [(ABOVE, 10), (moved, 20)]
        broker.cancel_forever(cancel(order_id))
        assert {r.status for r in broker.forever()} == {OrderStatus.CANCELLED}
        with pytest.raises(OrderStateChanged):
            broker.cancel_forever(cancel(order_id))

    def test_l10_a_single_one_fires_as_an_order_that_is_not_to_be_copied_again(self, server: DhanServer) -> None:
        broker, me = broker_of(server), server.accounts[0].client_id
        order_id = broker.submit_forever(submit(StopMarket(Decimal(410)), side=Side.SELL, product=Product.CNC))
        [single] = broker.forever()
        assert (single.leg, single.terms) == (Leg.ENTRY, StopMarket(Decimal(410)))
        assert broker.orders() == []
        server.set_price("NSE_EQ", "11630", 411)
        [child] = broker.orders()
        assert (child.variety, child.client_order_id, child.terms) == (Variety.FOREVER, None, Limit(Decimal("406.85")))
        assert child.order_id != order_id
        assert [report.status for report in broker.forever()] == [OrderStatus.TRADED]
        assert server.exchange.position(me, SHARE, Product.CNC) == -10

    def test_a_pair_that_has_one_row_is_seen_to_be_a_pair(self, server: DhanServer) -> None:
        server.dialect.forever_pair_rows = 1
        broker = broker_of(server)
        broker.submit_forever(FOREVER, STOP)
        assert [report.leg for report in broker.forever()] == [Leg.TARGET]

    def test_what_dhan_refuses(self, server: DhanServer) -> None:
        broker = broker_of(server)
        with pytest.raises(PlacementRejected) as caught:
            broker.submit_forever(submit(ABOVE, side=Side.SELL))
        assert caught.value.code == "DH-905"
        with pytest.raises(ModificationRejected):
            broker.modify_forever(modify("999", terms=ABOVE), oco=False)

    def test_limits_count_these_too(self, server: DhanServer) -> None:
        server.set_limits(((2, 3600.0),))
        broker = broker_of(server)
        order_id = broker.submit_forever(FOREVER)
        broker.modify_forever(modify(order_id, terms=ABOVE), oco=False)
        with pytest.raises(RateLimited):
            broker.cancel_forever(cancel(order_id))

    @pytest.mark.parametrize("body", ["[1]", "[{}]", "{}", "", '[{"orderType":"SINGLE"}]'])
    def test_an_unreadable_list_is_no_empty_one(self, server: DhanServer, body: str) -> None:
        broker = broker_of(server)
        server.refuse(200, body)
        with pytest.raises(ReadError):
            broker.forever()
        server.refuse(500, "")
        with pytest.raises(ReadError):
            broker.forever()
        assert broker.forever() == []

    def test_a_row_of_another_list_is_refused(self, server: DhanServer) -> None:
        broker = broker_of(server)
        broker.submit(submit())
        server.refuse(200, str([server.order_row("1000000001", server.exchange.orders("1000000001")[0].order_id)])
                      .replace("'", '"').replace("False", "false"))  # fmt: skip
        with pytest.raises(ReadError, match="SINGLE or OCO"):
            broker.forever()


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("call", CALLS)
def test_every_answer_means_what_it_means_for_any_order(server: DhanServer, call: str, name: str) -> None:
    order_id = broker_of(server).submit_forever(FOREVER, STOP)
    ask, own = CALLS[call]
    fault, error = ANSWERS[name]
    broker = broker_of(server, timeout_seconds=0.5 if name == "timed out" else 20.0)
    server.plan_fault(fault)
    with pytest.raises(BrokerError) as caught:
        ask(broker, order_id)
    assert type(caught.value) is (error or own)
    assert len(server.requests()) == 2
