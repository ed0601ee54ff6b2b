"""The first frame on the order-update socket, and what a connection that dies right after it means."""

from __future__ import annotations

import json
from collections.abc import Callable

from dhan_copy.dhan.secret import AccessToken
from dhan_copy.errors import AuthenticationError, BrokerError, FeedConnectionError, FeedError, FeedLoginRefused


def login_frame(client_id: str, token: AccessToken) -> str:
    """The login message of an individual account (Dhan's documentation, Live Order Update). Nothing answers it."""
    request = {"MsgCode": 42, "ClientId": client_id, "Token": token.reveal()}
    return json.dumps({"LoginReq": request, "UserType": "SELF"})


def reset_after_login(problem: FeedError, check_token: Callable[[], None]) -> FeedError:
    """Tell a refused token from a broken network by asking over REST.

    Dhan answers a bad login with a bare TCP reset about 10 ms later, which looks like any other network fault
    (observed on 2026-07-08). ``check_token`` raises what the broker answers to a read that any valid token may do.
    """
    try:
        check_token()
    except AuthenticationError as refusal:
        return FeedLoginRefused(f"token refused: {refusal.text or refusal.message}")
    except BrokerError as unknown:
        return FeedConnectionError(f"{problem.message}; whether the token is valid is unknown: {unknown.message}")
    return FeedConnectionError(f"{problem.message}; the token is valid")
