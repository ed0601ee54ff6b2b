"""The playground: the real engine, virtual time, no threads."""

from __future__ import annotations

import threading
from decimal import Decimal

import pytest

from dhan_copy import Playground
from dhan_copy.errors import ConfigurationError, ValidationError
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKind
from dhan_copy.model.order import Limit, Market, Product, StopLimit, StopMarket, Validity
from dhan_copy.core.sizers import SameQuantity

CALL = "NIFTY 22500 CE"


@pytest.fixture
def lab() -> Playground:
    return Playground(followers={"F1": "0.5"})


def copies(lab: Playground, follower: str = "F1") -> list[tuple[str, int, int, str]]:
    return [(o.side.value, o.quantity, o.filled_quantity, o.status.value) for o in lab.exchange.orders(follower)]


def test_the_first_thing_anybody_tries(lab: Playground) -> None:
    before = threading.active_count()
    lab.leader.buy(CALL, lots=2)
    lab.step()
    (row,) = lab.orders().to_dicts()
    assert (row["symbol"], row["side"], row["quantity"], row["follower"], row["ordered"], row["done"]) == (
        CALL, "BUY", 150, "F1", 75, 75,
    )  # fmt: skip
    assert copies(lab) == [("BUY", 75, 75, "TRADED")]
    assert threading.active_count() == before


def test_a_resting_order_is_modified_filled_and_cancelled(lab: Playground) -> None:
    order = lab.leader.buy(CALL, lots=4, price="90")
    lab.step()
    order.modify(lots=2, price=95)
    lab.step()
    assert lab.exchange.orders("F1")[0].terms == Limit(Decimal(95))
    assert copies(lab) == [("BUY", 75, 0, "PENDING")]
    order.cancel()
    lab.step()
    assert copies(lab) == [("BUY", 75, 0, "CANCELLED")]
    assert "CANCELLED" in repr(order)


def test_parts_of_an_order_fill(lab: Playground) -> None:
    order = lab.leader.buy(CALL, lots=4, price=90)
    assert order.fill(lots=1).now.filled_quantity == 75
    assert order.fill(quantity=75, price=89).now.filled_quantity == 150
    assert order.fill().now.filled_quantity == 300


def test_prices_fill_resting_orders_and_trigger_stops(lab: Playground) -> None:
    lab.leader.buy(CALL, lots=2)
    lab.leader.sell(CALL, lots=2, price=84, trigger=85)
    lab.step()
    stop = lab.exchange.orders("F1")[1]
    assert stop.terms == StopLimit(Decimal(85), Decimal(84))
    lab.price(CALL, "84.5")
    lab.step()
    assert copies(lab)[1] == ("SELL", 75, 75, "TRADED")
    assert len(lab.drift()) == 0


def test_time_passes_only_when_told(lab: Playground) -> None:
    lab.leader.buy(CALL, lots=2, price=90)
    lab.step()
    before = lab.clock.now()
    lab.advance(90)
    assert (lab.clock.now() - before).total_seconds() == 90
    assert copies(lab) == [("BUY", 75, 0, "PENDING")]


def test_a_restart_on_the_same_journal_sends_nothing_again(lab: Playground) -> None:
    order = lab.leader.buy(CALL, lots=2)
    lab.step()
    story = len(lab.explain(order))
    lab.restart()
    lab.step()
    assert len(copies(lab)) == 1
    assert len(lab.explain(order.id)) >= story
    lab.leader.sell(CALL, lots=2)
    lab.step()
    assert copies(lab)[1] == ("SELL", 75, 75, "TRADED")


def test_symbols_are_made_up_sensibly(lab: Playground) -> None:
    made = {name: lab.instrument(name) for name in (CALL, "BANKNIFTY 50000 PE", "NIFTY FUT", "RELIANCE", "PEL")}
    facts = {name: lab.exchange.instrument(key).facts for name, key in made.items()}
    assert [key.segment for key in made.values()] == [ExchangeSegment.NSE_FNO] * 3 + [ExchangeSegment.NSE_EQ] * 2
    assert [fact.lot_units for fact in facts.values()] == [75, 75, 75, 1, 1]
    assert facts[CALL].kind is InstrumentKind.OPTIDX and facts["NIFTY FUT"].kind is InstrumentKind.FUTIDX
    assert len(set(made.values())) == 5
    assert lab.instrument(CALL) == made[CALL]


def test_products_and_validities_by_word_or_value(lab: Playground) -> None:
    share = lab.leader.buy("RELIANCE", quantity=10)
    assert (share.now.product, share.now.terms) == (Product.CNC, Market())
    option = lab.leader.buy(CALL, lots=1, product="MARGIN", validity="IOC", price=99)
    assert (option.now.product, option.now.validity) == (Product.MARGIN, Validity.IOC)


def test_orders_that_say_too_little_or_too_much(lab: Playground) -> None:
    with pytest.raises(ValidationError, match="lots="):
        lab.leader.buy(CALL)
    with pytest.raises(ValidationError, match="not both"):
        lab.leader.buy(CALL, lots=1, quantity=75)
    with pytest.raises(ValidationError, match="stop needs a price"):
        lab.leader.buy(CALL, lots=1, trigger=90)
    with pytest.raises(ConfigurationError, match="no size"):
        Playground(followers={"F1": None})  # type: ignore[dict-item]


def test_several_followers_with_sizers_of_any_kind() -> None:
    lab = Playground(followers={"A": "1/3", "B": SameQuantity()})
    lab.leader.buy(CALL, lots=3)
    lab.step()
    assert copies(lab, "A") == [("BUY", 75, 75, "TRADED")]
    assert copies(lab, "B") == [("BUY", 225, 225, "TRADED")]
    assert [row["account"] for row in lab.status()] == ["LEADER", "A", "B"]
    assert [row["code"] for row in lab.decisions()] == ["COPIED", "COPIED"]
    assert repr(lab) == "Playground(leader LEADER, followers A, B)"


@pytest.mark.parametrize("product", ["INTRADAY", "BO"])
def test_the_leader_protects_his_entry_and_so_does_the_follower(lab: Playground, product: str) -> None:
    order = lab.leader.buy(CALL, lots=4, price=100, target=110, stop=95, product=product)
    lab.step()
    assert copies(lab) == [("BUY", 150, 150, "TRADED"), ("SELL", 150, 0, "PENDING"), ("SELL", 150, 0, "PENDING")]
    order.stop.modify(trigger=97)
    order.target.modify(price=108)
    lab.step()
    assert (order.target.now.terms, order.stop.now.terms) == (Limit(Decimal(108)), StopMarket(Decimal(97)))
    _, target, stop = lab.exchange.orders("F1")
    assert target.terms == Limit(Decimal(108))
    assert isinstance(stop.terms, StopLimit) and stop.terms.trigger == 97
    lab.price(CALL, 108)
    lab.advance(30)
    assert copies(lab)[1:] == [("SELL", 150, 150, "TRADED"), ("SELL", 150, 0, "CANCELLED")]


def test_a_super_order_at_the_market_trails_and_is_taken_back_leg_by_leg(lab: Playground) -> None:
    order = lab.leader.sell(CALL, lots=2, stop=105, target=90, trailing=1)
    lab.price(CALL, 97)
    assert order.stop.now.terms == StopMarket(Decimal(102))
    order.target.cancel()
    order.stop.fill()
    assert order.target.now.status.value == "CANCELLED"
    assert repr(order.stop) == f"<BUY 150 TRADED, 150 filled, id {order.id}/STOP>"


def test_the_entry_of_a_super_order_is_modified_and_cancelled_as_a_whole(lab: Playground) -> None:
    order = lab.leader.buy(CALL, lots=2, price=90, stop=80)
    order.modify(lots=4).modify(price=91)
    assert (order.now.quantity, order.now.terms) == (300, Limit(Decimal(91)))
    order.cancel()
    assert order.stop.now.status.value == "CANCELLED"


def test_a_cover_order_has_a_stop(lab: Playground) -> None:
    order = lab.leader.buy(CALL, lots=2, stop=95, product="CO")
    lab.step()
    assert copies(lab) == [("BUY", 75, 75, "TRADED"), ("SELL", 75, 0, "PENDING")]
    assert order.stop.now.product is Product.CO


def test_linked_orders_that_do_not_exist(lab: Playground) -> None:
    with pytest.raises(ValidationError, match="cover order has a stop"):
        lab.leader.buy(CALL, lots=1, target=110, stop=90, product="CO")
    with pytest.raises(ValidationError, match="bracket order has"):
        lab.leader.buy(CALL, lots=1, product="BO")
    with pytest.raises(ValidationError, match="trailing needs a stop"):
        lab.leader.buy(CALL, lots=1, target=110, trailing=1)
    order = lab.leader.buy(CALL, lots=1, price=90, stop=80)
    with pytest.raises(ValidationError, match="no target"):
        order.target.fill()
    with pytest.raises(ValidationError, match="a stop a trigger"):
        order.stop.modify(price=79)
