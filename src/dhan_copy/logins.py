"""A Dhan account as a settings file names it: without its token, but with where that is found."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from typing import TYPE_CHECKING

from attrs import Attribute, field, frozen, validators

from dhan_copy.errors import ConfigurationError
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.protocols import Broker, EventSource

if TYPE_CHECKING:
    from dhan_copy import DhanAccount

_VARIABLE = re.compile(r"[A-Z_][A-Z0-9_]*")


def _is_variable(instance: object, attribute: Attribute[str], value: str) -> None:
    # Never with the value: somebody may have written the token itself.
    if not _VARIABLE.fullmatch(value):
        raise ValueError(f"{attribute.name} must be the name of an environment variable, such as DHAN_WIFE_ACCESS_TOKEN")


@frozen(kw_only=True)
class DhanLogin:
    """``token_env`` and ``proxy_env`` name environment variables; the token is read again for every request. What else
    there is to say is that of :class:`~dhan_copy.DhanAccount`, which this becomes when it is first used."""

    client_id: str = field(validator=validators.instance_of(str))
    token_env: str = field(validator=_is_variable)
    base_url: str | None = None
    feed_url: str | None = None
    timeout_seconds: float = field(default=10.0, validator=validators.gt(0))
    source_address: str | None = None
    proxy_env: str | None = field(default=None, validator=validators.optional(_is_variable))

    @property
    def on_exchange(self) -> bool:
        return self.account().on_exchange

    @property
    def has_feed(self) -> bool:
        return self.account().has_feed

    def broker(self) -> Broker:
        return self.account().broker()

    def feed(self, *, linked: bool = False, forever: bool = False) -> EventSource:
        return self.account().feed(linked=linked, forever=forever)

    def instruments(self) -> Callable[[InstrumentKey], InstrumentFacts | None]:
        """Dhan's list of instruments."""
        return self.account().instruments()

    def account(self) -> DhanAccount:
        """Raises :class:`~dhan_copy.errors.ConfigurationError` with the name of a variable that is not set."""
        from dhan_copy import DhanAccount

        if not os.environ.get(self.token_env, "").strip():
            raise ConfigurationError(f"{self.token_env} is not set in the environment")
        more = {} if self.base_url is None else {"base_url": self.base_url}
        return DhanAccount(
            self.client_id,
            lambda: os.environ.get(self.token_env, ""),
            feed_url=self.feed_url,
            timeout_seconds=self.timeout_seconds,
            source_address=self.source_address,
            proxy=None if self.proxy_env is None else os.environ.get(self.proxy_env),
            **more,
        )
