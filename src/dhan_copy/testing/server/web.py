"""The HTTP side of the local server: keep-alive, faults and the log of requests."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urlsplit

from attrs import define

from dhan_copy.protocols import Clock
from dhan_copy.testing.server.accounts import Accounts
from dhan_copy.testing.server.answers import Answer, DhanError
from dhan_copy.testing.server.dialect import Dialect
from dhan_copy.testing.server.faults import Action, FaultPlan, HttpFault
from dhan_copy.testing.server.feed import reset
from dhan_copy.testing.server.rest import RestApi

API = "/v2"
CONTROL = "/control"
FILES = "/api-data"
"""Where images.dhan.co has its scrip masters."""


@define(kw_only=True)
class HttpRequest:
    """One request below ``/v2`` as it arrived."""

    at: datetime
    monotonic: float
    account: str | None
    """None: the token was not valid."""
    method: str
    path: str
    """Below ``/v2`` with its query, or as it is for a file."""
    body: str
    status: int | None = None
    """What was answered; None while or where nothing was."""


class WebServer:
    """REST and control on one port of 127.0.0.1."""

    def __init__(
        self,
        rest: RestApi,
        accounts: Accounts,
        faults: FaultPlan,
        clock: Clock,
        dialect: Dialect,
        control: Callable[[str, str, str, bytes], Answer],
        port: int = 0,
    ) -> None:
        self._rest = rest
        self._accounts = accounts
        self._faults = faults
        self._clock = clock
        self._dialect = dialect
        self._control = control
        self._stopping = threading.Event()
        self._lock = threading.Lock()
        self._requests: list[HttpRequest] = []
        self._connections: set[socket.socket] = set()
        outer = self

        class Handler(_Handler):
            web = outer

        self._server = _Server(("127.0.0.1", port), Handler)
        self.port: int = self._server.server_address[1]
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.02,), name="dhan-web-server", daemon=True)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        """End every connection and wait for its threads."""
        self._stopping.set()
        if self._thread.is_alive():
            self._server.shutdown()
            self._thread.join()
        with self._lock:
            for connection in self._connections:
                try:
                    connection.shutdown(socket.SHUT_RDWR)
                except OSError:
                    continue
        self._server.server_close()

    def requests(self, account: str | None = None) -> tuple[HttpRequest, ...]:
        """Every request that arrived, oldest first."""
        with self._lock:
            return tuple(request for request in self._requests if account is None or request.account == account)

    def now(self) -> float:
        """The server's clock, in seconds since 1970."""
        return self._clock.now().timestamp()

    def opened(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.add(connection)

    def closed(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def serve(self, handler: _Handler, body: bytes) -> None:
        """Answer one request on its connection."""
        target = urlsplit(handler.path)
        if target.path == CONTROL or target.path.startswith(CONTROL + "/"):
            handler.send(self._control(handler.command, target.path[len(CONTROL) :], target.query, body))
            return
        if not target.path.startswith((API + "/", FILES + "/")):
            handler.send(Answer(404, b"", "text/plain"))
            return
        path = target.path.removeprefix(API) + (f"?{target.query}" if target.query else "")
        token = handler.headers.get("access-token")
        account = self._accounts.whose(token)
        request = HttpRequest(
            at=self._clock.now(),
            monotonic=self._clock.monotonic(),
            account=account,
            method=handler.command,
            path=path,
            body=body.decode(errors="replace"),
        )
        with self._lock:
            self._requests.append(request)
        fault = self._faults.next(account, handler.command, path) or HttpFault()
        self._stopping.wait(fault.seconds_before)
        answer = self._answer(handler, path, body) if fault.execute else Answer(200, b"")
        try:
            self._stopping.wait(fault.seconds_after)
            shown = answer
            if fault.status is not None or fault.body is not None:
                text = answer.body if fault.body is None else fault.body.encode()
                shown = Answer(fault.status or answer.status, text, fault.content_type)
            if fault.action in (Action.ANSWER, Action.TRUNCATE):
                request.status = shown.status
            handler.react(fault, shown)
        finally:
            if answer.after is not None:
                answer.after()

    def _answer(self, handler: _Handler, path: str, body: bytes) -> Answer:
        if path.startswith((FILES + "/", "/instrument/")):
            return self._rest.listed(path)  # public: no token is asked for
        headers = handler.headers
        try:
            account = self._accounts.authenticate(
                headers.get("access-token"), headers.get("client-id"), self._dialect.stale_token_code
            )
        except DhanError as error:
            return error.answer()
        return self._rest.answer(account, handler.command, path, body, handler.client_address[0])


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 512

    def handle_error(self, request: object, client_address: object) -> None:
        """A client that goes away is no error of ours, and nothing is printed."""


class _Handler(BaseHTTPRequestHandler):
    web: WebServer
    protocol_version = "HTTP/1.1"
    server_version = "dhan-copy-local"
    sys_version = ""
    disable_nagle_algorithm = True
    # Head and body leave in one segment: two small writes would wait for the client's delayed acknowledgement.
    wbufsize = 65536

    def setup(self) -> None:
        super().setup()
        self.web.opened(self.connection)

    def finish(self) -> None:
        self.web.closed(self.connection)
        for file in (self.wfile, self.rfile):
            try:
                file.close()
            except OSError:
                continue

    def date_time_string(self, timestamp: float | None = None) -> str:
        """``Date`` is the exchange's time, as everything else here."""
        return super().date_time_string(self.web.now() if timestamp is None else timestamp)

    def log_message(self, format: str, *args: object) -> None:
        """Nothing is printed."""

    def do_GET(self) -> None:
        try:
            length = int(self.headers.get("content-length") or 0)
        except ValueError:
            length = -1
        if length < 0:
            self.close_connection = True
            self.send(DhanError("DH-905", "Invalid Content-Length").answer())
            return
        self.web.serve(self, self.rfile.read(length))

    do_POST = do_PUT = do_DELETE = do_GET

    def send(self, answer: Answer, headers: tuple[tuple[str, str], ...] = (), body: bytes | None = None) -> None:
        """Send head and body; ``body`` is what is sent of the answer's, where that is not all of it."""
        self.send_response(answer.status)
        self.send_header("Content-Type", answer.content_type)
        self.send_header("Content-Length", str(len(answer.body)))
        for name, value in headers:
            self.send_header(name, value)
        self.end_headers()
        self.wfile.write(answer.body if body is None else body)
        self.wfile.flush()

    def react(self, fault: HttpFault, answer: Answer) -> None:
        """Send the answer, or do to it what the fault says."""
        match fault.action:
            case Action.ANSWER:
                self.send(answer, fault.headers)
                return
            case Action.TRUNCATE:
                self.send(answer, fault.headers, answer.body[: len(answer.body) // 2])
            case Action.RESET:
                self.rfile.close()
                self.wfile.close()
                reset(self.connection)
            case Action.CLOSE | Action.HANG:
                pass
        self.close_connection = True
