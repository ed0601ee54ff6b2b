"""What the local server answers over HTTP, errors in Dhan's shape included."""

from __future__ import annotations

import json
from collections.abc import Callable

from attrs import frozen

_ERRORS = {
    "DH-901": (401, "Invalid_Authentication"),
    "DH-902": (403, "Invalid_Access"),
    "DH-903": (403, "User_Account"),
    "DH-904": (429, "Rate_Limit"),
    "DH-905": (400, "Input_Exception"),
    # The HTTP status of DH-906 is written nowhere; recorded answers only say that it is an error.
    "DH-906": (400, "Order_Error"),
    "DH-907": (400, "Data_Error"),
    "DH-908": (500, "Internal_Server_Error"),
    "DH-909": (500, "Network_Error"),
    "DH-910": (500, "Others"),
    "DH-1111": (400, "Holding_Error"),
}


@frozen
class Answer:
    """Status, body and content type; ``after`` runs once the answer has left, or was lost."""

    status: int
    body: bytes
    content_type: str = "application/json"
    after: Callable[[], object] | None = None


class DhanError(Exception):
    """An error answer with Dhan's code; type and HTTP status follow from it."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(f"{code}: {message}")
        self.code = code
        self.message = message

    def answer(self) -> Answer:
        status, kind = _ERRORS.get(self.code, (400, "Order_Error"))
        return json_answer(status, {"errorType": kind, "errorCode": self.code, "errorMessage": self.message})


def json_answer(status: int, value: object, after: Callable[[], object] | None = None) -> Answer:
    """An answer with ``value`` as its JSON body."""
    return Answer(status, json.dumps(value).encode(), after=after)
