"""Places, changes, cancels and lists Forever orders (GTT)."""

from __future__ import annotations

from collections.abc import Sequence

from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.dhan.asking import Asking, refuse_bad_id, refuse_bad_tag
from dhan_copy.dhan.outcomes import classify_cancellation, classify_modification, classify_placement
from dhan_copy.errors import CancellationRejected, ModificationRejected, PlacementRejected, ReadError, Rejected
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.order import ForeverLeg, Leg, OrderReport, StopLimit, StopMarket, Terms


class ForeverRequests(Asking):
    """Implements :class:`~dhan_copy.protocols.ForeverOrders`; outcomes are those of any other request.

    Dhan's list of Forever orders shows no tag, so an order of an unresolved placement is found by its terms alone.
    """

    def submit_forever(self, request: Submit, stop: ForeverLeg | None = None) -> BrokerOrderId:
        """Place a Forever order (``POST /forever/orders``) and return Dhan's id of it: SINGLE, or OCO with ``stop``.

        ``StopLimit`` terms place a limit order at the trigger, ``StopMarket`` a market order.
        """
        refuse_bad_tag(request.client_order_id)
        first = _waiting(request.terms, PlacementRejected, request.client_order_id)
        second = None if stop is None else stop.terms
        if second is not None and type(second) is not type(first):
            raise PlacementRejected("both legs of a Forever order have one order type", client_order_id=request.client_order_id)
        answer = self._answer(
            self._session.ask(
                lambda sdk: sdk.place_forever(
                    security_id=request.security_id,
                    exchange_segment=request.segment.value,
                    transaction_type=request.side.value,
                    product_type=request.product.value,
                    order_type=_order_type(first),
                    quantity=request.quantity,
                    price=_limit(first),
                    trigger_Price=float(first.trigger),
                    order_flag="SINGLE" if stop is None else "OCO",
                    disclosed_quantity=request.disclosed_quantity,
                    validity=request.validity.value,
                    price1=_limit(second),
                    trigger_Price1=0.0 if second is None else float(second.trigger),
                    quantity1=0 if stop is None else stop.quantity,
                    tag=request.client_order_id,
                )
            )
        )
        return classify_placement(answer, account=self._account, client_order_id=request.client_order_id)

    def modify_forever(self, request: Modify, *, oco: bool) -> None:
        """Change one leg (``PUT /forever/orders/{id}``): ``request.leg`` STOP is the second of a pair, any other the
        first, or the only one."""
        refuse_bad_id(request.broker_order_id, ModificationRejected)
        terms = _waiting(request.terms, ModificationRejected, request.client_order_id)
        answer = self._answer(
            self._session.ask(
                lambda sdk: sdk.modify_forever(
                    order_id=request.broker_order_id,
                    order_flag="OCO" if oco else "SINGLE",
                    order_type=_order_type(terms),
                    leg_name="STOP_LOSS_LEG" if oco and request.leg is Leg.STOP else "TARGET_LEG",
                    quantity=request.quantity,
                    price=_limit(terms),
                    trigger_price=float(terms.trigger),
                    disclosed_quantity=request.disclosed_quantity,
                    validity=request.validity.value,
                )
            )
        )
        classify_modification(answer, account=self._account, client_order_id=request.client_order_id)

    def cancel_forever(self, request: Cancel) -> None:
        """Take one back with all its legs (``DELETE /forever/orders/{id}``)."""
        refuse_bad_id(request.broker_order_id, CancellationRejected)
        answer = self._answer(self._session.ask(lambda sdk: sdk.cancel_forever(request.broker_order_id)))
        classify_cancellation(answer, account=self._account, client_order_id=request.client_order_id)

    def forever(self) -> Sequence[OrderReport]:
        """Every Forever order that Dhan lists: ENTRY for a single one, TARGET and STOP for a pair.

        No row shows whose order it is, so one that cannot be understood fails the read: raises
        :class:`~dhan_copy.errors.ReadError`.
        """
        book = self._reads.forever()
        for row in book.unreadable:
            raise ReadError(f"a Forever order is unreadable: {row.problem}", account=self._account)
        return book.reports


def _waiting(terms: Terms, error: type[Rejected], tag: ClientOrderId) -> StopLimit | StopMarket:
    if not isinstance(terms, StopLimit | StopMarket):
        raise error("a Forever order waits for a price: its terms have a trigger", client_order_id=tag)
    return terms


def _order_type(terms: StopLimit | StopMarket) -> str:
    return "LIMIT" if isinstance(terms, StopLimit) else "MARKET"


def _limit(terms: StopLimit | StopMarket | None) -> float:
    return float(terms.price) if isinstance(terms, StopLimit) else 0.0
