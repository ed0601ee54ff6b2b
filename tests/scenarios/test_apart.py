"""X: followers that are ahead of the leader or behind him; L12 and P12 for plain orders."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy import Ahead, Behind, Policy, StopMarketForm
from dhan_copy.model.freeze import FreezeLimit, FreezeLimits
from dhan_copy.model.order import Leg, OrderStatus, Side, StopMarket
from dhan_copy.testing import RequestKind
from tests.scenarios.kit import CALL, LEADER, UNPACED, F, Stage, limit, stop
from tests.scenarios.linked_kit import entered

Stages = Callable[..., Stage]
SOON = Policy(behind_after=timedelta(seconds=1))


def told(stage: Stage) -> list[str]:
    return [alert.code for alert in list(stage.alerts)]


def bought(stage: Stage, units: int = 300) -> None:
    """Both hold something; the follower half of it."""
    stage.buy(units)
    stage.until(lambda: stage.net() == units // 2)


def filled_ahead(stages: Stages, ahead: Ahead) -> tuple[Stage, str]:
    """The leader's order rests, and half of the follower's copy has filled."""
    stage = stages(policy=Policy(ahead=ahead))
    order = stage.buy(300, limit(95))
    stage.until(lambda: stage.copies())
    stage.exchange.fill(F, stage.copy().order_id, 75)
    stage.until(lambda: stage.row(order)["done"] == 75)
    return stage, order


@pytest.mark.parametrize("ahead", Ahead)
def test_x3_what_the_follower_filled_ahead_of_a_leader_who_cancels_is_kept_or_closed_by_policy(
    stages: Stages, ahead: Ahead
) -> None:
    stage, order = filled_ahead(stages, ahead)
    stage.cancel(order)
    stage.until(lambda: "AHEAD" in told(stage))
    stage.until(lambda: stage.net() == (75 if ahead is Ahead.HOLD else 0))
    assert stage.copies()[0].status is OrderStatus.CANCELLED
    stage.settle()
    drift = stage.drift()
    assert (0 if drift is None else drift["difference"]) == (-75 if ahead is Ahead.HOLD else 0)


@pytest.mark.parametrize("behind", Behind)
def test_x4_an_entry_that_is_behind_waits_is_chased_or_taken_back_by_policy(stages: Stages, behind: Behind) -> None:
    stage = stages(policy=evolve(SOON, behind=behind))
    order = stage.buy(300, limit(95))
    stage.until(lambda: stage.copies())
    stage.exchange.fill(LEADER, order)
    stage.until(lambda: "BEHIND" in told(stage))
    stage.settle()
    match behind:
        case Behind.WAIT:
            assert (stage.copy().status, stage.copy().price) == (OrderStatus.PENDING, Decimal(95))
        case Behind.CHASE:
            stage.until(lambda: stage.copy().price == Decimal("95.45"))
        case _:
            stage.until(lambda: stage.copy().status is OrderStatus.CANCELLED)
    assert stage.net() == 0


@pytest.mark.parametrize("behind", [Behind.WAIT, Behind.CLOSE])
def test_x4_an_exit_is_behind_what_the_leaders_filled_before_he_took_back_the_rest(stages: Stages, behind: Behind) -> None:
    stage = stages(policy=evolve(SOON, behind=behind))
    bought(stage)
    order = stage.sell(300, limit(105))
    stage.until(lambda: len(stage.copies()) == 2)
    stage.exchange.fill(LEADER, order, 150)
    stage.cancel(order)
    stage.sell(150)
    stage.until(lambda: "BEHIND" in told(stage))
    stage.until(lambda: stage.net() == (75 if behind is Behind.WAIT else 0))


@pytest.mark.parametrize("ahead", Ahead)
def test_x5_a_copy_of_what_the_leaders_exchange_rejected_is_taken_back_and_its_fills_are_kept_or_closed(
    stages: Stages, ahead: Ahead
) -> None:
    stage, order = filled_ahead(stages, ahead)
    stage.exchange.reject(LEADER, order)
    stage.until(lambda: stage.net() == (75 if ahead is Ahead.HOLD else 0))
    stage.until(lambda: "AHEAD" in told(stage) and stage.copies()[0].status is OrderStatus.CANCELLED)


def test_l12_a_stop_whose_modifications_are_used_up_is_completed_by_another(stages: Stages) -> None:
    stage = stages(limits={F: evolve(UNPACED, modifications_per_order=1)})
    tree = entered(stage, units=600)
    tree.move(Leg.STOP, Decimal(71))
    stage.until(lambda: tree.price(Leg.STOP) == 71)
    tree.move(Leg.STOP, Decimal(72))
    stage.until(lambda: tree.price(Leg.STOP) == 72 and tree.live() == [300, 300])
    stops = tree.copies(Leg.STOP)
    assert len(stops) == 2 and stops[0].status is OrderStatus.CANCELLED
    assert all(stage.modifications().count(change) == 1 for change in stage.modifications())


def test_p12_exits_above_the_freeze_limit_are_slices_each_with_its_own_id(stages: Stages) -> None:
    most = FreezeLimit(segment=CALL.segment, name="*", since=date(2026, 1, 1), units=1800, source="a test")
    stage = stages("1", freeze_limits=FreezeLimits([most]))
    stage.buy(3000)
    stage.until(lambda: stage.net() == 3000)
    stage.sell(3000, stop(90, 89))
    stage.until(lambda: sum(o.leaves_quantity for o in stage.copies() if o.side is Side.SELL) == 3000)
    slices = {side: [o for o in stage.copies() if o.side is side] for side in Side}
    assert [o.quantity for o in slices[Side.BUY]] == [o.quantity for o in slices[Side.SELL]] == [1800, 1200]
    assert len({o.tag for o in stage.copies()}) == 4


@pytest.mark.parametrize("form", [StopMarketForm.REFUSE, StopMarketForm.AS_IS])
def test_p5_a_stop_market_is_refused_or_sent_as_it_is_by_policy(stages: Stages, form: StopMarketForm) -> None:
    stage = stages(policy=Policy(stop_market=form))
    bought(stage)
    stage.sell(300, StopMarket(Decimal(90)))
    stage.until(lambda: len(stage.codes()) == 2)
    if form is StopMarketForm.REFUSE:
        stage.settle()
        assert stage.codes()[-1] == "STOP_MARKET_REFUSED" and len(stage.copies()) == 1
    else:
        stage.until(lambda: len(stage.requests(RequestKind.PLACE)) == 2)
        assert stage.requests(RequestKind.PLACE)[-1].terms == StopMarket(Decimal(90))
