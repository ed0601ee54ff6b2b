"""How large a copy is: the sizers that come with the library. Any object with ``size(order, accounts)`` is one."""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from enum import Enum
from fractions import Fraction
from typing import ClassVar

from attrs import field, frozen, validators
from typing_extensions import assert_never

from dhan_copy.core.checked import check, exact, member
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.worth import price_of, worth
from dhan_copy.errors import FundsUnknown, SizingError, StopUnknown
from dhan_copy.model.account import Funds
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import Accounts

__all__ = [
    "CapitalProportional", "EquityProportional", "FixedLots", "FreeMarginProportional", "Money", "OwnFunction",
    "PercentAtRisk", "Quantity", "Ratio", "SameQuantity",
]  # fmt: skip

_LARGEST_DENOMINATOR = 1_000_000


class Money(Enum):
    """Which figure of an account's funds is meant."""

    TOTAL = "TOTAL"
    """At the start of the day (Dhan's ``sodLimit``)."""
    EQUITY = "EQUITY"
    """Free and in use together (``availabelBalance`` + ``utilizedAmount``)."""
    AVAILABLE = "AVAILABLE"
    """Free now (``availabelBalance``); the follower's less what entries of ours have taken since it was read."""


@frozen
class SameQuantity:
    """The follower trades what the leader trades: the same as ``Ratio(1)``."""

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        return Ratio(1)


@frozen
class FixedLots:
    """So many lots of the instrument, whatever the leader trades; his later modifications scale them."""

    lots: int

    def __attrs_post_init__(self) -> None:
        check(self)

    def size(self, order: LeaderOrder, accounts: Accounts) -> Quantity:
        facts = accounts.instrument or order.report.instrument
        if facts is None:
            raise SizingError(f"the lot of {order.report.key} is unknown")
        return Quantity(self.lots * facts.lot_units)


@frozen
class CapitalProportional:
    """The ratio of the follower's money to the leader's, both at the start of the day (``Funds.total``, rupees).

    The ratio is an exact fraction with a denominator of at most a million. Raises
    :class:`~dhan_copy.errors.SizingError` when either figure is unknown or not above zero: unknown is not zero, and
    the order is declined with that reason. So do the two other sizers that compare the accounts.
    """

    needs_funds: ClassVar[bool] = True
    """Tells the engine to read the funds of both accounts."""

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        return _proportion(accounts, Money.TOTAL)


@frozen
class EquityProportional:
    """The ratio of the follower's money to the leader's, free and in use together: ``Funds.available`` + ``used``."""

    needs_funds: ClassVar[bool] = True

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        return _proportion(accounts, Money.EQUITY)


@frozen
class FreeMarginProportional:
    """The ratio of what the follower can still spend to what the leader can: ``Funds.available``, of the follower less
    what entries of ours have taken since it was read."""

    needs_funds: ClassVar[bool] = True

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        return _proportion(accounts, Money.AVAILABLE)


def _which(value: Money | str) -> Money:
    return member(Money, value)


@frozen
class PercentAtRisk:
    """As many units as lose ``percent`` of the follower's money when the leader's stop is hit.

    The stop is that of the order's bracket, else the trigger of a stop order with which the leader already protects the
    instrument (:attr:`~dhan_copy.protocols.Accounts.stop`). The trigger of the entry itself says when to enter, not
    what may be lost. Raises :class:`~dhan_copy.errors.StopUnknown` without one, or where it does not limit the loss,
    and ``SizingError`` where price, money or the rupees of a unit (commodities, currencies) are unknown.
    """

    percent: Decimal = field(converter=exact, validator=[validators.gt(Decimal(0)), validators.le(Decimal(100))])
    of: Money = field(default=Money.TOTAL, converter=_which, kw_only=True)

    needs_funds: ClassVar[bool] = True
    needs_stop: ClassVar[bool] = True
    """Tells the core to look for the leader's stop."""

    def size(self, order: LeaderOrder, accounts: Accounts) -> Quantity:
        money = _money("follower", accounts.follower, self.of)
        loss = unit_loss(order, accounts.stop, accounts.instrument)
        units = int(money * Fraction(self.percent) / 100 / loss)
        if units < 1:
            raise SizingError(f"one unit loses {float(loss):g} rupees at the leader's stop, more than {self.percent} %")
        return Quantity(units)


def unit_loss(order: LeaderOrder, stop: Decimal | None, facts: InstrumentFacts | None) -> Fraction:
    """Rupees that one unit loses from the entry to ``stop``. Raises ``SizingError`` where that is unknown."""
    report = order.report
    if stop is None:
        raise StopUnknown("the leader has no stop for it")
    price = price_of(report)
    if price is None:
        raise SizingError("the price of the leader's order is unknown")
    distance = (price - stop) * report.side.sign
    if distance <= 0:
        raise StopUnknown(f"a stop at {stop} does not limit the loss of a {report.side.value} at {price}")
    rupees = worth(report.segment, 1, distance, facts)
    if rupees is None:
        raise SizingError(f"what a unit of {report.key} is worth is unknown: Dhan counts it in contracts")
    return Fraction(rupees)


Size = Ratio | Quantity


@frozen
class OwnFunction:
    """A function of your own as a sizer: it gets the order and the accounts, and answers as a sizer does.

    ``needs_funds=True`` has the funds of both accounts read for it.
    """

    function: Callable[[LeaderOrder, Accounts], Size]
    needs_funds: bool = False

    def size(self, order: LeaderOrder, accounts: Accounts) -> Size:
        return self.function(order, accounts)


def _proportion(accounts: Accounts, which: Money) -> Ratio:
    leader, follower = (_money(*whose, which) for whose in (("leader", accounts.leader), ("follower", accounts.follower)))
    exact = follower / leader
    ratio = exact.limit_denominator(_LARGEST_DENOMINATOR)
    if ratio <= 0:
        raise SizingError(f"the follower's funds are less than a millionth of the leader's: {float(exact):.3g}")
    return Ratio(ratio)


def _money(whose: str, funds: Funds | None, which: Money) -> Fraction:
    amount = None if funds is None else _figure(funds, which)
    if amount is None:
        raise FundsUnknown(f"the {whose}'s funds are unknown")
    if not amount.is_finite() or amount <= 0:
        raise SizingError(f"the {whose}'s funds are {amount} rupees")
    return Fraction(amount)


def _figure(funds: Funds, which: Money) -> Decimal | None:
    match which:
        case Money.TOTAL:
            return funds.total
        case Money.EQUITY:
            return None if funds.used is None else funds.available + funds.used
        case Money.AVAILABLE:
            return funds.available
    assert_never(which)
