"""Copies orders from a leader's Dhan account to follower accounts: never two, never silently none.

Everything a user needs is a name of this package; it is loaded when it is first used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from dhan_copy.config import Follower as Follower
    from dhan_copy.config import Leader as Leader
    from dhan_copy.core.caps import Cap as Cap
    from dhan_copy.core.facts import AlertRaised as AlertRaised
    from dhan_copy.core.facts import CopyMode as CopyMode
    from dhan_copy.core.facts import Entry as Entry
    from dhan_copy.core.facts import TradingState as TradingState
    from dhan_copy.core.filtering import Filter as Filter
    from dhan_copy.core.filtering import Verdict as Verdict
    from dhan_copy.core.filters import Between as Between
    from dhan_copy.core.filters import Kinds as Kinds
    from dhan_copy.core.filters import OPTIONS as OPTIONS
    from dhan_copy.core.filters import Origins as Origins
    from dhan_copy.core.filters import Products as Products
    from dhan_copy.core.filters import QuantityRange as QuantityRange
    from dhan_copy.core.filters import Segments as Segments
    from dhan_copy.core.filters import Sides as Sides
    from dhan_copy.core.filters import Symbols as Symbols
    from dhan_copy.core.filters import Tags as Tags
    from dhan_copy.core.filters import ValueRange as ValueRange
    from dhan_copy.core.healing import HealPlan as HealPlan
    from dhan_copy.core.rules import BelowLot as BelowLot
    from dhan_copy.core.rules import Override as Override
    from dhan_copy.core.rules import Percent as Percent
    from dhan_copy.core.rules import Rules as Rules
    from dhan_copy.core.rules import SlippageLimit as SlippageLimit
    from dhan_copy.core.settings import Ahead as Ahead
    from dhan_copy.core.settings import AtModificationCap as AtModificationCap
    from dhan_copy.core.settings import Behind as Behind
    from dhan_copy.core.settings import ClosedMarket as ClosedMarket
    from dhan_copy.core.settings import FirstStart as FirstStart
    from dhan_copy.core.settings import Heal as Heal
    from dhan_copy.core.settings import LinkedForm as LinkedForm
    from dhan_copy.core.settings import LossLimit as LossLimit
    from dhan_copy.core.settings import OverExit as OverExit
    from dhan_copy.core.settings import Policy as Policy
    from dhan_copy.core.settings import ProtectedMarket as ProtectedMarket
    from dhan_copy.core.settings import RateLimits as RateLimits
    from dhan_copy.core.settings import RateWindow as RateWindow
    from dhan_copy.core.settings import StopMarketForm as StopMarketForm
    from dhan_copy.core.settings import Ticks as Ticks
    from dhan_copy.core.sizers import CapitalProportional as CapitalProportional
    from dhan_copy.core.sizers import EquityProportional as EquityProportional
    from dhan_copy.core.sizers import FixedLots as FixedLots
    from dhan_copy.core.sizers import FreeMarginProportional as FreeMarginProportional
    from dhan_copy.core.sizers import OwnFunction as OwnFunction
    from dhan_copy.core.sizers import PercentAtRisk as PercentAtRisk
    from dhan_copy.core.sizers import SameQuantity as SameQuantity
    from dhan_copy.dhan import DhanAccount as DhanAccount
    from dhan_copy.dhan import ScripMaster as ScripMaster
    from dhan_copy.display import Table as Table
    from dhan_copy.engine import CopyEngine as CopyEngine
    from dhan_copy.engine import Leaving as Leaving
    from dhan_copy.errors import BrokerError as BrokerError
    from dhan_copy.errors import ConfigurationError as ConfigurationError
    from dhan_copy.errors import DhanCopyError as DhanCopyError
    from dhan_copy.errors import FeedError as FeedError
    from dhan_copy.errors import JournalLost as JournalLost
    from dhan_copy.errors import Misspelt as Misspelt
    from dhan_copy.errors import Rejected as Rejected
    from dhan_copy.errors import SizingError as SizingError
    from dhan_copy.errors import StoreError as StoreError
    from dhan_copy.errors import Unresolved as Unresolved
    from dhan_copy.errors import ValidationError as ValidationError
    from dhan_copy.journal_file import JournalFile as JournalFile
    from dhan_copy.market.calendar import load_calendar as load_calendar
    from dhan_copy.market.calendar import published_calendar as published_calendar
    from dhan_copy.market.contracts import contract_sizes as contract_sizes
    from dhan_copy.market.contracts import load_contract_sizes as load_contract_sizes
    from dhan_copy.market.freeze import freeze_limits as freeze_limits
    from dhan_copy.market.freeze import load_freeze_limits as load_freeze_limits
    from dhan_copy.model.order import AmoSlot as AmoSlot
    from dhan_copy.model.reason import ReasonCode as ReasonCode
    from dhan_copy.model.size import Quantity as Quantity
    from dhan_copy.model.size import Ratio as Ratio
    from dhan_copy.observe import LogFormat as LogFormat
    from dhan_copy.settings_file import Settings as Settings
    from dhan_copy.stores.memory import MemoryStore as MemoryStore
    from dhan_copy.stores.sqlite import SqliteStore as SqliteStore
    from dhan_copy.testing.playground import Playground as Playground

    __version__: str

_HOMES = {
    "Ahead": "core.settings",
    "AmoSlot": "model.order",
    "AlertRaised": "core.facts",
    "AtModificationCap": "core.settings",
    "Behind": "core.settings",
    "BelowLot": "core.rules",
    "Between": "core.filters",
    "BrokerError": "errors",
    "Cap": "core.caps",
    "CapitalProportional": "core.sizers",
    "ClosedMarket": "core.settings",
    "ConfigurationError": "errors",
    "CopyEngine": "engine",
    "CopyMode": "core.facts",
    "DhanAccount": "dhan",
    "DhanCopyError": "errors",
    "Entry": "core.facts",
    "EquityProportional": "core.sizers",
    "FeedError": "errors",
    "Filter": "core.filtering",
    "FirstStart": "core.settings",
    "FixedLots": "core.sizers",
    "Follower": "config",
    "FreeMarginProportional": "core.sizers",
    "Heal": "core.settings",
    "HealPlan": "core.healing",
    "JournalFile": "journal_file",
    "JournalLost": "errors",
    "Kinds": "core.filters",
    "Leader": "config",
    "Leaving": "engine",
    "LinkedForm": "core.settings",
    "LogFormat": "observe",
    "LossLimit": "core.settings",
    "MemoryStore": "stores.memory",
    "Misspelt": "errors",
    "OPTIONS": "core.filters",
    "Origins": "core.filters",
    "OverExit": "core.settings",
    "Override": "core.rules",
    "OwnFunction": "core.sizers",
    "Percent": "core.rules",
    "PercentAtRisk": "core.sizers",
    "Playground": "testing.playground",
    "Policy": "core.settings",
    "Products": "core.filters",
    "ProtectedMarket": "core.settings",
    "Quantity": "model.size",
    "QuantityRange": "core.filters",
    "RateLimits": "core.settings",
    "RateWindow": "core.settings",
    "Ratio": "model.size",
    "ReasonCode": "model.reason",
    "Rejected": "errors",
    "Rules": "core.rules",
    "SameQuantity": "core.sizers",
    "ScripMaster": "dhan",
    "Segments": "core.filters",
    "Settings": "settings_file",
    "Sides": "core.filters",
    "SizingError": "errors",
    "SlippageLimit": "core.rules",
    "SqliteStore": "stores.sqlite",
    "StopMarketForm": "core.settings",
    "StoreError": "errors",
    "Symbols": "core.filters",
    "Table": "display",
    "Tags": "core.filters",
    "Ticks": "core.settings",
    "TradingState": "core.facts",
    "Unresolved": "errors",
    "ValidationError": "errors",
    "ValueRange": "core.filters",
    "Verdict": "core.filtering",
    "contract_sizes": "market.contracts",
    "freeze_limits": "market.freeze",
    "load_calendar": "market.calendar",
    "load_contract_sizes": "market.contracts",
    "load_freeze_limits": "market.freeze",
    "published_calendar": "market.calendar",
}

__all__ = [
    "Ahead",
    "AmoSlot",
    "AlertRaised",
    "AtModificationCap",
    "Behind",
    "BelowLot",
    "Between",
    "BrokerError",
    "Cap",
    "CapitalProportional",
    "ClosedMarket",
    "ConfigurationError",
    "CopyEngine",
    "CopyMode",
    "DhanAccount",
    "DhanCopyError",
    "Entry",
    "EquityProportional",
    "FeedError",
    "Filter",
    "FirstStart",
    "FixedLots",
    "Follower",
    "FreeMarginProportional",
    "Heal",
    "HealPlan",
    "JournalFile",
    "JournalLost",
    "Kinds",
    "Leader",
    "Leaving",
    "LinkedForm",
    "LogFormat",
    "LossLimit",
    "MemoryStore",
    "Misspelt",
    "OPTIONS",
    "Origins",
    "OverExit",
    "Override",
    "OwnFunction",
    "Percent",
    "PercentAtRisk",
    "Playground",
    "Policy",
    "Products",
    "ProtectedMarket",
    "Quantity",
    "QuantityRange",
    "RateLimits",
    "RateWindow",
    "Ratio",
    "ReasonCode",
    "Rejected",
    "Rules",
    "SameQuantity",
    "ScripMaster",
    "Segments",
    "Settings",
    "Sides",
    "SizingError",
    "SlippageLimit",
    "SqliteStore",
    "StopMarketForm",
    "StoreError",
    "Symbols",
    "Table",
    "Tags",
    "Ticks",
    "TradingState",
    "Unresolved",
    "ValidationError",
    "ValueRange",
    "Verdict",
    "__version__",
    "contract_sizes",
    "freeze_limits",
    "load_calendar",
    "load_contract_sizes",
    "load_freeze_limits",
    "published_calendar",
]


def __getattr__(name: str) -> object:
    if name == "__version__":
        from importlib.metadata import PackageNotFoundError, version

        try:
            value: object = version("dhan-copy")
        except PackageNotFoundError:
            value = "0+unknown"
    elif name in _HOMES:
        value = getattr(import_module(f"dhan_copy.{_HOMES[name]}"), name)
    else:
        raise AttributeError(f"module 'dhan_copy' has no attribute {name!r}")
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
