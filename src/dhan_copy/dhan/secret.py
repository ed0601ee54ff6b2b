"""An access token that cannot be printed, and a filter for texts that may carry one."""

from __future__ import annotations

import base64
import hmac
import json
import re
from datetime import datetime, timezone
from typing import NoReturn, SupportsIndex

from dhan_copy.errors import ValidationError

HIDDEN = "[hidden]"
_JWT = re.compile(r"eyJ[\w=+/-]*(?:\.[\w=+/-]*)*")
"""Dhan's tokens are JSON web tokens: base64 of ``{"`` followed by a key."""


class AccessToken:
    """A Dhan access token; :meth:`reveal` is the only way to its text.

    ``repr``, ``str``, ``format`` and a traceback that shows local variables say ``AccessToken([hidden])``; pickling
    is refused. Raises :class:`~dhan_copy.errors.ValidationError` for a text that cannot be sent as a header.
    """

    __slots__ = ("__text",)
    __text: str

    def __init__(self, text: str) -> None:
        if not isinstance(text, str):
            raise ValidationError(f"an access token is text, not {type(text).__name__}")
        text = text.strip()
        if not text or not text.isascii() or not text.isprintable() or " " in text:
            del text
            raise ValidationError("an access token is one word of printable ASCII; this text is not (it is not shown)")
        object.__setattr__(self, "_AccessToken__text", text)

    def reveal(self) -> str:
        """The token itself: hand it to the HTTP header or the login frame and to nothing else."""
        return self.__text

    def __repr__(self) -> str:
        return f"AccessToken({HIDDEN})"

    def __format__(self, spec: str) -> str:
        return format(repr(self), spec)

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, AccessToken):
            return NotImplemented
        return hmac.compare_digest(self.__text, other.__text)

    def __hash__(self) -> int:
        return hash((AccessToken, self.__text))

    def __setattr__(self, name: str, value: object) -> NoReturn:
        raise AttributeError("an access token cannot be changed: make a new one")

    def __delattr__(self, name: str) -> NoReturn:
        raise AttributeError("an access token cannot be changed: make a new one")

    def __copy__(self) -> AccessToken:
        return self

    def __deepcopy__(self, memo: dict[int, object]) -> AccessToken:
        return self

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("an access token is not pickled: it would be written out in the clear")


def expiry_of(token: AccessToken) -> datetime | None:
    """When a JSON web token ends, by its own ``exp`` claim (RFC 7519, 4.1.4), which is read and not verified.

    None for a token of any other form.
    """
    try:
        _, payload, _ = token.reveal().split(".")
        claims = json.loads(base64.urlsafe_b64decode(payload + "=" * (-len(payload) % 4)))
        return datetime.fromtimestamp(claims["exp"], timezone.utc)
    except (ValueError, TypeError, KeyError, OverflowError, OSError, RecursionError):
        return None


def redact(text: str, *tokens: AccessToken | str) -> str:
    """``text`` without the given tokens, and without anything that looks like one."""
    for token in tokens:
        secret = token.reveal() if isinstance(token, AccessToken) else token
        if secret:
            text = text.replace(secret, HIDDEN)
    return _JWT.sub(HIDDEN, text) if "eyJ" in text else text
