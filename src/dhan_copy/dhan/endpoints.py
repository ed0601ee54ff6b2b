"""Checks the addresses that a user gives before anything connects to them.

Every function raises :class:`~dhan_copy.errors.ConfigurationError` with the name of the setting.
"""

from __future__ import annotations

import ipaddress
from urllib.parse import SplitResult, unquote, urlsplit

from dhan_copy.dhan.dial import Proxy
from dhan_copy.errors import ConfigurationError


def checked_url(name: str, text: str, secure: str, plain: str) -> str:
    """``text``, if it is a URL with the scheme ``secure``, or ``plain`` for this machine.

    The token travels with every request, so nobody else is spoken to in the clear.
    """
    url = _split(name, text)
    if url.scheme not in (secure, plain) or url.username is not None or url.query or url.fragment:
        raise ConfigurationError(f"{name} must look like {secure}://host/path, without a user, ? and #")
    if url.scheme == plain and not _is_loopback(url.hostname or ""):
        raise ConfigurationError(f"{name} must begin with {secure}://, because it carries the token")
    return text


def proxy_of(text: str | None) -> Proxy | None:
    """The proxy that ``http://host:port`` or ``http://user:password@host:port`` names."""
    if text is None:
        return None
    url = _split("proxy", text)
    if url.scheme != "http" or url.port is None or url.path not in ("", "/") or url.query or url.fragment:
        raise ConfigurationError("proxy must look like http://host:port or http://user:password@host:port")
    credentials = None
    if url.username is not None:
        credentials = f"{unquote(url.username)}:{unquote(url.password or '')}"
    return Proxy(url.hostname or "", url.port, credentials)


def _split(name: str, text: str) -> SplitResult:
    try:
        url = urlsplit(text)
        url.port  # raises when it is not a number up to 65535
        if not url.hostname or not text.isascii() or not text.isprintable() or " " in text:
            raise ValueError
    except (ValueError, AttributeError, TypeError):
        raise ConfigurationError(f"{name} is not a URL") from None
    return url


def _is_loopback(host: str) -> bool:
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def source_of(address: str | tuple[str, int] | None) -> tuple[str, int] | None:
    """(address, port) of a local address; port 0 means any."""
    if address is None:
        return None
    try:
        host, port = (address, 0) if isinstance(address, str) else address
        ipaddress.ip_address(host)
        if not 0 <= port <= 65535:
            raise ValueError
    except (TypeError, ValueError):
        raise ConfigurationError(f"source_address must be an IP address of this machine, not {address!r}") from None
    return host, port
