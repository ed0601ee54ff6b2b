"""The accounts of the local server, told apart by their made-up access tokens."""

from __future__ import annotations

import threading

from attrs import field, frozen

from dhan_copy.testing.server.answers import DhanError


@frozen
class ServerAccount:
    client_id: str
    access_token: str = field(repr=False)


class Accounts:
    """Who may log in now. A token that was replaced is remembered, to answer as Dhan does."""

    def __init__(self, accounts: tuple[ServerAccount, ...]) -> None:
        self._lock = threading.Lock()
        self._tokens = {account.client_id: account.access_token for account in accounts}
        self._stale: set[str] = set()

    def all(self) -> tuple[ServerAccount, ...]:
        with self._lock:
            return tuple(ServerAccount(client_id, token) for client_id, token in self._tokens.items())

    def replace_token(self, client_id: str, token: str) -> None:
        """Give the account a new token; the old one is refused from now on."""
        with self._lock:
            self._stale.add(self._tokens[client_id])
            self._stale.discard(token)
            self._tokens[client_id] = token

    def whose(self, token: str | None) -> str | None:
        """The client id of a valid token."""
        with self._lock:
            return next((client for client, valid in self._tokens.items() if valid == token), None)

    def authenticate(self, token: str | None, client_id: str | None, stale_token_code: str) -> str:
        """The client id of the request; raises :class:`DhanError` as Dhan answers a wrong token."""
        owner = self.whose(token)
        if owner is None and token in self._stale and stale_token_code == "DH-906":
            raise DhanError("DH-906", "Invalid Token")
        if owner is None or client_id not in (None, owner):
            raise DhanError("DH-901", "Client ID or user generated access token is invalid or expired.")
        return owner
