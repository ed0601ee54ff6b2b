"""What a follower should hold, reckoned with nothing but the leader's fills, the recorded ratios and what was declared."""

from __future__ import annotations

from collections.abc import Sequence
from fractions import Fraction

from attrs import define, field

from dhan_copy.core.facts import CopyAdmitted
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import OrderReport
from dhan_copy.testing.simulation.market import Account, Listing

Place = tuple[AccountName, Listing]


@define(eq=False)
class _Part:
    """One leader order at one follower."""

    listing: Listing
    sign: int
    filled: int = 0
    opened: int = 0
    admitted: CopyAdmitted | None = None


@define(eq=False)
class Ideals:
    """A fill that opens adds its ratio; a fill that closes scales what is there down; what is declared is added."""

    _ideal: dict[Place, Fraction] = field(factory=dict)
    _gross: dict[tuple[AccountName, Listing, int], int] = field(factory=dict)
    """What the copier's entries have opened by side, less what its exits have closed of it."""
    _leader: dict[Listing, int] = field(factory=dict)
    _parts: dict[tuple[BrokerOrderId, AccountName], _Part] = field(factory=dict)

    def ideal(self, follower: AccountName, listing: Listing) -> Fraction:
        return self._ideal.get((follower, listing), Fraction(0))

    def opened(self, follower: AccountName, listing: Listing, sign: int) -> int:
        """What the copier has opened of this side (+1 bought, -1 sold) and not closed, by what has filled."""
        return self._gross.get((follower, listing, sign), 0)

    def first_seen(
        self, report: OrderReport, leader: Account, listing: Listing, followers: Sequence[AccountName]
    ) -> None:
        self._leader.setdefault(listing, leader.at_open.get(listing, 0))
        for follower in followers:
            self._parts[report.order_id, follower] = _Part(listing, report.side.sign)

    def leader_filled(
        self, report: OrderReport, units: int, listing: Listing, followers: Sequence[AccountName]
    ) -> None:
        sign = report.side.sign
        before = self._leader[listing]
        self._leader[listing] = before + units * sign
        closing = min(units, abs(before)) if before * sign < 0 else 0
        for follower in followers:
            place = (follower, listing)
            if closing:
                self._ideal[place] = self.ideal(*place) * Fraction(abs(before) - closing, abs(before))
            part = self._parts.setdefault((report.order_id, follower), _Part(listing, sign))
            part.filled += units
            opening = units - closing
            if opening and part.admitted is None:
                part.opened += opening
            elif opening and part.admitted is not None and part.admitted.ratio:
                beyond_exit = part.filled - part.admitted.exit_quantity
                copied = min(opening, max(0, beyond_exit - part.opened))
                part.opened += copied
                self._ideal[place] = self.ideal(*place) + part.admitted.ratio * copied * sign

    def admitted(self, fact: CopyAdmitted) -> bool:
        """Count a decision; False when the follower was not there yet when the order was first seen."""
        part = self._parts.get((fact.leader_order_id, fact.follower))
        if part is None:
            return False
        part.admitted = fact
        place = (fact.follower, part.listing)
        self._ideal[place] = self.ideal(*place) + fact.ratio * part.opened * part.sign
        return True

    def declared(self, follower: AccountName, listing: Listing, quantity: Fraction) -> None:
        self._ideal[follower, listing] = self.ideal(follower, listing) + quantity

    def follower_filled(self, follower: AccountName, listing: Listing, units: int, sign: int, *, closing: bool) -> int:
        """Count a fill; returns how much an exit closed beyond what had been opened on the other side."""
        if not closing:
            self._gross[follower, listing, sign] = self._gross.get((follower, listing, sign), 0) + units
            return 0
        place = (follower, listing, -sign)
        left = self._gross.get(place, 0) - units
        self._gross[place] = max(0, left)
        beyond = max(0, -left)
        self._gross[follower, listing, sign] = self._gross.get((follower, listing, sign), 0) + beyond
        return beyond

    def next_day(self) -> None:
        self._parts.clear()
        self._leader.clear()
        self._ideal = {place: units for place, units in self._ideal.items() if not place[1].product.ends_with_day}
        self._gross = {place: units for place, units in self._gross.items() if not place[1].product.ends_with_day}
