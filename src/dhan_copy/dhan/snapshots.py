"""An account's order book with the lists of super and Forever orders beside it, which some accounts cannot read."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from attrs import define, evolve, field

from dhan_copy.dhan.reads import AccountReads, Book, ReadRefused
from dhan_copy.errors import AuthenticationError, BrokerError
from dhan_copy.model.listed import with_linked
from dhan_copy.model.order import OrderReport, Variety
from dhan_copy.protocols import Unreadable

PATIENCE = 3
"""How often in a row a list may fail to answer before the order book goes on without it."""

_SUPER = "super orders"
_FOREVER = "Forever orders"
_MISSED = {
    _SUPER: "a super order may look like a plain order, and its target and stop are known from the socket alone",
    _FOREVER: "Forever orders are not seen until one fires",
}


@define
class Snapshots:
    """Reads today's orders: the book (``GET /orders``), and with ``linked`` and ``forever`` what those lists add to it.

    A list that the server refuses (an account without permission, an address that is not there), or that has not
    answered three times in a row, is in ``unreadable`` by its name, and the book is read without it. Until then the
    whole read fails: the row of a super order may look like a plain order's, which would be copied without its stop.
    """

    _reads: AccountReads
    _linked: bool
    _forever: bool
    _failures: dict[str, int] = field(factory=dict, init=False)
    lists_forever_orders: bool = field(default=False, init=False)
    """Whether the last read had the whole list of Forever orders: what it does not show is not there."""

    def read(self) -> Book:
        """Raises :class:`~dhan_copy.errors.BrokerError` where it cannot say for certain.

        An order whose row in the list of super orders cannot be read is a super order without a known bracket, however
        plain it looks in the order book.
        """
        book = self._reads.book()
        reports, failures = list(book.reports), list(book.unreadable)
        if self._linked:
            supers = self._list(_SUPER, self._reads.linked)
            reports = with_linked(reports, supers.reports)
            reports = [_unknown(report, supers.unreadable) for report in reports]
            failures += supers.unreadable
        if self._forever:
            self.lists_forever_orders = False
            waiting = self._list(_FOREVER, self._reads.forever)
            self.lists_forever_orders = not waiting.unreadable
            reports += waiting.reports
            failures += waiting.unreadable
        return Book(reports, failures)

    def _list(self, name: str, read: Callable[[], Book]) -> Book:
        try:
            found = read()
        except AuthenticationError:
            raise
        except BrokerError as error:
            self._failures[name] = self._failures.get(name, 0) + 1
            if not isinstance(error, ReadRefused) and self._failures[name] < PATIENCE:
                raise
            return Book((), (Unreadable(f"the list of {name} is missing: {error.message}; {_MISSED[name]}"),))
        self._failures[name] = 0
        return found


def _unknown(report: OrderReport, failures: Sequence[Unreadable]) -> OrderReport:
    named = any(re.search(rf"\b{report.order_id}\b", row.raw) for row in failures)
    return evolve(report, variety=Variety.SUPER, bracket=None) if named else report
