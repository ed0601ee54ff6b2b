"""What every request to place, change or cancel has in common: its words, what is refused before it leaves."""

from __future__ import annotations

import re

from attrs import frozen
from typing_extensions import assert_never

from dhan_copy.dhan.outcomes import Answer
from dhan_copy.dhan.reads import AccountReads
from dhan_copy.dhan.session import Outcome, Session
from dhan_copy.errors import PlacementRejected, Rejected
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.order import Leg, Limit, Market, StopLimit, StopMarket, Terms

REST_LEG = {Leg.ENTRY: "ENTRY_LEG", Leg.TARGET: "TARGET_LEG", Leg.STOP: "STOP_LOSS_LEG"}
_TAG = re.compile(r"[A-Za-z0-9_-]{1,30}")
"""What both pages of Dhan's documentation allow in a correlationId."""
_ORDER_ID = re.compile(r"[A-Za-z0-9_-]{1,64}")


class Asking:
    """One account's connection for requests."""

    def __init__(self, client_id: str, session: Session) -> None:
        self._account = AccountName(client_id)
        self._session = session
        self._reads = AccountReads(session, self._account)

    def _answer(self, outcome: Outcome) -> Answer:
        """What came back; raises the reason where the request never left."""
        if outcome.not_sent is not None:
            raise outcome.not_sent
        return outcome.answer


@frozen
class RestTerms:
    """Terms in the REST dialect; a price or trigger that the order type has no use for is 0."""

    order_type: str
    price: float
    trigger_price: float

    @classmethod
    def of(cls, terms: Terms) -> RestTerms:
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


def refuse_bad_tag(tag: ClientOrderId) -> None:
    """A tag that Dhan does not take would be cut or dropped: the order could not be found again."""
    if not _TAG.fullmatch(tag):
        raise PlacementRejected("a tag has 1 to 30 characters of A-Z, a-z, 0-9, _ and -", client_order_id=ascii(tag))


def refuse_bad_id(order_id: BrokerOrderId, error: type[Rejected]) -> None:
    if not _ORDER_ID.fullmatch(order_id):
        raise error("this is not an order id of Dhan's", broker_order_id=ascii(order_id))
