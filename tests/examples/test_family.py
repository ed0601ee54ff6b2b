"""A family's day: the report is right by hand, its own check notices what is wrong, and the picture has every copy."""

from __future__ import annotations

import os
import re
from decimal import Decimal
from pathlib import Path
from xml.etree import ElementTree

import pytest

from dhan_copy import Settings
from dhan_copy.model.order import Product
from examples import family
from tests.examples.runs import EXAMPLES, finished

SVG = "{http://www.w3.org/2000/svg}"
LOT = 75
COPIED = {"WIFE": 9, "SON": 4, "DAUGHTER": 3, "GRANDMA": 3}
RESULTS = {
    "WIFE": 2 * LOT * (Decimal("137.60") + Decimal("149.50") - 2 * Decimal("120.35"))
    + LOT * (5 * Decimal("329.70") - 3 * Decimal("300.50") - 2 * 250)
    + 2 * LOT * (Decimal("79.80") - Decimal("60.20")),
    "SON": 6 * LOT * (Decimal("137.60") - Decimal("120.35")) + 6 * LOT * (250 - Decimal("300.50")),
    "DAUGHTER": Decimal(18 * (3519 - 3499)),
    "GRANDMA": LOT * (Decimal("137.60") - Decimal("120.35")),
}
"""The followers' own quantities and prices; RELIANCE was bought at 1,400, where it still stands."""


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """The folder of a whole run, and what it said."""
    folder = tmp_path_factory.mktemp("run")
    status, said, errors = finished(folder, "family.py")
    assert (status, errors) == (0, "")
    return folder, said


@pytest.fixture(scope="module")
def played(tmp_path_factory: pytest.TempPathFactory) -> tuple[family.Playground, family.Day]:
    """The same day in this process."""
    lab = family.family(tmp_path_factory.mktemp("played"))
    family.play(lab)
    return lab, family.day_of(lab.engine)


def test_the_report_is_right(run: tuple[Path, str]) -> None:
    said = run[1]
    assert "LOSS_LIMIT of SON: -14962.50 rupees on what was copied today, 10000 allowed." in said
    assert "It adds up" in said
    rows = {line.split()[0]: line for line in said.splitlines() if line}
    for name, copied in COPIED.items():
        assert re.match(rf"{name} +12 +{copied} +{12 - copied} ", rows[name])
        assert f" {RESULTS[name]:.2f} " in rows[name]
    assert "1 CAP_EXCEEDED, 3 NOT_ACTIVE, 4 NOTHING_OWNED" in rows["SON"]
    assert "60 RELIANCE" in rows["DAUGHTER"]


def test_the_picture_shows_each_order_and_what_became_of_it(run: tuple[Path, str]) -> None:
    picture = ElementTree.parse(run[0] / "family.svg").getroot()
    drawn = [group.attrib["id"].split(":") for group in picture.iter(f"{SVG}g") if ":" in group.get("id", "")]
    orders = [order_id for kind, order_id, _ in drawn if kind == "order"]
    assert len(orders) == len(set(orders)) == 12
    marked = [(order_id, name) for kind, order_id, name in drawn if kind in ("copy", "declined")]
    lines = [(order_id, name) for kind, order_id, name in drawn if kind == "line"]
    assert sorted(marked) == sorted(lines) == sorted((order_id, name) for order_id in orders for name in COPIED)
    assert {name: [kind for kind, _, of in drawn if of == name].count("copy") for name in COPIED} == COPIED
    assert [name for kind, _, name in drawn if kind == "closed"] == ["SON"] * 3
    declined = {(order_id, name) for kind, order_id, name in drawn if kind == "declined"}
    for group in picture.iter(f"{SVG}g"):
        if group.get("id", "").startswith("line:"):
            _, order_id, name = group.attrib["id"].split(":")
            grey = any(family.GREY in path.get("style", "") for path in group.iter(f"{SVG}path"))
            assert grey is ((order_id, name) in declined)


def test_a_png_is_drawn_for_its_suffix(played: tuple[family.Playground, family.Day], tmp_path: Path) -> None:
    lab, day = played
    family.draw(day, family.report_of(day, lab), family.rules_of(lab.engine), tmp_path / "day.png")
    assert (tmp_path / "day.png").read_bytes().startswith(b"\x89PNG\r\n")


def test_the_same_day_is_the_same_picture(run: tuple[Path, str], tmp_path: Path) -> None:
    status, said, _ = finished(tmp_path, "family.py", "--picture", "again.svg")
    assert (status, said) == (0, run[1].replace("family.svg", "again.svg"))
    assert (tmp_path / "again.svg").read_bytes() == (run[0] / "family.svg").read_bytes()


def test_another_suffix_is_refused_before_the_day_is_played(tmp_path: Path) -> None:
    status, said, errors = finished(tmp_path, "family.py", "--picture", "day.txt")
    assert (status, said) == (2, "") and "a picture is an .svg or a .png, and not day.txt" in errors


def test_without_matplotlib_the_report_is_told_and_the_extra_named(tmp_path: Path) -> None:
    (tmp_path / "matplotlib.py").write_text('raise ModuleNotFoundError("No module", name="matplotlib")')
    folders = [str(tmp_path), *filter(None, os.environ.get("PYTHONPATH", "").split(os.pathsep))]
    more = {"PYTHONPATH": os.pathsep.join(map(os.path.abspath, folders))}
    status, said, errors = finished(tmp_path, "family.py", more=more)
    assert status == 2
    assert "It adds up" in said
    assert errors.strip() == "No picture: matplotlib is missing. pip install 'dhan-copy[picture]'"


def test_the_example_notices_what_does_not_add_up(played: tuple[family.Playground, family.Day]) -> None:
    lab, day = played
    assert list(family.differences(day, lab)) == []
    copy = next(order for order in day.of("WIFE") if not order.is_declined)
    without = family.Day(tuple(order for order in day.orders if order is not copy), day.stopped)
    assert [line.split(" ")[0] for line in family.differences(without, lab)] == ["WIFE:", "WIFE", "WIFE:", "WIFE:"]
    key = lab.instrument("TCS")
    lab.exchange.set_position("GRANDMA", key, Product.CNC, 7)
    (said,) = family.differences(day, lab)
    lab.exchange.set_position("GRANDMA", key, Product.CNC, 0)
    assert said == f"GRANDMA holds {{'{key}': 7}}, by the ledger {{}}, by its orders {{}}"


def test_its_settings_are_what_the_file_says() -> None:
    said = Settings.load(EXAMPLES / "family.toml")
    assert Settings.parse(said.text()) == said
    assert [follower.name for follower in said.followers] == list(COPIED)
