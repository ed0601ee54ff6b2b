"""What is traded: segment, security id, and the facts that sizing and pricing need."""

from __future__ import annotations

from decimal import Decimal
from enum import Enum
from functools import lru_cache

from attrs import field, frozen, validators
from typing_extensions import assert_never

from dhan_copy.model.ids import SecurityId


class ExchangeSegment(Enum):
    """Dhan's exchange segments for orders (annexure of the v2 documentation)."""

    NSE_EQ = "NSE_EQ"
    NSE_FNO = "NSE_FNO"
    NSE_CURRENCY = "NSE_CURRENCY"
    BSE_EQ = "BSE_EQ"
    BSE_FNO = "BSE_FNO"
    BSE_CURRENCY = "BSE_CURRENCY"
    MCX_COMM = "MCX_COMM"

    # Members are singletons; Enum hashes them by name, in Python, and they stand in keys that are looked up often.
    __hash__ = object.__hash__

    @property
    def is_equity(self) -> bool:
        """Whether one share is one lot here."""
        return self in (ExchangeSegment.NSE_EQ, ExchangeSegment.BSE_EQ)


BY_CONTRACT = frozenset({ExchangeSegment.MCX_COMM, ExchangeSegment.NSE_CURRENCY, ExchangeSegment.BSE_CURRENCY})
"""Where a rupee of a price is worth something else than a rupee for each unit of an order."""


_FRAME_CHARACTERS = 15
_ENDS = tuple(f"{before}{end}" for before in "- " for end in ("CE", "PE", "FUT"))


def is_cut(segment: ExchangeSegment | None, symbol: str) -> bool:
    """Whether a derivative's symbol is only the beginning of it: Dhan's order updates cut symbols off after 15 characters
    (``NIFTY-Mar2025-2``), which rows of the order book do not (protocol facts 3.4). Whole ones end in
    CE, PE or FUT."""
    if segment is None or segment.is_equity or len(symbol) != _FRAME_CHARACTERS or ":" in symbol:
        return False
    return not symbol.upper().endswith(_ENDS)


class InstrumentKind(Enum):
    """Dhan's instrument names (``instrument`` of an order update)."""

    EQUITY = "EQUITY"
    FUTIDX = "FUTIDX"
    FUTSTK = "FUTSTK"
    OPTIDX = "OPTIDX"
    OPTSTK = "OPTSTK"
    FUTCOM = "FUTCOM"
    OPTFUT = "OPTFUT"
    FUTCUR = "FUTCUR"
    OPTCUR = "OPTCUR"
    INDEX = "INDEX"

    @property
    def is_option(self) -> bool:
        match self:
            case InstrumentKind.OPTIDX | InstrumentKind.OPTSTK | InstrumentKind.OPTFUT | InstrumentKind.OPTCUR:
                return True
            case (
                InstrumentKind.EQUITY
                | InstrumentKind.FUTIDX
                | InstrumentKind.FUTSTK
                | InstrumentKind.FUTCOM
                | InstrumentKind.FUTCUR
                | InstrumentKind.INDEX
            ):
                return False
        assert_never(self)


@frozen(cache_hash=True)
class InstrumentKey:
    """A security id is unique only within its segment, so both together name an instrument."""

    segment: ExchangeSegment
    security_id: SecurityId

    def __str__(self) -> str:
        return f"{self.segment.value}:{self.security_id}"


@lru_cache(maxsize=4096)
def instrument_key(segment: ExchangeSegment, security_id: SecurityId) -> InstrumentKey:
    """The same key for the same instrument: what is one object is quickly found equal in the dicts it is a key of."""
    return InstrumentKey(segment, security_id)


@frozen
class InstrumentFacts:
    """Lot in the units that Dhan's orders use (MCX: lots, so 1), tick in rupees, kind; of commodities and currencies what
    a lot gains in rupees when its price rises by one.

    What is missing is unknown, never a default.
    """

    lot_units: int = field(validator=validators.ge(1))
    tick: Decimal | None = field(default=None, validator=validators.optional(validators.gt(Decimal(0))))
    kind: InstrumentKind | None = None
    lot_rupees: int | None = None
