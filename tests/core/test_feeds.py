"""A stream that is lost, or that does not tell what the book shows, is stale until it tells again."""

from __future__ import annotations

from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core import feeds
from dhan_copy.core.facts import BookRead, Channel, Fact, GapDetected
from dhan_copy.core.feeds import Feed
from dhan_copy.core.intake import merge
from dhan_copy.core.requests import ReadOrders
from dhan_copy.core.settings import Policy
from dhan_copy.model.order import OrderReport, OrderStatus
from dhan_copy.views import status
from tests.core.bench import Bench
from tests.core.make import FOLLOWER, LEADER, after, leader_reported, order_reported, report

LOST = GapDetected(account=LEADER, cause="reset by peer", connected=False)
CONNECTED = GapDetected(account=LEADER, cause="connected")


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 70)), min_size=1, max_size=20))
def test_short_connections_do_not_end_an_outage(tries: list[tuple[bool, int]]) -> None:
    feed, now = feeds.lost(Feed(), after(0)), 0
    for connects, seconds in tries:
        now += seconds if connects else 1
        feed = feeds.lost(feeds.connected(feed, after(now - 1)), after(now)) if connects else feeds.lost(feed, after(now))
        assert feed.stale_since == after(0)


def test_a_connection_that_lasts_or_tells_something_ends_it() -> None:
    lasted = feeds.connected(feeds.lost(Feed(), after(0)), after(10))
    assert lasted.stale_since is None
    assert feeds.lost(lasted, after(85)).stale_since == after(85)
    spoke = feeds.told(lasted)
    assert feeds.lost(spoke, after(20)).stale_since == after(20)
    assert feeds.told(feeds.lost(Feed(), after(0))).stale_since is None


def test_a_clock_that_is_set_forward_makes_no_outage_longer() -> None:
    assert feeds.postponed(feeds.lost(Feed(), after(0)), timedelta(seconds=50)).stale_since == after(50)
    assert feeds.postponed(Feed(), timedelta(seconds=50)) == Feed()


def read(told: OrderReport, at: float, known: OrderReport | None = None) -> Feed:
    order = None if known is None else merge(None, leader_reported(known), after(0))
    return feeds.read_instead(Feed(connected_at=after(0)), order, told, after(at))


def test_news_that_the_stream_should_have_told_make_it_stale_since_they_happened() -> None:
    assert read(report(updated_at=after(30)), 41).stale_since == after(30)
    assert read(report(updated_at=after(30)), 40).stale_since is None, "its frame may be on its way"
    assert read(report(updated_at=after(5)), 60).stale_since is None, "it was just connecting"
    assert read(report(updated_at=None), 60).stale_since is None
    assert feeds.read_instead(Feed(), None, report(updated_at=after(30)), after(60)) == Feed(), "never connected"


def test_what_the_stream_does_not_announce_says_nothing_about_it() -> None:
    for told in (OrderStatus.TRANSIT, OrderStatus.REJECTED):
        assert read(report(status=told, updated_at=after(30)), 60).stale_since is None


def test_a_row_that_differs_only_in_words_is_no_news() -> None:
    known = report(updated_at=after(20))
    assert read(report(updated_at=after(30), reason="CONFIRMED"), 60, known).stale_since is None
    assert read(report(updated_at=after(20), filled_quantity=75), 60, known).stale_since is None, "the same moment"
    filled = report(updated_at=after(30), filled_quantity=75, status=OrderStatus.PART_TRADED)
    assert read(filled, 60, known).stale_since == after(30)


def health(bench: Bench, account: str = LEADER) -> object:
    return next(row["health"] for row in status(bench.copier.state) if row["account"] == account)


def test_t2_the_alarm_comes_after_a_while_and_again_for_another_outage() -> None:
    bench = Bench(policy=Policy(stale_after=timedelta(seconds=30)))
    bench.step(CONNECTED)
    for _ in range(2):
        bench.wait(100)
        bench.step(LOST)
        assert health(bench) == f"STALE since {bench.now:%H:%M:%S}"
        count = bench.alerts().count("STALE")
        assert bench.last is not None and bench.last.due is not None
        assert bench.last.due <= bench.moment().monotonic + 30, "nothing else may wake it"
        bench.wait(29)
        bench.step(LOST)
        assert bench.alerts().count("STALE") == count
        bench.wait(1)
        bench.step()
        bench.wait(30)
        bench.step(LOST)
        assert bench.alerts().count("STALE") == count + 1
        bench.step(CONNECTED)
        assert health(bench) == "OK"


def test_t2_the_stale_leaders_book_is_read_every_ten_seconds() -> None:
    bench = Bench()
    bench.step(CONNECTED)
    read_at = []
    for connected in (CONNECTED, LOST):
        bench.step(connected)
        for _ in range(120):
            bench.wait(1)
            bench.step(*_answers(bench))
            assert bench.last is not None
            if ReadOrders(account=LEADER) in bench.last.commands:
                read_at.append((connected.connected, bench.now))
    gaps = [later - sooner for (_, sooner), (stale, later) in zip(read_at, read_at[1:]) if not stale]
    assert gaps and max(gaps) <= timedelta(seconds=11)


def test_t1_the_book_is_read_again_once_a_new_streams_login_must_have_been_dealt_with() -> None:
    """What happens between the first look and then is told by neither, and the next sweep may be a minute away."""
    bench = Bench()
    bench.step(BookRead(account=LEADER, read_at=bench.now), BookRead(account=FOLLOWER, read_at=bench.now))
    for _ in range(30):
        bench.wait(1)
        bench.step(*_answers(bench))
    began, read_at = bench.now, []
    bench.step(CONNECTED)
    for _ in range(20):
        bench.wait(1)
        bench.step(*_answers(bench))
        assert bench.last is not None
        if ReadOrders(account=LEADER) in bench.last.commands:
            read_at.append((bench.now - began).total_seconds())
    assert [at for at in read_at if feeds.CATCHING_UP.total_seconds() <= at <= 10], read_at


def _answers(bench: Bench) -> list[Fact]:
    asked = bench.last.commands if bench.last is not None else ()
    return [BookRead(account=command.account, read_at=bench.now) for command in asked if isinstance(command, ReadOrders)]


def test_t2_a_silent_stream_is_stale_until_it_tells_again_also_after_a_restart_of_the_fold() -> None:
    bench = Bench()
    bench.step(CONNECTED)
    bench.wait(60)
    news = report(created_at=bench.now, updated_at=bench.now)
    bench.wait(20)
    bench.step(leader_reported(news, Channel.BOOK, read_at=bench.now))
    assert health(bench) == f"STALE since {bench.now - timedelta(seconds=20):%H:%M:%S}"
    folded = bench.fresh()
    folded.restore(bench.journal)
    assert folded.state.feeds == bench.copier.state.feeds
    bench.step(leader_reported(news))
    assert health(bench) == "OK"
    folded = bench.fresh()
    folded.restore(bench.journal)
    assert folded.state.feeds == bench.copier.state.feeds


def test_t2_a_followers_stream_is_stale_too() -> None:
    bench = Bench()
    bench.step(GapDetected(account=FOLLOWER, cause="gone", connected=False))
    assert health(bench, FOLLOWER) == f"STALE since {bench.now:%H:%M:%S}"
    (request,) = bench.tell(report())
    bench.accept(request)
    bench.step(order_reported(report(quantity=75)))
    assert health(bench, FOLLOWER) == "OK"
