"""The line of everything in a TOML text: each path that ``tomllib`` reads has one, and it is the right one."""

from __future__ import annotations

import tomllib
from collections.abc import Iterator

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from dhan_copy.settings_file import Settings
from dhan_copy.toml_lines import Path, lines_of
from tests.settings_kit import settings

TEXT = '''\
# a comment with = and [table]
top = "a # no comment" # a comment
dotted.key . "quoted.part" = 1
multi = """
[not.a.table]
key = "no key" \\""" """
literal = \'\'\'
x = 1\'\'\'
array = [ # here
  1, "two]", [3,
    4], { in = "line", deep = { er = 5 } }, # and here
]
[table]
date = 1979-05-27T07:32:00Z
 indented = \'C:\\path\'
[[list]]
name = "first"
[list.sub]
x = 1
[[list]]
name = "second"
[[list.inner]]
y = 2
[[list.inner]]
"z y" = 3
'''
WHERE: dict[Path, int] = {
    ("top",): 2, ("dotted",): 3, ("dotted", "key"): 3, ("dotted", "key", "quoted.part"): 3, ("multi",): 4, ("literal",): 7,
    ("array",): 9, ("array", 0): 10, ("array", 1): 10, ("array", 2): 10, ("array", 2, 0): 10, ("array", 2, 1): 11,
    ("array", 3): 11, ("array", 3, "in"): 11, ("array", 3, "deep"): 11, ("array", 3, "deep", "er"): 11, ("table",): 13,
    ("table", "date"): 14, ("table", "indented"): 15, ("list",): 16, ("list", 0): 16, ("list", 0, "name"): 17,
    ("list", 0, "sub"): 18, ("list", 0, "sub", "x"): 19, ("list", 1): 20, ("list", 1, "name"): 21, ("list", 1, "inner"): 22,
    ("list", 1, "inner", 0): 22, ("list", 1, "inner", 0, "y"): 23, ("list", 1, "inner", 1): 24,
    ("list", 1, "inner", 1, "z y"): 25,
}  # fmt: skip


def paths(plain: object, here: Path = ()) -> Iterator[Path]:
    inner = plain.items() if isinstance(plain, dict) else enumerate(plain) if isinstance(plain, list) else ()
    for key, value in inner:
        yield (*here, key)
        yield from paths(value, (*here, key))


def test_every_line_is_the_right_one() -> None:
    assert lines_of(TEXT) == WHERE
    assert set(paths(tomllib.loads(TEXT))) == WHERE.keys()


@given(settings)
@hypothesis_settings(deadline=None, max_examples=50)
def test_every_path_of_a_written_file_has_a_line(said: Settings) -> None:
    text = said.text()
    found = lines_of(text)
    assert set(paths(tomllib.loads(text))) <= found.keys()
    assert max(found.values()) <= text.count("\n") + 1


@pytest.mark.parametrize("text", ["", "\n\n", "# nothing", "[a]\r\nb = 1\r\n"])
def test_little_texts(text: str) -> None:
    assert set(paths(tomllib.loads(text))) <= lines_of(text).keys()
