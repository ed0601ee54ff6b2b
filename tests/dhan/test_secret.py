"""An access token comes out by ``reveal`` and by nothing else."""

from __future__ import annotations

import base64
import copy
import json
import logging
import pickle
import traceback
from datetime import datetime, timezone

import pytest

from dhan_copy.dhan import AccessToken
from dhan_copy.dhan.secret import HIDDEN, expiry_of, redact
from dhan_copy.errors import ValidationError

CANARY = "eyJhbGciOiJIUzUxMiJ9.Y2FuYXJ5LWNhbmFyeQ.c2lnbmF0dXJlLWNhbmFyeQ"
PLAIN_CANARY = "canary-token-0123456789"


@pytest.fixture(params=[CANARY, PLAIN_CANARY])
def canary(request: pytest.FixtureRequest) -> str:
    text: str = request.param
    return text


def test_reveal_gives_the_token(canary: str) -> None:
    assert AccessToken(f" {canary}\n").reveal() == canary


def test_no_way_of_printing_shows_it(canary: str, caplog: pytest.LogCaptureFixture) -> None:
    token = AccessToken(canary)
    with caplog.at_level(logging.INFO):
        logging.getLogger(__name__).info("token %s %r", token, [token], extra={"token": token})
    shown = [repr(token), str(token), f"{token}", f"{token:>60}", f"{token!r}", "%s" % token, repr({"t": (token,)}),
             caplog.text, repr(vars(type(token))), str(dir(token))]  # fmt: skip
    assert not [text for text in shown if canary in text]
    assert HIDDEN in repr(token)
    assert not hasattr(token, "__dict__")


def test_no_way_of_writing_it_out_works(canary: str) -> None:
    token = AccessToken(canary)
    for write in (pickle.dumps, json.dumps, bytes, list):
        with pytest.raises(TypeError) as caught:
            write(token)  # type: ignore[operator]
        assert canary not in str(caught.value)


def test_a_copy_is_the_token_itself(canary: str) -> None:
    token = AccessToken(canary)
    assert copy.copy(token) is token
    assert copy.deepcopy({"t": [token]})["t"][0] is token


def test_a_traceback_with_local_variables_does_not_show_it(canary: str) -> None:
    def use(token: AccessToken) -> None:
        raise RuntimeError(f"cannot use {token}")

    token = AccessToken(canary)
    del canary
    try:
        use(token)
    except RuntimeError as problem:
        text = "".join(traceback.TracebackException.from_exception(problem, capture_locals=True).format())
    assert HIDDEN in text
    assert token.reveal() not in text


def test_a_token_cannot_be_changed(canary: str) -> None:
    token = AccessToken(canary)
    for change in (lambda: setattr(token, "_AccessToken__text", "x"), lambda: delattr(token, "_AccessToken__text")):
        with pytest.raises(AttributeError):
            change()
    assert token.reveal() == canary


def test_equal_tokens_are_equal_and_nothing_else_is(canary: str) -> None:
    token = AccessToken(canary)
    assert token == AccessToken(canary)
    assert hash(token) == hash(AccessToken(canary))
    assert token != AccessToken(canary + "x")
    assert token != canary


@pytest.mark.parametrize("text", ["", "  ", "two words", "header\r\ninjection: 1", "t\u00f6ken", "nul\0"])
def test_what_cannot_be_a_header_is_refused_without_being_shown(text: str) -> None:
    with pytest.raises(ValidationError) as caught:
        AccessToken(text)
    assert not text.strip() or text not in str(caught.value)


def test_only_text_is_a_token() -> None:
    with pytest.raises(ValidationError, match="not int"):
        AccessToken(5)  # type: ignore[arg-type]


def test_redact_takes_out_given_tokens_and_whatever_looks_like_one(canary: str) -> None:
    text = f"HTTP 400 for access-token: {canary}, again {canary}."
    assert (
        redact(text, AccessToken(canary)) == redact(text, canary) == (f"HTTP 400 for access-token: {HIDDEN}, again {HIDDEN}.")
    )
    assert CANARY not in redact(f"x {CANARY} y")
    assert redact(f"x {CANARY} y") == f"x {HIDDEN} y"
    assert redact("nothing to hide", "") == "nothing to hide"


def jwt(payload: bytes) -> AccessToken:
    return AccessToken(f"eyJ0eXAi.{base64.urlsafe_b64encode(payload).decode().rstrip('=')}.x")


def test_the_end_of_a_token_is_read_from_it() -> None:
    assert expiry_of(jwt(b'{"iss":"dhan","exp":1785724200}')) == datetime(2026, 8, 3, 2, 30, tzinfo=timezone.utc)


@pytest.mark.parametrize("payload", [b"{}", b"[1]", b'{"exp":"soon"}', b'{"exp":1e300}', b'{"exp":null}', b"\xff", b"[" * 9999])
def test_a_token_that_names_no_end_has_none(payload: bytes) -> None:
    assert expiry_of(jwt(payload)) is None


@pytest.mark.parametrize("text", ["one-word", "a.b", "a.b.c.d", "a.!.c"])
def test_nor_has_one_of_another_form(text: str) -> None:
    assert expiry_of(AccessToken(text)) is None
