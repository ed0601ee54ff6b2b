"""What each answer of Dhan's REST API means, as data: accepted, rejected, or nobody knows.

The first row of :data:`TABLE` that fits decides. A definite no is a row of its own; whatever no row names is
unresolved, because an order that may exist is looked up and never sent again.
"""

from __future__ import annotations

from enum import Enum

from attrs import frozen

from dhan_copy.errors import (
    AddressRejected,
    AuthenticationError,
    BracketOrderError,
    BrokerError,
    CoverOrderError,
    InsufficientFunds,
    MarketClosed,
    OrderStateChanged,
    PriceRejected,
    RateLimited,
    Rejected,
    RequestTimedOut,
    Unresolved,
)


class Asked(Enum):
    """What the request was."""

    PLACEMENT = "placement"
    MODIFICATION = "modification"
    CANCELLATION = "cancellation"
    READ = "read"

    @property
    def is_order(self) -> bool:
        return self is not Asked.READ


class Verdict(Enum):
    ACCEPTED = "accepted"
    REJECTED = "rejected"
    UNRESOLVED = "unresolved"


class Body(Enum):
    """What the body of an answer is, as far as the table looks at it."""

    ORDER = "an orderId, with no orderStatus or one that Dhan documents"
    REJECTED_ORDER = "orderStatus REJECTED"
    OTHER = "anything else, or nothing"


@frozen(kw_only=True)
class Rule:
    """One row: it fits when everything that it names fits. Empty ``codes``, ``words``, ``bodies`` name nothing.

    ``error`` None means the request's own: placement, modification or cancellation rejected, or what :data:`WORDS`
    makes of Dhan's text.
    """

    name: str
    http: tuple[range, ...] = ()
    """Empty: no answer came."""
    codes: str = ""
    """A pattern for the whole ``errorCode``."""
    words: str = ""
    """A pattern somewhere in the broker's text, or in the problem where no answer came; case is ignored."""
    bodies: tuple[Body, ...] = ()
    asked: frozenset[Asked] = frozenset(Asked)
    verdict: Verdict
    error: type[BrokerError] | None = None
    source: str = ""

    @property
    def final(self) -> bool:
        """Whether the row is a no that asking again does not change."""
        if self.verdict is not Verdict.REJECTED:
            return False
        return self.error is None or (issubclass(self.error, Rejected) and self.error.final)


ORDERS = frozenset(asked for asked in Asked if asked.is_order)
CHANGES = frozenset({Asked.MODIFICATION, Asked.CANCELLATION})
SUCCESS = (range(200, 300),)
REFUSAL = (range(400, 500),)
FAULT = (range(500, 600),)
TOO_MANY = (range(429, 430),)
UNAUTHORIZED = (range(401, 402),)

REFUSED_CODES = r"DH-90[23567]|DH-1111|DH-0035|RS-9005|EXCH:\d+"
"""Refusals that were received with a 4xx: no order came of them. DH-901 and DH-904 have rows of their own."""

WORDS: tuple[tuple[str, type[Rejected], frozenset[Asked]], ...] = (
    (
        r"order (has|is|was)( been)?( already)? (traded|executed|filled|cancelled|rejected|expired|completed?)"
        r"|refresh order ?book|already (been )?(traded|executed|cancelled|rejected|completed?)"
        r"|(can ?not|can't) be (cancelled|modified)",
        OrderStateChanged,
        CHANGES,
    ),
    (
        r"insufficient (fund|balance|margin|limit|cash)|required margin|margin (shortfall|exceeds)|add (rs\.?|funds)",
        InsufficientFunds,
        ORDERS,
    ),
    (
        r"market (is |are )?(currently )?(closed|not open)|after market hours|outside (market|trading) hours"
        r"|exchange (is )?closed",
        MarketClosed,
        ORDERS,
    ),
    (
        r"tick size|circuit|price band|price range|trigger price|invalid price|price (is )?(out of|outside|beyond)"
        r"|\b(dpr|lpp)\b|execution range",
        PriceRejected,
        ORDERS,
    ),
    (r"\bcover order", CoverOrderError, ORDERS),
    (r"\bbracket order", BracketOrderError, ORDERS),
)
"""Why an order was refused, by Dhan's words. Only errors are told apart here: the refusal itself is certain."""

TABLE: tuple[Rule, ...] = (
    Rule(
        name="timed out",
        words=r"time[d-]? ?out",
        verdict=Verdict.UNRESOLVED,
        error=RequestTimedOut,
        source="the request may have arrived",
    ),
    Rule(
        name="no answer",
        verdict=Verdict.UNRESOLVED,
        error=Unresolved,
        source="a reset, a name that does not resolve, a connection lost: the text does not say what had left",
    ),
    Rule(
        name="server fault",
        http=FAULT,
        verdict=Verdict.UNRESOLVED,
        error=Unresolved,
        source="whatever the body says: a gateway's 502 or 504 says nothing of the order system behind it",
    ),
    Rule(
        name="too many requests",
        http=TOO_MANY,
        verdict=Verdict.REJECTED,
        error=RateLimited,
        source="annexure of the v2 documentation, DH-904",
    ),
    Rule(
        name="rate limit code",
        http=REFUSAL,
        codes="DH-904",
        verdict=Verdict.REJECTED,
        error=RateLimited,
        source="annexure of the v2 documentation, DH-904",
    ),
    Rule(
        name="address not registered",
        http=REFUSAL,
        words=r"\binvalid ip\b",
        verdict=Verdict.REJECTED,
        error=AddressRejected,
        source='DH-905 "Invalid IP", received on place, modify and cancel only',
    ),
    Rule(
        name="token refused",
        http=REFUSAL,
        words=r"invalid (access )?token|token (has )?(expired|is invalid)",
        verdict=Verdict.REJECTED,
        error=AuthenticationError,
        source='DH-906 "Invalid Token", received 2026-07-06 for a replaced token',
    ),
    Rule(
        name="authentication code",
        http=REFUSAL,
        codes="DH-901",
        verdict=Verdict.REJECTED,
        error=AuthenticationError,
        source="annexure of the v2 documentation, DH-901",
    ),
    Rule(
        name="unauthorized",
        http=UNAUTHORIZED,
        verdict=Verdict.REJECTED,
        error=AuthenticationError,
        source="received with DH-901; without a body it means the same",
    ),
    Rule(
        name="refused",
        http=REFUSAL,
        codes=REFUSED_CODES,
        verdict=Verdict.REJECTED,
        source="annexure of the v2 documentation; such orders never appear in the order book",
    ),
    Rule(
        name="code that does not say, or is not known",
        http=REFUSAL,
        verdict=Verdict.UNRESOLVED,
        error=Unresolved,
        source="DH-908, DH-909, DH-910, no code, or a code that nobody has seen",
    ),
    Rule(
        name="rejected order",
        http=SUCCESS,
        bodies=(Body.REJECTED_ORDER,),
        asked=ORDERS,
        verdict=Verdict.REJECTED,
        source="HTTP 200 with orderStatus REJECTED, seen for funds and validation",
    ),
    Rule(
        name="accepted",
        http=SUCCESS,
        bodies=(Body.ORDER,),
        asked=ORDERS,
        verdict=Verdict.ACCEPTED,
        source="usually TRANSIT or PENDING; a cancel answers CANCELLED",
    ),
    Rule(
        name="success that says nothing",
        http=SUCCESS,
        asked=ORDERS,
        verdict=Verdict.UNRESOLVED,
        error=Unresolved,
        source="an empty, HTML or cut body, or one without orderId: the order may exist",
    ),
    Rule(name="read", http=SUCCESS, asked=frozenset({Asked.READ}), verdict=Verdict.ACCEPTED),
    Rule(
        name="any other status",
        http=(range(1000),),
        verdict=Verdict.UNRESOLVED,
        error=Unresolved,
        source="a redirect, for one: nothing is known of the order",
    ),
)
