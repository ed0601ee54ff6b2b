"""Tables: readable, escaped, and plain data underneath."""

from __future__ import annotations

from datetime import datetime, timezone
from decimal import Decimal
from fractions import Fraction
from html.parser import HTMLParser

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.display import Table, plain, printable
from dhan_copy.model.order import Side
from dhan_copy.model.times import ist

WHEN = ist(datetime(2026, 9, 1, 9, 15))
TABLE = Table.of(
    "orders",
    ("name", "units", "price", "at"),
    [
        {"name": "NIFTY", "units": 75, "price": Decimal("1.50"), "at": WHEN},
        {"name": "A", "units": 7, "side": Side.BUY},
    ],
)


def test_a_table_reads_as_aligned_text() -> None:
    assert repr(TABLE).splitlines() == [
        "orders: 2 rows",
        "name   units  price  at",
        "NIFTY     75  1.50   2026-09-01 09:15:00+05:30",
        "A          7",
    ]
    assert repr(Table.of("empty", ("a",), [])) == "empty: 0 rows"
    assert repr(Table.of("one", ("a",), [{"a": 1}])).splitlines()[0] == "one: 1 row"


def test_rows_are_dicts() -> None:
    assert len(TABLE) == 2
    assert TABLE[1] == {"name": "A", "units": 7, "price": None, "at": None}
    assert list(TABLE) == TABLE.to_dicts() == [TABLE[0], TABLE[1]]


@given(st.slices(5), st.integers(0, 5))
def test_a_slice_is_a_table_of_those_rows(part: slice, rows: int) -> None:
    table = Table.of("numbers", ("a",), [{"a": number} for number in range(rows)])
    assert isinstance(table[part], Table)
    assert table[part].to_dicts() == table.to_dicts()[part]
    assert (table[part].title, table[part].columns) == ("numbers", ("a",))


def test_a_frame_has_the_same_rows_and_columns() -> None:
    frame = TABLE.to_frame()
    assert list(frame.columns) == list(TABLE.columns)
    assert list(frame["name"]) == ["NIFTY", "A"]
    assert list(Table.of("empty", ("a", "b"), []).to_frame().columns) == ["a", "b"]


def test_times_are_shown_in_ist_and_kept_as_they_are() -> None:
    moment = datetime(2026, 9, 1, 3, 45, 0, 250_000, tzinfo=timezone.utc)
    table = Table.of("t", ("at",), [{"at": moment}])
    assert repr(table).splitlines()[2] == "2026-09-01 09:15:00.250+05:30"
    assert table[0]["at"] is not None and table[0]["at"] is moment


def test_cells_are_plain_values() -> None:
    assert plain(Side.BUY) == "BUY"
    assert plain(Fraction(1, 3)) == Fraction(1, 3)
    assert plain(("a", 1)) == "('a', 1)"
    assert plain(True) is True


class _Texts(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.texts: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        assert not attrs

    def handle_data(self, data: str) -> None:
        self.texts.append(data)


@given(st.text(), st.text())
def test_f53_no_text_escapes_from_the_html(title: str, hostile: str) -> None:
    parser = _Texts()
    parser.feed(Table.of(title, ("a",), [{"a": hostile}, {"a": f"<script>{hostile}</script>"}])._repr_html_())
    parser.close()
    assert parser.tags == {"table", "caption", "thead", "tbody", "tr", "th", "td"}
    assert "".join(parser.texts).endswith(printable(f"<script>{hostile}</script>"))


@given(st.text())
def test_f53_no_text_adds_a_line_or_moves_the_cursor(hostile: str) -> None:
    shown = repr(Table.of("t", ("a",), [{"a": hostile}]))
    assert len(shown.split("\n")) == 3
    assert all(line.isprintable() for line in shown.split("\n"))


def test_long_texts_are_cut_in_text_but_not_in_data() -> None:
    table = Table.of("t", ("a",), [{"a": "x" * 500}])
    assert max(map(len, repr(table).splitlines())) < 200
    assert table[0]["a"] == "x" * 500
    assert "x" * 500 in table._repr_html_()
    assert "x" * 500 in Table.of("t", ("a",), [{"a": "x" * 500}]).wide()
