"""Places, changes and cancels super orders by leg, and lists them."""

from __future__ import annotations

from collections.abc import Sequence
from decimal import Decimal

from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.dhan.asking import REST_LEG, Asking, RestTerms, refuse_bad_id, refuse_bad_tag
from dhan_copy.dhan.outcomes import classify_cancellation, classify_modification, classify_placement
from dhan_copy.dhan.session import Outcome
from dhan_copy.errors import CancellationRejected, ModificationRejected, PlacementRejected, ReadError
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import PREFIX, BrokerOrderId
from dhan_copy.model.order import Leg, Limit, Market, OrderReport, Product, Validity

_PRODUCTS = (Product.CNC, Product.INTRADAY, Product.MARGIN, Product.MTF)


class SuperOrders(Asking):
    """Implements :class:`~dhan_copy.protocols.LinkedOrders`; outcomes are those of any other request."""

    def submit_super(self, request: Submit, bracket: Bracket) -> BrokerOrderId:
        """Place a super order (``POST /super/orders``) and return Dhan's id of it, which its legs share.

        A market entry is sent without the SDK's method, which wants a price above zero; Dhan refuses a market entry
        that has one ("Invalid Price for orderType", DhanHQ-py issues 119 and 155). Dhan's page wants both a target and
        a stop. What the SDK or Dhan's page does not know is refused here, before it leaves.
        """
        _refuse_unplaceable(request, bracket)
        answer = self._answer(self._placed(request, bracket))
        return classify_placement(answer, account=self._account, client_order_id=request.client_order_id)

    def modify_leg(self, request: Modify, bracket: Bracket | None) -> None:
        """Change one leg (``PUT /super/orders/{id}``).

        ENTRY, while it is working: quantity (the total), terms, and of ``bracket`` both prices and the jump; None
        sends no price, as after both legs were cancelled. TARGET and STOP: their part of ``bracket`` alone.
        """
        refuse_bad_id(request.broker_order_id, ModificationRejected)
        terms = _entry_terms(request, bracket)
        prices = (None, None, None) if bracket is None else (bracket.target, bracket.stop, bracket.trailing_jump)
        target, stop, jump = map(_number, prices)
        answer = self._answer(
            self._session.ask(
                lambda sdk: sdk.modify_super_order(
                    request.broker_order_id,
                    terms.order_type,
                    REST_LEG[request.leg],
                    quantity=request.quantity,
                    price=terms.price,
                    targetPrice=target,
                    stopLossPrice=stop,
                    trailingJump=jump,
                )
            )
        )
        classify_modification(answer, account=self._account, client_order_id=request.client_order_id)

    def cancel_leg(self, request: Cancel) -> None:
        """Take one leg back (``DELETE /super/orders/{id}/{leg}``), for good.

        Cancelling the ENTRY takes all legs with it. Once it has traded Dhan refuses that (DH-906, received
        2026-09-01) and both exits stay: they are cancelled one by one.
        """
        refuse_bad_id(request.broker_order_id, CancellationRejected)
        answer = self._answer(
            self._session.ask(lambda sdk: sdk.cancel_super_order(request.broker_order_id, REST_LEG[request.leg]))
        )
        classify_cancellation(answer, account=self._account, client_order_id=request.client_order_id)

    def linked(self) -> Sequence[OrderReport]:
        """Today's super orders: the entry of each with its bracket, and each leg that is or was for something.

        Raises :class:`~dhan_copy.errors.ReadError` as :meth:`orders` does, also for a row that cannot be understood and
        carries, or may carry, this library's tag.
        """
        book = self._reads.linked()
        for row in book.unreadable:
            if may_be_ours(row.raw):
                raise ReadError(f"a super order that may be ours is unreadable: {row.problem}", account=self._account)
        return book.reports

    def _placed(self, request: Submit, bracket: Bracket) -> Outcome:
        terms = RestTerms.of(request.terms)
        if isinstance(request.terms, Market):
            return self._session.post(
                "/super/orders",
                {
                    "transactionType": request.side.value,
                    "exchangeSegment": request.segment.value,
                    "productType": request.product.value,
                    "orderType": terms.order_type,
                    "securityId": request.security_id,
                    "quantity": request.quantity,
                    "price": terms.price,
                    "targetPrice": _number(bracket.target),
                    "stopLossPrice": _number(bracket.stop),
                    "trailingJump": _number(bracket.trailing_jump),
                    "correlationId": request.client_order_id,
                },
            )
        return self._session.ask(
            lambda sdk: sdk.place_super_order(
                security_id=request.security_id,
                exchange_segment=request.segment.value,
                transaction_type=request.side.value,
                quantity=request.quantity,
                order_type=terms.order_type,
                product_type=request.product.value,
                price=terms.price,
                targetPrice=_number(bracket.target),
                stopLossPrice=_number(bracket.stop),
                trailingJump=_number(bracket.trailing_jump),
                tag=request.client_order_id,
            )
        )


def may_be_ours(raw: str) -> bool:
    """Whether an unreadable row shows this library's tag, shows no tag at all, or is not even an object."""
    return PREFIX in raw or '"correlationId"' not in raw or raw.startswith('{"row":')


def _number(price: Decimal | None) -> float:
    return 0.0 if price is None else float(price)


def _refuse_unplaceable(request: Submit, bracket: Bracket) -> None:
    """What a super order cannot say would be dropped on the way, and what the SDK refuses must not look like a request
    whose outcome nobody knows."""
    problem = ""
    if request.product not in _PRODUCTS:
        problem = f"a super order's product is not {request.product.value}"
    elif not isinstance(request.terms, Limit | Market):
        problem = "a super order's entry is a limit or a market order"
    elif request.validity is not Validity.DAY or request.disclosed_quantity:
        problem = "a super order is a DAY order without a disclosed quantity"
    elif isinstance(request.terms, Limit):
        price, sign = request.terms.price, request.side.sign
        if bracket.target is not None and (bracket.target - price) * sign <= 0:
            problem = f"the target {bracket.target} is not beyond the entry's price {price}"
        elif bracket.stop is not None and (price - bracket.stop) * sign <= 0:
            problem = f"the stop {bracket.stop} is not on the other side of the entry's price {price}"
    if problem:
        raise PlacementRejected(problem, client_order_id=request.client_order_id)
    refuse_bad_tag(request.client_order_id)


def _entry_terms(request: Modify, bracket: Bracket | None) -> RestTerms:
    """The terms of an entry; an exit leg has none of its own in a request."""
    problem = ""
    match request.leg:
        case Leg.ENTRY:
            if isinstance(request.terms, Limit | Market):
                return RestTerms.of(request.terms)
            problem = "a super order's entry is a limit or a market order"
        case Leg.TARGET if bracket is None or bracket.target is None:
            problem = "a target needs its price"
        case Leg.STOP if bracket is None or bracket.stop is None:
            problem = "a stop needs its price"
    if problem:
        raise ModificationRejected(problem, client_order_id=request.client_order_id)
    return RestTerms("LIMIT", 0.0, 0.0)
