"""A broker on the simulated exchange, whose requests go wrong when the test says so."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from decimal import Decimal
from enum import Enum
from typing import TypeVar

from attrs import frozen
from typing_extensions import assert_never

from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.errors import (
    AddressRejected,
    AuthenticationError,
    CancellationRejected,
    InsufficientFunds,
    KillSwitchRefused,
    ModificationRejected,
    OrderStateChanged,
    PlacementRejected,
    PriceRejected,
    RateLimited,
    ReadError,
    Rejected,
    RequestTimedOut,
    Unresolved,
)
from dhan_copy.model.account import Funds, Holding, Margin, MarginOrder, Position
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import OrderReport, OrderStatus
from dhan_copy.testing.exchange import SimulatedExchange
from dhan_copy.testing.orders import ExchangeRefusal, NewOrder, SimulatedOrder, instrument_key
from dhan_copy.testing.reports import report_of

_T = TypeVar("_T")


class Fault(Enum):
    """What can go wrong with a request or a read."""

    ANSWER_LOST = "ANSWER_LOST"
    """It is executed, but the caller gets :class:`~dhan_copy.errors.Unresolved`."""
    NEVER_ARRIVED = "NEVER_ARRIVED"
    """It is not executed, and the caller gets :class:`~dhan_copy.errors.Unresolved`."""
    ARRIVES_LATE = "ARRIVES_LATE"
    """The caller times out; :meth:`FakeBroker.deliver_late` executes it."""
    REJECTED = "REJECTED"
    """It is not executed, and the caller gets the error named."""
    RATE_LIMITED = "RATE_LIMITED"
    """It is not executed, and the caller gets :class:`~dhan_copy.errors.RateLimited`."""
    LATE_IN_BOOK = "LATE_IN_BOOK"
    """A placement is executed, but the book and the tag lookup show it only ``seconds`` later."""
    READ_FAILED = "READ_FAILED"
    """A read raises :class:`~dhan_copy.errors.ReadError`."""


class Call(Enum):
    """The methods of a broker that a fault can wait for."""

    SUBMIT = "SUBMIT"
    MODIFY = "MODIFY"
    CANCEL = "CANCEL"
    FIND = "FIND"
    ORDERS = "ORDERS"
    ACCOUNT = "ACCOUNT"
    """Funds, positions and holdings."""
    KILL_SWITCH = "KILL_SWITCH"
    """Turning the kill switch."""
    KILL_SWITCH_STATUS = "KILL_SWITCH_STATUS"
    QUOTES = "QUOTES"


REQUESTS = frozenset({Call.SUBMIT, Call.MODIFY, Call.CANCEL, Call.KILL_SWITCH})
READS = frozenset({Call.FIND, Call.ORDERS, Call.ACCOUNT, Call.KILL_SWITCH_STATUS, Call.QUOTES})


@frozen
class _Planned:
    fault: Fault
    calls: frozenset[Call]
    error: type[Rejected]
    text: str
    seconds: float


class FakeBroker:
    """Implements :class:`~dhan_copy.protocols.Broker`, :class:`~dhan_copy.protocols.AccountReader`,
    :class:`~dhan_copy.protocols.MarginReader`, :class:`~dhan_copy.protocols.Quotes` and
    :class:`~dhan_copy.protocols.KillSwitch` for one account.

    Its orders are API orders (source ``P``). Synchronous refusals raise as Dhan's would; an order that is rejected
    afterwards is learnt from the book, as at Dhan.
    """

    def __init__(self, exchange: SimulatedExchange, account: str) -> None:
        self.exchange = exchange
        self.account: AccountName = exchange.add_account(account)
        self._planned: deque[_Planned] = deque()
        self._late: list[Callable[[], object]] = []

    # Faults

    def fail_next(
        self,
        fault: Fault,
        *,
        count: int = 1,
        on: Call | None = None,
        error: type[Rejected] | None = None,
        text: str = "",
        seconds: float = 0.0,
    ) -> None:
        """Let the next ``count`` calls fail that ``fault`` can befall (or only calls of ``on``).

        ``error`` and ``text`` are for REJECTED, ``seconds`` for LATE_IN_BOOK. Faults come in the order they were named.
        """
        match fault:
            case Fault.READ_FAILED:
                calls = READS
            case Fault.LATE_IN_BOOK:
                calls = frozenset({Call.SUBMIT})
            case Fault.ANSWER_LOST | Fault.NEVER_ARRIVED | Fault.ARRIVES_LATE | Fault.REJECTED | Fault.RATE_LIMITED:
                calls = REQUESTS
            case _:
                assert_never(fault)
        if on is not None:
            if on not in calls:
                raise ValueError(f"{fault.value} cannot befall {on.value}")
            calls = frozenset({on})
        if fault is Fault.RATE_LIMITED:
            error = RateLimited
        planned = _Planned(fault, calls, error or PlacementRejected, text or f"{fault.value} by the test", seconds)
        self._planned.extend([planned] * count)

    def heal(self) -> None:
        """Forget every fault that has not come yet."""
        self._planned.clear()

    def deliver_late(self) -> int:
        """Execute what was on its way; returns how many requests that were. A refusal has nobody left to hear it."""
        late, self._late = self._late, []
        for execute in late:
            try:
                execute()
            except Rejected:
                continue
        return len(late)

    # Broker

    def submit(self, request: Submit) -> BrokerOrderId:
        new = self._new(request)
        order = self._request(
            Call.SUBMIT, lambda: self.exchange.place(self.account, new), PlacementRejected, request.client_order_id
        )
        return self._placed(order, request.client_order_id)

    def modify(self, request: Modify) -> None:
        self._request(
            Call.MODIFY,
            lambda: self.exchange.modify(
                self.account,
                request.broker_order_id,
                quantity=request.quantity,
                terms=request.terms,
                validity=request.validity,
                disclosed_quantity=request.disclosed_quantity,
                source="P",
            ),
            ModificationRejected,
            request.client_order_id,
        )

    def cancel(self, request: Cancel) -> None:
        self._request(
            Call.CANCEL,
            lambda: self.exchange.cancel(self.account, request.broker_order_id, source="P"),
            CancellationRejected,
            request.client_order_id,
        )

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        self._read(Call.FIND)
        shown = [order for order in self.exchange.visible_orders(self.account) if order.tag == client_order_id]
        return self._report(shown[0]) if shown else None

    def orders(self) -> Sequence[OrderReport]:
        self._read(Call.ORDERS)
        return tuple(self._report(order) for order in self.exchange.visible_orders(self.account))

    # AccountReader

    def funds(self) -> Funds:
        self._read(Call.ACCOUNT)
        return self.exchange.funds(self.account)

    def positions(self) -> Sequence[Position]:
        self._read(Call.ACCOUNT)
        return self.exchange.positions(self.account)

    def holdings(self) -> Sequence[Holding]:
        self._read(Call.ACCOUNT)
        return self.exchange.holdings(self.account)

    # MarginReader

    def margin(self, orders: Sequence[MarginOrder]) -> Margin:
        self._read(Call.ACCOUNT)
        return self.exchange.margin(self.account, orders)

    # Quotes

    def quotes(self, keys: Sequence[InstrumentKey]) -> Mapping[InstrumentKey, Decimal]:
        self._read(Call.QUOTES)
        return {key: price for key in keys if (price := self.exchange.last_price(key)) is not None}

    # KillSwitch

    def turn_kill_switch(self, on: bool) -> None:
        self._request(Call.KILL_SWITCH, lambda: self.exchange.turn_kill_switch(self.account, on), KillSwitchRefused, None)

    def is_killed(self) -> bool:
        self._read(Call.KILL_SWITCH_STATUS)
        return self.exchange.is_killed(self.account)

    # Inside

    def _new(self, request: Submit) -> NewOrder:
        return NewOrder(
            key=instrument_key(request.segment.value, request.security_id),
            side=request.side,
            quantity=request.quantity,
            terms=request.terms,
            product=request.product,
            validity=request.validity,
            disclosed_quantity=request.disclosed_quantity,
            tag=request.client_order_id,
            after_market=request.after_market is not None,
            source="P",
        )

    def _placed(self, order: SimulatedOrder, client_order_id: ClientOrderId) -> BrokerOrderId:
        if order.status is OrderStatus.REJECTED and order.rejected_in_answer:
            raise refusal(PlacementRejected, "", order.reason, client_order_id)
        return order.order_id

    def _report(self, order: SimulatedOrder) -> OrderReport:
        return report_of(order, self.exchange.instrument(order.key))

    def _next(self, call: Call) -> _Planned | None:
        for planned in self._planned:
            if call in planned.calls:
                self._planned.remove(planned)
                return planned
        return None

    def _read(self, call: Call) -> None:
        planned = self._next(call)
        if planned is not None:
            raise ReadError(planned.text, account=self.account)

    def _request(
        self, call: Call, execute: Callable[[], _T], rejected: type[Rejected], client_order_id: ClientOrderId | None
    ) -> _T:
        def run() -> _T:
            try:
                return execute()
            except ExchangeRefusal as no:
                raise refusal(rejected, no.code, no.text, client_order_id) from None

        planned = self._next(call)
        if planned is None:
            return run()
        match planned.fault:
            case Fault.ANSWER_LOST:
                try:
                    run()
                except Rejected:
                    pass
                raise Unresolved("the connection closed without an answer", client_order_id=client_order_id)
            case Fault.NEVER_ARRIVED:
                raise Unresolved("the connection closed without an answer", client_order_id=client_order_id)
            case Fault.ARRIVES_LATE:
                self._late.append(run)
                raise RequestTimedOut("no answer in time", client_order_id=client_order_id)
            case Fault.REJECTED | Fault.RATE_LIMITED:
                raise planned.error(planned.text, text=planned.text, client_order_id=client_order_id)
            case Fault.LATE_IN_BOOK:
                self.exchange.delay_visibility(self.account, planned.seconds)
                try:
                    return run()
                finally:
                    self.exchange.delay_visibility(self.account, 0.0)
            case Fault.READ_FAILED:
                raise AssertionError("fail_next lets this befall reads alone")
        assert_never(planned.fault)


_WORDS: tuple[tuple[str, type[Rejected]], ...] = (
    ("order has traded", OrderStateChanged),
    ("order is already", OrderStateChanged),
    ("insufficient funds", InsufficientFunds),
    ("invalid ip", AddressRejected),
    ("invalid token", AuthenticationError),
    ("tick size", PriceRejected),
    ("circuit limits", PriceRejected),
    ("trigger price", PriceRejected),
)


def refusal(default: type[Rejected], code: str, text: str, client_order_id: ClientOrderId | None) -> Rejected:
    """The error for a definite no: by its words where they say more than that it is a no, else ``default``."""
    kind = next((kind for words, kind in _WORDS if words in text.lower()), default)
    kind = {"DH-901": AuthenticationError, "DH-904": RateLimited}.get(code, kind)
    return kind(text, code=code, text=text, client_order_id=client_order_id)
