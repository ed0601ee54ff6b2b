"""Judges the copies of linked orders, tree by tree: what protects them, what is too much, what is left behind."""

from __future__ import annotations

from typing import TYPE_CHECKING

from attrs import define, field

from dhan_copy.core.legs import leg_id
from dhan_copy.core.requests import Intent, Modify, Submit
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import Leg
from dhan_copy.testing.simulation.market import Family, Listing, TrueOrder

if TYPE_CHECKING:
    from dhan_copy.testing.simulation.oracle import Oracle

EXITS = (Leg.TARGET, Leg.STOP)
NO_ALARM = frozenset(
    {"DRIFT", "UNRESOLVED", "RequestRejected", "RequestWithheld", "FILLS_APART", "BEHIND", "MODIFICATION_CAP", "OVER_EXIT"}
)
"""Ends of a copy that tell nobody of a missing protection."""


@define(eq=False)
class TreeJudge:
    """Asks the oracle for what the brokers saw, and blames through it."""

    oracle: Oracle
    raced: set[tuple[AccountName, BrokerOrderId]] = field(factory=set)
    """Copies of which more was closed than had been opened, by both legs."""

    def next_day(self) -> None:
        self.raced.clear()

    # Meanwhile

    def judge_size(self, request: Submit | Modify, tree: BrokerOrderId) -> None:
        """An exit is for what is open, as far as has been told, and so are all slices of a leg together."""
        oracle, name, tag = self.oracle, request.follower, request.client_order_id
        leader_order_id, _ = oracle.tags[tag]
        sign = self._sign(tree)
        net = sum(
            order.sign * sign * oracle.told_fills.get(order.tag, 0)
            for order in self._orders(name, tree)
            if order.tag is not None
        )  # fmt: skip
        closes_too_much = "/" not in leader_order_id
        most = max(0, -net if closes_too_much else net)
        others = sum(
            max(0, min(order.quantity, oracle.asked_for.get(submit.client_order_id, 0)) - order.filled)
            for order, submit in oracle.copies[leader_order_id, name].placed
            if order.tag != tag and order.is_open and submit.intent is Intent.EXIT and not order.ghost
        )  # fmt: skip
        if request.quantity <= oracle.asked_for.get(tag, 0):
            others = 0  # it shrinks; the others may have been told to, and not have answered
        asked = request.quantity - oracle.told_fills.get(tag, 0) + others
        if asked > most:
            what = f"{tag} is for {asked} of the linked order {tree} at {name}, of which {most} are open"
            oracle.blame(5, what, tag, tree)

    def filled(self, order: TrueOrder, tree: BrokerOrderId, beyond: int) -> None:
        """A leg of a copy, or its entry, has filled; ``beyond`` of it closed more than there was."""
        oracle, name = self.oracle, order.account.name
        if not beyond:
            return
        legs = {
            oracle.tags[other.tag][0]
            for other in self._orders(name, tree)
            if other.tag and other.filled and _is_leg(oracle, other)
        }
        meddler = oracle.world.meddlers[name]
        if len(legs) > 1:
            self.raced.add((name, tree))
            oracle.rare["both legs filled before either was seen"] += 1
            if order.is_native_leg:
                oracle.rare["native legs both filled"] += 1
        elif order.listing not in meddler.squared and (name, order.listing) not in oracle.manual:
            oracle.blame(
                5, f"{order.tag} closed {beyond} more than {name} had by the linked order {tree}", str(order.tag), tree
            )

    # At rest

    def look_at_rest(self, name: AccountName, listing: Listing) -> None:
        for tree in self.oracle.ideals.trees(listing):
            self._look_at(name, listing, tree)

    def _look_at(self, name: AccountName, listing: Listing, tree: BrokerOrderId) -> None:
        oracle = self.oracle
        original = oracle.world.leader.orders.get(tree)
        family = original.family if original is not None else None
        if family is None or name in oracle.spent:
            return
        meddler = oracle.world.meddlers[name]
        if listing in meddler.squared or listing in meddler.spoilt or (name, listing) in oracle.manual:
            oracle.rare["linked order not judged: meddled with"] += 1
            return
        if self._native(name, tree) is not None:
            oracle.rare["native tree judged"] += 1
        held = oracle.ideals.held(name, listing, tree) * family.entry.sign
        live = {leg: self._live(name, tree, leg) for leg in EXITS}
        self._nothing_too_much(name, tree, held, live)
        if (name, tree) in self.raced:
            self._race_was_seen(name, tree, held)
        if held > 0:
            self._protected(name, tree, family, held, live)
        self._position(name, listing, tree, family, any(live.values()))

    def _nothing_too_much(self, name: AccountName, tree: BrokerOrderId, held: int, live: dict[Leg, int]) -> None:
        for leg, units in live.items():
            if units > max(0, held):
                what = f"the {leg.value} of the linked order {tree} is live for {units} at {name}, where {held} are open"
                self.oracle.blame(5, what, tree)

    def _race_was_seen(self, name: AccountName, tree: BrokerOrderId, held: int) -> None:
        closed = sum(order.filled for order in self._orders(name, tree) if _is_leg(self.oracle, order))
        copy = self.oracle.copies.get((tree, name))
        opened = sum(order.filled for order, submit in copy.placed if submit.intent is Intent.ENTRY) if copy is not None else 0
        if closed <= opened:
            self.oracle.rare["both legs filled, and then the rest of the entry"] += 1
            return
        if not any("OVER_EXIT" in ends for ends in self._ends(name, tree)):
            self.oracle.blame(5, f"both legs of {tree} filled at {name}, and nobody was told", tree)
        if held < 0 and not any(ends - NO_ALARM for ends in self._ends(name, tree)):
            self.oracle.blame(
                5, f"both legs of {tree} filled at {name}, and {-held} too many closed were not opened again", tree
            )

    def _protected(self, name: AccountName, tree: BrokerOrderId, family: Family, held: int, live: dict[Leg, int]) -> None:
        rare = self.oracle.rare
        if family.position == 0:
            rare["leader out of a linked order, follower not yet"] += 1
        for leg, order in family.legs.items():
            if order.taken_back and not order.filled and family.position and live[leg] and not self._alarmed(name, tree, leg):
                self.oracle.blame(4, f"the {leg.value} of {tree}, which the leader took back, is live at {name}", tree)
            if not order.is_shown or order.taken_back:
                continue
            if live[leg] == held:
                rare["protected at rest"] += 1
                self._stands_where_the_leaders_does(name, tree, order)
            elif not self._alarmed(name, tree, leg):
                what = f"{held} by the linked order {tree} at {name} have a {leg.value} for {live[leg]}, and nobody was told"
                self.oracle.blame(5, what, tree)

    def _stands_where_the_leaders_does(self, name: AccountName, tree: BrokerOrderId, original: TrueOrder) -> None:
        copy = self.oracle.copies[original.order_id, name]
        if not original.is_open or copy.ends & {"MODIFICATION_CAP", "REQUEST_BUDGET", "MODIFICATION_REFUSED"}:
            return
        for order, _ in copy.placed:
            if not order.leaves or order.ghost or order.tag in self.oracle.terms_refused:
                continue
            price, leaders = (order.limit, original.limit) if original.leg is Leg.TARGET else (order.trigger, original.trigger)
            if self._trails_as_far(order, original):
                continue
            if None not in (price, leaders) and price != leaders:  # a stop that has triggered stands nowhere
                what = f"{order.tag} stands at {order.terms}, the leader's {original.order_id} at {original.terms}"
                self.oracle.blame(10, what, str(order.tag), tree)

    def _trails_as_far(self, order: TrueOrder, original: TrueOrder) -> bool:
        """Whether both trail by themselves, each from where it began, and stand no more than a jump apart."""
        family, leaders = order.family, original.family
        if not order.is_native_leg or family is None or leaders is None or order.trigger is None or original.trigger is None:
            return False
        jump = family.jump
        return (
            order.leg is Leg.STOP
            and jump is not None
            and jump == leaders.jump
            and abs(order.trigger - original.trigger) <= jump
        )

    def _native(self, name: AccountName, tree: BrokerOrderId) -> TrueOrder | None:
        """The entry, where the follower's broker keeps the legs."""
        copy = self.oracle.copies.get((tree, name))
        return next((order for order, _ in copy.placed if order.family is not None), None) if copy is not None else None

    def _position(self, name: AccountName, listing: Listing, tree: BrokerOrderId, family: Family, rests: bool) -> None:
        oracle = self.oracle
        entry_rests = any(order.leaves and not order.ghost for order in self._orders(name, tree))
        if rests or entry_rests or family.entry.is_open or any(leg.leaves for leg in family.legs.values()):
            oracle.rare["linked order not judged: orders rest"] += 1
            return
        if any("EXIT_WAITS" in ends for ends in self._ends(name, tree)):
            oracle.rare["linked order not judged: an exit waits, and is told"] += 1
            return
        held, ideal = oracle.ideals.held(name, listing, tree), oracle.ideals.ideal(name, listing, tree)
        oracle.rare["linked order judged"] += 1
        off = abs(held - ideal)
        if off > listing.lot or (family.position == 0 and off and held):
            what = f"{name} holds {held} of {listing.key} by the linked order {tree}, expected {float(ideal):g}"
            oracle.blame(4, f"{what} (leader {family.position}, lot {listing.lot})", tree)

    # What there is

    def _sign(self, tree: BrokerOrderId) -> int:
        return self.oracle.newest[tree].side.sign if tree in self.oracle.newest else self.oracle.world.leader.orders[tree].sign

    def _orders(self, name: AccountName, tree: BrokerOrderId) -> list[TrueOrder]:
        copies = self.oracle.copies
        keys = [(order_id, name) for order_id in (tree, *(leg_id(tree, leg) for leg in EXITS))]
        return [order for key in keys if key in copies for order, _ in copies[key].placed]

    def _live(self, name: AccountName, tree: BrokerOrderId, leg: Leg) -> int:
        copy = self.oracle.copies.get((leg_id(tree, leg), name))
        return 0 if copy is None else sum(order.leaves for order, _ in copy.placed if not order.ghost)

    def _ends(self, name: AccountName, tree: BrokerOrderId) -> list[set[str]]:
        copies = self.oracle.copies
        keys = [(order_id, name) for order_id in (tree, *(leg_id(tree, leg) for leg in EXITS))]
        return [copies[key].ends for key in keys if key in copies]

    def _alarmed(self, name: AccountName, tree: BrokerOrderId, leg: Leg) -> bool:
        copies = self.oracle.copies
        found = [copies[key] for key in ((leg_id(tree, leg), name), (tree, name)) if key in copies]
        return any(copy.ends - NO_ALARM or copy.declined is not None for copy in found)


def _is_leg(oracle: Oracle, order: TrueOrder) -> bool:
    return order.tag is not None and "/" in oracle.tags[order.tag][0]
