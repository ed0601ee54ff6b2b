"""Arithmetic of sizes: exact fractions, whole lots, nothing rounded up."""

from __future__ import annotations

from fractions import Fraction

NOTHING = Fraction(0)


def trunc_to_lot(units: Fraction | int, lot_units: int) -> int:
    """The largest multiple of the lot that is not beyond ``units``, towards zero."""
    if units < 0:
        return -trunc_to_lot(-units, lot_units)
    return units.numerator // (units.denominator * lot_units) * lot_units


def entry_size(carry: Fraction, ratio: Fraction, leader_units: int, lot_units: int) -> int:
    """What an entry should total: the carry plus the leader's quantity times the ratio, in whole lots, never below zero."""
    # In integers over the common denominator: fractions cost ten times as much, and this is asked at every plan.
    both = carry.denominator * ratio.denominator
    units = carry.numerator * ratio.denominator + ratio.numerator * leader_units * carry.denominator
    return max(0, units // (both * lot_units) * lot_units)


def kept_after_exit(ideal: Fraction, before: int, after: int, lot_units: int, ahead: Fraction = NOTHING) -> int:
    """What stays (unsigned) when the leader goes from ``before`` to ``after`` (both unsigned) of a position whose exact
    scaled size is ``ideal`` (owned plus carry, unsigned), beside what was entered ``ahead`` of him; without that
    ``after`` = 0 keeps nothing."""
    share = abs(ideal) * max(0, after) / before if before > 0 else NOTHING
    return trunc_to_lot(share + ahead, lot_units)


def disclosed_size(leader_disclosed: int, leader_units: int, units: int, lot_units: int) -> int:
    """The disclosed quantity in proportion; 0 (none) where Dhan's rule cannot hold.

    Dhan asks for more than 30 % of the quantity ("Keep more than 30% of quantity", v2 orders page); whole lots.
    """
    if leader_disclosed <= 0 or leader_units <= 0:
        return 0
    scaled = trunc_to_lot(Fraction(leader_disclosed * units, leader_units), lot_units)
    least = trunc_to_lot(Fraction(3 * units, 10), lot_units) + lot_units
    disclosed = max(scaled, least)
    return disclosed if disclosed <= units else 0
