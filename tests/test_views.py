"""Tables of the core's state: what they say of orders that were copied, declined, carried and lost."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import AlertRaised, TradingState
from dhan_copy.errors import AuthenticationError, PlacementRejected
from dhan_copy.model.order import Limit, Market, StopLimit, StopMarket, Terms
from dhan_copy.testing.broker import Fault
from dhan_copy.testing.playground import Playground
from dhan_copy.views import number, snapshot, status, terms_text


@pytest.fixture
def lab() -> Playground:
    return Playground(followers={"F": "1/2", "G": "1/5"})


def test_orders_have_a_row_per_follower_and_order(lab: Playground) -> None:
    order = lab.leader.buy("NIFTY 22500 CE", lots=2, price="90.5")
    lab.step()
    full, none = lab.orders().to_dicts()
    assert (full["leader_order_id"], full["follower"], full["decision"], full["state"]) == (
        order.id, "F", "COPIED", "WORKING",
    )  # fmt: skip
    assert (full["ordered"], full["terms"], full["done"], full["intent"]) == (75, "LIMIT 90.5", 0, "ENTRY")
    assert (none["follower"], none["decision"], none["state"], none["ordered"]) == ("G", "BELOW_ONE_LOT", None, None)


def test_decisions_have_the_reason_in_words(lab: Playground) -> None:
    lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.step()
    copied, below = lab.decisions().to_dicts()
    assert (copied["code"], copied["ratio"], copied["live"]) == ("COPIED", "1/2", True)
    assert below["code"] == "BELOW_ONE_LOT" and "below one lot" in str(below["reason"])


def test_a_declined_order_says_so(lab: Playground) -> None:
    lab.engine.step()
    lab.engine.halt()
    lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.step()
    assert {row["code"] for row in lab.decisions()} == {"NOT_ACTIVE"}
    assert {row["ratio"] for row in lab.decisions()} == {None}


def test_drift_is_the_carry_until_it_is_a_lot(lab: Playground) -> None:
    for _ in range(3):
        lab.leader.buy("NIFTY 22500 CE", lots=1)
        lab.step()
    rows = {row["follower"]: row for row in lab.drift()}
    assert (rows["F"]["target"], rows["F"]["owned"], rows["F"]["difference"]) == (Decimal("112.5"), 75, Decimal("37.5"))
    assert (rows["F"]["rounding"], rows["F"]["causes"]) == (Decimal("37.5"), "")
    assert (rows["G"]["target"], rows["G"]["owned"]) == (45, 0)


def test_a_declared_difference_is_named(lab: Playground) -> None:
    order = lab.leader.buy("NIFTY 22500 CE", lots=2, price=90)
    lab.step()
    lab.brokers["F"].exchange.cancel("F", lab.exchange.orders("F")[0].order_id)
    lab.step()
    order.fill(price=90)
    lab.step()
    (row,) = [row for row in lab.drift() if row["follower"] == "F"]
    assert row["owned"] == 0 and (row["manual"], row["causes"]) == (75, "HUMAN_CANCELLED +75")


def test_status_says_what_is_allowed_possible_and_unknown(lab: Playground) -> None:
    lab.step()
    lab.brokers["F"].fail_next(Fault.NEVER_ARRIVED)
    lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.step()
    lab.brokers["F"].fail_next(Fault.REJECTED, error=AuthenticationError, text="Invalid Token")
    lab.leader.buy("BANKNIFTY 50000 PE", lots=2)
    lab.step()
    leader, follower, other = lab.status().to_dicts()
    assert (leader["role"], leader["health"], leader["orders"]) == ("leader", "OK", 2)
    assert follower["trading"] == TradingState.ACTIVE.value
    assert str(follower["health"]).startswith("BLOCKED (AUTHENTICATION)")
    assert (follower["unresolved"], follower["orders"]) == (1, 2)
    assert other["health"] == "OK"
    assert {row["state"] for row in lab.orders() if row["follower"] == "F"} == {"UNRESOLVED", "REJECTED"}


@pytest.mark.parametrize(
    ("terms", "text"),
    [
        (Market(), "MARKET"),
        (Limit(Decimal("1.05")), "LIMIT 1.05"),
        (StopLimit(Decimal(2), Decimal("1.95")), "STOP 2 LIMIT 1.95"),
        (StopMarket(Decimal(2)), "STOP 2 MARKET"),
    ],
)
def test_terms_in_words(terms: Terms, text: str) -> None:
    assert terms_text(terms) == text


@given(st.fractions(max_denominator=10_000))
def test_numbers_are_exact_in_whatever_form(value: Fraction) -> None:
    shown = number(value)
    assert Fraction(shown) == value
    assert isinstance(shown, int) == (value.denominator == 1)


def test_a_snapshot_does_not_change_with_the_state(lab: Playground) -> None:
    lab.step()
    before = snapshot(lab.engine._machine.kernel.core.state)  # type: ignore[union-attr]
    lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.step()
    assert not len(before.trades) and len(lab.orders()) == 2


def test_a_snapshot_can_be_read_while_more_is_folded(lab: Playground) -> None:
    lab.leader.buy("NIFTY 22500 CE", lots=2, price=50)
    lab.step()
    before = snapshot(lab.engine._machine.kernel.core.state)  # type: ignore[union-attr]
    open_then = before.open_keys()
    assert open_then
    lab.leader.buy("NIFTY 22500 CE", lots=4, price=50)
    lab.step()
    assert before.open_keys() == open_then, "what is open is held in containers of containers"
    assert [row["account"] for row in status(before)] == [row["account"] for row in lab.engine.status()]


def test_alerts_are_a_table_in_the_order_in_which_they_were_raised(lab: Playground) -> None:
    assert len(lab.engine.alerts()) == 0
    lab.brokers["F"].fail_next(Fault.REJECTED, error=PlacementRejected, text="no such price")
    first = lab.leader.buy("NIFTY 22500 CE", lots=2)
    lab.step()
    lab.brokers["F"].fail_next(Fault.NEVER_ARRIVED)
    second = lab.leader.buy("NIFTY 22600 CE", lots=2)
    lab.step()
    table = lab.engine.alerts()
    assert table.columns == ("time", "code", "account", "leader_order_id", "client_order_id", "what", "known", "advice")
    told = {row["leader_order_id"]: row for row in table if row["code"] in ("REJECTED", "UNRESOLVED")}
    assert list(told) == [first.id, second.id]
    rejected, unresolved = told.values()
    assert (rejected["code"], rejected["account"], rejected["advice"]) == ("REJECTED", "F", "An entry is not tried again.")
    assert "no such price" in str(rejected["known"])
    assert (unresolved["code"], unresolved["account"]) == ("UNRESOLVED", "F")
    tags = {row["leader_order_id"]: row["client_order_id"] for row in lab.orders() if row["follower"] == "F"}
    assert [row["client_order_id"] for row in told.values()] == [tags[first.id], tags[second.id]]
    times = [row["time"] for row in table]
    assert times == [entry.at for entry in lab.engine.journal() if isinstance(entry.fact, AlertRaised)]
