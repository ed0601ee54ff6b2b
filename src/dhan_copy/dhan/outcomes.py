"""Answers of Dhan's REST API into a broker's order id, the rows that were read, or the error that fits.

What means what is :data:`dhan_copy.dhan.outcome_table.TABLE`, and nothing else.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime

from attrs import field, frozen

from dhan_copy.dhan.outcome_table import TABLE, WORDS, Asked, Body, Rule, Verdict
from dhan_copy.dhan.secret import redact
from dhan_copy.dhan.words import status_of
from dhan_copy.errors import (
    BrokerError,
    CancellationRejected,
    KillSwitchRefused,
    ModificationRejected,
    PlacementRejected,
    RateLimited,
    ReadError,
    Rejected,
    Unresolved,
)
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import OrderStatus

NO_HOLDINGS = "DH-1111"
"""Dhan answers an account without shares with this error."""

_OWN: Mapping[Asked, type[BrokerError]] = {
    Asked.PLACEMENT: PlacementRejected,
    Asked.MODIFICATION: ModificationRejected,
    Asked.CANCELLATION: CancellationRejected,
    Asked.READ: ReadError,
}
_TEXTS = ("errorMessage", "internalErrorMessage", "omsErrorDescription", "reasonDescription", "message", "remarks")


@frozen
class Answer:
    """What came back: ``http_status`` None when nothing did, ``body`` the parsed JSON or None.

    ``problem`` says why there is no (usable) body, and is empty when there is nothing to say.
    """

    http_status: int | None
    body: object = field(repr=False)
    problem: str = ""
    retry_after_seconds: float | None = None
    served_at: datetime | None = None
    """The server's clock when it answered, to the second."""


def rule_for(answer: Answer, asked: Asked) -> Rule:
    """The row of the table that decides."""
    status, code, words, body = answer.http_status, code_of(answer), words_of(answer), _body(answer)
    for rule in TABLE:
        if (
            asked in rule.asked
            and (any(status in codes for codes in rule.http) if rule.http else status is None)
            and (not rule.codes or re.fullmatch(rule.codes, code))
            and (not rule.words or re.search(rule.words, words, re.IGNORECASE))
            and (not rule.bodies or body in rule.bodies)
        ):
            return rule
    return TABLE[-1]


def refusal_for(asked: Asked, words: str) -> type[BrokerError]:
    """The error for a definite no, told apart by Dhan's words."""
    for pattern, error, where in WORDS:
        if asked in where and re.search(pattern, words, re.IGNORECASE):
            return error
    return _OWN[asked]


def classify_placement(answer: Answer, *, account: AccountName, client_order_id: ClientOrderId) -> BrokerOrderId:
    """The broker's id of an order that was taken. Raises the fitting ``Rejected`` or ``Unresolved``."""
    return _classify(answer, Asked.PLACEMENT, account, client_order_id)


def classify_modification(answer: Answer, *, account: AccountName, client_order_id: ClientOrderId) -> BrokerOrderId:
    """The id of the order whose change was taken. Raises the fitting ``Rejected`` or ``Unresolved``."""
    return _classify(answer, Asked.MODIFICATION, account, client_order_id)


def classify_cancellation(answer: Answer, *, account: AccountName, client_order_id: ClientOrderId) -> BrokerOrderId:
    """The id of the order whose cancellation was taken. Raises the fitting ``Rejected`` or ``Unresolved``."""
    return _classify(answer, Asked.CANCELLATION, account, client_order_id)


def classify_read(answer: Answer, *, account: AccountName, what: str) -> object:
    """The JSON object or list that was read; ``what`` names the read: ``orders``, ``positions``, ``holdings``...

    Raises ``AuthenticationError``, ``AddressRejected``, ``RateLimited`` or else
    :class:`~dhan_copy.errors.ReadError`: a read that failed is never an empty one.
    """
    rule, code = rule_for(answer, Asked.READ), code_of(answer)
    if rule.verdict is Verdict.ACCEPTED and isinstance(answer.body, list | Mapping) and not code:
        return answer.body
    if what == "holdings" and code == NO_HOLDINGS:
        return []
    error = rule.error if rule.error is not None and issubclass(rule.error, Rejected) else ReadError
    raise _error(error, f"reading {what} failed", answer, account, None)


def classify_kill_switch(answer: Answer, *, on: bool, account: AccountName) -> None:
    """Return when Dhan says that its kill switch was turned. Raises the fitting ``Rejected`` or ``Unresolved``.

    The documentation shows one answer, for on: "Kill Switch has been successfully activated". Any other success leaves it
    to the status. Which error Dhan gives while something is open is not written.
    """
    rule, code = rule_for(answer, Asked.READ), code_of(answer)
    said = _text(_object(answer.body).get("killSwitchStatus"))
    word = "activated" if on else "deactivated"
    what = f"the kill switch was not {word}"
    if rule.verdict is Verdict.ACCEPTED and not code:
        if re.search(rf"\bsuccessfully {word}\b", said, re.IGNORECASE):
            return
        raise Unresolved(f"nobody knows whether the kill switch was {word}: {redact(said)[:200]}", account=account)
    if rule.verdict is Verdict.REJECTED:
        raise _error(rule.error or KillSwitchRefused, what, answer, account, None)
    error = rule.error if rule.error is not None and issubclass(rule.error, Unresolved) else Unresolved
    raise _error(error, f"nobody knows whether the kill switch was {word}", answer, account, None)


def code_of(answer: Answer) -> str:
    """Dhan's error code; empty where there is none."""
    body = _object(answer.body)
    return _text(body.get("errorCode") or body.get("internalErrorCode"))[:40]


def words_of(answer: Answer) -> str:
    """Dhan's own words, or what went wrong on the way. Never a token."""
    body = _object(answer.body)
    said = next(filter(None, (_text(body.get(name)).strip() for name in _TEXTS)), answer.problem)
    return redact(said)[:500]


def _classify(answer: Answer, asked: Asked, account: AccountName, client_order_id: ClientOrderId) -> BrokerOrderId:
    rule = rule_for(answer, asked)
    order_id = _order_id(_object(answer.body))
    match rule.verdict:
        case Verdict.ACCEPTED if order_id is not None:
            return order_id
        case Verdict.REJECTED:
            error = rule.error or refusal_for(asked, words_of(answer))
            raise _error(error, f"the {asked.value} was refused", answer, account, client_order_id)
        case _:
            error = rule.error or _OWN[asked]
            raise _error(error, f"nobody knows what became of the {asked.value}", answer, account, client_order_id)


def _error(
    error: type[BrokerError], what: str, answer: Answer, account: AccountName, client_order_id: ClientOrderId | None
) -> BrokerError:
    code, words = code_of(answer), words_of(answer)
    status = "" if answer.http_status is None else f"HTTP {answer.http_status}"
    message = f"{what}: " + (" ".join(filter(None, (status, code, words))) or "no answer")
    if issubclass(error, RateLimited):
        return error(
            message,
            retry_after_seconds=answer.retry_after_seconds,
            code=code,
            text=words,
            account=account,
            client_order_id=client_order_id,
        )
    return error(message, code=code, text=words, account=account, client_order_id=client_order_id)


def _body(answer: Answer) -> Body:
    body = _object(answer.body)
    status = body.get("orderStatus")
    known = status_of(status) if isinstance(status, str) else None
    if code_of(answer):
        return Body.OTHER
    if known is OrderStatus.REJECTED:
        return Body.REJECTED_ORDER
    if _order_id(body) is not None and (known is not None or status is None):
        return Body.ORDER
    return Body.OTHER


def _order_id(body: Mapping[str, object]) -> BrokerOrderId | None:
    value = body.get("orderId")
    text = str(value) if isinstance(value, int) and not isinstance(value, bool) else value
    if isinstance(text, str) and text.isascii() and text.isalnum() and text.strip("0") and len(text) <= 64:
        return BrokerOrderId(text)
    return None


def _object(body: object) -> Mapping[str, object]:
    """The answer's object; a list of one stands for its object, as Dhan does since 2026."""
    if isinstance(body, list) and len(body) == 1:
        body = body[0]
    return body if isinstance(body, Mapping) else {}


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
