"""A local Dhan server for tests and examples: REST, order-update socket and control endpoint on 127.0.0.1."""

from __future__ import annotations

import json
from collections.abc import Sequence
from decimal import Decimal
from types import TracebackType
from typing import Self

from attrs import frozen

from dhan_copy.model.order import OrderStatus
from dhan_copy.protocols import Clock
from dhan_copy.runtime.clock import SystemClock
from dhan_copy.testing.exchange import SimulatedExchange
from dhan_copy.testing.orders import Instrument, OrderEvent, SimulatedOrder, instrument_key
from dhan_copy.testing.server.accounts import Accounts, ServerAccount
from dhan_copy.testing.server.control import run_control
from dhan_copy.testing.server.dialect import Dialect
from dhan_copy.testing.server.faults import Action, FaultPlan, HttpFault
from dhan_copy.testing.server.feed import FeedServer
from dhan_copy.testing.server.frames import order_frame
from dhan_copy.testing.server.recorded import read_recorded
from dhan_copy.testing.server.rest import RestApi
from dhan_copy.testing.server.rows import order_row
from dhan_copy.testing.server.web import API, CONTROL, FILES, HttpRequest, WebServer

FIRST_CLIENT_ID = 1000000001
"""The client id that the recorded frames carry."""


@frozen
class Pushed:
    """What became of a pushed frame: its account, how many sockets got it, and whether the book shows it."""

    account: str | None
    sockets: int
    booked: bool
    problem: str = ""


def made_up_accounts(count: int) -> tuple[ServerAccount, ...]:
    """Accounts with client ids from 1000000001 on and tokens that are worth nothing anywhere else."""
    numbers = range(FIRST_CLIENT_ID, FIRST_CLIENT_ID + count)
    return tuple(ServerAccount(str(number), f"local-token-{number}") for number in numbers)


class DhanServer:
    """Several accounts told apart by access token, on one simulated exchange; a context manager.

    Orders placed over REST, and everything that happens to them, are announced on the sockets of their account.
    ``accounts`` is how many to make up, or (client id, token) pairs. Port 0 means any that is free.
    """

    def __init__(
        self,
        accounts: int | Sequence[tuple[str, str]] = 3,
        *,
        port: int = 0,
        feed_port: int = 0,
        clock: Clock | None = None,
        exchange: SimulatedExchange | None = None,
        instruments: Sequence[Instrument] = (),
        dialect: Dialect | None = None,
    ) -> None:
        chosen = made_up_accounts(accounts) if isinstance(accounts, int) else [ServerAccount(*a) for a in accounts]
        self.dialect = dialect or Dialect()
        self.exchange = exchange or SimulatedExchange(clock or SystemClock(), stop_market_drops_trigger=True)
        for account in chosen:
            self.exchange.add_account(account.client_id)
        for instrument in instruments:
            self.exchange.add_instrument(instrument)
        self._accounts = Accounts(tuple(chosen))
        self._faults = FaultPlan()
        self._rest = RestApi(self.exchange, self.dialect)
        self._feed = FeedServer(self._accounts, feed_port)
        self._web = WebServer(
            self._rest,
            self._accounts,
            self._faults,
            self.exchange.clock,
            self.dialect,
            lambda method, path, query, body: run_control(self, method, path, query, body),
            port,
        )
        self._stop_listening = self.exchange.listen(self._announce)

    def start(self) -> None:
        """Serve from threads of its own."""
        self._feed.start()
        self._web.start()

    def stop(self) -> None:
        """Close every connection and both ports."""
        self._stop_listening()
        self._web.stop()
        self._feed.stop()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None) -> None:
        self.stop()

    @property
    def rest_url(self) -> str:
        """The base URL for dhanhq: ``http://127.0.0.1:<port>/v2``."""
        return f"http://127.0.0.1:{self._web.port}{API}"

    @property
    def instruments_url(self) -> str:
        """The detailed scrip master: ``http://127.0.0.1:<port>/api-data/api-scrip-master-detailed.csv``. The compact one
        is beside it, and those of single segments are below :attr:`rest_url`, as ``/instrument/{segment}``."""
        return f"http://127.0.0.1:{self._web.port}{FILES}/api-scrip-master-detailed.csv"

    @property
    def feed_url(self) -> str:
        return f"ws://127.0.0.1:{self._feed.port}"

    @property
    def control_url(self) -> str:
        return f"http://127.0.0.1:{self._web.port}{CONTROL}"

    @property
    def accounts(self) -> tuple[ServerAccount, ...]:
        return self._accounts.all()

    # Market

    def set_price(self, segment: str, security_id: str, price: Decimal | str | int, available: int | None = None) -> None:
        """Move the last price, in rupees."""
        self.exchange.set_price(instrument_key(segment, security_id), price, available)

    def fill(
        self, account: str, order_id: str, quantity: int | None = None, price: Decimal | str | int | None = None
    ) -> SimulatedOrder:
        """Fill an order, by default all of it at its limit."""
        return self.exchange.fill(account, order_id, quantity, price)

    def order_row(self, account: str, order_id: str) -> dict[str, object]:
        """The order as GET /orders shows it."""
        order = self.exchange.order(account, order_id)
        return order_row(order, self.exchange.instrument(order.key), self.dialect)

    def super_row(self, account: str, order_id: str) -> dict[str, object]:
        """The super order as GET /super/orders shows it."""
        return self._rest.linked.super_row(self.exchange.order(account, order_id))

    def forever_rows(self, account: str, order_id: str) -> list[dict[str, object]]:
        """The Forever order as GET /forever/orders shows it."""
        return self._rest.linked.forever_rows(account, order_id)

    def push_frame(self, frame: str | dict[str, object], account: str | None = None, *, book: bool = True) -> Pushed:
        """Send a frame as it is to the sockets of ``account`` (by default of the client it names), after its order is
        in that account's books. What cannot be booked is sent all the same where ``account`` is named."""
        text = frame if isinstance(frame, str) else json.dumps(frame, default=float, separators=(",", ":"))
        problem, booked = "", False
        try:
            recorded = read_recorded(text, account)
        except (ValueError, KeyError, ArithmeticError, TypeError, RecursionError) as error:
            problem = f"{type(error).__name__}: {error}"
        else:
            account = recorded.order.account
            if book and account in self.exchange.accounts:
                if not self.exchange.knows(recorded.order.key):
                    self.exchange.add_instrument(recorded.instrument)
                if recorded.order.reference_price is not None:
                    self.exchange.set_reference(recorded.order.key, recorded.order.reference_price)
                self.exchange.record(recorded.order)
                booked = True
        if account is not None and account not in self.exchange.accounts:
            problem = f"no account {account}: it was not sent"
        sockets = self._feed.send(account, text) if account is not None else 0
        return Pushed(account, sockets, booked, problem)

    # Sockets

    def sockets(self, account: str | None = None) -> int:
        """How many sockets are logged in."""
        return self._feed.sockets(account)

    def wait_for_sockets(self, count: int, account: str | None = None, timeout_seconds: float = 30.0) -> bool:
        """Wait until exactly that many sockets are logged in; false after the timeout."""
        return self._feed.wait_for_sockets(count, account, timeout_seconds)

    def wait_for_logins(self, count: int, timeout_seconds: float = 30.0) -> bool:
        """Wait until ``count`` socket logins have been taken since the start; Dhan itself tells nobody when."""
        return self._feed.wait_for_logins(count, timeout_seconds)

    def drop_sockets(self, account: str | None = None, *, politely: bool = False) -> int:
        """End sockets by a reset, or with a close frame; returns how many."""
        return self._feed.drop(account, politely=politely)

    def pause_sockets(self, account: str | None = None, *, answer_pings: bool = True) -> int:
        """Make the sockets that are there now silent; returns how many."""
        return self._feed.pause(account, answer_pings=answer_pings)

    def resume_sockets(self, account: str | None = None, *, deliver: bool = True) -> int:
        """Let silent sockets speak again; returns how many."""
        return self._feed.resume(account, deliver=deliver)

    # Faults

    def plan_fault(self, fault: HttpFault) -> None:
        """Let something happen to the next requests that match."""
        self._faults.add(fault)

    def lose_answers(self, count: int = 1, account: str | None = None, method: str | None = None) -> None:
        """Execute the next requests, then close the connection without an answer."""
        self.plan_fault(HttpFault(account=account, method=method, count=count, action=Action.CLOSE))

    def refuse(self, status: int, body: str, count: int = 1, account: str | None = None) -> None:
        """Answer the next requests with ``status`` and ``body`` without executing them."""
        self.plan_fault(HttpFault(account=account, count=count, execute=False, status=status, body=body))

    def delay_answers(self, seconds: float, count: int = 1, account: str | None = None) -> None:
        """Answer the next requests only after ``seconds``."""
        self.plan_fault(HttpFault(account=account, count=count, seconds_after=seconds))

    def clear_faults(self) -> None:
        """Forget all faults that have not come yet."""
        self._faults.clear()

    def replace_token(self, account: str, token: str) -> None:
        """Give the account a new access token; the old one is refused."""
        self._accounts.replace_token(account, token)

    def register_address(self, account: str, address: str) -> None:
        """Take orders of the account from this address only, and say so at ``/ip/getIP``."""
        self._rest.register_address(account, address)

    # What arrived

    def requests(self, account: str | None = None) -> tuple[HttpRequest, ...]:
        """Every HTTP request below ``/v2``, oldest first."""
        return self._web.requests(account)

    def set_limits(
        self,
        windows: tuple[tuple[int, float], ...],
        per_day: int | None = None,
        read_windows: tuple[tuple[int, float], ...] = (),
    ) -> None:
        """Replace the rate limits, as (limit, seconds), and count from zero."""
        self._rest.set_limits(windows, per_day, read_windows)

    def rates(self, account: str) -> dict[str, object]:
        """How many requests arrived, were refused, and the worst count in any window."""
        return self._rest.rates(account)

    def _announce(self, event: OrderEvent) -> None:
        # No recorded frame ever said Transit.
        if event.order.status is not OrderStatus.TRANSIT:
            frame = order_frame(event.order, self.exchange.instrument(event.order.key), self.dialect)
            self._feed.send(event.account, frame)
