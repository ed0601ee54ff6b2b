"""Super orders reach Dhan in its own words, and its answers come back as accepted, rejected or unresolved."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from dhan_copy.dhan.account import DhanAccount
from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.dhan.outcome_table import TABLE, Asked
from dhan_copy.errors import (
    BrokerError,
    CancellationRejected,
    ModificationRejected,
    OrderStateChanged,
    PlacementRejected,
    PriceRejected,
    RateLimited,
    ReadError,
    Rejected,
)
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import (
    Leg,
    Limit,
    Market,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Validity,
    Variety,
)
from dhan_copy.protocols import LinkedOrders
from dhan_copy.testing import DhanServer, Rejection, RejectionWay
from dhan_copy.testing.orders import leg_id
from dhan_copy.testing.strategies import prices
from tests.dhan.linked_kit import ANSWERS, TAG, broker_of, cancel, modify, submit, until
from tests.dhan.servers import CANARY, HttpServer, reply
from tests.testing.exchange_kit import SHARE, instruments

WHOLE = Bracket(target=Decimal(410), stop=Decimal(390), trailing_jump=Decimal(2))
ACCEPTED = reply(200, {"orderId": "112111182198", "orderStatus": "TRANSIT"})
CALLS: dict[str, tuple[Callable[[DhanBroker, str], object], type[Rejected]]] = {
    "submit": (lambda broker, _: broker.submit_super(submit(), WHOLE), PlacementRejected),
    "submit at the market": (lambda broker, _: broker.submit_super(submit(Market()), WHOLE), PlacementRejected),
    "modify": (lambda broker, order_id: broker.modify_leg(modify(order_id), WHOLE), ModificationRejected),
    "cancel": (lambda broker, order_id: broker.cancel_leg(cancel(order_id)), CancellationRejected),
}


@pytest.fixture
def server() -> Iterator[DhanServer]:
    with DhanServer(instruments=instruments()) as running:
        running.set_price("NSE_EQ", "11630", 402, available=0)
        yield running


@pytest.fixture
def mute(http_server: HttpServer) -> DhanBroker:
    """A broker whose server answers as it is told."""
    return DhanAccount("1000000001", CANARY, base_url=http_server.url).broker()


def placed(server: DhanServer, broker: DhanBroker, filled: int = 0) -> str:
    me = server.accounts[0].client_id
    order_id = broker.submit_super(submit(), WHOLE)
    until(lambda: server.exchange.order(me, order_id).status is not OrderStatus.TRANSIT)
    if filled:
        server.fill(me, order_id, filled)
    return order_id


def test_it_takes_linked_orders(mute: DhanBroker) -> None:
    checked: LinkedOrders = mute
    assert isinstance(checked, LinkedOrders)


class TestWords:
    @settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture])
    @given(
        side=st.sampled_from(Side),
        product=st.sampled_from([Product.CNC, Product.INTRADAY, Product.MARGIN, Product.MTF]),
        price=st.none() | prices(),
        target=st.none() | prices(),
        stop=prices(),
        jump=st.none() | prices(),
    )
    def test_l1_an_order_is_placed_as_it_was_asked_for_or_refused_before_it_leaves(
        self,
        http_server: HttpServer,
        mute: DhanBroker,
        side: Side,
        product: Product,
        price: Decimal | None,
        target: Decimal | None,
        stop: Decimal,
        jump: Decimal | None,
    ) -> None:
        http_server.plan(ACCEPTED)
        before = len(http_server.requests)
        bracket = Bracket(target=target, stop=stop, trailing_jump=jump)
        request = submit(Market() if price is None else Limit(price), side=side, product=product)
        try:
            assert mute.submit_super(request, bracket) == "112111182198"
        except PlacementRejected:
            assert price is not None and len(http_server.requests) == before
            above, below = (target, stop) if side is Side.BUY else (stop, target)
            assert (above is not None and above <= price) or (below is not None and below >= price)
            http_server.steps.clear()
            return
        sent = http_server.requests[-1]
        assert (sent.method, sent.path) == ("POST", "/v2/super/orders")
        assert sent.json == {
            "dhanClientId": "1000000001",
            "correlationId": TAG,
            "transactionType": side.value,
            "exchangeSegment": "NSE_EQ",
            "productType": product.value,
            "orderType": "MARKET" if price is None else "LIMIT",
            "securityId": "11630",
            "quantity": 10,
            "price": float(price or 0),
            "targetPrice": float(target or 0),
            "stopLossPrice": float(stop),
            "trailingJump": float(jump or 0),
        }

    @pytest.mark.parametrize(
        ("leg", "bracket", "body"),
        [
            (
                Leg.ENTRY,
                WHOLE,
                {
                    "orderType": "LIMIT", "quantity": 20, "price": 401.0, "targetPrice": 410.0, "stopLossPrice": 390.0,
                    "trailingJump": 2.0,
                },
            ),
            (
                Leg.ENTRY,
                None,
                {
                    "orderType": "LIMIT", "quantity": 20, "price": 401.0, "targetPrice": 0.0, "stopLossPrice": 0.0,
                    "trailingJump": 0.0,
                },
            ),
            (Leg.TARGET, WHOLE, {"targetPrice": 410.0}),
            (Leg.STOP, WHOLE, {"stopLossPrice": 390.0, "trailingJump": 2.0}),
            (Leg.STOP, Bracket(stop=Decimal(391)), {"stopLossPrice": 391.0, "trailingJump": 0.0}),
        ],
    )  # fmt: skip
    def test_l6_a_leg_is_changed_by_what_it_is(
        self, http_server: HttpServer, mute: DhanBroker, leg: Leg, bracket: Bracket | None, body: dict[str, object]
    ) -> None:
        http_server.plan(ACCEPTED)
        mute.modify_leg(modify("112111182198", leg), bracket)
        [sent] = http_server.requests
        assert (sent.method, sent.path) == ("PUT", "/v2/super/orders/112111182198")
        names = {Leg.ENTRY: "ENTRY_LEG", Leg.TARGET: "TARGET_LEG", Leg.STOP: "STOP_LOSS_LEG"}
        assert sent.json == {
            **body, "dhanClientId": "1000000001", "orderId": "112111182198", "legName": names[leg],
        }  # fmt: skip

    @pytest.mark.parametrize(
        ("leg", "name"), [(Leg.ENTRY, "ENTRY_LEG"), (Leg.TARGET, "TARGET_LEG"), (Leg.STOP, "STOP_LOSS_LEG")]
    )
    def test_l7_a_leg_is_cancelled_by_name(self, http_server: HttpServer, mute: DhanBroker, leg: Leg, name: str) -> None:
        http_server.plan(reply(202, {"orderId": "112111182198", "orderStatus": "CANCELLED"}))
        mute.cancel_leg(cancel("112111182198", leg))
        [sent] = http_server.requests
        assert (sent.method, sent.path, sent.body) == ("DELETE", f"/v2/super/orders/112111182198/{name}", b"")

    @pytest.mark.parametrize(
        "call",
        [
            lambda broker: broker.submit_super(submit(product=Product.BO), WHOLE),
            lambda broker: broker.submit_super(submit(StopLimit(Decimal(400), Decimal(400))), WHOLE),
            lambda broker: broker.submit_super(submit(validity=Validity.IOC), WHOLE),
            lambda broker: broker.submit_super(submit(disclosed_quantity=4), WHOLE),
            lambda broker: broker.submit_super(submit(client_order_id="a b"), WHOLE),
            lambda broker: broker.modify_leg(modify("1", terms=StopMarket(Decimal(400))), WHOLE),
            lambda broker: broker.modify_leg(modify("1", Leg.TARGET), Bracket(stop=Decimal(390))),
            lambda broker: broker.modify_leg(modify("1", Leg.STOP), Bracket(target=Decimal(410))),
            lambda broker: broker.modify_leg(modify("1", Leg.STOP), None),
            lambda broker: broker.modify_leg(modify("1/../2"), WHOLE),
            lambda broker: broker.cancel_leg(cancel("1?x")),
        ],
    )
    def test_what_cannot_be_said_never_leaves(
        self, http_server: HttpServer, mute: DhanBroker, call: Callable[[DhanBroker], object]
    ) -> None:
        with pytest.raises(Rejected):
            call(mute)
        assert http_server.requests == []


class TestAgainstTheServer:
    def test_l1_an_order_with_its_legs(self, server: DhanServer) -> None:
        broker = broker_of(server)
        order_id = placed(server, broker)
        [entry] = broker.linked()
        assert (entry.order_id, entry.client_order_id, entry.bracket) == (order_id, TAG, WHOLE)
        assert (entry.variety, entry.status, entry.terms) == (Variety.SUPER, OrderStatus.PENDING, Limit(Decimal(400)))
        server.fill(server.accounts[0].client_id, order_id, 4, "399.5")
        assert [(r.leg, r.order_id, r.quantity, r.filled_quantity) for r in broker.linked()] == [
            (Leg.ENTRY, order_id, 10, 4), (Leg.TARGET, order_id, 4, 0), (Leg.STOP, order_id, 4, 0),
        ]  # fmt: skip
        assert {report.average_price for report in broker.linked()} == {None}
        rows = broker.orders()
        assert [(r.leg, r.order_id, r.variety) for r in rows] == [
            (leg, order_id, Variety.SUPER) for leg in (Leg.ENTRY, Leg.TARGET, Leg.STOP)
        ]
        assert rows[0].average_price == Decimal("399.5")

    def test_l1_a_market_entry(self, server: DhanServer) -> None:
        broker, me = broker_of(server), server.accounts[0].client_id
        order_id = broker.submit_super(submit(Market()), WHOLE)
        until(lambda: server.exchange.order(me, order_id).status is OrderStatus.PENDING)
        assert server.exchange.order(me, order_id).terms == Limit(Decimal("406.00"))  # Dhan's price protection

    def test_a_tag_that_all_legs_carry_finds_the_entry(self, server: DhanServer) -> None:
        broker = broker_of(server)
        order_id = placed(server, broker, filled=4)
        found = broker.find(TAG)
        assert found is not None
        assert (found.order_id, found.leg, found.filled_quantity) == (order_id, Leg.ENTRY, 4)
        server.dialect.super_legs_have_own_ids = True
        assert broker.find(TAG) == found
        server.dialect.super_legs_tagged = False
        assert broker.find(TAG) == found

    def test_l6_and_l7_each_stage_allows_what_it_allows(self, server: DhanServer) -> None:
        broker, me = broker_of(server), server.accounts[0].client_id
        order_id = placed(server, broker)
        with pytest.raises(ModificationRejected, match="not traded"):
            broker.modify_leg(modify(order_id, Leg.TARGET), WHOLE)
        broker.modify_leg(modify(order_id), Bracket(target=Decimal(415), stop=Decimal(385)))
        changed = server.exchange.order(me, order_id)
        assert (changed.quantity, changed.terms) == (20, Limit(Decimal(401)))
        assert broker.linked()[0].bracket == Bracket(target=Decimal(415), stop=Decimal(385))
        server.fill(me, order_id)
        with pytest.raises(OrderStateChanged):
            broker.modify_leg(modify(order_id), WHOLE)
        with pytest.raises(OrderStateChanged) as refused:
            broker.cancel_leg(cancel(order_id))
        assert refused.value.code == "DH-906"
        broker.modify_leg(modify(order_id, Leg.STOP), WHOLE)
        broker.modify_leg(modify(order_id, Leg.TARGET), WHOLE)
        assert broker.linked()[0].bracket == WHOLE
        broker.cancel_leg(cancel(order_id, Leg.TARGET))
        with pytest.raises(OrderStateChanged):
            broker.cancel_leg(cancel(order_id, Leg.TARGET))
        assert [report.status for report in broker.linked()] == [
            OrderStatus.TRADED, OrderStatus.CANCELLED, OrderStatus.PENDING,
        ]  # fmt: skip
        server.fill(me, leg_id(order_id, Leg.STOP))
        assert [report.status for report in broker.linked()] == [
            OrderStatus.CLOSED, OrderStatus.CANCELLED, OrderStatus.TRADED,
        ]  # fmt: skip
        assert server.exchange.position(me, SHARE, Product.INTRADAY) == 0

    def test_l1_the_leaders_snapshot_has_the_bracket_even_where_the_book_names_no_leg(self, server: DhanServer) -> None:
        account = server.accounts[0]
        order_id = placed(server, broker_of(server), filled=4)
        server.dialect.super_entry_named = False
        feed = DhanAccount(account.client_id, account.access_token, base_url=server.rest_url, feed_url=server.feed_url).feed(
            linked=True, forever=True
        )
        entry, target, stop = feed.snapshot()
        assert (entry.order_id, entry.variety, entry.bracket) == (order_id, Variety.SUPER, WHOLE)
        assert (entry.filled_quantity, entry.average_price) == (4, Decimal(400))
        assert [(leg.leg, leg.quantity, leg.terms) for leg in (target, stop)] == [
            (Leg.TARGET, 4, Limit(Decimal(410))), (Leg.STOP, 4, StopMarket(Decimal(390))),
        ]  # fmt: skip

    def test_what_dhan_refuses(self, server: DhanServer) -> None:
        broker, me = broker_of(server), server.accounts[0].client_id
        with pytest.raises(PlacementRejected) as caught:
            broker.submit_super(submit(), Bracket(stop=Decimal(390)))
        assert caught.value.code == "DH-905"
        server.exchange.reject_next(me, Rejection("Trigger Price is wrong", "DH-906", RejectionWay.REFUSED))
        with pytest.raises(PriceRejected):
            broker.submit_super(submit(), WHOLE)
        server.exchange.reject_next(me, Rejection("RMS:no", way=RejectionWay.ANSWERED))
        with pytest.raises(PlacementRejected):
            broker.submit_super(submit(), WHOLE)
        with pytest.raises(ModificationRejected):
            broker.modify_leg(modify("999"), WHOLE)

    def test_limits_count_these_too(self, server: DhanServer) -> None:
        server.set_limits(((2, 3600.0),))
        broker = broker_of(server)
        order_id = placed(server, broker)
        broker.modify_leg(modify(order_id), WHOLE)
        with pytest.raises(RateLimited):
            broker.cancel_leg(cancel(order_id))
        assert len(broker.linked()) == 1

    def test_an_unreadable_row_that_may_be_ours_is_no_absent_order(self, server: DhanServer) -> None:
        broker = broker_of(server)
        order_id = placed(server, broker)
        assert order_id in [report.order_id for report in broker.linked()]
        for body in ('[{"correlationId":"NA"}]', "[]"):
            server.refuse(200, body)
            assert broker.linked() == []
        for body in (f'[{{"correlationId":"{TAG}"}}]', "[{}]", "[1]", "{}", ""):
            server.refuse(200, body)
            with pytest.raises(ReadError):
                broker.linked()


def test_every_row_of_the_table_has_an_answer() -> None:
    named = {rule.name for rule in TABLE if Asked.PLACEMENT in rule.asked} - {"accepted"}
    assert named <= ANSWERS.keys()


@pytest.mark.parametrize("name", ANSWERS)
@pytest.mark.parametrize("call", CALLS)
def test_every_answer_means_what_it_means_for_any_order(server: DhanServer, call: str, name: str) -> None:
    order_id = placed(server, broker_of(server))
    ask, own = CALLS[call]
    fault, error = ANSWERS[name]
    broker = broker_of(server, timeout_seconds=0.5 if name == "timed out" else 20.0)
    server.plan_fault(fault)
    with pytest.raises(BrokerError) as caught:
        ask(broker, order_id)
    assert type(caught.value) is (error or own)
    assert caught.value.ids["account"] == server.accounts[0].client_id
    assert len(server.requests()) == 2
