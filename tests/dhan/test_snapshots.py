"""The order book, and what the lists of super and Forever orders add to it, or do not."""

from __future__ import annotations

import json
from decimal import Decimal

import pytest

from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.http import KeepAliveHTTP
from dhan_copy.dhan.reads import AccountReads
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.dhan.session import Session
from dhan_copy.dhan.snapshots import PATIENCE, Snapshots
from dhan_copy.errors import AuthenticationError, RateLimited, ReadError
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import Variety
from tests.dhan.servers import DATA, HttpServer, Step, book_row, reply

ITEMS = json.loads((DATA / "rest_rows.json").read_text())["items"]
SUPER = [item["row"] for item in ITEMS if item["kind"] == "super_order_row" and item["complete_row"]]
FOREVER = [item["row"] for item in ITEMS if item["kind"] == "forever_row"]
BRACKET = Bracket(target=Decimal(1550), stop=Decimal(1400), trailing_jump=Decimal(10))
ROW = book_row(orderId="5925022734212", legName="NA")
NO_PERMISSION = {"errorType": "Invalid_Access", "errorCode": "DH-902", "errorMessage": "no access"}
REFUSALS: list[Step] = [reply(404, b""), reply(403, b"<html>"), reply(400, NO_PERMISSION), reply(405, {})]
FAULTS: list[Step] = [reply(502, b""), reply(200, b"<html>"), reply(200, {}), reply(429, b"")]


@pytest.fixture
def reads(http_server: HttpServer) -> AccountReads:
    line = KeepAliveHTTP(
        "1000000001", lambda: AccessToken("token"), base_url=http_server.url, route=Route(), timeout_seconds=20.0
    )
    return AccountReads(Session(line), AccountName("1000000001"))


@pytest.mark.parametrize(("linked", "forever"), [(False, False), (True, False), (False, True), (True, True)])
def test_only_what_is_wanted_is_read(http_server: HttpServer, reads: AccountReads, linked: bool, forever: bool) -> None:
    answers = [[ROW], *[SUPER] * linked, *[FOREVER] * forever]
    http_server.plan(*(reply(200, answer) for answer in answers))
    book = Snapshots(reads, linked=linked, forever=forever).read()
    paths = ["/v2/orders"] + ["/v2/super/orders"] * linked + ["/v2/forever/orders"] * forever
    assert [request.path for request in http_server.requests] == paths
    assert [report.variety for report in book.reports] == [
        Variety.SUPER if linked else Variety.REGULAR, *[Variety.FOREVER] * forever,
    ]  # fmt: skip
    assert book.reports[0].bracket == (BRACKET if linked else None)


def test_an_order_whose_legs_cannot_be_read_is_no_plain_order(http_server: HttpServer, reads: AccountReads) -> None:
    broken = {**SUPER[0], "legDetails": None}
    http_server.plan(reply(200, [ROW, book_row(orderId="592", legName="NA")]), reply(200, [broken]))
    found = Snapshots(reads, linked=True, forever=False).read()
    assert [(r.variety, r.bracket) for r in found.reports] == [(Variety.SUPER, None), (Variety.REGULAR, None)]
    assert ["legDetails" in row.problem for row in found.unreadable] == [True]


@pytest.mark.parametrize("refusal", REFUSALS)
@pytest.mark.parametrize("missing", ["super", "Forever"])
def test_a_list_that_is_refused_is_told_as_missing_and_the_rest_is_read(
    http_server: HttpServer, reads: AccountReads, refusal: Step, missing: str
) -> None:
    snapshots = Snapshots(reads, linked=True, forever=True)
    lists = {"super": reply(200, SUPER), "Forever": reply(200, FOREVER)}
    http_server.plan(reply(200, [ROW]), *({**lists, missing: refusal}.values()))
    book = snapshots.read()
    [told] = book.unreadable
    assert told.problem.startswith(f"the list of {missing} orders is missing: ")
    varieties = {report.variety for report in book.reports}
    assert varieties == ({Variety.REGULAR, Variety.FOREVER} if missing == "super" else {Variety.SUPER})
    http_server.plan(reply(200, [ROW]), *lists.values())
    assert snapshots.read().unreadable == [], "it is asked for again each time"


@pytest.mark.parametrize("fault", FAULTS)
@pytest.mark.parametrize("working", [0, 1])
def test_one_list_that_does_not_answer_fails_the_whole_until_it_has_failed_three_times_in_a_row(
    http_server: HttpServer, reads: AccountReads, fault: Step, working: int
) -> None:
    snapshots = Snapshots(reads, linked=True, forever=True)
    good: list[Step] = [reply(200, [ROW]), *[reply(200, SUPER)] * working]
    rest: list[Step] = [reply(200, [])] * (1 - working)
    for _ in range(2):
        for _ in range(PATIENCE - 1):
            http_server.plan(*good, fault)
            with pytest.raises((ReadError, RateLimited)):
                snapshots.read()
        http_server.plan(reply(200, [ROW]), reply(200, SUPER), reply(200, []))
        assert snapshots.read().unreadable == []
    for _ in range(PATIENCE - 1):
        http_server.plan(*good, fault)
        with pytest.raises((ReadError, RateLimited)):
            snapshots.read()
    for _ in range(2):
        http_server.plan(*good, fault, *rest)
        book = snapshots.read()
        assert len(book.reports) >= 1 and len(book.unreadable) == 1


@pytest.mark.parametrize("lists", [0, 1, 2])
def test_a_refused_token_fails_the_whole_however_often(http_server: HttpServer, reads: AccountReads, lists: int) -> None:
    snapshots = Snapshots(reads, linked=True, forever=True)
    for _ in range(PATIENCE + 1):
        http_server.plan(*[reply(200, [])] * lists, reply(401, b""))
        with pytest.raises(AuthenticationError):
            snapshots.read()


def test_a_book_that_cannot_be_read_fails_the_whole_however_often(http_server: HttpServer, reads: AccountReads) -> None:
    snapshots = Snapshots(reads, linked=True, forever=True)
    for _ in range(PATIENCE + 1):
        http_server.plan(reply(404, b""))
        with pytest.raises(ReadError):
            snapshots.read()
