"""A fake broker that takes super and Forever orders besides."""

from __future__ import annotations

from collections.abc import Sequence

from dhan_copy.core.requests import Cancel, Modify, Submit
from dhan_copy.errors import CancellationRejected, ModificationRejected, PlacementRejected
from dhan_copy.model.bracket import Bracket
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import ForeverLeg, Leg, OrderReport, StopLimit, StopMarket
from dhan_copy.testing.broker import Call, FakeBroker
from dhan_copy.testing.forever import as_order
from dhan_copy.testing.reports import super_reports


class FakeLinkedBroker(FakeBroker):
    """A :class:`FakeBroker` that implements :class:`~dhan_copy.protocols.LinkedOrders` and
    :class:`~dhan_copy.protocols.ForeverOrders`. Faults befall these requests and reads as they do others'."""

    def submit_super(self, request: Submit, bracket: Bracket) -> BrokerOrderId:
        order = self._request(
            Call.SUBMIT,
            lambda: self.exchange.linked.place_super(self.account, self._new(request), bracket),
            PlacementRejected,
            request.client_order_id,
        )
        return self._placed(order, request.client_order_id)

    def modify_leg(self, request: Modify, bracket: Bracket | None) -> None:
        entry = request.leg is Leg.ENTRY
        self._request(
            Call.MODIFY,
            lambda: self.exchange.linked.modify(
                self.account,
                request.broker_order_id,
                request.leg,
                bracket,
                quantity=request.quantity if entry else None,
                terms=request.terms if entry else None,
                source="P",
            ),
            ModificationRejected,
            request.client_order_id,
        )

    def cancel_leg(self, request: Cancel) -> None:
        self._request(
            Call.CANCEL,
            lambda: self.exchange.linked.cancel(self.account, request.broker_order_id, request.leg, source="P"),
            CancellationRejected,
            request.client_order_id,
        )

    def linked(self) -> Sequence[OrderReport]:
        self._read(Call.ORDERS)
        return tuple(
            report
            for entry in self.exchange.linked.supers(self.account)
            for report in super_reports(
                entry,
                self.exchange.linked.legs(self.account, entry.order_id),
                self.exchange.instrument(entry.key),
            )
        )

    def submit_forever(self, request: Submit, stop: ForeverLeg | None = None) -> BrokerOrderId:
        placed = self._request(
            Call.SUBMIT,
            lambda: self.exchange.forever.place(self.account, self._new(request), stop),
            PlacementRejected,
            request.client_order_id,
        )
        return placed[0].order_id

    def modify_forever(self, request: Modify, *, oco: bool) -> None:
        terms = request.terms
        if not isinstance(terms, StopLimit | StopMarket):
            raise ModificationRejected(
                "a Forever order waits for a price: its terms have a trigger", client_order_id=request.client_order_id
            )
        second = oco and request.leg is Leg.STOP
        self._request(
            Call.MODIFY,
            lambda: self.exchange.forever.modify(
                self.account,
                request.broker_order_id,
                Leg.STOP if second else Leg.TARGET,
                quantity=request.quantity,
                terms=terms,
                disclosed_quantity=request.disclosed_quantity,
                source="P",
            ),
            ModificationRejected,
            request.client_order_id,
        )

    def cancel_forever(self, request: Cancel) -> None:
        self._request(
            Call.CANCEL,
            lambda: self.exchange.forever.cancel(self.account, request.broker_order_id, source="P"),
            CancellationRejected,
            request.client_order_id,
        )

    def forever(self) -> Sequence[OrderReport]:
        """Every leg that the broker lists; as at Dhan, without a tag."""
        self._read(Call.ORDERS)
        return tuple(self._report(as_order(leg, tagged=False)) for leg in self.exchange.forever.orders(self.account))
