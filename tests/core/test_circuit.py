"""Rejections in a row open a follower's circuit; an order that the exchange takes closes it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from attrs import evolve
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core import circuit
from dhan_copy.core.circuit import Circuit
from dhan_copy.core.facts import Channel, CopyAdmitted, CopyDeclined, OrderReported, Refusal, RequestRejected
from dhan_copy.core.requests import Intent, Submit
from dhan_copy.core.settings import Policy
from dhan_copy.model.ids import BrokerOrderId
from dhan_copy.model.order import OrderStatus, Side
from dhan_copy.model.reason import ReasonCode
from dhan_copy.views import status
from tests.core.bench import Asked, Bench
from tests.core.make import COPY, FOLLOWER, after, cancel, leader_reported, modify, no, report, submit

POLICY = Policy(circuit_after=3, circuit_for=timedelta(seconds=60))


@given(st.lists(st.sampled_from([None, OrderStatus.PENDING]), max_size=12), st.integers(1, 4))
def test_only_rejections_in_a_row_count(answers: list[OrderStatus | None], most: int) -> None:
    policy, row, now = Policy(circuit_after=most), None, 0
    in_a_row = 0
    for answer in answers:
        now += 1
        if answer is None:
            row, in_a_row = circuit.rejected(row, "no", after(now), policy), in_a_row + 1
        elif row is not None and circuit.is_closed_by(row, answer, after(now)):
            row, in_a_row = None, 0
        assert (row is not None and row.is_open(after(now))) == (in_a_row >= most)


@pytest.mark.parametrize("refusal", Refusal)
def test_what_has_a_remedy_of_its_own_is_not_counted(refusal: Refusal) -> None:
    own = refusal in (Refusal.RATE_LIMIT, Refusal.AUTHENTICATION, Refusal.IP, Refusal.ORDER_STATE)
    assert circuit.counts(submit(), no(submit(), refusal)) is not own
    assert circuit.counts(modify(2), no(modify(2), refusal)) is not own
    assert not circuit.counts(cancel(2), no(cancel(2), refusal))
    assert not circuit.counts(submit(), no(submit(), refusal, final=False))


@pytest.mark.parametrize("told", OrderStatus)
def test_only_what_the_exchange_has_taken_since_closes_it(told: OrderStatus) -> None:
    row = Circuit(since=after(10), rejections=1)
    taken = told in (OrderStatus.PENDING, OrderStatus.PART_TRADED, OrderStatus.TRADED)
    assert circuit.is_closed_by(row, told, after(10)) is taken
    assert not circuit.is_closed_by(row, told, after(9)), "an order from before says nothing about new ones"


def test_one_entry_is_the_probe_and_the_others_wait_for_it() -> None:
    row = None
    for _ in range(3):
        row = circuit.rejected(row, "no", after(0), POLICY)
    assert row is not None and row.entries_wait_until(after(59)) == after(60)
    assert row.entries_wait_until(after(60)) is None
    assert circuit.issued(row, submit(intent=Intent.EXIT), after(60), POLICY) == row
    probing = circuit.issued(row, submit(), after(60), POLICY)
    assert probing.entries_wait_until(after(60)) == after(120), "should nothing be heard of it"
    assert circuit.withheld(probing, submit().client_order_id).entries_wait_until(after(60)) is None
    again = circuit.rejected(probing, "no", after(61), POLICY)
    assert again.entries_wait_until(after(61)) == after(121)


@given(st.integers(0, 200), st.integers(-600, 600))
def test_a_clock_that_is_set_neither_shortens_the_pause_nor_lengthens_it_over_a_restart(refused: int, by: int) -> None:
    row = circuit.rejected(None, "no", after(refused), Policy(circuit_after=1))
    if by > 0:
        row = circuit.postponed(row, timedelta(seconds=by))
    else:
        row = circuit.taken_over(row, after(refused + by), POLICY)
    assert row.entries_wait_until(after(refused + by)) == after(refused + by + 60)


def refuse(bench: Bench, request: Asked) -> list[Asked]:
    return bench.step(
        RequestRejected(
            follower=FOLLOWER,
            client_order_id=request.client_order_id,
            attempt=request.attempt,
            refusal=Refusal.OTHER,
            code="DH-906",
            text="RMS:no",
            final=True,
        )  # fmt: skip
    )


def refused(bench: Bench, count: int) -> None:
    for _ in range(count):
        bench.wait(1)
        (request,) = bench.tell(report(order_id=f"L{len(bench.journal)}", created_at=bench.now, updated_at=bench.now))
        refuse(bench, request)


def health(bench: Bench) -> object:
    return next(row["health"] for row in status(bench.copier.state) if row["account"] == FOLLOWER)


def test_r6_the_health_names_the_circuit_and_the_alarm_comes_once() -> None:
    bench = Bench(policy=POLICY)
    refused(bench, 2)
    assert health(bench) == "OK"
    refused(bench, 1)
    assert health(bench) == f"BLOCKED (CIRCUIT) until {bench.now + timedelta(seconds=60):%H:%M:%S}"
    bench.wait(61)
    refused(bench, 1)
    assert bench.alerts().count("CIRCUIT_OPEN") == 1


def test_r6_a_day_restored_from_the_journal_has_the_same_circuit() -> None:
    bench = Bench(policy=POLICY)
    refused(bench, 3)
    before = bench.copier.state.circuits
    bench.restart()
    assert bench.copier.state.circuits == before
    assert bench.tell(report(order_id="N", created_at=bench.now, updated_at=bench.now)) == []
    (declined,) = bench.facts(CopyDeclined)
    assert (declined.reason, "RMS:no" in declined.detail) == (ReasonCode.CIRCUIT_OPEN, True)


def test_r6_two_entries_of_the_same_moment_do_not_both_probe() -> None:
    bench = Bench(policy=POLICY)
    refused(bench, 3)
    bench.wait(60)
    told = [report(order_id=name, created_at=bench.now, updated_at=bench.now) for name in ("P", "Q")]
    (probe,) = bench.step(*map(leader_reported, told))
    assert len(bench.facts(CopyAdmitted)) == 5
    assert isinstance(probe, Submit) and probe.side is Side.BUY
    refuse(bench, probe)
    bench.wait(59)
    assert bench.step() == []
    bench.wait(2)
    (other,) = bench.step()
    assert isinstance(other, Submit) and {probe.leader_order_id, other.leader_order_id} == {"P", "Q"}


@pytest.mark.parametrize("refusal", [Refusal.AUTHENTICATION, Refusal.IP])
def test_r4_an_account_that_has_worked_in_between_is_alerted_about_again(refusal: Refusal) -> None:
    bench = Bench()
    for times in (1, 2):
        for _ in range(2):
            bench.wait(120)
            (request,) = bench.tell(report(order_id=f"L{len(bench.journal)}", created_at=bench.now, updated_at=bench.now))
            bench.step(
                RequestRejected(
                    follower=FOLLOWER,
                    client_order_id=request.client_order_id,
                    attempt=1,
                    refusal=refusal,
                    code="DH-901",
                    text="no",
                    final=False,
                )  # fmt: skip
            )
            assert health(bench) == f"BLOCKED ({refusal.name}) until {bench.now + timedelta(seconds=60):%H:%M:%S}"
            assert bench.alerts().count(f"BLOCKED_{refusal.value}") == times
            for waiting in bench.copier.state.open_keys():
                bench.tell(evolve(bench.copier.state.leader_order(waiting).report, status=OrderStatus.CANCELLED))
        bench.wait(120)
        (request,) = bench.tell(report(order_id=f"L{len(bench.journal)}", created_at=bench.now, updated_at=bench.now))
        bench.accept(request, BrokerOrderId(f"F{len(bench.journal)}"))
        assert health(bench) == "OK"


def test_r4_an_account_works_also_when_its_orders_report_is_told_before_the_answer() -> None:
    bench = Bench()
    (request,) = bench.tell(report())
    bench.step(
        RequestRejected(
            follower=FOLLOWER,
            client_order_id=request.client_order_id,
            attempt=1,
            refusal=Refusal.AUTHENTICATION,
            code="DH-901",
            text="no",
            final=False,
        )  # fmt: skip
    )
    bench.wait(60)
    (again,) = bench.step()
    assert isinstance(again, Submit)
    told = report(order_id=COPY, client_order_id=again.client_order_id, account=FOLLOWER, quantity=75)
    bench.step(OrderReported(follower=FOLLOWER, report=evolve(told, status=OrderStatus.CANCELLED), channel=Channel.STREAM))
    bench.accept(again)
    assert health(bench) == "OK"
