"""What is remembered of frames: the same as reading it anew, and bounded."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan import steady as module
from dhan_copy.dhan.steady import STEADY, TIMES, steady, times
from dhan_copy.errors import UnreadableReport

LINES = (Path(__file__).parent.parent / "data" / "order_updates.jsonl").read_text().splitlines()[:11]
FRAMES = [json.loads(line)["Data"] for line in LINES]
VALUES: st.SearchStrategy[object] = st.sampled_from(
    [None, True, False, 0, 1, 1.0, 2, "", "1", "B", "C", "M", "NSE", "D", "Traded", [], {}, [1], "EQUITY", 75, -1]
)


@given(st.data())
def test_remembering_changes_nothing(data: st.DataObject) -> None:
    frame = dict(data.draw(st.sampled_from(FRAMES)))
    for name in data.draw(st.lists(st.sampled_from(STEADY + TIMES), max_size=3)):
        frame[name] = data.draw(VALUES)
    for read, fresh, names in ((steady, module._steady, STEADY), (times, module._times, TIMES)):
        try:
            expected: object = fresh.__wrapped__(*map(frame.get, names))
        except UnreadableReport as problem:
            with pytest.raises(UnreadableReport) as caught:
                read(frame)
            assert caught.value.field_name == problem.field_name
        else:
            assert read(frame) == expected


def test_the_memory_is_bounded_in_number_and_in_size() -> None:
    for size in (4096, 8192):
        for number in range(size):
            steady({**FRAMES[0], "clientId": str(1 + number)})
        assert module._steady.cache_info().currsize <= 4096
    with pytest.raises(UnreadableReport):
        steady({**FRAMES[0], "symbol": "x" * 1000})
    with pytest.raises(UnreadableReport):
        times({"orderDateTime": "2" * 1000})
