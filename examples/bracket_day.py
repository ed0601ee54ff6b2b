"""A day of an entry with a target and a trailing stop: filled in parts, trailed, hit at the target. No account needed.

    python examples/bracket_day.py

The leader places a super order (give it ``product="BO"`` and no ``trailing`` for a bracket order: the follower gets the
same). The follower has plain orders in its place: one to enter, and one for each leg, sized to what *it* has filled.
"""

from __future__ import annotations

import sys

from dhan_copy import Playground

CALL = "NIFTY 22500 CE"


def show(lab: Playground, what: str) -> None:
    """The linked order as it stands at the follower."""
    print(f"\n{lab.clock.now():%H:%M:%S} {what}")
    for row in lab.trees():
        where = f"at {row['at']}" if row["at"] else ""
        print(
            f"  {row['leg']!s:<7}{row['live']!s:>4} live {where:<23}{row['done']!s:>4} filled   waits for: {row['waits_for']}"
        )


def main() -> int:
    lab = Playground(followers={"WIFE": "1/2"})
    bracket = lab.leader.buy(CALL, lots=4, price=90, target=110, stop=80, trailing=5)
    lab.step()
    show(lab, "The leader orders 300 at 90, target 110, stop 80 that follows by jumps of 5; WIFE copies half.")

    lab.advance(10)
    bracket.fill(lots=2)
    lab.step()
    show(lab, "He gets 150. WIFE has none yet, so she has nothing to protect.")

    lab.advance(10)
    lab.price(CALL, 90, available=225)  # the oldest orders first: the rest of his, and 75 for WIFE
    lab.step()
    show(lab, "He has all 300; WIFE has 75, and both legs for exactly these.")

    lab.advance(10)
    lab.price(CALL, 90)
    lab.step()
    show(lab, "WIFE has the other 75: the same two orders are made larger.")

    for price in (96, 101):
        lab.advance(10)
        lab.price(CALL, price)
        lab.step()
        show(lab, f"The price is {price}: the leader's stop has followed it, and WIFE's follows his.")

    lab.advance(10)
    lab.price(CALL, 110)
    lab.step()
    show(lab, "The target is hit. WIFE's stop is taken back at once: there is nothing left to protect.")

    lab.advance(5)
    held = [lab.exchange.position(name, lab.instrument(CALL), bracket.now.product) for name in ("LEADER", "WIFE")]
    print(f"\nHeld at the end: leader {held[0]}, WIFE {held[1]}. Drift: {len(lab.drift())} rows.")

    print("\nThe journal of that order, line by line, each with the line that it is because of:")
    for row in lab.explain(bracket):
        because = f"   <- {row['because_of']}" if row["because_of"] else ""
        print(f"{row['position']!s:>4} {row['account']!s:<7}{row['what']}{because}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
