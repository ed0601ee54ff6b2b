"""What the tests of the testing kit share."""

from __future__ import annotations

from datetime import datetime
from decimal import Decimal

from dhan_copy.model.instrument import InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Limit, Market, Side, Terms
from dhan_copy.model.times import ist
from dhan_copy.testing import Instrument, NewOrder, OrderEvent, SimulatedExchange, VirtualClock, instrument_key

MORNING = ist(datetime(2026, 9, 4, 9, 15))
FUTURE = instrument_key("NSE_FNO", "68456")
SHARE = instrument_key("NSE_EQ", "11630")


def instruments() -> list[Instrument]:
    return [
        Instrument(
            key=FUTURE,
            facts=InstrumentFacts(200, Decimal("0.1"), InstrumentKind.FUTSTK),
            symbol="BSE-Sep2026-FUT",
            margin_rate=Decimal("0.2"),
            expiry="2026-09-29",
            freeze_units=8000,
        ),
        Instrument(
            key=SHARE,
            facts=InstrumentFacts(1, Decimal("0.05"), InstrumentKind.EQUITY),
            symbol="NTPC",
            lowest=Decimal(300),
            highest=Decimal(450),
        ),
    ]


def exchange(*accounts: str, **options: object) -> SimulatedExchange:
    return SimulatedExchange(
        VirtualClock(MORNING),
        accounts or ("L", "F"),
        instruments=instruments(),
        **options,  # type: ignore[arg-type]
    )


def buy(quantity: int = 10, price: str | None = "400", **more: object) -> NewOrder:
    terms: Terms = Market() if price is None else Limit(Decimal(price))
    plain = {"key": SHARE, "side": Side.BUY, "quantity": quantity, "terms": terms}
    return NewOrder(**{**plain, **more})  # type: ignore[arg-type]


def sell(quantity: int = 10, price: str | None = "400", **more: object) -> NewOrder:
    return buy(quantity, price, **{"side": Side.SELL, **more})


def heard(ex: SimulatedExchange, account: str | None = None) -> list[OrderEvent]:
    events: list[OrderEvent] = []
    ex.listen(events.append, account)
    return events


def statuses(events: list[OrderEvent]) -> list[str]:
    return [event.order.status.value for event in events]
