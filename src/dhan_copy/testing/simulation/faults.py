"""Which faults a run has and how often each strikes: drawn once per run."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from random import Random

KINDS: dict[str, tuple[float, str]] = {
    "F01": (0.00005, "the process dies between any two acts, recovery included"),
    "F07": (0.0003, "the process stands still for 1 to 600 s"),
    "F12": (0.0006, "the store fails; the commit may have landed"),
    "F20": (0.002, "the stream drops and misses updates"),
    "F21": (0.0007, "the stream is silent without dropping"),
    "F22": (0.02, "an update is told twice"),
    "F23": (0.02, "updates overtake one another"),
    "F25": (0.0005, "a flood of old updates"),
    "F26": (0.01, "a book is stale or truncated, or a read fails"),
    "F27": (0.02, "updates are coalesced: one in between is never told"),
    "F28": (0.004, "an update comes up to 60 s late"),
    "F30": (0.004, "a request never arrives"),
    "F31": (0.004, "a request is carried out and its answer lost"),
    "F32": (0.003, "a request arrives up to 60 s after our timeout"),
    "F34": (0.004, "429, or the day's requests are used up"),
    "F35": (0.0007, "5xx, 401 or invalid IP for a while"),
    "F36": (0.004, "books and lookups lag up to 30 s, or show another order"),
    "F37": (0.004, "an order is rejected after it was taken"),
    "F38": (0.05, "many partial fills"),
    "F39": (0.01, "a modification is lost, late or applied twice; the leader modifies beyond the cap"),
    "F40": (0.01, "both legs of a linked order fill in the same moment, or a leg vanishes"),
    "F41": (0.002, "somebody trades, cancels or squares off in a follower's account"),
    "F42": (0.03, "one of the slices of a large order is refused"),
    "F43": (0.02, "a market order becomes a limit and rests"),
    "F44": (0.01, "the same order twice in one batch"),
    "F45": (0.0004, "the wall clock jumps"),
    "F46": (0.3, "the process runs over midnight"),
    "F51": (0.0006, "a follower is added or removed, or his size changed; trading is halted and resumed"),
}
"""How often each strikes where it could, in a mild run; per request, update, read, turn or second."""

OF_RUNS: dict[str, tuple[float, str]] = {
    "F09": (0.2, "a filter of the user's raises"),
    "F17": (0.3, "an old copy of the journal is put back"),
    "F47": (0.3, "the calendar calls days of trading closed, or knows other hours"),
}
"""In how many runs the user does so: what he brings is wrong from the start, or what he puts back on the last day."""

NAMED = KINDS | OF_RUNS
"""Every fault that can be asked for."""

BRUTAL = 12.0


class Faults:
    """Dice with a memory of how often each fault has struck. ``on`` is False once everything has healed."""

    def __init__(self, random: Random, only: Sequence[str] | None = None) -> None:
        self.random = random
        self.on = True
        self.struck: Counter[str] = Counter()
        names = sorted(KINDS if only is None else KINDS.keys() & set(only))
        brutal = random.choice(names) if names and random.random() < 0.5 else None
        self.rates: dict[str, float] = {}
        for name in names:
            strength = BRUTAL if name == brutal else random.choice([0.0, 0.3, 1.0, 1.0]) if only is None else 3.0
            self.rates[name] = min(0.9, KINDS[name][0] * strength)

    def strike(self, name: str, weight: float = 1.0) -> bool:
        """Whether the fault happens here and now."""
        rate = self.rates.get(name, 0.0)
        if not rate or not self.on or self.random.random() >= rate * weight:
            return False
        self.struck[name] += 1
        return True
