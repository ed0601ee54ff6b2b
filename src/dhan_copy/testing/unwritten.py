"""What no document and no recording says of linked orders at Dhan: a setting for each, so that tests can try both."""

from __future__ import annotations

from attrs import define

from dhan_copy.model.order import OrderStatus


@define(kw_only=True)
class Unwritten:
    """The defaults are what is more likely, or harder for a copier where nothing speaks for either."""

    super_legs_announced: bool = True
    """The order-update socket tells of a super order's exit legs too; no frame of one was ever published."""
    cancelled_entry_keeps_exits: bool = False
    """Cancelling an entry that has filled in part leaves the exits of that part. The page says that all legs go."""
    exits_change_before_the_entry_traded: bool = False
    """TARGET_LEG and STOP_LOSS_LEG may be modified while the entry is still working; the page names ENTRY_LEG then."""
    cover_stop_from_the_start: bool = True
    """A cover order's stop is in the book as soon as its entry is, not only once that has filled."""
    leg_delay_seconds: float = 0.0
    """How long after a leg's fill the other leg shrinks or goes: both can fill meanwhile."""
    forever_parents_announced: bool = False
    """The socket tells of a Forever order itself, not only of the order that appears when it fires."""
    fired_forever: OrderStatus | None = OrderStatus.TRADED
    """What the list says of a Forever order that has fired; None: it is no longer in the list."""
