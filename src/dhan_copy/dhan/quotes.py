"""Last prices of instruments, out of Dhan's market quotes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal

from dhan_copy.dhan.asking import Asking
from dhan_copy.dhan.fields import missing, number
from dhan_copy.dhan.frames import mapping
from dhan_copy.dhan.reads import verdict
from dhan_copy.errors import ReadError, UnreadableReport
from dhan_copy.model.instrument import InstrumentKey

MOST_AT_ONCE = 1_000
"""Instruments in one request (documentation of v2, "Market Quote")."""


class QuoteRequests(Asking):
    """:class:`~dhan_copy.protocols.Quotes` of a Dhan account. Dhan's data APIs are paid for; without them the read is
    refused."""

    def quotes(self, keys: Sequence[InstrumentKey]) -> Mapping[InstrumentKey, Decimal]:
        """``POST /marketfeed/ltp``, of at most 1,000 instruments; Dhan takes one such request a second."""
        asked: dict[str, list[int]] = {}
        for key in keys[:MOST_AT_ONCE]:
            if key.security_id.isdecimal():
                asked.setdefault(key.segment.value, []).append(int(key.security_id))
        if not asked:
            return {}
        data = verdict("quotes", self._session.ask(lambda sdk: sdk.ticker_data(asked)), self._account)
        try:
            return _prices(data, keys)
        except UnreadableReport as error:
            raise ReadError(f"quotes: {error.message}", account=self._account) from None


def _prices(data: object, keys: Sequence[InstrumentKey]) -> dict[InstrumentKey, Decimal]:
    body = mapping(data, "quotes")
    if body.get("data") is None:
        raise missing("data")
    segments = mapping(body["data"], "data")
    prices = {}
    for key in keys:
        row = mapping(segments.get(key.segment.value) or {}, key.segment.value).get(key.security_id)
        last = None if row is None else mapping(row, key.security_id).get("last_price")
        price = None if last is None else number(last, "last_price")
        if price is not None and price > 0:
            prices[key] = price
    return prices
