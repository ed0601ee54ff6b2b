"""Numbers are Dhan's in shape and never repeat."""

from datetime import datetime

import pytz

from dhan_copy.testing import VirtualClock
from dhan_copy.testing.numbering import Numbering


def test_order_ids_carry_the_indian_day() -> None:
    numbers = Numbering(VirtualClock(datetime(2026, 9, 3, 20, 0, tzinfo=pytz.utc)))
    assert numbers.order_id() == "322260904000001"
    assert numbers.order_id() == "322260904000002"


def test_other_numbers_count_on() -> None:
    numbers = Numbering(VirtualClock(datetime(2026, 9, 3, tzinfo=pytz.utc)))
    assert (numbers.exchange_order_id(), numbers.exchange_order_id()) == ("2000000000000001", "2000000000000002")
    assert (numbers.trade_id(), numbers.trade_id()) == ("169311", "169312")
    assert (numbers.sequence(), numbers.sequence()) == (1, 2)
