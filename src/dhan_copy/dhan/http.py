"""Runs dhanhq's own methods over one warm connection and keeps the HTTP status that the SDK throws away.

``DhanHTTP`` opens a ``requests`` session, keeps the token of the day it was made, waits 60 s, answers every failure
with one kind of dict, and logs exceptions to the root logger (dhanhq 2.3.0, ``dhan_http.py``). Overriding its
``_send_request`` keeps every method and every result dict of the SDK and replaces the rest.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from datetime import datetime
from enum import Enum
from urllib.parse import quote, urlsplit

from dhanhq import DhanHTTP

from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.line import Line, Lost, NotSent, Reply
from dhan_copy.dhan.outcomes import Answer
from dhan_copy.dhan.pace import ReadPace, pace_of
from dhan_copy.dhan.secret import AccessToken, expiry_of, redact
from dhan_copy.errors import AuthenticationError, ConnectionFailed, Rejected


class KeepAliveHTTP(DhanHTTP):  # type: ignore[misc]  # dhanhq is not typed
    """The transport to give to dhanhq. After each call ``answer`` is what the server said, or why it said nothing.

    ``token`` is asked before every request, so that a replaced token needs no restart. Nothing that may have left is
    sent again; only a GET is repeated, once, when a kept connection turns out to be closed. Every GET waits for a
    permit of ``pace``, which is the account's unless another is given. Not for use by two threads at once.
    """

    def __init__(
        self,
        client_id: str,
        token: Callable[[], AccessToken],
        *,
        base_url: str,
        route: Route,
        timeout_seconds: float,
        pace: ReadPace | None = None,
    ) -> None:
        # DhanHTTP.__init__ is left out: it would keep the token in an attribute and open a session.
        url = urlsplit(base_url)
        tls = url.scheme == "https"
        host = url.hostname or ""
        self.client_id = client_id
        self.base_url = base_url
        self.timeout = timeout_seconds
        self.answer = Answer(None, None, "nothing was asked yet")
        self.not_sent: Rejected | None = None
        """Why the last request never left; None when it may have."""
        self.pace = pace_of(base_url, client_id) if pace is None else pace
        self._token = token
        self._path = url.path.rstrip("/")
        self._host_header = url.netloc
        self._line = Line(host, url.port or (443 if tls else 80), tls=tls, route=route, timeout_seconds=timeout_seconds)

    def token_expires_at(self) -> datetime | None:
        """What the present token says of its own end; None where it says nothing, or cannot be read."""
        try:
            return expiry_of(self._token())
        except Exception:
            return None  # the request that comes next says why

    def close(self) -> None:
        """Close the connection; the next request opens another."""
        self._line.close()

    def _send_request(self, method: Enum, endpoint: str, payload: Mapping[str, object] | None = None) -> dict[str, object]:
        self.not_sent = None
        body = b""
        if payload:
            body = json.dumps({**payload, "dhanClientId": self.client_id}).encode()
        try:
            token = self._token()
        except Exception as error:
            # Neither its words nor its chain: whoever reads tokens from a vault may well put one into an error.
            self.not_sent = AuthenticationError(
                f"the access token could not be read ({type(error).__name__})", account=self.client_id
            )
            self.answer = Answer(None, None, self.not_sent.message)
            return self._result()
        request = self._rendered(method.value, endpoint, token, body)
        try:
            self.answer = _answer(self._exchange(request, method.value), token)
        except NotSent as error:
            self.not_sent = ConnectionFailed(str(error), account=self.client_id)
            self.answer = Answer(None, None, str(error))
        except Lost as error:
            self.answer = Answer(error.status, None, str(error))
        return self._result()

    def _exchange(self, request: bytes, method: str) -> Reply:
        if method != "GET":
            return self._line.exchange(request, method)
        try:
            return self._paced(request)
        except Lost as error:
            if not error.stale:
                raise
        return self._paced(request)

    def _paced(self, request: bytes) -> Reply:
        with self.pace.permit():
            return self._line.exchange(request, "GET")

    def _rendered(self, method: str, endpoint: str, token: AccessToken, body: bytes) -> bytes:
        path = quote(self._path + endpoint, safe="/?&=%,:@")
        head = (
            f"{method} {path} HTTP/1.1\r\n"
            f"Host: {self._host_header}\r\n"
            f"access-token: {token.reveal()}\r\n"
            f"client-id: {self.client_id}\r\n"
            "Content-Type: application/json\r\n"
            "Accept: application/json\r\n"
            "Accept-Encoding: identity\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        return head.encode("ascii") + body

    def _result(self) -> dict[str, object]:
        """The dict that the SDK itself would have returned."""
        status, body = self.answer.http_status, self.answer.body
        if self.answer.problem or status is None:
            return {"status": "failure", "remarks": self.answer.problem, "data": ""}
        if 200 <= status <= 299:
            return {"status": "success", "remarks": "", "data": body}
        if not isinstance(body, dict):
            return {"status": "failure", "remarks": f"HTTP {status} with a {type(body).__name__}", "data": ""}
        remarks = {
            "error_code": body.get("errorCode"),
            "error_type": body.get("errorType"),
            "error_message": body.get("errorMessage"),
        }
        return {"status": "failure", "remarks": remarks, "data": ""}


def _answer(reply: Reply, token: AccessToken) -> Answer:
    body: object = None
    problem = ""
    try:
        # A gateway's error page may repeat the request's headers.
        body = json.loads(redact(reply.body.decode(), token))
    except (ValueError, RecursionError):
        problem = "the answer is not JSON" if reply.body.strip() else "the answer is empty"
    return Answer(reply.status, body, problem, reply.retry_after_seconds, reply.served_at)
