"""Places, changes and cancels orders in a Dhan account through dhanhq's own methods."""

from __future__ import annotations

import logging
from collections.abc import Sequence

from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.dhan.asking import RestTerms, refuse_bad_id, refuse_bad_tag
from dhan_copy.dhan.forever_orders import ForeverRequests
from dhan_copy.dhan.kill_switch import KillSwitchRequests
from dhan_copy.dhan.outcomes import classify_cancellation, classify_modification, classify_placement
from dhan_copy.dhan.preflight import account_findings
from dhan_copy.dhan.quotes import QuoteRequests
from dhan_copy.dhan.session import Session
from dhan_copy.dhan.super_orders import SuperOrders, may_be_ours
from dhan_copy.errors import (
    BracketOrderError,
    CancellationRejected,
    CoverOrderError,
    ModificationRejected,
    ReadError,
)
from dhan_copy.model.account import Funds, Holding, Margin, MarginOrder, Position
from dhan_copy.model.finding import Finding
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.order import AmoSlot, OrderReport, Product
from dhan_copy.protocols import Clock, Unreadable

_log = logging.getLogger(__name__)


class DhanBroker(SuperOrders, ForeverRequests, KillSwitchRequests, QuoteRequests):
    """A :class:`~dhan_copy.protocols.Broker`, ``LinkedOrders``, ``ForeverOrders``, ``AccountReader``,
    ``MarginReader``, ``Quotes``, ``KillSwitch`` and ``PacedReads`` for one Dhan account.

    A request that Dhan's answer does not settle raises :class:`~dhan_copy.errors.Unresolved`; one that never left
    raises a ``Rejected`` that is not final. Nothing is ever sent twice. Threads may share a broker and wait for each
    other.
    """

    def __init__(self, client_id: str, session: Session) -> None:
        super().__init__(client_id, session)
        self.unreadable_rows: Sequence[Unreadable] = ()
        """Orders of others (never this library's) that the last :meth:`orders` could not understand."""

    def __repr__(self) -> str:
        return f"DhanBroker({self._account!r})"

    def submit(self, request: Submit) -> BrokerOrderId:
        """Place an order (``POST /orders``, the tag as correlationId) and return Dhan's id of it.

        That Dhan took it says nothing of a fill, nor even that its risk checks passed: a rejection can follow in the
        order book. ``StopMarket`` is sent as asked, but Dhan has been seen to ignore its trigger (July 2026).
        """
        _refuse_unsendable(request)
        terms = RestTerms.of(request.terms)
        outcome = self._session.ask(
            lambda sdk: sdk.place_order(
                security_id=request.security_id,
                exchange_segment=request.segment.value,
                transaction_type=request.side.value,
                quantity=request.quantity,
                order_type=terms.order_type,
                product_type=request.product.value,
                price=terms.price,
                trigger_price=terms.trigger_price,
                disclosed_quantity=request.disclosed_quantity,
                validity=request.validity.value,
                after_market_order=request.after_market is not None,
                amo_time=(request.after_market or AmoSlot.OPEN).value,
                tag=request.client_order_id,
            )
        )
        return classify_placement(self._answer(outcome), account=self._account, client_order_id=request.client_order_id)

    def modify(self, request: Modify) -> None:
        """Change a working order (``PUT /orders/{id}``): the TOTAL quantity, and every field."""
        refuse_bad_id(request.broker_order_id, ModificationRejected)
        terms = RestTerms.of(request.terms)
        outcome = self._session.ask(
            lambda sdk: sdk.modify_order(
                order_id=request.broker_order_id,
                order_type=terms.order_type,
                # The documentation names legs for bracket and cover orders only.
                leg_name=None,
                quantity=request.quantity,
                price=terms.price,
                trigger_price=terms.trigger_price,
                disclosed_quantity=request.disclosed_quantity,
                validity=request.validity.value,
            )
        )
        classify_modification(self._answer(outcome), account=self._account, client_order_id=request.client_order_id)

    def cancel(self, request: Cancel) -> None:
        """Take a working order back (``DELETE /orders/{id}``)."""
        refuse_bad_id(request.broker_order_id, CancellationRejected)
        outcome = self._session.ask(lambda sdk: sdk.cancel_order(request.broker_order_id))
        classify_cancellation(self._answer(outcome), account=self._account, client_order_id=request.client_order_id)

    def find(self, client_order_id: ClientOrderId) -> OrderReport | None:
        """The order with this tag; None only when Dhan said that there is none.

        Raises :class:`~dhan_copy.errors.ReadError` when the lookup failed, its row cannot be understood, or it shows
        another order.
        """
        return self._reads.order(client_order_id)

    def orders(self) -> Sequence[OrderReport]:
        """Today's order book.

        A row that cannot be understood must not pass for an absent order: raises
        :class:`~dhan_copy.errors.ReadError` if it carries, or may carry, this library's tag. Such rows of other
        orders are left out, logged and kept in :attr:`unreadable_rows`, so that one odd order placed by hand does not
        blind the copier.
        """
        book = self._reads.book()
        for row in book.unreadable:
            if may_be_ours(row.raw):
                raise ReadError(f"an order that may be ours is unreadable: {row.problem}", account=self._account)
            if row not in self.unreadable_rows:
                _log.warning("account %s: an order that is not ours is left out: %s", self._account, row.problem)
        self.unreadable_rows = book.unreadable
        return book.reports

    def limit_reads(self, per_second: int) -> None:
        """Keep all GETs of the account, over every connection of it, within so many in any second (Dhan's own: 20)."""
        self._session.pace.per_second = per_second

    def reads_wait_seconds(self, count: int) -> float:
        """How long until ``count`` GETs may leave."""
        return self._session.pace.wait_seconds(count)

    def funds(self) -> Funds:
        return self._reads.funds()

    def positions(self) -> Sequence[Position]:
        return self._reads.positions()

    def holdings(self) -> Sequence[Holding]:
        return self._reads.holdings()

    def preflight(self, clock: Clock, *, places_orders: bool) -> Sequence[Finding]:
        """What Dhan says of the account before it is used: token, segments, eDIS, address, clock. No order is risked."""
        return account_findings(self._session, self._account, clock, places_orders=places_orders)

    def margin(self, orders: Sequence[MarginOrder]) -> Margin:
        """What the orders would block together, by Dhan's margin calculator. An order that closes a position may be
        told to need as much as one that opens it."""
        return self._reads.margin(orders)

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._session.close()


def _refuse_unsendable(request: Submit) -> None:
    """What the order endpoint cannot express: sent all the same, it would be another order than the one wanted."""
    tag = request.client_order_id
    if request.product is Product.CO:
        raise CoverOrderError("no document names the field of a cover order's stop", client_order_id=tag)
    if request.product is Product.BO:
        raise BracketOrderError("target and stop of a bracket order are not known here", client_order_id=tag)
    refuse_bad_tag(tag)
