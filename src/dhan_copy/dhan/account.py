"""A Dhan account as the user names it: credentials, addresses, and the broker and feed that come of them."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from typing import NoReturn, SupportsIndex, TypeAlias

from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.dhan.dial import Route
from dhan_copy.dhan.endpoints import checked_url, proxy_of, source_of
from dhan_copy.dhan.feed import DhanOrderFeed
from dhan_copy.dhan.http import KeepAliveHTTP
from dhan_copy.dhan.instrument_list import InstrumentList
from dhan_copy.dhan.reads import AccountReads
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.dhan.session import Session
from dhan_copy.errors import ConfigurationError, ValidationError
from dhan_copy.model.ids import AccountName

LIVE_BASE_URL = "https://api.dhan.co/v2"
LIVE_FEED_URL = "wss://api-order-update.dhan.co"
SANDBOX_BASE_URL = "https://sandbox.dhan.co/v2"

TokenSource: TypeAlias = str | AccessToken | Callable[[], str | AccessToken]
"""A token, or a callable without arguments that returns the current one."""

_CLIENT_ID = re.compile(r"[A-Za-z0-9_-]{1,32}")
_ENVIRONMENT_NAME = re.compile(r"[A-Z0-9_]+")


class DhanAccount:
    """Credentials and addresses of one Dhan account; each :meth:`broker` and :meth:`feed` has connections of its own.

    ``access_token`` is the token, or a callable without arguments that returns it. A callable is asked before every
    request and login, so a token that is renewed in a file or vault is used at once (Dhan's tokens last 24 hours, and
    a new one ends the old).

    ``source_address`` is the local address to leave from, ``"192.0.2.1"`` or ``("192.0.2.1", 0)``; ``proxy`` an HTTP
    proxy that tunnels, ``"http://host:port"`` or ``"http://user:password@host:port"``. Dhan takes orders only from
    the address registered for the account, so accounts on one machine need different ones. Proxies of the
    environment are not used. ``timeout_seconds`` is for a whole request and its answer. With a ``base_url`` other
    than Dhan's own there is no socket unless ``feed_url`` names it: socket and order book must be of one server.

    Raises :class:`~dhan_copy.errors.ConfigurationError`; never with the token in it.
    """

    def __init__(
        self,
        client_id: str,
        access_token: TokenSource,
        *,
        base_url: str = LIVE_BASE_URL,
        feed_url: str | None = None,
        timeout_seconds: float = 10.0,
        source_address: str | tuple[str, int] | None = None,
        proxy: str | None = None,
    ) -> None:
        if not isinstance(client_id, str) or not _CLIENT_ID.fullmatch(client_id):
            raise ConfigurationError("client_id must be Dhan's client id, such as '1000000001'")
        if not 0 < timeout_seconds <= 600:
            raise ConfigurationError(f"timeout_seconds must be above 0 and at most 600, not {timeout_seconds}")
        self._client_id = AccountName(client_id)
        self._token = _token_source(access_token)
        self._base_url = checked_url("base_url", base_url, "https", "http").rstrip("/")
        if feed_url is None and self._base_url == LIVE_BASE_URL:
            feed_url = LIVE_FEED_URL
        self._feed_url = None if feed_url is None else checked_url("feed_url", feed_url, "wss", "ws")
        self._timeout_seconds = timeout_seconds
        self._route = Route(source_of(source_address), proxy_of(proxy))

    @classmethod
    def from_env(cls, name: str, *, environ: Mapping[str, str] | None = None) -> DhanAccount:
        """The account that the environment describes: for ``"WIFE"``, ``DHAN_WIFE_CLIENT_ID`` and
        ``DHAN_WIFE_ACCESS_TOKEN``, and where they are set ``DHAN_WIFE_BASE_URL``, ``DHAN_WIFE_FEED_URL``,
        ``DHAN_WIFE_SOURCE_ADDRESS`` and ``DHAN_WIFE_PROXY``.

        The token is read again for every request. Raises :class:`~dhan_copy.errors.ConfigurationError` with the name
        of the variable that is missing.
        """
        variables = os.environ if environ is None else environ
        if not _ENVIRONMENT_NAME.fullmatch(name):
            raise ConfigurationError(f"an account in the environment is named with A-Z, 0-9 and _, not {name!r}")

        def required(what: str) -> str:
            value = variables.get(f"DHAN_{name}_{what}", "").strip()
            if not value:
                raise ConfigurationError(f"DHAN_{name}_{what} is not set in the environment")
            return value

        def token() -> AccessToken:
            try:
                return AccessToken(required("ACCESS_TOKEN"))
            except ValidationError as error:
                raise ConfigurationError(f"DHAN_{name}_ACCESS_TOKEN: {error.message}") from None

        token()
        return cls(
            required("CLIENT_ID"),
            token,
            base_url=variables.get(f"DHAN_{name}_BASE_URL") or LIVE_BASE_URL,
            feed_url=variables.get(f"DHAN_{name}_FEED_URL") or None,
            source_address=variables.get(f"DHAN_{name}_SOURCE_ADDRESS") or None,
            proxy=variables.get(f"DHAN_{name}_PROXY") or None,
        )

    @classmethod
    def sandbox(cls, client_id: str, access_token: TokenSource) -> DhanAccount:
        """An account of Dhan's sandbox (token from developer.dhanhq.co). It has no socket, so it cannot lead."""
        return cls(client_id, access_token, base_url=SANDBOX_BASE_URL)

    @property
    def client_id(self) -> AccountName:
        """Dhan's client id, which is also the account's name unless the user gives another."""
        return self._client_id

    @property
    def on_exchange(self) -> bool:
        """Whether its orders reach a real exchange, which has hours: at the sandbox and at test servers they do not."""
        return self._base_url == LIVE_BASE_URL

    def instruments(self) -> InstrumentList:
        """Dhan's list of instruments; nothing is fetched until something is asked of it."""
        return InstrumentList()

    def broker(self) -> DhanBroker:
        """A broker with a connection of its own."""
        return DhanBroker(self._client_id, self._session())

    @property
    def has_feed(self) -> bool:
        """Whether there is an order-update socket for this account; Dhan's sandbox has none."""
        return self._feed_url is not None

    def feed(
        self,
        *,
        ping_seconds: float = 20.0,
        silence_seconds: float = 60.0,
        linked: bool = False,
        forever: bool = False,
    ) -> DhanOrderFeed:
        """An event source with a socket and a REST connection of its own. ``linked`` and ``forever`` add the lists of
        super and Forever orders to its snapshots, at a read each.

        Raises :class:`~dhan_copy.errors.ConfigurationError` where :attr:`has_feed` is False.
        """
        if self._feed_url is None:
            raise ConfigurationError("this account has no order-update socket: give it a feed_url")
        return DhanOrderFeed(
            self._client_id,
            self._token,
            AccountReads(self._session(), self._client_id),
            url=self._feed_url,
            route=self._route,
            timeout_seconds=self._timeout_seconds,
            ping_seconds=ping_seconds,
            silence_seconds=silence_seconds,
            linked=linked,
            forever=forever,
        )

    def __repr__(self) -> str:
        return f"DhanAccount({self._client_id!r})"

    def __reduce_ex__(self, protocol: SupportsIndex) -> NoReturn:
        raise TypeError("an account is not pickled: its token would be written out in the clear")

    def _session(self) -> Session:
        return Session(
            KeepAliveHTTP(
                self._client_id,
                self._token,
                base_url=self._base_url,
                route=self._route,
                timeout_seconds=self._timeout_seconds,
            )
        )


def _token_source(token: TokenSource) -> Callable[[], AccessToken]:
    if callable(token):
        ask = token
        return lambda: _token(ask())
    fixed = _token(token)
    return lambda: fixed


def _token(token: str | AccessToken) -> AccessToken:
    if isinstance(token, AccessToken):
        return token
    try:
        return AccessToken(token)
    except ValidationError as error:
        raise ConfigurationError(error.message) from None
