"""What is listed of an instrument is a value."""

from __future__ import annotations

from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.model.listing import Listing


def test_what_a_list_leaves_empty_is_no_default() -> None:
    listing = Listing(key=InstrumentKey(ExchangeSegment.NSE_EQ, SecurityId("1333")), facts=None)
    assert (listing.expiry, listing.strike, listing.option, listing.symbol) == (None, None, None, "")
    assert len({listing, Listing(key=listing.key, facts=None)}) == 1, "its flags are no part of the hash"
