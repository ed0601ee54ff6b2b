"""The second leg of a Forever order that has two."""

from __future__ import annotations

from attrs import field, frozen, validators

from dhan_copy.model.order import StopLimit, StopMarket


@frozen(kw_only=True)
class ForeverLeg:
    """What is placed once a price is reached: ``terms`` name the trigger and, where there is one, the limit.

    Dhan gives both legs of one order the same order type: two limits, or two market orders (v2 Forever page).
    """

    terms: StopLimit | StopMarket
    quantity: int = field(validator=validators.ge(1))
