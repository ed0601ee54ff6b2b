"""B7: one order update into a report, beside json.loads with a typed class, and json.loads alone."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal

from attrs import frozen

from benchmarks.frames import leader_frame
from benchmarks.harness import Result, at_most, ratios, rounds, spread
from dhan_copy.dhan import parse_order_update

ROUNDS = 9
FRAMES = [
    leader_frame(
        number,
        discQuantity=0,
        discQtyRem=0,
        tradedQty=0,
        triggerPrice=0,
        tradedPrice=0,
        avgTradedPrice=0,
        strikePrice=0,
        algoOrdNo=0,
        correlationId="",
    ).decode()
    for number in range(500)
]
"""As long as documented: about 940 bytes, with the zeros that the documentation prints."""


@frozen
class Update:
    """The peer: what people write first, every price a Decimal and every time parsed."""

    order_id: str
    exchange_order_id: str
    client_id: str
    exchange: str
    segment: str
    security_id: str
    symbol: str
    instrument: str
    side: str
    product: str
    order_type: str
    validity: str
    status: str
    reason: str
    source: str
    remarks: str
    correlation_id: str
    leg: int
    quantity: int
    traded: int
    remaining: int
    disclosed: int
    lot: int
    price: Decimal
    trigger: Decimal
    traded_price: Decimal
    average: Decimal
    last_price: Decimal
    tick: Decimal
    strike: Decimal
    ordered_at: datetime
    exchange_at: datetime
    updated_at: datetime


def moment(text: str) -> datetime:
    return datetime.strptime(text, "%Y-%m-%d %H:%M:%S")


def straightforward(frame: str) -> Update:
    data = json.loads(frame)["Data"]
    return Update(
        order_id=data["orderNo"],
        exchange_order_id=data["exchOrderNo"],
        client_id=data["clientId"],
        exchange=data["exchange"],
        segment=data["segment"],
        security_id=data["securityId"],
        symbol=data["symbol"],
        instrument=data["instrument"],
        side=data["txnType"],
        product=data["product"],
        order_type=data["orderType"],
        validity=data["validity"],
        status=data["status"],
        reason=data["reasonDescription"],
        source=data["source"],
        remarks=data["remarks"],
        correlation_id=data["correlationId"],
        leg=data["legNo"],
        quantity=data["quantity"],
        traded=data["tradedQty"],
        remaining=data["remainingQuantity"],
        disclosed=data["discQuantity"],
        lot=data["lotSize"],
        price=Decimal(str(data["price"])),
        trigger=Decimal(str(data["triggerPrice"])),
        traded_price=Decimal(str(data["tradedPrice"])),
        average=Decimal(str(data["avgTradedPrice"])),
        last_price=Decimal(str(data["refLtp"])),
        tick=Decimal(str(data["tickSize"])),
        strike=Decimal(str(data["strikePrice"])),
        ordered_at=moment(data["orderDateTime"]),
        exchange_at=moment(data["exchOrderTime"]),
        updated_at=moment(data["lastUpdatedTime"]),
    )


def per_frame(parse: Callable[[str], object]) -> Callable[[], float]:
    """Microseconds per frame."""

    def measure() -> float:
        before = time.perf_counter_ns()
        for frame in FRAMES:
            parse(frame)
        return (time.perf_counter_ns() - before) / len(FRAMES) / 1e3

    return measure


def run() -> Result:
    measured = rounds(
        {
            "ours": per_frame(parse_order_update),
            "json.loads, attrs, Decimal, strptime": per_frame(straightforward),
            "json.loads": per_frame(json.loads),
        },
        ROUNDS,
    )
    notes = [spread(name, values, "us per update") for name, values in measured.items()]
    notes.append(f"an update of {len(FRAMES[0])} bytes")
    return at_most(ratios(measured, "ours", "json.loads, attrs, Decimal, strptime"), "x", 0.4, notes)
