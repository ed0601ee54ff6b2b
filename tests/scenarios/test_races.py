"""Legs that fill where nobody expects it, and slices of which one is refused: in the playground."""

from __future__ import annotations

from dhan_copy import Playground
from dhan_copy.testing import Rejection, RejectionWay

CALL = "NIFTY-Mar2026-22500-CE"


def live(lab: Playground) -> list[tuple[str, int]]:
    return [(o.side.value, o.leaves_quantity) for o in lab.exchange.orders("F1") if not o.status.is_terminal]


def held(lab: Playground) -> int:
    return sum(position.net_quantity for position in lab.exchange.positions("F1"))


def test_f40_l4_both_legs_fill_before_either_is_seen_nothing_stays_live_and_the_follower_is_flat_again() -> None:
    lab = Playground(followers={"F1": "1"})
    order = lab.leader.buy(CALL, lots=4, target=110, stop=95)
    lab.step()
    _, target, stop = lab.exchange.orders("F1")
    lab.exchange.fill("F1", target.order_id)
    lab.exchange.fill("F1", stop.order_id)
    assert held(lab) == -300
    lab.advance(5)
    assert (held(lab), live(lab)) == (0, [])
    assert any("OVER_EXIT" in str(row) for row in lab.explain(order))


def test_f40_l5_the_leaders_legs_are_gone_and_the_follower_keeps_its_own_until_it_is_flat() -> None:
    lab = Playground(followers={"F1": "1"})
    order = lab.leader.buy(CALL, lots=4, target=110, stop=95)
    lab.step()
    order.target.fill()
    assert order.stop.now.status.value == "CANCELLED"
    lab.advance(30)
    assert live(lab) == [("SELL", 300), ("SELL", 300)]
    lab.exchange.fill("F1", lab.exchange.orders("F1")[1].order_id)
    lab.advance(30)
    assert (held(lab), live(lab)) == (0, [])


def test_f42_p12_one_slice_is_refused_and_the_legs_are_for_what_the_others_filled() -> None:
    lab = Playground(followers={"F1": "1"})
    lab.step()
    lab.exchange.reject_next("F1", Rejection("RMS: not this one", way=RejectionWay.REFUSED))
    lab.leader.buy(CALL, lots=40, target=110, stop=95)
    lab.advance(30)
    placed = [(o.quantity, o.filled_quantity) for o in lab.exchange.orders("F1") if o.side.value == "BUY"]
    assert placed == [(1200, 1200)]
    assert live(lab) == [("SELL", 1200), ("SELL", 1200)]
    assert held(lab) == 1200
