"""What a follower should hold, reckoned with nothing but the leader's fills, the recorded ratios and what was declared."""

from __future__ import annotations

from collections.abc import Container, Iterable, Sequence
from fractions import Fraction

from attrs import define, field

from dhan_copy.core.facts import CopyAdmitted
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import Leg, OrderReport, Variety
from dhan_copy.testing.simulation.market import Account, Listing

Tree = BrokerOrderId | None
"""The entry of a linked order, whose legs close what it opened and nothing else; None for everything else."""
_LINKED = (Variety.SUPER, Variety.BRACKET, Variety.COVER)
Ledger = tuple[AccountName, Listing, Tree]


@define(eq=False)
class _Part:
    """One leader order at one follower."""

    listing: Listing
    sign: int
    filled: int = 0
    opened: int = 0
    undecided: Fraction = Fraction(0)
    """Of what it opened, what the leader has not closed again before it was decided."""
    admitted: CopyAdmitted | None = None


@define(eq=False)
class Ideals:
    """A fill that opens adds its ratio; a fill that closes scales what is there down; what is declared is added.

    Linked orders are reckoned one by one, until the leader trades against one by another order: then what they hold is
    a part of what he holds by plain orders."""

    _ideal: dict[Ledger, Fraction] = field(factory=dict)
    _gross: dict[tuple[Ledger, int], int] = field(factory=dict)
    """What the copier's entries have opened by side, less what its exits have closed of it."""
    _leader: dict[tuple[Listing, Tree], int] = field(factory=dict)
    _parts: dict[tuple[BrokerOrderId, AccountName], _Part] = field(factory=dict)
    _undecided: dict[tuple[BrokerOrderId, AccountName], _Part] = field(factory=dict)
    """Those of them that have opened something and were not admitted, as far as was told."""
    _trees: dict[BrokerOrderId, Listing] = field(factory=dict)
    """Linked orders that are reckoned by themselves."""
    _released: set[BrokerOrderId] = field(factory=set)
    _merged: dict[Listing, int] = field(factory=dict)
    """How many holdings have become one since the leader last held nothing."""

    def tree_of(self, order_id: BrokerOrderId) -> Tree:
        """Under which linked order the leader's order is reckoned now."""
        entry = BrokerOrderId(order_id.partition("/")[0])
        return entry if entry in self._trees else None

    def trees(self, listing: Listing) -> list[BrokerOrderId]:
        return [tree for tree, where in self._trees.items() if where is listing]

    def ideal(self, follower: AccountName, listing: Listing, tree: Tree = None) -> Fraction:
        return self._ideal.get((follower, listing, tree), Fraction(0))

    def leader(self, listing: Listing, tree: Tree) -> int:
        """What he holds, by the fills that were journaled."""
        return self._leader.get((listing, tree), 0)

    def lots_apart(self, listing: Listing, tree: Tree) -> int:
        """How many lots a holding may be away from its ideal: each had its own rounding before they became one."""
        return 1 + (self._merged.get(listing, 0) if tree is None else 0)

    def opened(self, follower: AccountName, listing: Listing, tree: Tree, sign: int) -> int:
        """What the copier has opened of this side (+1 bought, -1 sold) and not closed, by what has filled."""
        return self._gross.get(((follower, listing, tree), sign), 0)

    def held(self, follower: AccountName, listing: Listing, tree: Tree) -> int:
        """What the copier holds in this ledger, by what has filled."""
        return self.opened(follower, listing, tree, 1) - self.opened(follower, listing, tree, -1)

    def first_seen(self, report: OrderReport, leader: Account, listing: Listing, followers: Sequence[AccountName]) -> None:
        self._leader.setdefault((listing, None), leader.at_open.get(listing, 0))
        entry = entry_of(report)
        if entry is not None and entry not in self._released:
            self._trees[entry] = listing
        for follower in followers:
            self._parts[report.order_id, follower] = _Part(listing, report.side.sign)

    def leader_said(self, report: OrderReport, filled_before: int, listing: Listing) -> list[BrokerOrderId]:
        """A plain order that is for more than what he holds by plain orders, while he holds something on its other side by
        linked orders, takes all linked orders apart that have filled; returns which. What it had filled before is counted
        in what he holds."""
        if entry_of(report) is not None:
            return []
        sign = report.side.sign
        filled = [tree for where, tree in self._leader if where is listing and tree is not None]
        units = (report.filled_quantity if report.status.is_terminal else report.quantity) - filled_before
        against = any(self.leader(listing, tree) * sign < 0 for tree in filled)
        if not against or units <= max(0, -sign * self.leader(listing, None)):
            return []
        for tree in filled:
            self._net(listing, tree)
            self._release(tree)
        return filled

    def leader_filled(self, report: OrderReport, units: int, listing: Listing, followers: Sequence[AccountName]) -> None:
        sign, tree = report.side.sign, self.tree_of(report.order_id)
        before = self.leader(listing, tree)
        self._leader[listing, tree] = before + units * sign
        if tree is None and not self._leader[listing, tree]:
            self._merged.pop(listing, None)
        closing = min(units, abs(before)) if before * sign < 0 else 0
        for (order_id, who), other in self._undecided.items() if closing else ():
            if who in followers and other.listing is listing and other.sign != sign and self.tree_of(order_id) == tree:
                other.undecided *= Fraction(abs(before) - closing, abs(before))
        for follower in followers:
            ledger = (follower, listing, tree)
            if closing:
                self._ideal[ledger] = self.ideal(*ledger) * Fraction(abs(before) - closing, abs(before))
            part = self._parts.setdefault((report.order_id, follower), _Part(listing, sign))
            part.filled += units
            opening = units - closing
            if opening and part.admitted is None:
                part.opened += opening
                part.undecided += opening
                self._undecided[report.order_id, follower] = part
            elif opening and part.admitted is not None and part.admitted.ratio:
                beyond_exit = part.filled - part.admitted.exit_quantity
                copied = min(opening, max(0, beyond_exit - part.opened))
                part.opened += copied
                self._ideal[ledger] = self.ideal(*ledger) + part.admitted.ratio * copied * sign

    def admitted(self, fact: CopyAdmitted) -> bool:
        """Count a decision; False when the follower was not there yet when the order was first seen."""
        part = self._parts.get((fact.leader_order_id, fact.follower))
        if part is None:
            return False
        part.admitted = fact
        self._undecided.pop((fact.leader_order_id, fact.follower), None)
        ledger = (fact.follower, part.listing, self.tree_of(fact.leader_order_id))
        self._ideal[ledger] = self.ideal(*ledger) + fact.ratio * part.undecided * part.sign
        return True

    def declared(self, follower: AccountName, listing: Listing, tree: Tree, quantity: Fraction) -> None:
        ledger = (follower, listing, tree)
        self._ideal[ledger] = self.ideal(*ledger) + quantity

    def follower_filled(
        self, follower: AccountName, listing: Listing, tree: Tree, units: int, sign: int, *, closing: bool
    ) -> int:
        """Count a fill; returns how much an exit closed beyond what had been opened on the other side."""
        ledger = (follower, listing, tree)
        if not closing:
            self._gross[ledger, sign] = self._gross.get((ledger, sign), 0) + units
            return 0
        left = self._gross.get((ledger, -sign), 0) - units
        self._gross[ledger, -sign] = max(0, left)
        beyond = max(0, -left)
        self._gross[ledger, sign] = self._gross.get((ledger, sign), 0) + beyond
        return beyond

    def closed_by_hand(self, follower: AccountName, listing: Listing, net: int) -> None:
        """Somebody has closed what the copier had opened, and it was found out: with no linked orders beside them, plain
        orders hold what the account does."""
        plain = (follower, listing, None)
        if self.trees(listing):
            return
        less = self.held(*plain) - net
        sign = 1 if less > 0 else -1
        closed = min(abs(less), self.opened(*plain, sign))
        self._gross[plain, sign] = self.opened(*plain, sign) - closed
        self._gross[plain, -sign] = self.opened(*plain, -sign) + abs(less) - closed

    def next_day(self, kept: Container[BrokerOrderId], leader: Account) -> None:
        """Forget the day; orders that are ``kept`` go on."""
        for tree, listing in list(self._trees.items()):
            if not listing.product.ends_with_day:
                self._release(tree)
        self._parts = {key: part for key, part in self._parts.items() if key[0] in kept}
        self._undecided = {key: part for key, part in self._undecided.items() if key in self._parts}
        self._leader.clear()
        self._leader.update({(part.listing, None): leader.at_open.get(part.listing, 0) for part in self._parts.values()})
        self._trees.clear()
        self._released.clear()
        self._ideal = {ledger: units for ledger, units in self._ideal.items() if _is_carried(ledger)}
        self._gross = {key: units for key, units in self._gross.items() if _is_carried(key[0])}

    def _net(self, listing: Listing, tree: BrokerOrderId) -> None:
        """What a linked order has opened against what the leader held by plain orders has closed that."""
        before, held = self.leader(listing, None), self.leader(listing, tree)
        closing = min(abs(before), abs(held)) if before * held < 0 else 0
        if not closing:
            return
        plain_left, tree_left = Fraction(abs(before) - closing, abs(before)), Fraction(abs(held) - closing, abs(held))
        for (who, where, of), ideal in list(self._ideal.items()):
            if where is listing and of in (None, tree):
                self._ideal[who, where, of] = ideal * (tree_left if of else plain_left)
        for (order_id, _), part in self._parts.items():
            if order_id == tree:
                part.opened -= min(part.opened, closing)
                part.undecided *= tree_left
            elif part.listing is listing and part.sign * before > 0 and self.tree_of(order_id) is None:
                part.undecided *= plain_left

    def _release(self, tree: BrokerOrderId) -> None:
        listing = self._trees.pop(tree)
        self._released.add(tree)
        held = self._leader.pop((listing, tree), 0)
        self._leader[listing, None] = self.leader(listing, None) + held
        if held:
            self._merged[listing] = self._merged.get(listing, 0) + 1
        for ledger in _of_tree(self._ideal, tree):
            plain = (ledger[0], listing, None)
            self._ideal[plain] = self.ideal(*plain) + self._ideal.pop(ledger)
        for key in [key for key in self._gross if key[0][2] == tree]:
            merged = ((key[0][0], listing, None), key[1])
            self._gross[merged] = self._gross.get(merged, 0) + self._gross.pop(key)


def entry_of(report: OrderReport) -> Tree:
    """The linked order that a journaled order is a part of."""
    if "/" in report.order_id:
        return BrokerOrderId(report.order_id.partition("/")[0])
    return report.order_id if report.variety in _LINKED and report.leg is Leg.ENTRY else None


def _of_tree(ledgers: Iterable[Ledger], tree: BrokerOrderId) -> list[Ledger]:
    return [ledger for ledger in ledgers if ledger[2] == tree]


def _is_carried(ledger: Ledger) -> bool:
    return not ledger[1].product.ends_with_day
