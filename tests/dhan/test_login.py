"""The login frame is the documented one; a reset after it is told apart over REST."""

from __future__ import annotations

import json

import pytest

from dhan_copy.dhan.login import login_frame, reset_after_login
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.errors import (
    AuthenticationError,
    BrokerError,
    FeedConnectionError,
    FeedLoginRefused,
    RateLimited,
    ReadError,
)

LOST = FeedConnectionError("disconnected: the connection was reset")


def test_the_login_frame() -> None:
    assert json.loads(login_frame("1000000001", AccessToken("token"))) == {
        "LoginReq": {"MsgCode": 42, "ClientId": "1000000001", "Token": "token"},
        "UserType": "SELF",
    }


def test_a_refused_token_is_named() -> None:
    def check() -> None:
        raise AuthenticationError("reading profile failed", code="DH-906", text="Invalid Token")

    problem = reset_after_login(LOST, check)
    assert isinstance(problem, FeedLoginRefused) and problem.message == "token refused: Invalid Token"


def test_a_valid_token_leaves_the_network_to_blame() -> None:
    problem = reset_after_login(LOST, lambda: None)
    assert isinstance(problem, FeedConnectionError)
    assert problem.message == "disconnected: the connection was reset; the token is valid"


@pytest.mark.parametrize("error", [ReadError("reading profile failed"), RateLimited("too many")])
def test_a_failed_check_proves_nothing(error: BrokerError) -> None:
    def check() -> None:
        raise error

    problem = reset_after_login(LOST, check)
    assert isinstance(problem, FeedConnectionError)
    assert "unknown" in problem.message and "refused" not in problem.message
