"""What an answer means, row by row, and never a guess."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import Refusal
from dhan_copy.dhan.outcome_table import TABLE, Asked
from dhan_copy.dhan.outcomes import (
    Answer,
    classify_cancellation,
    classify_modification,
    classify_placement,
    classify_read,
    rule_for,
)
from dhan_copy.errors import (
    AddressRejected,
    AuthenticationError,
    BracketOrderError,
    BrokerError,
    CancellationRejected,
    CoverOrderError,
    InsufficientFunds,
    MarketClosed,
    ModificationRejected,
    OrderStateChanged,
    PlacementRejected,
    PriceRejected,
    RateLimited,
    ReadError,
    Rejected,
    RequestTimedOut,
    Unresolved,
)

ITEMS = json.loads((Path(__file__).parent.parent / "data" / "rest_rows.json").read_text())["items"]
CLASSIFY: dict[Asked, Callable[..., str]] = {
    Asked.PLACEMENT: classify_placement,
    Asked.MODIFICATION: classify_modification,
    Asked.CANCELLATION: classify_cancellation,
}
OWN = {
    Asked.PLACEMENT: PlacementRejected,
    Asked.MODIFICATION: ModificationRejected,
    Asked.CANCELLATION: CancellationRejected,
}
ORDERS = list(CLASSIFY)


def classify(answer: Answer, asked: Asked = Asked.PLACEMENT) -> str:
    return CLASSIFY[asked](answer, account="F", client_order_id="dc1-X")


def failure(answer: Answer, asked: Asked = Asked.PLACEMENT) -> BrokerError:
    with pytest.raises(BrokerError) as caught:
        classify(answer, asked)
    assert caught.value.ids == {"account": "F", "client_order_id": "dc1-X"}
    return caught.value


def error(status: int, code: object, words: object, kind: str = "Order_Error") -> Answer:
    return Answer(status, {"errorType": kind, "errorCode": code, "errorMessage": words})


def recorded(kind: str) -> dict[str, object]:
    (row,) = (item["row"] for item in ITEMS if item["kind"] == kind)
    found: dict[str, object] = row
    return found


def test_recorded_responses_are_accepted() -> None:
    assert classify(Answer(200, recorded("place_response"))) == "112111182198"
    assert classify(Answer(200, recorded("modify_response")), Asked.MODIFICATION) == "112111182045"
    for status in (200, 202):
        assert classify(Answer(status, recorded("cancel_response")), Asked.CANCELLATION) == "112111182045"


@pytest.mark.parametrize("asked", ORDERS)
@pytest.mark.parametrize(
    "body",
    [
        {"orderId": "7", "orderStatus": "TRANSIT"},
        {"orderId": 7, "orderStatus": "PENDING"},
        [{"orderId": "7", "orderStatus": "PART_TRADED"}],
        {"orderId": "7"},
        {"orderId": "7", "orderStatus": None},
    ],
)
def test_a_success_with_an_order_id_is_accepted(body: object, asked: Asked) -> None:
    assert classify(Answer(200, body), asked) == "7"


@pytest.mark.parametrize("asked", ORDERS)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(None, None, "connection reset by peer"),
        Answer(None, None, ""),
        Answer(200, None, "the answer is empty"),
        Answer(200, None, "the answer is not JSON"),
        Answer(202, None, ""),
        Answer(200, {}),
        Answer(200, []),
        Answer(200, [{"orderId": "1", "orderStatus": "TRANSIT"}, {"orderId": "2", "orderStatus": "TRANSIT"}]),
        Answer(200, "ok"),
        Answer(200, {"orderStatus": "TRANSIT"}),
        Answer(200, {"orderId": "", "orderStatus": "TRANSIT"}),
        Answer(200, {"orderId": "0", "orderStatus": "TRANSIT"}),
        Answer(200, {"orderId": 0, "orderStatus": "TRANSIT"}),
        Answer(200, {"orderId": True, "orderStatus": "TRANSIT"}),
        Answer(200, {"orderId": 1.5, "orderStatus": "TRANSIT"}),
        Answer(200, {"orderId": "../x", "orderStatus": "TRANSIT"}),
        Answer(200, {"orderId": "7", "orderStatus": "WONDERFUL"}),
        Answer(200, {"orderId": "7", "orderStatus": 5}),
        Answer(200, {"orderId": "7", "orderStatus": "TRANSIT", "errorCode": "DH-905"}),
        error(200, "DH-905", "Invalid"),
        error(500, "DH-905", "Missing required fields"),
        error(502, "DH-906", "insufficient funds"),
        error(503, "DH-901", "Invalid Token"),
        Answer(504, None, "the answer is not JSON"),
        error(400, "DH-908", "Internal Server Error"),
        error(400, "DH-909", "Network Error"),
        error(400, "DH-910", "Others"),
        error(400, "DH-999", "a code that nobody has seen"),
        error(400, None, None),
        error(400, 905, "a code that is a number"),
        Answer(400, None, "the answer is not JSON"),
        Answer(403, None, "the answer is not JSON"),
        Answer(404, {}),
        Answer(408, None, "the answer is empty"),
        Answer(302, None, "the answer is empty"),
        Answer(100, None, ""),
        Answer(-1, None, ""),
        Answer(9999, None, ""),
    ],
)
def test_f33_whatever_is_not_certain_is_unresolved(answer: Answer, asked: Asked) -> None:
    assert isinstance(failure(answer, asked), Unresolved)


@pytest.mark.parametrize("problem", ["timed out", "Read timeout", "the read operation timed out", "no answer: time out"])
def test_r3_a_timeout_is_unresolved_and_says_so(problem: str) -> None:
    assert type(failure(Answer(None, None, problem))) is RequestTimedOut
    assert type(failure(Answer(None, None, "connection refused"))) is Unresolved


@pytest.mark.parametrize("asked", ORDERS)
@pytest.mark.parametrize("code", ["DH-902", "DH-903", "DH-905", "DH-906", "DH-907", "DH-1111", "DH-0035", "EXCH:17070"])
def test_r1_an_error_body_is_a_final_no_in_dhans_own_words(code: str, asked: Asked) -> None:
    problem = failure(error(400, code, "Quantity must be a multiple of the lot"), asked)
    assert type(problem) is OWN[asked]
    assert isinstance(problem, Rejected)
    assert problem.final
    assert (problem.code, problem.text) == (code, "Quantity must be a multiple of the lot")
    assert problem.text in str(problem) and code in str(problem)


@pytest.mark.parametrize("asked", ORDERS)
@pytest.mark.parametrize("status", ["REJECTED", "Rejected"])
def test_r1_a_success_that_says_rejected_is_a_final_no(asked: Asked, status: str) -> None:
    words = "RMS:1:Scrip is not allowed"
    for body in ({"orderId": "7", "orderStatus": status, "omsErrorDescription": words},
                 [{"orderStatus": status, "omsErrorDescription": words}]):  # fmt: skip
        problem = failure(Answer(200, body), asked)
        assert type(problem) is OWN[asked]
        assert isinstance(problem, Rejected) and problem.final
        assert problem.text == words


@pytest.mark.parametrize(
    ("words", "kind", "refusal"),
    [
        ("RMS:1:You have insufficient funds. Please add Rs.23.67 to trade.", InsufficientFunds, Refusal.FUNDS),
        ("Insufficient Funds, required margin is 27.23 and available margin 0. Add Funds to Trade", InsufficientFunds,
         Refusal.FUNDS),
        ("Market is closed, place an AMO", MarketClosed, Refusal.MARKET_CLOSED),
        ("EXCH:16283:The order price is not multiple of the tick size.", PriceRejected, Refusal.PRICE),
        ("Trigger Price should be greater than Price", PriceRejected, Refusal.PRICE),
        ("Invalid Price for orderType", PriceRejected, Refusal.PRICE),
        ("Price is outside the circuit limits", PriceRejected, Refusal.PRICE),
        ("Cover orders are blocked", CoverOrderError, Refusal.OTHER),
        ("Bracket Order is not available", BracketOrderError, Refusal.OTHER),
        ("Something else", PlacementRejected, Refusal.OTHER),
    ],
)  # fmt: skip
def test_r9_refusals_are_told_apart_by_dhans_words(words: str, kind: type[Rejected], refusal: Refusal) -> None:
    for answer in (error(400, "DH-906", words), Answer(200, {"orderStatus": "REJECTED", "omsErrorDescription": words})):
        problem = failure(answer)
        assert type(problem) is kind
        assert isinstance(problem, Rejected)
        assert problem.refusal is refusal
        assert problem.final
        assert problem.text == words


@pytest.mark.parametrize("asked", [Asked.MODIFICATION, Asked.CANCELLATION])
@pytest.mark.parametrize(
    "words", ["Order Has Traded Please Refresh Order Book", "Order is already cancelled", "Order cannot be cancelled"]
)
def test_m8_an_order_that_has_changed_meanwhile(words: str, asked: Asked) -> None:
    problem = failure(error(400, "DH-906", words), asked)
    assert type(problem) is OrderStateChanged
    assert isinstance(problem, Rejected)
    assert problem.refusal is Refusal.ORDER_STATE
    assert type(failure(error(400, "DH-906", words))) is PlacementRejected


@pytest.mark.parametrize("asked", ORDERS)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(429, None, "the answer is empty", 1.5),
        Answer(429, {"status": "failed", "data": {"805": "Too many requests"}}, "", 1.5),
        error(429, "DH-904", "Rate limit"),
        error(400, "DH-904", "Rate limit"),
    ],
)
def test_r2_too_many_requests_is_not_final(answer: Answer, asked: Asked) -> None:
    problem = failure(answer, asked)
    assert isinstance(problem, RateLimited)
    assert not problem.final
    assert problem.retry_after_seconds == answer.retry_after_seconds


@pytest.mark.parametrize("asked", ORDERS)
@pytest.mark.parametrize(
    "answer",
    [
        Answer(400, recorded("error_body")),
        error(400, "DH-905", "Invalid token", "Input_Exception"),
        error(400, None, "Invalid Token"),
        error(401, "DH-901", "Client ID or user generated access token is invalid or expired."),
        error(400, "DH-901", None),
        Answer(401, None, "the answer is empty"),
        error(403, "DH-906", "Access token has expired"),
    ],
)
def test_r4_a_refused_token(answer: Answer, asked: Asked) -> None:
    problem = failure(answer, asked)
    assert type(problem) is AuthenticationError
    assert not problem.final


@pytest.mark.parametrize("asked", ORDERS)
def test_r4_an_address_that_is_not_registered(asked: Asked) -> None:
    problem = failure(error(400, "DH-905", "Invalid IP"), asked)
    assert type(problem) is AddressRejected
    assert not problem.final


def read(answer: Answer, what: str = "orders") -> object:
    return classify_read(answer, account="F", what=what)


def test_a_read_gives_what_was_read() -> None:
    assert read(Answer(200, [])) == []
    assert read(Answer(200, [{"a": 1}])) == [{"a": 1}]
    assert read(Answer(200, {"sodLimit": 1}), "funds") == {"sodLimit": 1}


@pytest.mark.parametrize(
    ("answer", "kind"),
    [
        (Answer(None, None, "timed out"), ReadError),
        (Answer(200, None, "the answer is empty"), ReadError),
        (Answer(200, "text"), ReadError),
        (error(200, "DH-905", "odd"), ReadError),
        (error(500, "DH-908", "odd"), ReadError),
        (error(400, "DH-905", "odd"), ReadError),
        (error(400, "DH-907", "insufficient data"), ReadError),
        (error(400, "DH-777", "odd"), ReadError),
        (error(400, "DH-1111", "No holdings"), ReadError),
        (Answer(302, None, ""), ReadError),
        (error(429, "DH-904", "slow down"), RateLimited),
        (Answer(400, recorded("error_body")), AuthenticationError),
        (Answer(401, None, ""), AuthenticationError),
        (error(400, "DH-905", "Invalid IP"), AddressRejected),
    ],
)
def test_a_failed_read_is_an_error_and_never_nothing(answer: Answer, kind: type[BrokerError]) -> None:
    with pytest.raises(BrokerError) as caught:
        read(answer)
    assert type(caught.value) is kind
    assert caught.value.ids == {"account": "F"}
    assert "orders" in str(caught.value)


@pytest.mark.parametrize("status", [400, 404, 500])
def test_no_holdings_is_an_answer(status: int) -> None:
    assert read(error(status, "DH-1111", "No holdings available"), "holdings") == []


def test_neither_error_nor_text_shows_a_token() -> None:
    token = "eyJhbGciOiJIUzUxMiJ9.eyJkaGFuIjoxfQ.c2ln"
    for answer in (error(400, "DH-906", f"bad {token}"), Answer(None, None, f"url?token={token}")):
        problem = failure(answer)
        assert "eyJ" not in f"{problem} {problem.text} {problem.code} {problem!r}"


def test_every_row_decides_something() -> None:
    answers = [
        Answer(None, None, "timed out"), Answer(None, None, "reset"), Answer(500, None), Answer(429, None),
        error(400, "DH-904", ""), error(400, "DH-905", "Invalid IP"), error(400, "DH-906", "Invalid Token"),
        error(400, "DH-901", ""), Answer(401, None), error(400, "DH-905", ""), Answer(400, None),
        Answer(200, {"orderStatus": "REJECTED"}), Answer(200, {"orderId": "1"}), Answer(200, None), Answer(302, None),
    ]  # fmt: skip
    reached = {rule_for(answer, asked).name for answer in answers for asked in Asked}
    assert reached == {rule.name for rule in TABLE}


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
    | st.sampled_from(["REJECTED", "TRANSIT", "DH-905", "DH-908", "7"]),
    lambda inner: st.lists(inner, max_size=2)
    | st.dictionaries(st.sampled_from(["orderId", "orderStatus", "errorCode", "errorMessage", "remarks"]), inner),
    max_leaves=6,
)  # fmt: skip


@given(st.none() | st.integers(99, 1000), JSON, st.text(max_size=10), st.sampled_from(ORDERS))
def test_any_answer_is_accepted_with_an_id_rejected_or_unresolved(
    status: int | None, body: object, problem: str, asked: Asked
) -> None:
    answer = Answer(status, body, problem)
    try:
        order_id = classify(answer, asked)
    except Rejected:
        assert status is not None and (400 <= status <= 499 or 200 <= status <= 299)
    except Unresolved:
        pass
    else:
        found = body[0] if isinstance(body, list) else body
        assert isinstance(found, dict)
        assert order_id == str(found["orderId"])
        assert status is not None and 200 <= status <= 299
        assert "REJECTED" != found.get("orderStatus")
    try:
        assert read(answer) is body
    except BrokerError:
        pass
