"""A testing kit for copiers: virtual time, a simulated exchange with fake brokers on it, and a local Dhan server."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dhan_copy.testing.broker import Call, FakeBroker, Fault
    from dhan_copy.testing.clock import VirtualClock
    from dhan_copy.testing.exchange import SimulatedExchange
    from dhan_copy.testing.linked_broker import FakeLinkedBroker
    from dhan_copy.testing.orders import (
        ExchangeRefusal,
        Instrument,
        LoggedRequest,
        NewOrder,
        OrderEvent,
        Rejection,
        RejectionWay,
        RequestKind,
        SimulatedOrder,
        Trade,
        instrument_key,
        leg_id,
    )
    from dhan_copy.testing.rules import Rule
    from dhan_copy.testing.server import DhanServer
    from dhan_copy.testing.source import FakeSource
    from dhan_copy.testing.unwritten import Unwritten

_HOMES = {
    "broker": ("Call", "FakeBroker", "Fault"),
    "clock": ("VirtualClock",),
    "exchange": ("SimulatedExchange",),
    "linked_broker": ("FakeLinkedBroker",),
    "orders": (
        "ExchangeRefusal",
        "Instrument",
        "LoggedRequest",
        "NewOrder",
        "OrderEvent",
        "Rejection",
        "RejectionWay",
        "RequestKind",
        "SimulatedOrder",
        "Trade",
        "instrument_key",
        "leg_id",
    ),
    "rules": ("Rule",),
    "server": ("DhanServer",),
    "source": ("FakeSource",),
    "unwritten": ("Unwritten",),
}
_HOME = {name: home for home, names in _HOMES.items() for name in names}

__all__ = [
    "Call",
    "DhanServer",
    "ExchangeRefusal",
    "FakeBroker",
    "FakeLinkedBroker",
    "FakeSource",
    "Fault",
    "Instrument",
    "LoggedRequest",
    "NewOrder",
    "OrderEvent",
    "Rejection",
    "RejectionWay",
    "RequestKind",
    "Rule",
    "SimulatedExchange",
    "SimulatedOrder",
    "Trade",
    "Unwritten",
    "VirtualClock",
    "instrument_key",
    "leg_id",
]


def __getattr__(name: str) -> object:
    # Imported when asked for: the server needs websockets, and others of this package hypothesis.
    if name not in _HOME:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_HOME[name]}"), name)


def __dir__() -> list[str]:
    return sorted(__all__)
