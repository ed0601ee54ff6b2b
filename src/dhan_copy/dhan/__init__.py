"""Dhan's API: accounts, the broker and the feed, and readers of its frames and rows.

Only this package imports dhanhq, and only with the names that need it.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

from dhan_copy.dhan.instrument_list import InstrumentList
from dhan_copy.dhan.instruments import ScripMaster
from dhan_copy.dhan.rows import parse_order_row
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.dhan.wire import parse_order_update

if TYPE_CHECKING:
    from dhan_copy.dhan.account import DhanAccount
    from dhan_copy.dhan.broker import DhanBroker
    from dhan_copy.dhan.feed import DhanOrderFeed

__all__ = [
    "AccessToken",
    "DhanAccount",
    "DhanBroker",
    "DhanOrderFeed",
    "InstrumentList",
    "ScripMaster",
    "parse_order_row",
    "parse_order_update",
]

_LAZY = {"DhanAccount": "account", "DhanBroker": "broker", "DhanOrderFeed": "feed"}


def __getattr__(name: str) -> object:
    if name in _LAZY:
        return getattr(import_module(f"{__name__}.{_LAZY[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
