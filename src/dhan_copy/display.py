"""Results as tables: readable at a prompt and in a notebook (times in IST), and as data."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from html import escape
from typing import TYPE_CHECKING, overload

from attrs import evolve, frozen

from dhan_copy.model.times import IST

if TYPE_CHECKING:
    from pandas import DataFrame

Cell = str | int | bool | Decimal | Fraction | datetime | None
"""What a cell may hold."""
_WIDEST = 110


@frozen(repr=False)
class Table:
    """Rows under named columns. Iterating yields each row as a dict; ``len`` is the number of rows. A slice is a table of
    those rows. As text a cell has at most 110 characters; :meth:`wide` shows the whole of it."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]

    @classmethod
    def of(cls, title: str, columns: Sequence[str], rows: Sequence[Mapping[str, object]]) -> Table:
        """A table of mappings; an enum becomes its value, a missing column None."""
        return cls(title, tuple(columns), tuple(tuple(plain(row.get(column)) for column in columns) for row in rows))

    def __len__(self) -> int:
        return len(self.rows)

    def __iter__(self) -> Iterator[dict[str, Cell]]:
        for row in self.rows:
            yield dict(zip(self.columns, row))

    @overload
    def __getitem__(self, index: int) -> dict[str, Cell]: ...
    @overload
    def __getitem__(self, index: slice) -> Table: ...
    def __getitem__(self, index: int | slice) -> dict[str, Cell] | Table:
        if isinstance(index, slice):
            return evolve(self, rows=self.rows[index])
        return dict(zip(self.columns, self.rows[index]))

    def to_dicts(self) -> list[dict[str, Cell]]:
        """One dict per row, values as they are."""
        return list(self)

    def to_frame(self) -> DataFrame:
        """A pandas DataFrame (pandas is imported here and nowhere else)."""
        from pandas import DataFrame

        return DataFrame(self.to_dicts(), columns=list(self.columns))

    def wide(self) -> str:
        """As text, with the whole of each cell."""
        return self._lines(None)

    def __repr__(self) -> str:
        return self._lines(_WIDEST)

    def _lines(self, widest: int | None) -> str:
        head = f"{self.title}: {len(self)} row{'' if len(self) == 1 else 's'}"
        if not self.rows:
            return head
        texts = [[_short(_text(cell), widest) for cell in row] for row in self.rows]
        widths = [max(len(name), *(len(row[i]) for row in texts)) for i, name in enumerate(self.columns)]
        numeric = [all(isinstance(row[i], (int, Decimal, Fraction)) for row in self.rows) for i in range(len(widths))]
        lines = [head, "  ".join(name.ljust(width) for name, width in zip(self.columns, widths)).rstrip()]
        for row in texts:
            cells = (text.rjust(width) if right else text.ljust(width) for text, width, right in zip(row, widths, numeric))
            lines.append("  ".join(cells).rstrip())
        return "\n".join(lines)

    def _repr_html_(self) -> str:
        head = "".join(f"<th>{escape(name)}</th>" for name in self.columns)
        body = "".join("<tr>" + "".join(f"<td>{escape(_text(cell))}</td>" for cell in row) + "</tr>" for row in self.rows)
        caption = f"<caption>{escape(printable(self.title))}</caption>"
        return f"<table>{caption}<thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>"


def plain(value: object) -> Cell:
    """A value as a cell: an enum as its value, anything unusual as its text."""
    if isinstance(value, Enum):
        return str(value.value)
    if value is None or isinstance(value, (str, int, Decimal, Fraction, datetime)):
        return value
    return str(value)


def printable(text: str) -> str:
    """``text`` with everything that could move a cursor or fake a line written as an escape."""
    if text.isprintable():
        return text
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in text)


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, datetime):
        cell = cell if cell.tzinfo is None else cell.astimezone(IST)
        return cell.isoformat(sep=" ", timespec="milliseconds" if cell.microsecond else "seconds")
    return printable(str(cell))


def _short(text: str, widest: int | None) -> str:
    return text if widest is None or len(text) <= widest else text[: widest - 1] + "…"
