"""What the table of linked orders says while an entry and its legs go their ways."""

from __future__ import annotations

from typing import Any

import pytest

from dhan_copy import Policy
from dhan_copy.core.settings import OverExit
from dhan_copy.errors import ModificationRejected, PlacementRejected
from dhan_copy.model.order import Leg, Product
from dhan_copy.testing import Call, Fault, leg_id
from dhan_copy.testing.playground import LeaderOrderHandle, Playground

CE = "NIFTY 22500 CE"


@pytest.fixture
def lab() -> Playground:
    return Playground(followers={"F": "1/2"})


def waits(lab: Playground) -> list[object]:
    """What the entry waits for, then the target, then the stop."""
    return [row["waits_for"] for row in lab.engine.trees()]


def copy(lab: Playground, leg: Leg) -> str:
    [row] = [row for row in lab.orders() if row["leg"] == leg.value and row["state"] in ("WORKING", "PARTIALLY_FILLED")]
    return str(row["broker_order_id"])


def fill(lab: Playground, leg: Leg, units: int | None = None) -> None:
    lab.exchange.fill("F", copy(lab, leg), units)
    lab.step()


def entered(lab: Playground, product: Product | None = None) -> LeaderOrderHandle:
    order = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70, product=product)
    lab.step()
    order.fill()
    fill(lab, Leg.ENTRY)
    return order


def live_for(units: int) -> str:
    return f"its price, live for all {units} that are open"


@pytest.mark.parametrize(("product", "form"), [(None, "SUPER"), (Product.BO, "BRACKET")])
def test_from_the_entry_to_the_target(lab: Playground, product: Product | None, form: str) -> None:
    order = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70, product=product)
    lab.step()
    assert waits(lab) == ["150 to fill", "the entry to fill", "the entry to fill"]
    assert [(row["form"], row["tree"], row["leg"]) for row in lab.trees()] == [
        (form, order.id, leg) for leg in ("ENTRY", "TARGET", "STOP")
    ]  # fmt: skip
    fill(lab, Leg.ENTRY, 75)
    assert waits(lab) == ["75 to fill; both legs live for 75", live_for(75), live_for(75)]
    fill(lab, Leg.ENTRY)
    assert waits(lab) == ["its legs; both legs live for 150", live_for(150), live_for(150)]
    fill(lab, Leg.TARGET, 75)
    assert waits(lab) == ["its legs; both legs live for 75", live_for(75), live_for(75)]
    fill(lab, Leg.TARGET)
    done = "nothing: there is nothing to close"
    assert waits(lab) == ["nothing: closed", done, done]
    assert [(row["live"], row["done"]) for row in lab.trees()] == [(0, 150), (0, 150), (0, 0)]


def test_the_leader_is_out_and_the_follower_is_not(lab: Playground) -> None:
    order = entered(lab)
    order.target.fill()
    lab.advance(1)
    assert waits(lab)[0] == "its legs; both legs live for 150"
    assert waits(lab)[1:] == [f"{live_for(150)}; the leader's is over"] * 2


def test_a_leg_that_the_leader_took_back(lab: Playground) -> None:
    entered(lab).target.cancel()
    lab.step()
    assert waits(lab)[1] == "a look at the leader's book 2 s later: it was cancelled by him, or by its sibling's fill"
    lab.advance(20)
    assert waits(lab) == ["its legs; stop live for 150", "nothing: the leader took it back", live_for(150)]


def filled_while(lab: Playground, fault: Fault, **more: Any) -> None:
    """The entry fills while something happens to the request for the first leg, the stop."""
    order = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70)
    lab.step()
    order.fill()
    lab.brokers["F"].fail_next(fault, on=Call.SUBMIT, **more)
    lab.exchange.fill("F", copy(lab, Leg.ENTRY))


def test_what_the_broker_refused(lab: Playground) -> None:
    filled_while(lab, Fault.REJECTED, error=PlacementRejected, text="no such price")
    lab.step()
    assert waits(lab) == [
        "its legs; target live for 150", live_for(150), "to be placed again for 150: no such price",
    ]  # fmt: skip


def test_r7_what_the_broker_refused_again_and_again_is_tried_anew_when_the_leader_moves_it(lab: Playground) -> None:
    order = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70)
    lab.step()
    order.fill()
    lab.brokers["F"].fail_next(Fault.REJECTED, on=Call.SUBMIT, error=PlacementRejected, text="no such price", count=10)
    lab.exchange.fill("F", copy(lab, Leg.ENTRY))
    lab.advance(120)
    lab.brokers["F"].heal()
    lab.advance(300)
    stalled = "the leader to move it, refused again and again for 150: no such price"
    assert waits(lab)[1:] == [stalled, stalled]
    order.stop.modify(trigger=72)
    lab.advance(10)
    assert waits(lab)[1:] == [stalled, live_for(150)]
    order.stop.fill()
    lab.advance(10)
    assert waits(lab)[1].startswith("nothing")


def test_what_nobody_knows(lab: Playground) -> None:
    filled_while(lab, Fault.NEVER_ARRIVED)
    lab.step()
    assert waits(lab)[1:] == [live_for(150), "to learn what became of a request"]
    lab.advance(180)
    assert waits(lab)[2] == live_for(150)


def test_an_entry_that_was_not_copied_and_one_that_ended(lab: Playground) -> None:
    lab.leader.buy(CE, lots=1, price=90, target=110, stop=70)
    gone = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70)
    lab.step()
    gone.cancel()
    lab.advance(20)
    small, ended = waits(lab)[:3], waits(lab)[3:]
    assert small == ["nothing: not copied (BELOW_ONE_LOT)", *["nothing: there is nothing to close"] * 2]
    assert ended == ["nothing: it ended CANCELLED without a fill", *["nothing: there is nothing to close"] * 2]


def test_legs_are_awaited_before_anything_is_placed(lab: Playground) -> None:
    lab.sources["LEADER"].fail_reads(9)
    lab.step()
    lab.leader.buy(CE, lots=4, price=90, target=110, stop=70)
    lab.step()
    assert waits(lab) == ["news of its legs, or to be confirmed"]


def test_a_tree_that_the_leader_traded_against_is_told_as_taken_apart(lab: Playground) -> None:
    entered(lab)
    lab.leader.sell(CE, lots=4, price=95)
    lab.step()
    assert "plain orders now" in str(waits(lab)[0])
    assert all("traded against its entry" in str(each) for each in waits(lab)[1:])


def test_the_tree_stands_in_the_other_tables_too(lab: Playground) -> None:
    lab.leader.buy(CE, lots=2, price=90)
    order = entered(lab)
    cells = {(row["tree"], row["leg"]) for row in lab.orders()}
    assert cells == {(None, None), *((order.id, leg.value) for leg in Leg)}
    assert [row["tree"] for row in lab.drift()] == [order.id]
    story = lab.explain(order)
    said = [str(row["what"]) for row in story]
    assert any(line.startswith("STOP: Decided to place SELL 150") for line in said)
    assert "TARGET: Copied: it closes what its entry fills here, as much as is open." in said
    assert len(lab.explain(leg_id(order.id, Leg.TARGET))) < len(story)


def test_without_linked_orders_it_is_empty(lab: Playground) -> None:
    lab.leader.buy(CE, lots=4)
    lab.step()
    assert len(lab.engine.trees()) == 0


@pytest.mark.parametrize(
    ("policy", "entry"),
    [
        (OverExit.CLOSE, "nothing: closed"),
        (OverExit.ALERT, "150 that its legs closed twice to be taken back by hand"),
    ],
)
def test_legs_that_closed_twice(policy: OverExit, entry: str) -> None:
    lab = Playground(followers={"F": "1/2"}, policy=Policy(over_exit=policy))
    entered(lab)
    for leg in (Leg.TARGET, Leg.STOP):
        lab.exchange.fill("F", copy(lab, leg))
    lab.step()
    assert waits(lab)[0] == entry


def test_a_cover_order_has_one_leg(lab: Playground) -> None:
    order = lab.leader.buy(CE, lots=4, price=90, stop=70, product=Product.CO)
    lab.step()
    order.fill()
    fill(lab, Leg.ENTRY)
    assert waits(lab) == ["its legs; stop live for 150", live_for(150)]


def test_a_follower_that_may_not_trade_shows_what_is_missing(lab: Playground) -> None:
    order = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70)
    lab.step()
    order.fill()
    lab.exchange.fill("F", copy(lab, Leg.ENTRY), 75)
    lab.step()
    lab.exchange.fill("F", copy(lab, Leg.ENTRY))
    lab.engine.halt()  # nobody has heard of the fill yet
    lab.step()
    assert waits(lab)[0] == "its legs; both legs live for 75"
    assert waits(lab)[1:] == ["its price, live for 75 of the 150 that are open: trading is halted"] * 2


def test_nothing_is_placed_in_a_halt(lab: Playground) -> None:
    order = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70)
    lab.step()
    order.fill()
    lab.exchange.fill("F", copy(lab, Leg.ENTRY))
    lab.engine.halt()
    lab.step()
    assert waits(lab) == ["its legs; no leg is live for the 150 that are open", *["nothing: trading is halted"] * 2]
    lab.engine.resume()
    lab.step()
    assert waits(lab)[1:] == [live_for(150)] * 2


def test_a_leg_that_the_leader_took_back_stays_away_when_he_is_out(lab: Playground) -> None:
    order = entered(lab)
    order.target.cancel()
    lab.advance(20)
    order.stop.fill()
    lab.advance(20)
    assert waits(lab)[1:] == ["nothing: the leader took it back", f"{live_for(150)}; the leader's is over"]


def test_a_leg_that_a_hand_took_back(lab: Playground) -> None:
    entered(lab)
    lab.exchange.cancel("F", copy(lab, Leg.STOP))
    lab.step()
    assert waits(lab)[1:] == [live_for(150), "nothing: it was cancelled by hand"]


def test_a_leg_that_is_refused_again_and_again(lab: Playground) -> None:
    filled_while(lab, Fault.REJECTED, error=PlacementRejected, text="no such price", count=100)
    lab.advance(60)
    stalled = "the leader to move it, refused again and again for 150: no such price"
    assert waits(lab) == ["its legs; no leg is live for the 150 that are open", stalled, stalled]


def test_a_leg_whose_requests_are_used_up() -> None:
    lab = Playground(followers={"F": "1/2"}, policy=Policy(requests_per_trade=1))
    order = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70)
    lab.step()
    order.fill()
    fill(lab, Leg.ENTRY, 75)
    order.stop.modify(trigger=71)
    lab.advance(5)
    fill(lab, Leg.ENTRY)
    used_up = "its price, live for 75 of the 150 that are open: the request budget of this leg is used up"
    assert waits(lab)[1:] == [used_up, used_up]


def test_a_leg_that_the_broker_does_not_change(lab: Playground) -> None:
    order = lab.leader.buy(CE, lots=4, price=90, target=110, stop=70)
    lab.step()
    order.fill()
    fill(lab, Leg.ENTRY, 75)
    lab.brokers["F"].fail_next(Fault.REJECTED, on=Call.MODIFY, error=ModificationRejected, text="no", count=2)
    fill(lab, Leg.ENTRY)
    lab.advance(5)
    assert waits(lab)[1:] == ["its price, live for 75 of the 150 that are open: the broker refused the change"] * 2
