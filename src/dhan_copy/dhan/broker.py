"""Places, changes and cancels orders in a Dhan account through dhanhq's own methods."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence

from attrs import frozen
from typing_extensions import assert_never

from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.dhan.outcomes import classify_cancellation, classify_modification, classify_placement
from dhan_copy.dhan.reads import AccountReads
from dhan_copy.dhan.session import Session
from dhan_copy.errors import (
    BracketOrderError,
    CancellationRejected,
    CoverOrderError,
    ModificationRejected,
    PlacementRejected,
    ReadError,
    Rejected,
)
from dhan_copy.model.account import Funds, Holding, Position
from dhan_copy.model.ids import PREFIX, AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import Limit, Market, OrderReport, Product, StopLimit, StopMarket, Terms
from dhan_copy.protocols import Unreadable

_log = logging.getLogger(__name__)
_TAG = re.compile(r"[A-Za-z0-9_-]{1,30}")
"""What both pages of Dhan's documentation allow in a correlationId."""
_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class DhanBroker:
    """A :class:`~dhan_copy.protocols.Broker` and ``AccountReader`` for one Dhan account.

    A request that Dhan's answer does not settle raises :class:`~dhan_copy.errors.Unresolved`; one that never left
    raises a ``Rejected`` that is not final. Nothing is ever sent twice. Threads may share a broker and wait for each
    other.
    """

    def __init__(self, client_id: str, session: Session) -> None:
        self._account = AccountName(client_id)
        self._session = session
        self._reads = AccountReads(session, self._account)
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
        terms = _RestTerms.of(request.terms)
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
                tag=request.client_order_id,
            )
        )
        if outcome.not_sent is not None:
            raise outcome.not_sent
        return classify_placement(outcome.answer, account=self._account, client_order_id=request.client_order_id)

    def modify(self, request: Modify) -> None:
        """Change a working order (``PUT /orders/{id}``): the TOTAL quantity, and every field."""
        _refuse_bad_id(request.broker_order_id, ModificationRejected)
        terms = _RestTerms.of(request.terms)
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
        if outcome.not_sent is not None:
            raise outcome.not_sent
        classify_modification(outcome.answer, account=self._account, client_order_id=request.client_order_id)

    def cancel(self, request: Cancel) -> None:
        """Take a working order back (``DELETE /orders/{id}``)."""
        _refuse_bad_id(request.broker_order_id, CancellationRejected)
        outcome = self._session.ask(lambda sdk: sdk.cancel_order(request.broker_order_id))
        if outcome.not_sent is not None:
            raise outcome.not_sent
        classify_cancellation(outcome.answer, account=self._account, client_order_id=request.client_order_id)

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
            if _may_be_ours(row.raw):
                raise ReadError(f"an order that may be ours is unreadable: {row.problem}", account=self._account)
            if row not in self.unreadable_rows:
                _log.warning("account %s: an order that is not ours is left out: %s", self._account, row.problem)
        self.unreadable_rows = book.unreadable
        return book.reports

    def funds(self) -> Funds:
        return self._reads.funds()

    def positions(self) -> Sequence[Position]:
        return self._reads.positions()

    def holdings(self) -> Sequence[Holding]:
        return self._reads.holdings()

    def close(self) -> None:
        """Close the connection; the next call opens another."""
        self._session.close()


@frozen
class _RestTerms:
    """Terms in the REST dialect; a price or trigger that the order type has no use for is 0."""

    order_type: str
    price: float
    trigger_price: float

    @classmethod
    def of(cls, terms: Terms) -> _RestTerms:
        # Dhan's API takes JSON numbers: a float of a price on the tick prints as the same decimal digits.
        match terms:
            case Market():
                return cls("MARKET", 0.0, 0.0)
            case Limit(price=price):
                return cls("LIMIT", float(price), 0.0)
            case StopLimit(trigger=trigger, price=price):
                return cls("STOP_LOSS", float(price), float(trigger))
            case StopMarket(trigger=trigger):
                return cls("STOP_LOSS_MARKET", 0.0, float(trigger))
        assert_never(terms)


def _refuse_unsendable(request: Submit) -> None:
    """What the order endpoint cannot express: sent all the same, it would be another order than the one wanted."""
    tag = request.client_order_id
    if request.product is Product.CO:
        raise CoverOrderError("no document names the field of a cover order's stop", client_order_id=tag)
    if request.product is Product.BO:
        raise BracketOrderError("target and stop of a bracket order are not known here", client_order_id=tag)
    if not _TAG.fullmatch(tag):
        raise PlacementRejected("a tag has 1 to 30 characters of A-Z, a-z, 0-9, _ and -", client_order_id=ascii(tag))


def _refuse_bad_id(order_id: BrokerOrderId, error: type[Rejected]) -> None:
    if not _ORDER_ID.fullmatch(order_id):
        raise error("this is not an order id of Dhan's", broker_order_id=ascii(order_id))


def _may_be_ours(raw: str) -> bool:
    """Whether an unreadable row shows this library's tag, shows no tag at all, or is not even an object."""
    return PREFIX in raw or '"correlationId"' not in raw or raw.startswith('{"row":')
