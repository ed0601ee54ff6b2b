"""Entries under way are taken off the funds until a read of the funds counts them."""

from __future__ import annotations

from datetime import timedelta
from decimal import Decimal
from fractions import Fraction

from attrs import define, evolve, field
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import FundsReported, Refusal, RequestRejected
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.requests import Submit
from dhan_copy.core.reserve import spendable
from dhan_copy.model.account import Funds
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import Limit, Market, OrderStatus, Side, Terms
from dhan_copy.model.reason import ReasonCode
from dhan_copy.model.size import Ratio
from dhan_copy.protocols import Accounts
from tests.core.bench import Bench
from tests.core.make import FOLLOWER, LEADER, leader_reported, order_reported, report


@define
class Watching:
    """Copies one for one, and notes what it could have spent."""

    needs_funds: bool = True
    seen: list[Decimal | None] = field(factory=list)

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        self.seen.append(None if accounts.follower is None else accounts.follower.available)
        return Ratio(Fraction(1))


def bench(available: int) -> tuple[Bench, Watching]:
    sizer = Watching()
    made = Bench(sizer=sizer)
    read(made, available)
    return made, sizer


def read(bench: Bench, available: int, seconds_ago: float = 0.0) -> None:
    for account in (LEADER, FOLLOWER):
        rupees = Funds(available=Decimal(available), total=Decimal(available))
        bench.step(FundsReported(account=account, read_at=bench.now - timedelta(seconds=seconds_ago), funds=rupees))


def told(bench: Bench, name: str, side: Side = Side.BUY, terms: Terms = Limit(Decimal(100)), **more: object) -> object:
    return leader_reported(report(order_id=name, side=side, terms=terms, created_at=bench.now, updated_at=bench.now, **more))


def test_r5_what_is_taken_is_in_use_and_no_money_is_lost() -> None:
    made, _ = bench(1)
    funds = Funds(available=Decimal(50_000), total=Decimal(60_000), used=Decimal(10_000))
    made.step(FundsReported(account=FOLLOWER, read_at=made.now, funds=funds))
    made.step(told(made, "L1"))  # type: ignore[arg-type]
    assert spendable(made.copier.state, FOLLOWER) == Funds(Decimal(35_000), Decimal(60_000), Decimal(25_000))


@given(st.lists(st.tuples(st.sampled_from(Side), st.integers(1, 900)), min_size=1, max_size=5), st.booleans())
def test_r5_orders_decided_together_or_one_by_one_never_count_the_same_rupee(
    orders: list[tuple[Side, int]], together: bool
) -> None:
    made, sizer = bench(1_000_000)
    facts = [told(made, f"L{n}", Side.BUY, Limit(Decimal(price))) for n, (_, price) in enumerate(orders)]
    if together:
        made.step(*facts)
    else:
        for fact in facts:
            made.step(fact)
    left = [Decimal(1_000_000)]
    for _, price in orders:
        left.append(left[-1] - 150 * price)
    assert sizer.seen == left[:-1]


def test_r5_a_sale_reserves_nothing() -> None:
    made, sizer = bench(1_000_000)
    made.step(told(made, "L1", Side.SELL))
    made.step(told(made, "L2", Side.SELL))
    assert sizer.seen == [Decimal(1_000_000)] * 2


def test_r5_what_ended_unfilled_is_free_again_and_what_filled_is_spent_until_the_funds_are_read() -> None:
    made, sizer = bench(1_000_000)
    (request,) = made.step(told(made, "L1"))
    made.step(
        RequestRejected(
            follower=FOLLOWER,
            client_order_id=request.client_order_id,
            attempt=1,
            refusal=Refusal.FUNDS,
            code="DH-906",
            text="no",
            final=True,
        )  # fmt: skip
    )
    (request,) = made.step(told(made, "L2"))
    assert isinstance(request, Submit)
    made.accept(request)
    filled = report(quantity=150, filled_quantity=150, status=OrderStatus.TRADED, average_price=Decimal(99))
    fact = order_reported(filled)
    made.wait(1)
    made.step(type(fact)(follower=FOLLOWER, report=_tagged(filled, request), channel=fact.channel))
    (third,) = made.step(told(made, "L3"))
    assert isinstance(third, Submit)
    assert sizer.seen == [Decimal(1_000_000), Decimal(1_000_000), Decimal(985_000)]
    made.wait(1)
    read(made, 970_000)
    made.step(told(made, "L4"))
    assert sizer.seen[-1] == Decimal(970_000) - 100 * third.quantity, (
        "L3 has not been answered: the read may not have counted it"
    )


def _tagged(told: object, request: Submit) -> object:
    return evolve(told, client_order_id=request.client_order_id, order_id=BrokerOrderId("F9"), account=FOLLOWER)  # type: ignore[type-var]


def test_r5_a_read_that_began_before_the_entry_left_does_not_count_it() -> None:
    made, sizer = bench(1_000_000)
    made.wait(10)
    (request,) = made.step(told(made, "L1"))
    made.accept(request)
    read(made, 1_000_000, seconds_ago=5)
    made.step(told(made, "L2"))
    assert sizer.seen[-1] == Decimal(985_000)


def test_r5_a_market_order_costs_what_the_leader_paid_and_nobody_knows_what_before() -> None:
    made, sizer = bench(1_000_000)
    made.step(told(made, "L1", terms=Market(), last_price=Decimal(90)))
    assert spendable(made.copier.state, FOLLOWER) == Funds(available=Decimal(986_500), total=Decimal(1_000_000))
    made.step(told(made, "L2", terms=Market()))
    assert spendable(made.copier.state, FOLLOWER) is None
    made.step(told(made, "L2", terms=Market(), filled_quantity=150, average_price=Decimal(80), status=OrderStatus.TRADED))
    assert spendable(made.copier.state, FOLLOWER) == Funds(available=Decimal(974_500), total=Decimal(1_000_000))


def test_r5_the_fold_reserves_the_same() -> None:
    made, _ = bench(1_000_000)
    made.step(told(made, "L1"))
    made.restart()
    assert spendable(made.copier.state, FOLLOWER) == Funds(available=Decimal(985_000), total=Decimal(1_000_000))
    assert [row.reason for row in made.decisions()] == [ReasonCode.COPIED]
