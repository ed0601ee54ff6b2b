"""How large a copy is: the sizers that come with the library. Any object with ``size(order, accounts)`` is one."""

from __future__ import annotations

from fractions import Fraction
from typing import ClassVar

from attrs import frozen

from dhan_copy.core.leader import LeaderOrder
from dhan_copy.errors import SizingError
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import Accounts

__all__ = ["CapitalProportional", "Quantity", "Ratio", "SameQuantity"]

_LARGEST_DENOMINATOR = 1_000_000


@frozen
class SameQuantity:
    """The follower trades what the leader trades: the same as ``Ratio(1)``."""

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        return Ratio(1)


@frozen
class CapitalProportional:
    """The ratio of the follower's money to the leader's, both at the start of the day (``Funds.total``, rupees).

    The ratio is an exact fraction with a denominator of at most a million. Raises
    :class:`~dhan_copy.errors.SizingError` when either figure is unknown or not above zero: unknown is not zero, and
    the order is declined with that reason.
    """

    needs_funds: ClassVar[bool] = True
    """Tells the engine to read the funds of both accounts."""

    def size(self, order: LeaderOrder, accounts: Accounts) -> Ratio:
        for whose, funds in (("leader", accounts.leader), ("follower", accounts.follower)):
            if funds is None:
                raise SizingError(f"the {whose}'s funds are unknown")
            if not funds.total.is_finite() or funds.total <= 0:
                raise SizingError(f"the {whose}'s funds are {funds.total} rupees")
        assert accounts.leader is not None and accounts.follower is not None
        exact = Fraction(accounts.follower.total) / Fraction(accounts.leader.total)
        ratio = exact.limit_denominator(_LARGEST_DENOMINATOR)
        if ratio <= 0:
            raise SizingError(f"the follower's funds are less than a millionth of the leader's: {float(exact):.3g}")
        return Ratio(ratio)
