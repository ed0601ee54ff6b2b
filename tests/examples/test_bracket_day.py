"""An entry in parts, legs for exactly what has filled, a stop that trails, the target, and the journal of all that."""

from __future__ import annotations

import re
from pathlib import Path

from tests.examples.runs import finished

STANDING = re.compile(r"^  (ENTRY|TARGET|STOP) +(\d+) live (?:at (.*?) )? +(\d+) filled   waits for: (.+)$", re.M)


def test_it_shows_the_tree_at_every_stage_and_the_journal_in_words(tmp_path: Path) -> None:
    status, said, errors = finished(tmp_path, "bracket_day.py")
    assert (status, errors) == (0, "")
    day, journal = said.split("\nThe journal of that order")
    stages = [STANDING.findall(stage) for stage in day.strip().split("\n\n")[:-1]]
    assert [[(int(live), int(done)) for _, live, _, done, _ in stage] for stage in stages] == [
        [(150, 0), (0, 0), (0, 0)], [(150, 0), (0, 0), (0, 0)], [(75, 75), (75, 0), (75, 0)],
        [(0, 150), (150, 0), (150, 0)], [(0, 150), (150, 0), (150, 0)], [(0, 150), (150, 0), (150, 0)],
        [(0, 150), (0, 150), (0, 0)],
    ]  # fmt: skip
    stops = [stage[2][2] for stage in stages]
    assert stops == ["", "", *["STOP 80 LIMIT 76.0"] * 2, "STOP 85 LIMIT 80.75", "STOP 90 LIMIT 85.5", ""]
    assert stages[2][0][4] == "75 to fill; both legs live for 75"
    assert "Held at the end: leader 0, WIFE 0. Drift: 0 rows." in day
    lines = journal.splitlines()[1:]
    known = {line.split()[0] for line in lines}
    causes = [found[1] for line in lines if (found := re.search(r"   <- (\d+) \w+$", line))]
    assert causes and set(causes) <= known, "what a line is because of stands above it"
    for words in (
        "Copied: 300 units open, scaled by 1/2", "STOP: Copied: it closes what its entry fills here",
        "STOP: Decided to place SELL 75 of", "TARGET: Decided to change it to a total of 150, LIMIT 110",
        "STOP: Decided to change it to a total of 150, STOP 90 LIMIT 85.5", "STOP: Decided to cancel it",
    ):  # fmt: skip
        assert sum(words in line for line in lines) == 1, words
    assert "ALERT" not in journal
