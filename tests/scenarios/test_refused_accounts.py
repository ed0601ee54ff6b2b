"""R4, R7, R9, T12: accounts whose token or address is refused, refusals that pass, and prices that the exchange refuses."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta

import pytest

from dhan_copy import Policy
from dhan_copy.core.facts import Refusal, RequestRejected
from dhan_copy.errors import AddressRejected, AuthenticationError, CancellationRejected, ConnectionFailed, Rejected
from dhan_copy.model.order import OrderStatus
from dhan_copy.testing import Call, Fault, Rejection, RejectionWay, RequestKind
from dhan_copy.testing.server import HttpFault
from tests.scenarios.kit import F, G, Lab, Stage, Wire, limit

PLACE, CANCEL = RequestKind.PLACE, RequestKind.CANCEL
SOON = Policy(
    blocked_for=timedelta(seconds=1), retry_after=timedelta(milliseconds=100),
    sweep_open=timedelta(milliseconds=300), positions_every=timedelta(milliseconds=300),
)  # fmt: skip
TWO = {F: "1/2", G: "1/2"}
ANSWERS = {
    "DH-901": (401, "DH-901", "Client ID or user generated access token is invalid or expired.", Refusal.AUTHENTICATION),
    "DH-906": (400, "DH-906", "Invalid Token", Refusal.AUTHENTICATION),
    "DH-905": (400, "DH-905", "Invalid IP", Refusal.IP),
}


def alerts(stage: Stage, code: str) -> list[str | None]:
    return [alert.account for alert in stage.alerts if alert.code == code]


# R4: the account is refused


@pytest.mark.parametrize(("error", "refusal"), [(AuthenticationError, Refusal.AUTHENTICATION), (AddressRejected, Refusal.IP)])
def test_r4_a_refused_account_rests_its_exits_wait_and_nobody_else_is_affected(
    labs: Callable[..., Lab], error: type[Rejected], refusal: Refusal
) -> None:
    lab = labs(TWO)
    lab.buy(150)
    lab.step()
    lab.brokers[F].fail_next(Fault.REJECTED, count=1000, error=error, text="said by the test")
    lab.sell(150)
    lab.advance(1)
    assert str(lab.status(F)["health"]).startswith(f"BLOCKED ({refusal.value}) until")
    assert alerts(lab, f"BLOCKED_{refusal.value}") == [F]
    assert (lab.net(F), lab.net(G)) == (75, 0) and lab.status(G)["health"] == "OK"
    missed = lab.buy(150)
    lab.advance(120)
    assert lab.net(F) == 75 and lab.net(G) == 75
    assert lab.requests(PLACE)[1:] == [], "none of them was taken"
    tried = len([fact for fact in lab.facts(RequestRejected) if fact.follower == F])
    assert 3 <= tried <= 30, "tried again, with pauses"
    lab.brokers[F].heal()
    lab.until(lambda: lab.net(F) == 0)
    assert lab.status(F)["health"] == "OK"
    assert lab.row(missed)["decision"] in ("STALE", "COPIED") and lab.row(missed)["state"] in (None, "REJECTED")
    assert alerts(lab, f"BLOCKED_{refusal.value}") == [F], "told once"


@pytest.mark.parametrize("words", ANSWERS)
def test_r4_over_the_wire_exits_leave_once_the_account_is_taken_again(wires: Callable[..., Wire], words: str) -> None:
    status, code, text, refusal = ANSWERS[words]
    wire = wires(TWO, policy=SOON)
    bought = wire.buy(150)
    wire.until(lambda: [wire.row(bought, name)["state"] for name in TWO] == ["FILLED"] * 2)
    body = json.dumps({"errorType": "Order_Error", "errorCode": code, "errorMessage": text})
    wire.server.plan_fault(
        HttpFault(account=F, method="POST", path="/orders", count=None, execute=False, status=status, body=body)
    )
    wire.sell(150)
    wire.until(lambda: wire.net(G) == 0)
    wire.until(lambda: len(wire.facts(RequestRejected)) >= 2)
    assert {(fact.follower, fact.refusal, fact.final) for fact in wire.facts(RequestRejected)} == {(F, refusal, False)}
    assert alerts(wire, f"BLOCKED_{refusal.value}") == [F] and wire.net(F) == 75
    wire.server.clear_faults()
    wire.until(lambda: wire.net(F) == 0)
    wire.until(lambda: wire.status(F)["health"] == "OK")
    tags = [body["correlationId"] for body in wire.bodies("POST")]
    assert len(tags) == len(set(tags)), "no id is used twice"


def test_r4_over_the_wire_an_account_whose_reads_are_refused_too_is_shown_as_blocked(wires: Callable[..., Wire]) -> None:
    """Nothing is sent by it that could be refused: its exit waits for the positions."""
    wire = wires(TWO, policy=SOON)
    bought = wire.buy(150)
    wire.until(lambda: [wire.row(bought, name)["state"] for name in TWO] == ["FILLED"] * 2)
    body = json.dumps({"errorType": "Invalid_Authentication", "errorCode": "DH-901", "errorMessage": "expired"})
    wire.server.plan_fault(HttpFault(account=F, count=None, execute=False, status=401, body=body))
    wire.sell(150)
    wire.until(lambda: wire.net(G) == 0)
    wire.until(lambda: wire.status(F)["health"] == "BLOCKED (AUTHENTICATION)")
    assert alerts(wire, "BLOCKED_AUTHENTICATION") == [F] and wire.net(F) == 75
    assert wire.status(G)["health"] == "OK"
    wire.server.clear_faults()
    wire.until(lambda: wire.net(F) == 0)
    wire.until(lambda: wire.status(F)["health"] == "OK")
    assert alerts(wire, "BLOCKED_AUTHENTICATION") == [F], "told once"


# T12: the token is replaced while the engine runs


def test_t12_over_the_wire_a_new_token_is_used_without_a_restart(wires: Callable[..., Wire]) -> None:
    wire = wires(TWO, policy=SOON)
    bought = wire.buy(150)
    wire.until(lambda: [wire.row(bought, name)["state"] for name in TWO] == ["FILLED"] * 2)
    wire.server.replace_token(F, "local-token-of-F-renewed")
    wire.sell(150)
    wire.until(lambda: wire.net(G) == 0 and F in [alert.account for alert in wire.alerts])
    assert wire.net(F) == 75
    wire.tokens[F] = "local-token-of-F-renewed"
    wire.until(lambda: wire.net(F) == 0)
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, F)["state"] == "WORKING")
    wire.until(lambda: wire.status(F)["health"] == "OK")  # a read with the old token may be answered last


def test_t12_over_the_wire_the_leaders_new_token_is_used_by_the_next_login(wires: Callable[..., Wire]) -> None:
    wire = wires(policy=SOON)
    wire.server.replace_token("L", "local-token-of-L-renewed")
    wire.server.drop_sockets("L")
    wire.until(lambda: any("token" in alert.known + alert.what for alert in wire.alerts if alert.account == "L"))
    wire.tokens["L"] = "local-token-of-L-renewed"
    assert wire.server.wait_for_sockets(1, "L")
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order)["state"] == "WORKING")
    assert len(wire.copies()) == 1


# R7: refusals that pass


@pytest.mark.parametrize("error", [ConnectionFailed, CancellationRejected])
def test_r7_a_cancel_is_tried_until_it_is_done_loudly(lab: Lab, error: type[Rejected]) -> None:
    order = lab.buy(150, limit(90))
    lab.step()
    lab.brokers[F].fail_next(Fault.REJECTED, count=8, on=Call.CANCEL, error=error, text="not now")
    lab.cancel(order)
    lab.advance(5)
    assert lab.copy().status is OrderStatus.PENDING
    lab.until(lambda: lab.copy().status is OrderStatus.CANCELLED)
    assert len(lab.facts(RequestRejected)) == 8
    assert "STALLED" in [alert.code for alert in lab.alerts]
    lab.advance(60)
    assert [request.kind for request in lab.requests()] == [PLACE, CANCEL]


def test_r7_an_exit_is_tried_until_it_is_done(lab: Lab) -> None:
    lab.buy(150)
    lab.step()
    lab.brokers[F].fail_next(Fault.REJECTED, count=8, on=Call.SUBMIT, error=ConnectionFailed, text="not now")
    lab.sell(150)
    lab.advance(5)
    assert lab.net() == 75
    lab.until(lambda: lab.net() == 0)
    lab.advance(60)
    assert len(lab.requests(PLACE)) == 2 and lab.net() == 0


def test_r7_over_the_wire_a_cancel_refused_by_the_rate_limit_is_tried_until_it_is_done(wires: Callable[..., Wire]) -> None:
    wire = wires(policy=SOON)
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order)["state"] == "WORKING")
    wire.server.plan_fault(HttpFault(account=F, method="DELETE", count=3, execute=False, status=429, body=""))
    wire.cancel(order)
    wire.until(lambda: wire.copy().status is OrderStatus.CANCELLED)
    wire.settle()
    assert len(wire.bodies("DELETE")) == 4


# R9: prices that the exchange does not take


@pytest.mark.parametrize(
    "words",
    [
        "RMS:Rate Not Within Ckt Limit: price is outside the circuit limits",
        "EXCH:16273:Price out of the day's price range",
        "EXCH:Order price is outside the price band",
    ],
)
@pytest.mark.parametrize("way", RejectionWay)
def test_r9_a_price_that_is_refused_is_rejected_with_dhans_words_and_not_tried_again(
    stage: Stage, words: str, way: RejectionWay
) -> None:
    stage.exchange.reject_next(F, Rejection(words, "DH-905", way))
    order = stage.buy(150, limit(90))
    stage.until(lambda: stage.row(order)["state"] == "REJECTED" and stage.row(order)["text"] == words)
    stage.settle()
    assert [request.kind for request in stage.requests()] == [PLACE]
    if isinstance(stage, Lab):
        stage.advance(300)
        assert [request.kind for request in stage.requests()] == [PLACE]
    assert all(fact.final for fact in stage.facts(RequestRejected))


def test_r9_over_the_wire_a_price_has_a_code_of_its_own(wire: Wire) -> None:
    wire.exchange.reject_next(F, Rejection("Price is outside the circuit limits", "DH-905", RejectionWay.REFUSED))
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order)["state"] == "REJECTED" and wire.facts(RequestRejected))
    (fact,) = wire.facts(RequestRejected)
    assert (fact.refusal, fact.code, fact.final) == (Refusal.PRICE, "DH-905", True)
