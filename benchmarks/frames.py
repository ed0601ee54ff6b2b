"""Order updates as Dhan's socket sends them, one new order each."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from typing import Any

MORNING = datetime(2026, 1, 5, 9, 15)

DATA: dict[str, Any] = {
    "exchange": "NSE",
    "segment": "E",
    "source": "P",
    "securityId": "14366",
    "clientId": "1000000001",
    "exchOrderNo": "1400000000404591",
    "orderNo": "1126010500000",
    "product": "C",
    "txnType": "B",
    "orderType": "LMT",
    "validity": "DAY",
    "remainingQuantity": 100,
    "quantity": 100,
    "price": 13.05,
    "offMktFlag": "0",
    "orderDateTime": "2026-01-05 09:15:00",
    "exchOrderTime": "2026-01-05 09:15:00",
    "lastUpdatedTime": "2026-01-05 09:15:00",
    "remarks": "NA",
    "mktType": "NL",
    "reasonDescription": "CONFIRMED",
    "legNo": 1,
    "instrument": "EQUITY",
    "symbol": "IDEA",
    "productName": "CNC",
    "status": "Pending",
    "lotSize": 1,
    "expiryDate": "0001-01-01 00:00:00",
    "optType": "XX",
    "displayName": "Vodafone Idea",
    "isin": "INE669E01016",
    "series": "EQ",
    "goodTillDaysDate": "2026-01-05",
    "refLtp": 13.21,
    "tickSize": 0.01,
    "algoId": "0",
    "multiplier": 1,
}
"""A resting limit order in the camelCase dialect, with zeros left out as the socket leaves them out."""


def leader_frame(number: int, **changes: object) -> bytes:
    """The ``number``-th new order of a leader, one a second from the morning on."""
    at = (MORNING + timedelta(seconds=number)).strftime("%Y-%m-%d %H:%M:%S")
    data = DATA | {
        "orderNo": str(1126010500000 + number),
        "exchOrderNo": str(1400000000404591 + number),
        "orderDateTime": at,
        "exchOrderTime": at,
        "lastUpdatedTime": at,
    }
    return json.dumps({"Data": data | changes, "Type": "order_alert"}, separators=(",", ":")).encode()
