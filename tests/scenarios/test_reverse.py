"""The other side of what the leader trades: in a follower's account, on the exchange and over the wire."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from fractions import Fraction

import pytest

from dhan_copy import BelowLot, Cap, CopyMode, PercentAtRisk, Playground, ReasonCode, Rules
from dhan_copy.core.facts import DriftDeclared, MarginReported, RequestIssued
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.order import Product, Side
from dhan_copy.testing import NewOrder
from tests.scenarios.kit import CALL, F, LEADER, SHARE, DurableMemory, Lab, Stage, limit

REVERSED = {"mode": CopyMode.EXECUTION, "reverse": True}


@pytest.fixture
def turned(stages: Callable[..., Stage]) -> Stage:
    return stages(how=REVERSED)


def sides(stage: Stage) -> list[tuple[Side, int]]:
    return [(copy.side, copy.filled_quantity) for copy in stage.copies()]


def test_a_day_on_the_other_side(turned: Stage) -> None:
    """Entries, more of them, a part out, over zero, and out."""
    turned.buy(300)
    turned.until(lambda: turned.net() == -150)
    turned.buy(150)
    turned.until(lambda: turned.net() == -225)
    turned.sell(150)
    turned.until(lambda: turned.net() == -150)
    turned.sell(600)
    turned.until(lambda: turned.net() == 150)
    turned.buy(300)
    turned.until(lambda: turned.net() == 0)
    assert sides(turned) == [
        (Side.SELL, 150),
        (Side.SELL, 75),
        (Side.BUY, 75),
        (Side.BUY, 150),
        (Side.BUY, 150),
        (Side.SELL, 150),
    ]
    assert turned.net(LEADER) == 0 and not turned.facts(DriftDeclared)
    intents = [fact.request.intent for fact in turned.facts(RequestIssued) if isinstance(fact.request, Submit)]
    entry, leave = Intent.ENTRY, Intent.EXIT
    assert intents == [entry, entry, leave, leave, entry, leave]


def test_a_limit_of_his_is_nothing_until_it_has_filled(turned: Stage) -> None:
    order = turned.buy(300, limit(95))
    turned.until(lambda: turned.leader_reports(order))
    assert turned.requests() == [], "a sale at 95 would trade at once"
    turned.exchange.set_price(CALL, 95)
    turned.until(lambda: turned.net() == -150)
    (copy,) = turned.copies()
    assert copy.terms == limit("94.55"), "half a percent worse for the one who sells, on the tick"


def test_flattened_at_the_users_word(turned: Stage) -> None:
    turned.buy(300)
    turned.until(lambda: turned.net() == -150)
    turned.engine.flatten()
    turned.until(lambda: turned.net() == 0)
    assert sides(turned) == [(Side.SELL, 150), (Side.BUY, 150)]
    turned.sell(300)
    turned.until(lambda: turned.net(LEADER) == 0)
    assert turned.net() == 0


def test_a_restart_in_the_middle(labs: Callable[..., Lab]) -> None:
    lab = labs(how=REVERSED)
    lab.buy(300)
    lab.until(lambda: lab.net() == -150)
    lab.restart()
    lab.sell(150)
    lab.until(lambda: lab.net() == -75)
    lab.restart()
    lab.sell(150)
    lab.until(lambda: lab.net() == 0)
    lab.advance(120)
    assert lab.net() == 0 and not lab.facts(DriftDeclared)


def test_what_somebody_bought_back_by_hand_is_not_bought_twice(labs: Callable[..., Lab]) -> None:
    lab = labs(how=REVERSED)
    lab.buy(300)
    lab.settle()
    lab.advance(1)
    lab.place(Side.BUY, 75, limit(100), account=F)
    assert lab.net() == -75
    lab.sell(300)
    lab.until(lambda: lab.net() == 0)
    lab.advance(120)
    assert lab.net() == 0
    assert (ReasonCode.MANUAL, Fraction(-75)) in [(fact.reason, fact.quantity) for fact in lab.facts(DriftDeclared)]


def test_delivery_and_linked_orders_are_declined_by_name(turned: Stage) -> None:
    shares = turned.buy(100, key=SHARE, product=Product.CNC)
    turned.until(lambda: turned.row(shares)["decision"] == "REVERSE_DELIVERY")
    new = NewOrder(key=CALL, side=Side.BUY, quantity=150, terms=limit(100))
    linked = turned.exchange.linked.place_super(LEADER, new, Bracket(target=Decimal(110), stop=Decimal(90)))
    turned.until(lambda: turned.row(linked.order_id)["decision"] == "REVERSE_LINKED")
    assert turned.requests() == []


def test_what_is_held_stays_as_it_was_opened_until_it_is_closed() -> None:
    lab = Playground({"F": "1"}, mode=CopyMode.EXECUTION)
    lab.step()
    lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.advance(5)
    lab._reverse = True
    lab.restart()
    lab.step()
    lab.leader.buy("NIFTY 22500 CE", lots=1)
    lab.advance(5)
    assert lab.decisions()[-1]["code"] == "HELD_OTHER_WAY"
    lab.leader.sell("NIFTY 22500 CE", lots=3)
    lab.advance(5)
    lab.leader.buy("NIFTY 22500 CE", lots=1)
    lab.advance(5)
    assert [(o.side, o.filled_quantity) for o in lab.exchange.orders("F")] == [
        (Side.BUY, 150),
        (Side.SELL, 150),
        (Side.SELL, 75),
    ]
    (row,) = lab.drift()
    assert (row["owned"], row["target"]) == (-75, -75)


def test_his_stop_limits_no_loss_of_the_other_side() -> None:
    lab = Playground({"F": PercentAtRisk("1")}, mode=CopyMode.EXECUTION, reverse=True)
    lab.exchange.set_funds("F", Decimal(1_000_000))
    lab.step()
    lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.leader.sell("NIFTY 22500 CE", lots=2, price=89, trigger=90)
    lab.advance(5)
    assert lab.decisions()[0]["code"] == "STOP_UNKNOWN"


def test_what_one_lot_may_lose_is_that_of_the_side_it_takes() -> None:
    """An option that is bought can lose its price, one that is sold can lose any amount."""
    careful = Rules(size="1/10", below_lot=BelowLot.ONE_LOT_WITHIN_RISK)
    for reverse, code in ((False, "COPIED"), (True, "BELOW_ONE_LOT")):
        lab = Playground({"F": careful}, mode=CopyMode.EXECUTION, reverse=reverse)
        lab.exchange.set_funds("F", Decimal(1_000_000))
        lab.step()
        lab.leader.buy("NIFTY 22500 CE", lots=1)
        lab.advance(5)
        assert lab.decisions()[0]["code"] == code


def test_caps_count_the_side_that_it_takes() -> None:
    rules = Rules(size="1", caps=[Cap("MARGIN", 10_000_000), Cap("LOTS", 3, per="DAY")])
    journal = DurableMemory()
    lab = Playground({"F": rules}, mode=CopyMode.EXECUTION, reverse=True, store=journal)
    lab.exchange.set_funds("F", Decimal(1_000_000))
    lab.step()
    lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.advance(5)
    read = [entry.fact.order.side for entry in journal.read() if isinstance(entry.fact, MarginReported)]
    assert read == [Side.SELL]
    lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.advance(5)
    assert [order.filled_quantity for order in lab.exchange.orders("F")] == [150, 75]
    assert [order.side for order in lab.exchange.orders("F")] == [Side.SELL] * 2
