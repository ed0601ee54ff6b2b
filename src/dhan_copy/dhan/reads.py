"""Reads an account over REST, so that a failed read is never taken for an empty one."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import TypeVar

from attrs import frozen
from dhanhq import dhanhq

from dhan_copy.dhan.fields import Fields, unreadable
from dhan_copy.dhan.frames import mapping
from dhan_copy.dhan.linked_rows import parse_super_book
from dhan_copy.dhan.outcomes import classify_read
from dhan_copy.dhan.portfolio import parse_funds, parse_holdings, parse_margin, parse_positions
from dhan_copy.dhan.rows import parse_order_book, parse_order_row, read_rows, rows_of
from dhan_copy.dhan.session import Outcome, Session
from dhan_copy.errors import AuthenticationError, ReadError, UnreadableReport
from dhan_copy.model.account import Funds, Holding, Margin, MarginOrder, Position
from dhan_copy.model.ids import AccountName, ClientOrderId
from dhan_copy.model.order import Leg, OrderReport
from dhan_copy.protocols import Unreadable

_Value = TypeVar("_Value")


@frozen
class Book:
    """An order book as read. A row that could not be understood is in ``unreadable``: it is not absent."""

    reports: Sequence[OrderReport]
    unreadable: Sequence[Unreadable]


_ORDER_NOT_FOUND = re.compile(r"\b(order|correlation)\b.*\bnot found\b", re.IGNORECASE)


class ReadRefused(ReadError):
    """The server does not give this to this account: asking again soon would not change that."""


class AccountReads:
    """What an account holds and which orders it has had today. Every method raises
    :class:`~dhan_copy.errors.BrokerError` when it cannot say for certain."""

    def __init__(self, session: Session, account: AccountName) -> None:
        self._session = session
        self._account = account

    def book(self) -> Book:
        """Today's orders (``GET /orders``)."""
        return self._understood("orders", lambda sdk: sdk.get_order_list(), _book)

    def linked(self) -> Book:
        """Today's super orders (``GET /super/orders``), each with the reports of its legs."""
        return self._understood("super orders", lambda sdk: sdk.get_super_order_list(), _super_book)

    def forever(self) -> Book:
        """Every Forever order that the list shows (``GET /forever/orders``)."""
        return self._understood("Forever orders", lambda sdk: sdk.get_forever(), _forever_book)

    def order(self, tag: ClientOrderId) -> OrderReport | None:
        """The order with this tag (``GET /orders/external/{tag}``); None when the answer is an empty list, or an error of
        Dhan's that says "not found": which of them an unknown tag gets is not published.

        The documentation promises an object, live answers are lists. The legs of a super order may carry its tag, under
        its id or ids of their own: the entry is returned. An answer that shows another order, or several, proves nothing and raises
        :class:`~dhan_copy.errors.ReadError`.
        """
        what = f"order {tag}"
        try:
            data = self._verdict(what, self._session.ask(lambda sdk: sdk.get_order_by_correlationID(tag)))
        except ReadRefused as error:
            if error.code and _ORDER_NOT_FOUND.search(error.text):
                return None
            raise
        reports = self._parsed(what, data, _orders)
        if any(report.client_order_id != tag for report in reports):
            raise ReadError(f"{what}: the answer shows another order", account=self._account)
        if len({report.leg for report in reports}) < len(reports):
            raise ReadError(f"{what}: {len(reports)} orders carry one tag", account=self._account)
        entries = [report for report in reports if report.leg is Leg.ENTRY]
        if reports and not entries:
            raise ReadError(f"{what}: the answer shows legs without their entry", account=self._account)
        return entries[0] if entries else None

    def funds(self) -> Funds:
        return self._understood("funds", lambda sdk: sdk.get_fund_limits(), parse_funds)

    def positions(self) -> Sequence[Position]:
        return self._understood("positions", lambda sdk: sdk.get_positions(), lambda data: parse_positions(_list(data)))

    def holdings(self) -> Sequence[Holding]:
        return self._understood("holdings", lambda sdk: sdk.get_holdings(), lambda data: parse_holdings(_list(data)))

    def margin(self, orders: Sequence[MarginOrder]) -> Margin:
        """What orders would block: of one (``POST /margincalculator``), or of several together, on top of what the
        account holds and has working (``/margincalculator/multi``)."""
        if not orders:
            raise ReadError("margin: no orders", account=self._account)
        if len(orders) == 1:
            return self._understood("margin", lambda sdk: _single_margin(sdk, orders[0]), parse_margin)
        asked = [_scrip(order) for order in orders]
        # The SDK's own method says includeOrder, one page includeOrders and "scripts": both spellings name one thing.
        payload = {"includePosition": True, "includeOrder": True, "includeOrders": True, "scripList": asked}
        return self._parsed(
            "margin", self._verdict("margin", self._session.post("/margincalculator/multi", payload)), parse_margin
        )

    def check_token(self) -> None:
        """Read the profile, which any valid token may do; raises ``AuthenticationError`` when it is refused."""
        self._verdict("profile", self._session.get("/profile"))

    def _understood(self, what: str, call: Callable[[dhanhq], object], parse: Callable[[object], _Value]) -> _Value:
        return self._parsed(what, self._verdict(what, self._session.ask(call)), parse)

    def _parsed(self, what: str, data: object, parse: Callable[[object], _Value]) -> _Value:
        try:
            return parse(data)
        except UnreadableReport as error:
            raise ReadError(f"{what}: {error.message}", account=self._account) from None

    def _verdict(self, what: str, outcome: Outcome) -> object:
        return verdict(what, outcome, self._account)


def verdict(what: str, outcome: Outcome, account: AccountName) -> object:
    """The JSON that was read; raises :class:`~dhan_copy.errors.BrokerError` for anything else."""
    if isinstance(outcome.not_sent, AuthenticationError):
        raise outcome.not_sent
    try:
        return classify_read(outcome.answer, account=account, what=what)
    except ReadError as error:
        if outcome.answer.http_status in range(400, 500):
            raise ReadRefused(error.message, code=error.code, text=error.text, account=account) from None
        raise


def _single_margin(sdk: dhanhq, order: MarginOrder) -> object:
    return sdk.margin_calculator(
        security_id=order.security_id,
        exchange_segment=order.segment.value,
        transaction_type=order.side.value,
        quantity=order.quantity,
        product_type=order.product.value,
        price=float(order.price),
        trigger_price=float(order.trigger or 0),
    )


def _scrip(order: MarginOrder) -> dict[str, object]:
    return {
        "exchangeSegment": order.segment.value,
        "transactionType": order.side.value,
        "quantity": order.quantity,
        "productType": order.product.value,
        "securityId": order.security_id,
        "price": float(order.price),
        "triggerPrice": float(order.trigger or 0),
    }


def _list(data: object) -> object:
    """A whole book or portfolio is a list: one object in its place may be an answer to something else."""
    if not isinstance(data, list):
        raise UnreadableReport("a list was expected")
    return data


def _book(data: object) -> Book:
    return Book(*parse_order_book(_list(data)))


def _super_book(data: object) -> Book:
    return Book(*parse_super_book(_list(data)))


def _forever_book(data: object) -> Book:
    def parse(row: Fields) -> tuple[OrderReport, ...]:
        report = parse_order_row(row)
        if row.get("orderType") not in ("SINGLE", "OCO"):
            raise unreadable("orderType", "must be SINGLE or OCO in the list of Forever orders", row.get("orderType"))
        return (report,)

    return Book(*read_rows(_list(data), parse))


def _orders(data: object) -> list[OrderReport]:
    return [parse_order_row(mapping(row, "row")) for row in rows_of(data)]
