"""Z7 over the real client and a socket: margin by Dhan's calculators, single and multi."""

from __future__ import annotations

from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy import Cap, CopyEngine, DhanAccount, Follower, Leader, MemoryStore, Rules
from dhan_copy.errors import ReadError
from dhan_copy.model.account import Margin, MarginOrder
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Market, Product, Side
from dhan_copy.protocols import MarginReader
from dhan_copy.testing import DhanServer, Instrument, NewOrder, instrument_key
from tests.scenarios.day_kit import until

FUTURE = MarginOrder(
    segment=ExchangeSegment.NSE_FNO, security_id=SecurityId("68456"), side=Side.BUY, product=Product.MARGIN, quantity=200,
    price=Decimal("3300.5"),
)  # fmt: skip


def described(server: DhanServer) -> DhanServer:
    key = instrument_key("NSE_FNO", "68456")
    server.exchange.add_instrument(Instrument(key=key, facts=InstrumentFacts(200, Decimal("0.1"), InstrumentKind.FUTSTK)))
    return server


def account(server: DhanServer, number: int) -> DhanAccount:
    who = server.accounts[number]
    return DhanAccount(who.client_id, who.access_token, base_url=server.rest_url, feed_url=server.feed_url)


def test_z7_margin_of_one_order_and_of_several() -> None:
    with DhanServer() as server:
        server.exchange.set_funds(server.accounts[0].client_id, Decimal(1_000_000))
        broker = account(described(server), 0).broker()
        assert isinstance(broker, MarginReader)
        assert broker.margin([FUTURE]) == Margin(Decimal("660100"), Decimal(1_000_000))
        hedged = broker.margin([FUTURE, evolve(FUTURE, side=Side.SELL, quantity=400)])
        assert hedged == Margin(Decimal("1320200"), None), "the two sides offset each other"


def test_z5_margin_that_dhan_does_not_tell_is_an_error() -> None:
    with DhanServer() as server:
        broker = account(described(server), 0).broker()
        with pytest.raises(ReadError, match="DH-905"):
            broker.margin([evolve(FUTURE, quantity=150)])  # no whole lots
        with pytest.raises(ReadError, match="DH-905"):
            broker.margin([FUTURE, evolve(FUTURE, quantity=150)])
        with pytest.raises(ReadError, match="no orders"):
            broker.margin([])


def test_z7_a_cap_on_margin_asks_dhans_calculator() -> None:
    with DhanServer() as server:
        described(server).set_price("NSE_FNO", "68456", 3300)
        follower = Follower(account(server, 1), size="1", rules=Rules(caps=[Cap("MARGIN", 700_000)]))
        with CopyEngine([Leader(account(server, 0))], [follower], MemoryStore()) as engine:
            assert server.wait_for_logins(1)
            until(lambda: all(row["health"] == "OK" for row in engine.status() if row["role"] == "leader"))
            new = NewOrder(
                key=instrument_key("NSE_FNO", "68456"), side=Side.BUY, quantity=400, terms=Market(), product=Product.MARGIN
            )
            server.exchange.place(server.accounts[0].client_id, new)
            until(lambda: any(row["code"] for row in engine.decisions()))
            [row] = engine.decisions()
    assert (row["code"], row["detail"]) == ("CAPPED", "400 cut to 200 by at most 700000 MARGIN per ORDER: 1320000 asked")
