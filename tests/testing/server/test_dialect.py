"""Times and numbers as Dhan writes them."""

from datetime import datetime
from decimal import Decimal

import pytz

from dhan_copy.testing.server.dialect import decimal_number, short_number, timestamp


def test_times_are_indian_and_a_missing_one_is_the_zero_time() -> None:
    assert timestamp(datetime(2026, 9, 4, 4, 0, 5, tzinfo=pytz.utc)) == "2026-09-04 09:30:05"
    assert timestamp(None) == "0001-01-01 00:00:00"


def test_numbers() -> None:
    assert repr(decimal_number(Decimal(131))) == "131.0"
    assert repr(decimal_number(None)) == "0.0"
    assert repr(short_number(Decimal("131.00"))) == "131"
    assert repr(short_number(Decimal("188.10"))) == "188.1"
    assert decimal_number(Decimal(10) / 3) == 3.3333
