"""Each how-to of the documentation includes a file, and each of these files does what it says."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy.model.ids import BrokerOrderId, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.order import Product
from dhan_copy.protocols import Broker
from dhan_copy.testing.conformance import BrokerConformance, BrokerHarness
from examples.howto.broker import Venue, VenueBroker
from tests.examples.runs import EXAMPLES, finished

DOCS = EXAMPLES.parent / "docs"
RUN = {
    "size": "RISK", "filter": "two lots or more: it is 1", "limit": "at most 12 LOTS per SYMBOL: 10 in use, 5 asked",
    "stop": "CLOSING", "recover": "orders of today are not in the journal: 1 of WIFE", "broker": "LIMIT 91",
}  # fmt: skip
"""The files of this folder, and what each says among other things; what should be so they assert themselves."""
ELSEWHERE = {"go_live.py": "test_go_live.py", "family.toml": "test_family.py"}
"""Included files that other tests run."""


@pytest.mark.parametrize("name", RUN)
def test_the_file_runs(tmp_path: Path, name: str) -> None:
    status, said, errors = finished(tmp_path, f"howto/{name}.py")
    assert (status, errors) == (0, "")
    assert RUN[name] in said
    assert list(tmp_path.iterdir()) == []


def test_there_is_a_howto_for_each_task_and_each_includes_a_file_that_a_test_runs() -> None:
    listed = re.findall(r"^   (howto_\w+)$", (DOCS / "index.rst").read_text("utf-8"), re.M)
    assert listed == [f"howto_{task}" for task in ("size", "filter", "limit", "stop", "live", "recover", "broker")]
    included: set[str] = set()
    for page in listed:
        text = (DOCS / f"{page}.rst").read_text("utf-8")
        files = re.findall(r"^\.\. literalinclude:: \.\./examples/(\S+)$", text, re.M)
        assert files, page
        included.update(files)
    assert included == {f"howto/{name}.py" for name in RUN} | set(ELSEWHERE)
    assert {path.stem for path in (EXAMPLES / "howto").glob("*.py")} == set(RUN)
    assert all((Path(__file__).parent / test).is_file() for test in ELSEWHERE.values())


class AtTheVenue:
    """The other side of the example's broker."""

    key = InstrumentKey(ExchangeSegment.NSE_FNO, SecurityId("45471"))
    lot_units = 75
    product = Product.INTRADAY
    price = Decimal(90)
    tick = Decimal("0.05")

    def __init__(self) -> None:
        self.venue = Venue()
        self.broker: Broker = VenueBroker(self.venue, "F")

    def fill(self, order_id: BrokerOrderId, quantity: int) -> None:
        self.venue.trade(order_id, quantity, "90")

    def refuse_next(self, text: str) -> None:
        self.venue.says_no = text

    def close(self) -> None:
        pass


class TestVenueBroker(BrokerConformance):
    def make_harness(self) -> BrokerHarness:
        return AtTheVenue()
