"""The package's face: its names are a promise, and importing it is cheap."""

from __future__ import annotations

import subprocess
import sys

import pytest

import dhan_copy

NAMES = [
    "Ahead",
    "AlertRaised",
    "AmoSlot",
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


def loaded_by(statement: str) -> set[str]:
    """The top-level modules that a fresh interpreter has after ``statement``."""
    program = f"{statement}\nimport sys; print(*sorted({{name.split('.')[0] for name in sys.modules}}))"
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    return set(done.stdout.split())


def test_the_names_are_frozen() -> None:
    assert sorted(dhan_copy.__all__) == NAMES


@pytest.mark.parametrize("name", NAMES)
def test_every_name_is_there(name: str) -> None:
    assert getattr(dhan_copy, name) is getattr(dhan_copy, name)
    assert name in dir(dhan_copy)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'Copier'"):
        dhan_copy.Copier  # noqa: B018


def test_importing_the_package_loads_nothing_heavy() -> None:
    assert not loaded_by("import dhan_copy") & {"dhanhq", "pandas", "numpy", "requests", "websockets"}


def test_an_engine_without_dhan_accounts_loads_nothing_heavy() -> None:
    statement = "from dhan_copy import CopyEngine, Follower, Leader, MemoryStore, Policy, Ratio, SqliteStore"
    assert not loaded_by(statement) & {"dhanhq", "pandas", "numpy", "requests", "websockets"}


def test_a_dhan_account_loads_the_sdk() -> None:
    assert "dhanhq" in loaded_by("from dhan_copy import DhanAccount")
