"""A busy day of copying, played into the core without threads or sockets: what the journal of such a day holds."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from fractions import Fraction

from attrs import evolve

from benchmarks.frames import MORNING, leader_frame
from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import (
    BookRead,
    Channel,
    EngineStarted,
    Entry,
    Fact,
    LeaderReported,
    Moment,
    OrderReported,
    PositionsReported,
    RequestAccepted,
    SourceStarted,
)
from dhan_copy.core.requests import Submit
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules, RateLimits, RateWindow
from dhan_copy.dhan import parse_order_update
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import OrderReport, OrderStatus
from dhan_copy.model.size import Ratio
from dhan_copy.model.times import ist

LEADER = AccountName("1000000001")
INSTRUMENTS = 50
AMPLE = RateLimits(
    windows=(RateWindow(1_000_000, 1.0),), per_day=1_000_000, reads_per_second=1_000_000, entry_share=Fraction(1)
)


def settings(followers: int) -> CopierSettings:
    return CopierSettings(
        leaders=(LeaderRules(name=LEADER),),
        followers=tuple(
            FollowerRules(
                name=AccountName(f"F{number}"),
                sizer=Ratio(Fraction(1, 1 + number % 2)),
                live=True,
                limits=AMPLE,
                reads_positions=False,
            )
            for number in range(followers)
        ),
    )


def moment(day: int, number: int) -> Moment:
    """Two orders a second, so that 10,000 of them fit into a session."""
    seconds = 86_400 * day + number / 2
    return Moment(ist(MORNING) + timedelta(seconds=seconds), 1000.0 + seconds)


def leader_report(day: int, number: int) -> OrderReport:
    """Buys and sells in turn, each instrument opened and closed again."""
    at = (MORNING + timedelta(days=day, seconds=number // 2)).strftime("%Y-%m-%d %H:%M:%S")
    frame = leader_frame(
        100_000 * day + number,
        securityId=str(10_000 + number // 2 % INSTRUMENTS),
        txnType="SB"[number % 2 == 0],
        product="I",
        productName="INTRADAY",
        orderDateTime=at,
        exchOrderTime=at,
        lastUpdatedTime=at,
    )
    return parse_order_update(frame)


def filled(report: OrderReport) -> OrderReport:
    return evolve(report, status=OrderStatus.TRADED, filled_quantity=report.quantity, average_price=report.last_price)


def copied_days(copier: Copier, orders: int, days: int = 1) -> Iterator[tuple[Entry, ...]]:
    """The entries of days on each of which the leader places ``orders``, all of which fill here and there."""
    begin = moment(0, 0)
    followers = [rules.name for rules in copier.settings.followers]
    started: list[Fact] = [EngineStarted(version="0", epoch=1)]
    started += [SourceStarted(account=name) for name in (LEADER, *followers)]
    started.append(PositionsReported(account=LEADER, read_at=begin.wall, positions=()))
    started += [BookRead(account=name, read_at=begin.wall) for name in (LEADER, *followers)]
    yield copier.step(begin, started).entries
    for day, number in ((day, number) for day in range(days) for number in range(orders)):
        now = moment(day, number)
        report = leader_report(day, number)
        asked = copier.step(now, [LeaderReported(leader=LEADER, report=report, channel=Channel.STREAM)])
        yield asked.entries
        answers: list[Fact] = []
        for request in asked.commands:
            if isinstance(request, Submit):
                order_id = BrokerOrderId(f"{request.follower}-{day}-{number}")
                answers += [
                    RequestAccepted(
                        follower=request.follower,
                        client_order_id=request.client_order_id,
                        attempt=request.attempt,
                        broker_order_id=order_id,
                    ),
                    OrderReported(
                        follower=request.follower,
                        report=evolve(
                            filled(evolve(report, quantity=request.quantity)),
                            account=request.follower,
                            order_id=order_id,
                            client_order_id=request.client_order_id,
                        ),
                        channel=Channel.STREAM,
                    ),
                ]
        if len(answers) < 2 * len(followers):
            raise AssertionError(f"order {number} of day {day} was not copied to everybody: {asked}")
        answers.append(LeaderReported(leader=LEADER, report=filled(report), channel=Channel.STREAM))
        yield copier.step(now, answers).entries
