"""What a follower holds on behalf of a leader, against what the leader's fills scale to."""

from __future__ import annotations

from collections.abc import Iterable
from fractions import Fraction

from attrs import frozen

from dhan_copy.core.evolving import evolve
from dhan_copy.model.reason import ReasonCode


@frozen(slots=True)
class Stake:
    """One follower's holding of one instrument and product, opened by copying one leader.

    ``long`` and ``short`` (unsigned) are kept apart, because an entry on the other side may fill while an exit still
    rests: the exit must not shrink for it. ``owned`` is their difference; it and all that follows is signed.
    ``ideal`` is the exact scaled size of the leader's filled position, less the declared differences: ``owned`` plus
    what is still under way is never a lot or more away from it. ``declared`` keeps those differences by reason
    (positive: the follower holds more), ``manual`` what was closed by hand (unsigned). ``uncopied`` are the leader's
    units, signed, that he holds from orders that were not copied: they scale to nothing; ``whys`` are those of them of
    which it was decided, by reason. ``capped`` is what caps have cut off, in the follower's units, signed.

    Every sign is that of the leader's side. What is ``turned`` was copied to the other one: ``held`` is what the account
    shows.
    """

    long: int = 0
    short: int = 0
    ideal: Fraction = Fraction(0)
    declared: tuple[tuple[ReasonCode, Fraction], ...] = ()
    manual: int = 0
    uncopied: Fraction = Fraction(0)
    whys: tuple[tuple[ReasonCode, Fraction], ...] = ()
    capped: Fraction = Fraction(0)
    to_net_off: int = 0
    """Units filled on one side, and still held there, that will close what is still to fill on the other."""
    turned: bool = False

    @property
    def owned(self) -> int:
        return self.long - self.short

    def closable(self, sign: int) -> int:
        """What orders of a side (+1 buys, -1 sells) could close, unsigned."""
        return self.short if sign > 0 else self.long

    @property
    def turn(self) -> int:
        """-1 where the account shows the opposite of the signs here."""
        return -1 if self.turned else 1

    @property
    def held(self) -> int:
        """What is owned as the account shows it: positive is long."""
        return self.owned * self.turn

    @property
    def scaled(self) -> Fraction:
        """What the leader's fills scale to, with nothing taken off."""
        return self.ideal - sum((quantity for _, quantity in self.declared), Fraction(0))

    @property
    def is_flat(self) -> bool:
        return self.long == self.short == 0 and self.ideal == 0 and self.uncopied == 0

    def merged(self, other: Stake) -> Stake:
        """Both holdings as one."""
        stake = self
        for reason, quantity in other.declared:
            stake = evolve(stake.with_declared(reason, quantity), ideal=stake.ideal)
        return evolve(
            stake, long=stake.long + other.long, short=stake.short + other.short, ideal=stake.ideal + other.ideal,
            manual=stake.manual + other.manual, uncopied=stake.uncopied + other.uncopied,
            whys=_summed((*stake.whys, *other.whys)), capped=stake.capped + other.capped,
            to_net_off=stake.to_net_off + other.to_net_off,
        )  # fmt: skip

    def opened(self, units: Fraction, asked: Fraction) -> Stake:
        """The leader opened more: ``units`` is signed and scaled, and what caps have left of ``asked``."""
        return evolve(self, ideal=self.ideal + units, capped=self.capped + asked - units)

    def scaled_down(self, before: int, after: int) -> Stake:
        """The leader went from ``before`` to ``after`` of his position (unsigned)."""
        if after <= 0:
            nothing = Fraction(0)
            return evolve(self, ideal=nothing, declared=(), uncopied=nothing, whys=(), capped=nothing)
        factor = Fraction(after, before)
        declared = tuple((reason, quantity * factor) for reason, quantity in self.declared)
        whys = tuple((reason, quantity * factor) for reason, quantity in self.whys)
        return evolve(
            self, ideal=self.ideal * factor, declared=declared, uncopied=self.uncopied * factor, whys=whys,
            capped=self.capped * factor,
        )  # fmt: skip

    def left_out(self, units: Fraction | int, why: ReasonCode | None = None) -> Stake:
        """The leader opened ``units`` (signed, his own) with an order that is not copied, or no longer left out."""
        stake = evolve(self, uncopied=self.uncopied + units)
        return stake if why is None else stake.explained(units, why)

    def explained(self, units: Fraction | int, why: ReasonCode) -> Stake:
        """Why ``units`` (signed, the leader's) among those left out are: as far as they are there, and nobody knows yet."""
        unknown = self.uncopied - sum((quantity for _, quantity in self.whys), Fraction(0))
        found = min(unknown, Fraction(units)) if units > 0 else max(unknown, Fraction(units))
        return evolve(self, whys=_summed((*self.whys, (why, found)))) if found * units > 0 else self

    def taken_in(self, units: Fraction, scaled: Fraction) -> Stake:
        """``units`` (signed, the leader's) that were left out are to be copied after all."""
        return evolve(self, ideal=self.ideal + scaled, uncopied=self.uncopied - units, whys=())

    def filled(self, sign: int, closing: int, opening: int) -> Stake:
        """The follower's own order of a side filled: ``closing`` units close, ``opening`` units open (unsigned).

        A close beyond what is there opens the other side: it has happened.
        """
        closed = min(closing, self.closable(sign))
        opened = opening + closing - closed
        # What has been closed waits no longer for the other side.
        to_net_off = min(self.to_net_off, self.closable(sign) - closed) if closed else self.to_net_off
        if sign > 0:
            return evolve(self, long=self.long + opened, short=self.short - closed, to_net_off=to_net_off)
        return evolve(self, long=self.long - closed, short=self.short + opened, to_net_off=to_net_off)

    def reattributed(self, units: int) -> Stake:
        """``units`` bought (or sold) to open turn out to have closed the other side: both shrink, the net stays."""
        return evolve(self, long=self.long - units, short=self.short - units)

    def netted_off(self) -> Stake:
        units = min(self.to_net_off, self.long, self.short)
        return evolve(self.reattributed(units), to_net_off=self.to_net_off - units)

    def netted(self) -> Stake:
        """Over night nothing rests that would close one side alone: what is held on both has closed one another."""
        return evolve(self.reattributed(min(self.long, self.short)), to_net_off=0)

    def with_declared(self, reason: ReasonCode, quantity: Fraction) -> Stake:
        """A difference that will stay: the ideal follows what the follower really has."""
        return evolve(self, ideal=self.ideal + quantity, declared=_summed((*self.declared, (reason, quantity))))

    def closed_by_hand(self, units: int, beyond_claims: int, reason: ReasonCode = ReasonCode.MANUAL) -> Stake:
        """``units`` (signed as they were owned) are gone, by somebody's hand or another ``reason``; ``beyond_claims`` of
        them no exit had been due for."""
        stake = self.with_declared(reason, Fraction(-beyond_claims)) if beyond_claims else self
        closed = stake.filled(-1 if units > 0 else 1, abs(units), 0)
        return evolve(closed, manual=stake.manual + abs(units))

    def restored(self, sign: int, units: int) -> Stake:
        """Late evidence: ``units`` booked as closed by hand had been closed by our own order of this side."""
        stake = self.filled(-sign, units, 0)
        return evolve(stake, manual=self.manual - units)


def _summed(amounts: Iterable[tuple[ReasonCode, Fraction]]) -> tuple[tuple[ReasonCode, Fraction], ...]:
    """Each reason once."""
    sums: dict[ReasonCode, Fraction] = {}
    for reason, quantity in amounts:
        sums[reason] = sums.get(reason, Fraction(0)) + quantity
    return tuple((reason, quantity) for reason, quantity in sums.items() if quantity)
