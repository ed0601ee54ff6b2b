"""Closes a Dhan account to orders and opens it again through dhanhq's own methods."""

from __future__ import annotations

from dhan_copy.dhan.asking import Asking
from dhan_copy.dhan.fields import label, unreadable
from dhan_copy.dhan.frames import mapping
from dhan_copy.dhan.outcomes import classify_kill_switch
from dhan_copy.dhan.reads import verdict
from dhan_copy.errors import ReadError, UnreadableReport

_IS_ON = {"ACTIVATE": True, "DEACTIVATE": False}


class KillSwitchRequests(Asking):
    """:class:`~dhan_copy.protocols.KillSwitch` of a Dhan account (documentation of v2, "Trader's Control")."""

    def turn_kill_switch(self, on: bool) -> None:
        """``POST /killswitch?killSwitchStatus=ACTIVATE``: no order of anybody is taken for the rest of the trading day.
        Dhan wants all positions closed and no order pending for that."""
        outcome = self._session.ask(lambda sdk: sdk.kill_switch("ACTIVATE" if on else "DEACTIVATE"))
        classify_kill_switch(self._answer(outcome), on=on, account=self._account)

    def is_killed(self) -> bool:
        """``GET /killswitch``. Raises :class:`~dhan_copy.errors.ReadError` for a status that is not documented."""
        what = "the kill switch"
        data = verdict(what, self._session.ask(lambda sdk: sdk.status_kill_switch()), self._account)
        try:
            status = label(mapping(data, what), "killSwitchStatus")
            if status not in _IS_ON:
                raise unreadable("killSwitchStatus", "must be ACTIVATE or DEACTIVATE", status)
        except UnreadableReport as error:
            raise ReadError(f"{what}: {error.message}", account=self._account) from None
        return _IS_ON[status]
