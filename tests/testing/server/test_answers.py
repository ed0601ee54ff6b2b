"""Errors have Dhan's shape."""

import json

import pytest

from dhan_copy.testing.server.answers import DhanError, json_answer


@pytest.mark.parametrize(
    ("code", "status", "kind"),
    [
        ("DH-901", 401, "Invalid_Authentication"),
        ("DH-904", 429, "Rate_Limit"),
        ("DH-905", 400, "Input_Exception"),
        ("DH-906", 400, "Order_Error"),
        ("DH-908", 500, "Internal_Server_Error"),
        ("RS-9005", 400, "Order_Error"),
    ],
)
def test_type_and_status_follow_from_the_code(code: str, status: int, kind: str) -> None:
    answer = DhanError(code, "words").answer()
    assert answer.status == status
    assert json.loads(answer.body) == {"errorType": kind, "errorCode": code, "errorMessage": "words"}
    assert str(DhanError(code, "words")) == f"{code}: words"


def test_a_json_answer() -> None:
    assert json_answer(200, [1]).body == b"[1]"
