"""Opens TCP connections the way one account needs them: from its own address, through its own proxy, in time.

Dhan takes orders only from the address registered for an account, and allows no two accounts on one address (static
IP rules of April 2026), so every account has a route of its own. Proxies of the environment are never used: they
would send orders from an address that nobody registered.
"""

from __future__ import annotations

import base64
import ipaddress
import socket
import ssl
import time
from collections.abc import Callable
from functools import cache

from attrs import field, frozen

_PROXY_ANSWER_LIMIT_BYTES = 16 * 1024


@cache
def tls_context() -> ssl.SSLContext:
    """The one context of the process: loading the system's certificates takes 20 ms, and every account needs them."""
    return ssl.create_default_context()


class Deadline:
    """A moment on the monotonic clock until which something must have happened."""

    def __init__(self, seconds: float) -> None:
        self._at = time.monotonic() + seconds

    def remaining(self) -> float:
        """Seconds left; raises :class:`TimeoutError` when there are none."""
        left = self._at - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        return left


@frozen
class Proxy:
    """An HTTP proxy that tunnels with CONNECT; ``credentials`` is ``user:password``."""

    host: str
    port: int
    credentials: str | None = field(default=None, repr=False)


@frozen
class Route:
    """Where connections of one account leave from. ``source_address`` is (local address, port), port 0 for any.

    ``("0.0.0.0", 0)`` leaves by any IPv4 address: on a host with both families the account may otherwise go out by
    IPv6 and miss the IPv4 address that is registered.
    """

    source_address: tuple[str, int] | None = None
    proxy: Proxy | None = None

    def open(
        self, host: str, port: int, deadline: Deadline, opening: Callable[[socket.socket], None] = lambda sock: None
    ) -> socket.socket:
        """A connected TCP socket to ``host``, through the proxy where there is one.

        ``opening`` is given each socket before it connects, so that another thread can shut it down. Raises
        :class:`OSError`, of which :class:`TimeoutError` is one.
        """
        if self.proxy is None:
            return self._connect(host, port, deadline, opening)
        sock = self._connect(self.proxy.host, self.proxy.port, deadline, opening)
        try:
            _tunnel(sock, self.proxy, host, port, deadline)
        except BaseException:
            sock.close()
            raise
        return sock

    def _connect(self, host: str, port: int, deadline: Deadline, opening: Callable[[socket.socket], None]) -> socket.socket:
        family = socket.AF_UNSPEC
        if self.source_address is not None:
            version = ipaddress.ip_address(self.source_address[0]).version
            family = socket.AF_INET if version == 4 else socket.AF_INET6
        failure: OSError = OSError(f"no address known for {host}")
        for kind, _, protocol, _, address in socket.getaddrinfo(host, port, family, socket.SOCK_STREAM):
            sock = socket.socket(kind, socket.SOCK_STREAM, protocol)
            try:
                opening(sock)
                sock.settimeout(deadline.remaining())
                if self.source_address is not None:
                    sock.bind(self.source_address)
                sock.connect(address)
                sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
                return sock
            except OSError as error:
                sock.close()
                failure = error
            except BaseException:
                sock.close()
                raise
        raise failure


def _tunnel(sock: socket.socket, proxy: Proxy, host: str, port: int, deadline: Deadline) -> None:
    target = f"[{host}]:{port}" if ":" in host else f"{host}:{port}"
    lines = [f"CONNECT {target} HTTP/1.1", f"Host: {target}"]
    if proxy.credentials is not None:
        lines.append("Proxy-Authorization: Basic " + base64.b64encode(proxy.credentials.encode()).decode())
    sock.settimeout(deadline.remaining())
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    answer = b""
    while not answer.endswith(b"\r\n\r\n"):
        sock.settimeout(deadline.remaining())
        byte = sock.recv(1)  # one at a time: what follows the blank line belongs to the tunnel
        answer += byte
        if not byte or len(answer) > _PROXY_ANSWER_LIMIT_BYTES:
            raise OSError("the proxy did not answer CONNECT")
    status = answer.split(b" ", 2)[1:2]
    if status != [b"200"]:
        shown = status[0][:3].decode("ascii", "replace") if status else "nothing"
        raise OSError(f"the proxy refused CONNECT: {shown}")
