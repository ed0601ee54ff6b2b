"""Accounts are read before anything is sent: side by side, for a while, and no failure is taken for an empty book."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from datetime import datetime

import pytest

from dhan_copy.errors import ReadError
from dhan_copy.model.ids import AccountName
from dhan_copy.model.order import OrderReport
from dhan_copy.model.times import ist
from dhan_copy.runtime.accounts import Accounts, FollowerAccount, LeaderAccount
from dhan_copy.runtime.desk import FollowerDesk, LeaderDesk
from dhan_copy.runtime.gate import Gate
from dhan_copy.runtime.survey import of_followers, of_leaders
from dhan_copy.testing import FakeBroker, FakeSource, SimulatedExchange, VirtualClock
from tests.runtime.fakes import PATIENCE_SECONDS

L, F, G = AccountName("L"), AccountName("F"), AccountName("G")


class Hanging(FakeBroker):
    """A broker that answers when it is let go."""

    def __init__(self, exchange: SimulatedExchange, account: str) -> None:
        super().__init__(exchange, account)
        self.go_on = threading.Event()
        self.inside = threading.Event()

    def orders(self) -> Sequence[OrderReport]:
        self.inside.set()
        assert self.go_on.wait(PATIENCE_SECONDS)
        return super().orders()


class Broken(FakeBroker):
    def orders(self) -> Sequence[OrderReport]:
        raise ReadError("HTTP 500")


def accounts(**brokers: type[FakeBroker]) -> Accounts:
    clock = VirtualClock(ist(datetime(2026, 9, 1, 10, 0)))
    exchange = SimulatedExchange(clock, ["L", *brokers])
    source = FakeSource(exchange, "L")
    leader = LeaderAccount(L, source, LeaderDesk(L, source, source, clock), True)
    followers = tuple(
        FollowerAccount(
            AccountName(name), None, FollowerDesk(AccountName(name), kind(exchange, name), clock, Gate()), name != "P"
        )
        for name, kind in brokers.items()
    )
    return Accounts((leader,), followers)


@pytest.mark.parametrize("seconds", [None, PATIENCE_SECONDS])
def test_every_live_followers_book_is_read_and_a_failure_is_told(seconds: float | None) -> None:
    survey = of_followers(accounts(F=FakeBroker, G=Broken, P=Broken), seconds)
    assert survey.books == {F: ()}
    assert set(survey.problems) == {G} and "HTTP 500" in survey.problems[G]


def test_a_broker_that_hangs_holds_nobody_up_and_is_not_asked_by_two_at_once() -> None:
    made = accounts(F=Hanging, G=FakeBroker)
    hanging = made.followers[0].desk._broker
    assert isinstance(hanging, Hanging)
    survey = of_followers(made, 0.05)
    assert survey.books == {G: ()} and survey.problems == {F: "no answer in time"}
    assert hanging.inside.wait(PATIENCE_SECONDS)
    hanging.inside.clear()
    second = threading.Thread(target=of_followers, args=(made, None))
    second.start()
    assert not hanging.inside.wait(0.05)
    hanging.go_on.set()
    second.join(PATIENCE_SECONDS)
    assert hanging.inside.is_set() and not second.is_alive()


def test_a_leaders_book_comes_with_what_he_holds() -> None:
    made = accounts(F=FakeBroker)
    survey = of_leaders(made, None)
    assert [fact.account for fact in survey.positions] == [L] and survey.rows == () and survey.problems == {}
    source = made.leaders[0].source
    assert isinstance(source, FakeSource)
    source.fail_reads(1)
    assert "positions could not be read" in of_leaders(made, None).problems[L]
