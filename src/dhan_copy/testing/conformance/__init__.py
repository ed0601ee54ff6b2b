"""Suites that every plug must pass: subclass one in your own tests and say how your plug is made.

.. code-block:: python

    class TestMyStore(StoreConformance):
        def make_store(self) -> Store:
            return MyStore(self.folder / "journal")

They are plain classes of ``test_`` methods with asserts, meant for pytest. :class:`BrokerConformance` and
:class:`EventSourceConformance` ask for a harness: the plug, and what only you can make its other side do.
"""

from __future__ import annotations

from dhan_copy.testing.conformance.broker import BrokerConformance, BrokerHarness
from dhan_copy.testing.conformance.clock import ClockConformance
from dhan_copy.testing.conformance.linked import LinkedHarness, LinkedOrdersConformance
from dhan_copy.testing.conformance.sizer import SizerConformance
from dhan_copy.testing.conformance.source import EventSourceConformance, EventSourceHarness
from dhan_copy.testing.conformance.store import StoreConformance

__all__ = [
    "BrokerConformance",
    "BrokerHarness",
    "ClockConformance",
    "EventSourceConformance",
    "EventSourceHarness",
    "LinkedHarness",
    "LinkedOrdersConformance",
    "SizerConformance",
    "StoreConformance",
]
