"""What a power cut leaves: all that was synced, and of the rest what chance wants."""

from __future__ import annotations

from random import Random

import pytest

from dhan_copy.testing.power.platter import Platter, Style

NEVER = 1_000
MANY = 200


def left(platter: Platter, style: Style) -> list[dict[str, bytes]]:
    return [platter.survivors(Random(seed), style) for seed in range(MANY)]


def written(cut_at: int = NEVER, spare_writes: bool = False) -> Platter:
    """One page synced and 4 kB written after that."""
    platter = Platter({"a": b""}, cut_at, spare_writes)
    file = platter.file("a")
    platter.write("a", file, 0, b"1" * 512)
    platter.sync("a", file)
    platter.write("a", file, 512, b"2" * 4096)
    return platter


@pytest.mark.parametrize("style", list(Style))
def test_what_was_synced_stays(style: Style) -> None:
    for files in left(written(), style):
        assert files["a"][:512] == b"1" * 512


def test_what_was_only_written_stays_whole_in_part_or_not_at_all() -> None:
    assert {files["a"] for files in left(written(), Style.NOTHING)} == {b"1" * 512}
    assert {files["a"] for files in left(written(), Style.EVERYTHING)} == {b"1" * 512 + b"2" * 4096}
    prefixes = {files["a"][512:] for files in left(written(), Style.PREFIX)}
    assert all(set(prefix) <= set(b"2") for prefix in prefixes)
    assert len({len(prefix) for prefix in prefixes}) > 20, "the last write is torn anywhere"
    torn = {files["a"][512:] for files in left(written(), Style.ANY)}
    assert any(part.startswith(b"\0" * 512) and part.endswith(b"2" * 512) for part in torn), "a later sector alone"
    assert any(set(part) - set(b"\02") for part in torn), "a file has grown, and what is in it is anything"


def test_truncations_and_names_are_changes_too() -> None:
    platter = Platter({"a": b"old", "gone": b""}, NEVER, False)
    platter.truncate("a", platter.file("a"), 0)
    platter.file("new")
    platter.rename("new", "b")
    platter.remove("gone")
    found = {(files["a"], *sorted(files)) for files in left(platter, Style.ANY)}
    assert {content for content, *_ in found} == {b"old", b""}
    assert {"gone" in names for _, *names in found} == {True, False}
    assert {"b" in names for _, *names in found} == {True, False}
    platter.sync_folder()
    for style in Style:
        assert {tuple(sorted(files)) for files in left(platter, style)} == {("a", "b")}


def test_the_power_goes_off_once_and_nothing_follows() -> None:
    platter = written(cut_at=2)
    assert (platter.is_off, platter.cut_in, platter.operations) == (True, "sync a", 2)
    platter.file("late")
    for files in left(platter, Style.EVERYTHING):
        assert files == {"a": b"1" * 512}, "the sync was not carried out, and the write after it never was"
    assert {files["a"] for files in left(platter, Style.NOTHING)} == {b""}


def test_writes_can_be_spared() -> None:
    assert written(cut_at=1, spare_writes=True).cut_in == "sync a"
    assert written(cut_at=3, spare_writes=True).cut_in is None
