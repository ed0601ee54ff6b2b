"""What a follower holds on behalf of a leader, against what the leader's fills scale to."""

from __future__ import annotations

from fractions import Fraction

from attrs import evolve, frozen

from dhan_copy.model.reason import ReasonCode


@frozen(slots=True)
class Stake:
    """One follower's holding of one instrument and product, opened by copying one leader. All signed, long positive.

    ``ideal`` is the exact scaled size of the leader's filled position, less the declared differences: ``owned`` plus
    what is still under way is never a lot or more away from it. ``declared`` keeps those differences by reason
    (positive: the follower holds more), ``manual`` what was closed by hand (unsigned).
    """

    owned: int = 0
    ideal: Fraction = Fraction(0)
    declared: tuple[tuple[ReasonCode, Fraction], ...] = ()
    manual: int = 0

    @property
    def scaled(self) -> Fraction:
        """What the leader's fills scale to, with nothing taken off."""
        return self.ideal - sum((quantity for _, quantity in self.declared), Fraction(0))

    @property
    def is_flat(self) -> bool:
        return self.owned == 0 and self.ideal == 0

    def opened(self, units: Fraction) -> Stake:
        """The leader opened more: ``units`` is signed and scaled."""
        return evolve(self, ideal=self.ideal + units)

    def scaled_down(self, before: int, after: int) -> Stake:
        """The leader went from ``before`` to ``after`` of his position (unsigned)."""
        if after <= 0:
            return evolve(self, ideal=Fraction(0), declared=())
        factor = Fraction(after, before)
        declared = tuple((reason, quantity * factor) for reason, quantity in self.declared)
        return evolve(self, ideal=self.ideal * factor, declared=declared)

    def filled(self, units: int) -> Stake:
        """The follower's own order filled ``units`` (signed)."""
        return evolve(self, owned=self.owned + units)

    def with_declared(self, reason: ReasonCode, quantity: Fraction) -> Stake:
        """A difference that will stay: the ideal follows what the follower really has."""
        amounts = dict(self.declared)
        amounts[reason] = amounts.get(reason, Fraction(0)) + quantity
        stake = evolve(self, ideal=self.ideal + quantity, declared=tuple((r, q) for r, q in amounts.items() if q))
        return stake

    def closed_by_hand(self, units: int, beyond_claims: int) -> Stake:
        """Somebody closed ``units`` (signed as they were owned); ``beyond_claims`` of them no exit had been due for."""
        stake = self.with_declared(ReasonCode.MANUAL, Fraction(-beyond_claims))
        return evolve(stake, owned=stake.owned - units, manual=stake.manual + abs(units))

    def restored(self, units: int) -> Stake:
        """Late evidence: ``units`` (signed) booked as closed by hand had been closed by our own order."""
        return evolve(self, owned=self.owned + units, manual=self.manual - abs(units))
