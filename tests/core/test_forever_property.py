"""Forever orders in any order of events: never two live copies of one, and what both accounts hold in the end."""

from __future__ import annotations

from decimal import Decimal
from fractions import Fraction

import pytest
from attrs import define, field
from hypothesis import event, given
from hypothesis import strategies as st

from dhan_copy.core.facts import AlertRaised
from dhan_copy.core.requests import Submit
from dhan_copy.model.order import ForeverLeg, Leg, Side, StopLimit
from tests.core.forever_world import ABOVE, BELOW, ForeverWorld, Waiting
from tests.core.world import TrueOrder

LOT = 75
HELD_LOTS = 40


@define
class Pair:
    """A leader's Forever order and what became of it on both sides; each fires once, on both sides or on none."""

    order: Waiting
    lots: int
    leg: Leg | None = None
    """The leg that fires."""
    children: dict[str, TrueOrder] = field(factory=dict)
    cancelled: bool = False

    @property
    def waits(self) -> bool:
        return not self.cancelled and not self.children


@define
class Story:
    """Moves the two brokers; judges by what they have."""

    side: Side
    bench: ForeverWorld = field(factory=lambda: ForeverWorld({"F": Fraction(1, 2)}))
    pairs: list[Pair] = field(factory=list)

    def __attrs_post_init__(self) -> None:
        if self.side is Side.SELL:
            self.bench.trade(Side.BUY, HELD_LOTS)
            self.bench.fill_everything("F")

    def copies(self, pair: Pair) -> list[Waiting]:
        tags = {
            request.client_order_id for request in self.bench.requests()
            if isinstance(request, Submit) and request.leader_order_id == pair.order.id
        }  # fmt: skip
        return [order for order in self.bench.of("F") if order.first.client_order_id in tags]

    def check(self) -> None:
        for pair in self.pairs:
            live = [order for order in self.copies(pair) if order.waits or self.is_open(order)]
            assert len(live) <= 1, "two live copies of one order"

    def is_open(self, order: Waiting) -> bool:
        child = self.bench.books["F"].get(order.child or "")
        return child is not None and child.is_open

    # What happens

    def place(self, lots: int, two_legs: bool, tell: bool) -> None:
        if len(self.pairs) < 8:
            stop = ForeverLeg(terms=BELOW, quantity=lots * LOT) if two_legs else None
            # Rows of Forever orders carry no tag: of two that are alike and both unanswered nobody knows which is whose.
            terms = StopLimit(ABOVE.trigger + len(self.pairs), ABOVE.price + len(self.pairs))
            self.pairs.append(Pair(self.bench.place_forever(self.side, lots, terms, stop, tell=tell), lots))

    def alter(self, pair: Pair, price: int, second: bool, tell: bool) -> None:
        if pair.waits:
            name = Leg.STOP if second and Leg.STOP in pair.order.legs else None
            self.bench.alter(pair.order, name, tell=tell, terms=StopLimit(Decimal(price), Decimal(price)))

    def take_back(self, pair: Pair, tell: bool) -> None:
        if pair.waits:
            pair.cancelled = True
            self.bench.take_back(pair.order, tell=tell)

    def fire(self, pair: Pair, account: str, second: bool, tell: bool) -> None:
        if pair.cancelled or account in pair.children:
            return
        order = pair.order
        if account == "F":
            waiting = [copy for copy in self.copies(pair) if copy.waits]
            if not waiting:
                return
            order = waiting[0]
        if pair.leg is None:
            pair.leg = Leg.STOP if second and Leg.STOP in order.legs else next(iter(order.legs))
        pair.children[account] = self.bench.fire(account, order, pair.leg, tell=tell)

    def fill(self, pair: Pair, account: str) -> None:
        child = pair.children.get(account)
        if child is None or not child.is_open:
            return
        units = child.report.quantity - child.report.filled_quantity
        self.bench.fill(child, units) if account == "L" else self.bench.fill_follower("F", child, units)

    def finish(self) -> None:
        """What has fired on one side fires on the other, and fills on both."""
        self.bench.lose.clear()
        self.bench.look("L")
        self.bench.let(400)
        for pair in self.pairs:
            if pair.children:
                for account in ("L", "F"):
                    self.fire(pair, account, False, True)
                    self.fill(pair, account)
        self.bench.let(60)

    def next_day(self) -> None:
        self.finish()
        self.bench.next_day()
        self.bench.look("L")

    def judge(self) -> None:
        self.finish()
        self.check()
        expected = 0
        for pair in self.pairs:
            copies = self.copies(pair)
            if pair.cancelled:
                assert not any(copy.waits for copy in copies), "left behind"
            if "L" in pair.children and "F" in pair.children:
                expected += self.side.sign * pair.lots * LOT // 2
            elif self.side is Side.SELL:
                assert pair.cancelled or pair.waits or self.alarmed(), "an exit that is missing and nobody was told"
        if self.side is Side.BUY:
            assert self.bench.net_position("F") == expected
        else:
            # What was not copied and told is made up for by the next exit.
            most = HELD_LOTS * LOT // 2 + expected
            assert self.bench.leader_position() // 2 <= self.bench.net_position("F") <= most

    def alarmed(self) -> bool:
        return bool(self.bench.facts(AlertRaised))


steps = st.tuples(
    st.sampled_from(["place"] * 3 + ["alter", "take_back", "fire", "fire", "fill", "fill", "restart", "day", "let", "look", "lose"]),
    st.integers(0, 7), st.sampled_from("LF"), st.booleans(), st.booleans(), st.sampled_from([2, 4]),
)  # fmt: skip


@pytest.mark.parametrize("side", Side)
@given(st.lists(steps, max_size=25))
def test_l10_never_two_live_copies_and_the_net_position_is_right(
    side: Side, told: list[tuple[str, int, str, bool, bool, int]]
) -> None:
    story = Story(side)
    for what, number, account, one, two, lots in told:
        pair = story.pairs[number % len(story.pairs)] if story.pairs else None
        event(what)
        if what == "place":
            story.place(lots, one, two)
        elif what == "restart":
            story.bench.restart()
        elif what == "day":
            story.next_day()
        elif what == "let":
            story.bench.let(number * 20)
        elif what == "look":
            story.bench.look(account)
        elif what == "lose":
            story.bench.lose.append(one)
        elif pair is not None and what == "alter":
            story.alter(pair, 80 + number * 5, one, two)
        elif pair is not None and what == "take_back":
            story.take_back(pair, one)
        elif pair is not None and what == "fire":
            story.fire(pair, account, one, two)
        elif pair is not None:
            story.fill(pair, account)
        story.check()
    story.judge()
