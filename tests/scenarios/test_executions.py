"""X2: how late each copy was, step by step, and how much worse its price, in money and basis points."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal

import pytest

from dhan_copy import LossLimit
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey, InstrumentKind
from dhan_copy.model.order import Side
from dhan_copy.testing import Instrument
from tests.scenarios.kit import F, G, LEADER, Lab, Stage, Wire, limit

CRUDE = InstrumentKey(ExchangeSegment.MCX_COMM, SecurityId("440001"))


def executed(stage: Stage, order_id: str, follower: str = F) -> dict[str, object]:
    (row,) = [r for r in stage.engine.executions() if (r["leader_order_id"], r["follower"]) == (order_id, follower)]
    return dict(row)


def total(stage: Stage, follower: str = F) -> dict[str, object]:
    (row,) = [r for r in stage.engine.executions() if r["leader"] is None and r["follower"] == follower]
    return dict(row)


@pytest.mark.parametrize(
    ("side", "paid", "slippage", "bps"),
    [
        (Side.BUY, "90.50", "37.50", "55.56"),
        (Side.BUY, "89.90", "-7.50", "-11.11"),
        (Side.SELL, "89.90", "7.50", "11.11"),
        (Side.SELL, "90.50", "-37.50", "-55.56"),
        (Side.BUY, "90", "0", "0.00"),
    ],
)
def test_x2_slippage_is_positive_where_the_follower_is_worse_off(
    lab: Lab, side: Side, paid: str, slippage: str, bps: str
) -> None:
    order = lab.place(side, 150, limit(90) if side is Side.BUY else limit(110))
    lab.step()
    lab.exchange.fill(LEADER, order, 150, 90)
    lab.exchange.fill(F, lab.copy().order_id, 75, Decimal(paid))
    lab.step()
    row = executed(lab, order)
    assert (row["filled"], row["leader_price"], row["price"]) == (75, Decimal(90), Decimal(paid))
    assert (row["slippage"], row["slippage_bps"]) == (Decimal(slippage), Decimal(bps))


def test_x2_prices_of_partial_fills_are_weighed_by_their_quantities(lab: Lab) -> None:
    order = lab.buy(300, limit(90))
    lab.step()
    lab.exchange.fill(LEADER, order, 150, 90)
    lab.exchange.fill(LEADER, order, 150, 89)
    lab.exchange.fill(F, lab.copy().order_id, 75, Decimal("90.5"))
    lab.step()
    row = executed(lab, order)
    assert (row["leader_price"], row["slippage"]) == (Decimal("89.5"), Decimal(75))
    lab.exchange.fill(F, lab.copy().order_id, 75, 90)
    lab.step()
    row = executed(lab, order)
    assert (row["filled"], row["price"], row["slippage"]) == (150, Decimal("90.25"), Decimal("112.5"))


def test_x2_the_way_of_an_order_is_split_into_its_steps(lab: Lab) -> None:
    lab.withhold_news(LEADER)
    order = lab.buy(150, limit(90))
    lab.clock.advance(0.4)
    lab.release_news(LEADER)
    lab.step()
    lab.advance(2)
    lab.exchange.fill(LEADER, order, 150, 90)
    lab.advance(3)
    lab.exchange.fill(F, lab.copy().order_id, 75, 90)
    lab.step()
    row = executed(lab, order)
    assert row["leader_at"] == lab.leaders(order).created_at
    steps = [row[name] for name in ("seen_ms", "decided_ms", "sent_ms", "answered_ms", "filled_ms")]
    assert steps == [400, 0, 0, 0, 5000]
    assert row["behind_seconds"] == Decimal(3), "from the leader's last fill to the follower's"


def test_x2_over_the_wire_every_step_has_its_time(wire: Wire) -> None:
    order = wire.buy(150)
    wire.until(lambda: wire.row(order)["state"] == "FILLED")
    row = executed(wire, order)
    steps = [row[name] for name in ("seen_ms", "decided_ms", "sent_ms", "answered_ms", "filled_ms")]
    assert all(isinstance(step, int) for step in steps)
    assert all(isinstance(step, int) and step >= 0 for step in steps[1:4])
    assert (row["slippage"], row["slippage_bps"]) == (Decimal(0), Decimal(0))


def test_x2_the_sums_are_those_of_each_follower(labs: Callable[..., Lab]) -> None:
    lab = labs({F: "1/2", G: "1"})
    for paid in ("90.50", "89.90"):
        order = lab.buy(150, limit(90))
        lab.step()
        lab.exchange.fill(LEADER, order, 150, 90)
        lab.exchange.fill(F, lab.copies()[-1].order_id, 75, Decimal(paid))
        lab.exchange.fill(G, lab.copies(G)[-1].order_id, 150, 90)
    lab.step()
    assert (total(lab)["slippage"], total(lab)["slippage_bps"]) == (Decimal("30.00"), Decimal("22.22"))
    assert (total(lab, G)["slippage"], total(lab, G)["slippage_bps"]) == (Decimal(0), Decimal(0))


def test_x2_what_was_not_sent_or_has_not_filled_has_no_slippage(lab: Lab) -> None:
    small = lab.buy(75, limit(90))
    resting = lab.buy(150, limit(90))
    lab.step()
    assert small not in [row["leader_order_id"] for row in lab.engine.executions()]
    lab.exchange.fill(LEADER, resting, 150, 90)
    lab.step()
    row = executed(lab, resting)
    assert (row["filled"], row["price"], row["slippage"], row["slippage_bps"]) == (0, None, None, None)
    assert (row["filled_ms"], row["behind_seconds"]) == (None, None)
    assert [r for r in lab.engine.executions() if r["leader"] is None] == []


def test_x2_where_a_lot_is_counted_the_money_is_not_known(labs: Callable[..., Lab]) -> None:
    """A rupee of CRUDEOIL's price is worth 100 in a lot, of CRUDEOILM's 10; the file says 1 for both."""
    crude = Instrument(key=CRUDE, facts=InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM), symbol="CRUDEOIL FUT")

    def prepare(exchange: object) -> None:
        exchange.add_instrument(crude)  # type: ignore[attr-defined]
        exchange.set_price(CRUDE, 5000)  # type: ignore[attr-defined]

    lab = labs("1", prepare=prepare)
    order = lab.buy(2, limit(4990), key=CRUDE)
    lab.step()
    lab.exchange.fill(LEADER, order, 2, 4990)
    lab.exchange.fill(F, lab.copy().order_id, 2, 4995)
    lab.step()
    row = executed(lab, order)
    assert (row["slippage"], row["slippage_bps"]) == (None, Decimal("10.02"))
    assert [r for r in lab.engine.executions() if r["leader"] is None] == []


def test_x2_where_the_size_of_a_contract_is_known_the_money_is(labs: Callable[..., Lab]) -> None:
    crude = Instrument(key=CRUDE, facts=InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM), symbol="CRUDEOIL-Dec2026-FUT")

    def prepare(exchange: object) -> None:
        exchange.add_instrument(crude)  # type: ignore[attr-defined]
        exchange.set_price(CRUDE, 5000)  # type: ignore[attr-defined]

    lab = labs("1", prepare=prepare, how={"loss_limit": LossLimit("1000")})
    order = lab.buy(2, limit(4990), key=CRUDE)
    lab.step()
    lab.exchange.fill(LEADER, order, 2, 4990)
    lab.exchange.fill(F, lab.copy().order_id, 2, 4995)
    lab.step()
    row = executed(lab, order)
    assert (row["slippage"], row["slippage_bps"]) == (Decimal(1000), Decimal("10.02"))
    assert total(lab, F)["slippage"] == 1000
    lab.exchange.set_price(CRUDE, 4990)
    lab.buy(1, limit(4500), key=CRUDE)
    lab.advance(5)
    assert "LOSS_LIMIT" in [alert.code for alert in lab.alerts], "two lots of 100 barrels lost five rupees"


def test_k3_the_market_alone_tells_what_a_commodity_has_lost(labs: Callable[..., Lab]) -> None:
    """Of no order of the leader, but of the broker's quotes; of a size that nobody knows only that it does not count."""
    for symbol, trading, code in (
        ("CRUDEOIL-Dec2026-FUT", "CLOSING", "LOSS_LIMIT"),
        ("NICKEL-Dec2026-FUT", "ACTIVE", "LOSS_UNKNOWN"),
    ):
        one = Instrument(key=CRUDE, facts=InstrumentFacts(1, Decimal(1), InstrumentKind.FUTCOM), symbol=symbol)

        def prepare(exchange: object, one: Instrument = one) -> None:
            exchange.add_instrument(one)  # type: ignore[attr-defined]
            exchange.set_price(CRUDE, 5000)  # type: ignore[attr-defined]

        lab = labs("1", prepare=prepare, how={"loss_limit": LossLimit("1000")})
        lab.buy(2, key=CRUDE)
        lab.advance(10)
        lab.exchange.set_price(CRUDE, 4990)
        lab.advance(10)
        assert (lab.status(F)["trading"], {alert.code for alert in lab.alerts}) == (trading, {code})


def test_x2_a_close_of_the_copiers_own_copies_nobody(lab: Lab) -> None:
    lab.buy(150)
    lab.step()
    lab.engine.flatten()
    lab.until(lambda: lab.net() == 0)
    assert len([row for row in lab.engine.executions() if row["leader"] is not None]) == 1


def test_x2_after_a_stop_and_on_the_next_day(lab: Lab) -> None:
    lab.buy(150)
    lab.step()
    lab.exchange.end_day()
    lab.exchange.new_day()
    lab.advance(24 * 3600)
    assert len(lab.engine.executions()) == 0, "as the other tables, it is about today"
    order = lab.buy(150)
    lab.step()
    lab.engine.stop()
    assert executed(lab, order)["filled"] == 75
