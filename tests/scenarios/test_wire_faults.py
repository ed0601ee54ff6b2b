"""Lines that fail, over the real client and socket: T1, T3, and the faults whose place is the network."""

from __future__ import annotations

import json
import socket
import ssl
from collections.abc import Callable, Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from attrs import evolve

from dhan_copy import Policy
from dhan_copy.core.facts import GapDetected, OutcomeUnresolved, Refusal, RequestRejected
from dhan_copy.dhan import feed as feed_module
from dhan_copy.dhan.backoff import Backoff
from dhan_copy.model.order import OrderStatus
from dhan_copy.testing import DhanServer
from dhan_copy.testing.server import Action, HttpFault
from tests.dhan.certificates import contexts
from tests.scenarios.front import Front
from tests.scenarios.kit import F, G, LEADER, Lab, Wire, limit

QUICK = Policy(
    sweep_open=timedelta(milliseconds=300), sweep_idle=timedelta(milliseconds=300), retry_after=timedelta(milliseconds=100),
    blocked_for=timedelta(seconds=1), positions_every=timedelta(milliseconds=300),
)  # fmt: skip
TWO = {F: "1/2", G: "1/2"}


def errors(code: str, text: str = "said by the test") -> str:
    return json.dumps({"errorType": "Order_Error", "errorCode": code, "errorMessage": text})


def causes(wire: Wire, account: str = LEADER) -> list[str]:
    return [gap.cause for gap in wire.facts(GapDetected) if gap.account == account and not gap.connected]


# T1: five orders while the socket is away


def five_orders(stage: Lab | Wire) -> tuple[list[str], str, str]:
    """Three that rest, an exit, and an entry whose moment passes."""
    resting = [stage.buy(150, limit(80 + number)) for number in range(3)]
    return resting, stage.sell(150), stage.buy(150)


def test_t1_five_orders_of_half_a_minute_without_a_stream_are_handled_by_the_same_path(lab: Lab) -> None:
    lab.buy(150)
    lab.step()
    lab.sources[LEADER].disconnect("reset by peer")
    lab.step()
    resting, left, late = five_orders(lab)
    lab.clock.advance(31)
    lab.reconnect(LEADER)
    lab.step()
    assert [lab.row(order)["state"] for order in resting] == ["WORKING"] * 3
    assert (lab.row(left)["state"], lab.row(late)["decision"], lab.net()) == ("FILLED", "STALE", 0)


def test_t1_f20_over_the_wire_five_orders_of_an_outage_are_handled_by_the_same_path(wires: Callable[..., Wire]) -> None:
    wire = wires(policy=Policy(entry_age=timedelta(0)))
    held = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(held)["state"] == "WORKING")
    wire.exchange.fill(LEADER, held)
    wire.exchange.fill(F, wire.copy().order_id)
    wire.until(lambda: wire.row(held)["state"] == "FILLED" and wire.row(held)["filled"] == 150)
    wire.withhold_news(LEADER)
    resting, left, late = five_orders(wire)
    wire.reconnect(LEADER)
    wire.until(lambda: [wire.row(order)["state"] for order in resting] == ["WORKING"] * 3 and wire.net() == 0)
    wire.until(lambda: wire.row(late)["decision"] == "STALE")
    wire.until(lambda: wire.row(left)["state"] == "FILLED")
    assert len(wire.bodies("POST")) == len(wire.copies()) == 5


# F21: a socket that says nothing


@pytest.mark.parametrize("answers_pings", [True, False])
def test_f21_over_the_wire_one_followers_silent_socket_delays_nobody_and_hides_no_fill(
    wires: Callable[..., Wire], answers_pings: bool
) -> None:
    wire = wires(TWO, policy=QUICK)
    assert wire.server.pause_sockets(F, answer_pings=answers_pings) == 1
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, G)["state"] == wire.row(order, F)["state"] == "WORKING")
    wire.exchange.fill(F, wire.copy(F).order_id)
    wire.until(lambda: wire.row(order, F)["state"] == "FILLED")
    assert causes(wire, G) == [] and len(wire.copies(G)) == 1


# T3, F29: logins


def test_t3_over_the_wire_a_wrong_token_and_a_broken_network_are_told_apart(wires: Callable[..., Wire]) -> None:
    wire = wires()
    assert wire.server.drop_sockets(LEADER) == 1
    wire.until(lambda: causes(wire))
    assert causes(wire)[-1].endswith("; the token is valid")
    assert wire.server.wait_for_sockets(1, LEADER)
    wire.server.replace_token(LEADER, "local-token-of-L-renewed")
    wire.server.drop_sockets(LEADER)
    wire.until(lambda: causes(wire)[-1].startswith("token refused"))
    wire.tokens[LEADER] = "local-token-of-L-renewed"
    assert wire.server.wait_for_sockets(1, LEADER)
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order)["state"] == "WORKING")


@pytest.fixture
def waits(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Between two connects of a feed, in place of the waits themselves."""
    drawn: list[float] = []

    class Recorded(Backoff):
        def next_seconds(self) -> float:
            drawn.append(super().next_seconds())
            return 0.0

    monkeypatch.setattr(feed_module, "Backoff", Recorded)
    return drawn


@pytest.mark.parametrize("trouble", ["login refused", "reset after every login"])
def test_f29_over_the_wire_refused_logins_wait_longer_each_time_and_never_in_step(
    wires: Callable[..., Wire], waits: list[float], trouble: str
) -> None:
    """The waits are those that would have been waited: bounds that double to 30 s, and full jitter below them."""
    wire = wires(TWO, policy=QUICK)
    waits.clear()
    if trouble == "login refused":
        wire.server.replace_token(F, "local-token-of-F-renewed")
        wire.server.drop_sockets(F)
        wire.until(lambda: len(waits) >= 12)
        wire.until(lambda: len([cause for cause in causes(wire, F) if cause.startswith("token refused")]) >= 10)
        wire.tokens[F] = "local-token-of-F-renewed"
    else:
        wire.until(lambda: wire.server.drop_sockets(F) >= 0 and len(waits) >= 12)
    bounds = [min(30.0, 0.5 * 2.0**number) for number in range(12)]
    assert all(0 <= wait <= bound for wait, bound in zip(waits[:12], bounds))
    assert len(set(waits[:12])) == 12, "jitter"
    assert max(waits[:12]) > 0.5, "they grow"
    assert wire.server.wait_for_sockets(1, F)
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, F)["state"] == wire.row(order, G)["state"] == "WORKING")
    assert causes(wire, G) == [], "nobody else's connection was touched"


# F30 to F35: what becomes of a request

LOST: dict[str, HttpFault] = {
    "F31 closed without an answer": HttpFault(method="POST", action=Action.CLOSE),
    "F31 reset": HttpFault(method="POST", action=Action.RESET),
    "F33 cut": HttpFault(method="POST", action=Action.TRUNCATE),
    "F33 empty 200": HttpFault(method="POST", body=""),
    "F33 html 200": HttpFault(method="POST", body="<html>OK</html>"),
    "F33 list 200": HttpFault(method="POST", body="[]"),
    "F33 200 without an id": HttpFault(method="POST", body='{"status": "success"}'),
    "F33 unknown order status": HttpFault(method="POST", body='{"orderId": "1", "orderStatus": "PERHAPS"}'),
    "F33 502 html": HttpFault(method="POST", status=502, body="<html>Bad Gateway</html>"),
    "F33 504 json": HttpFault(method="POST", status=504, body='{"message": "Endpoint request timed out"}'),
    "F33 500 list": HttpFault(method="POST", status=500, body="[]"),
    "F33 400 without a code": HttpFault(method="POST", status=400, body='{"status": "failed"}'),
    "F33 302": HttpFault(method="POST", status=302, body=""),
    "F35 DH-908": HttpFault(method="POST", status=500, body=errors("DH-908")),
    "F35 DH-909": HttpFault(method="POST", status=400, body=errors("DH-909")),
    "F35 DH-910": HttpFault(method="POST", status=400, body=errors("DH-910")),
}


@pytest.mark.parametrize("how", LOST)
def test_f31_f33_f35_a_lost_answer_at_one_follower_is_settled_by_evidence_and_delays_no_other(
    wires: Callable[..., Wire], how: str
) -> None:
    wire = wires(TWO, policy=QUICK)
    wire.withhold_news(F)
    wire.server.plan_fault(evolve(LOST[how], account=F))
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, G)["state"] == "WORKING")
    wire.until(lambda: wire.facts(OutcomeUnresolved))
    wire.until(lambda: wire.row(order, F)["state"] == "WORKING")
    wire.release_news(F)
    wire.settle()
    assert len(wire.bodies("POST", F)) == len(wire.copies(F)) == len(wire.copies(G)) == 1
    assert {fact.follower for fact in wire.facts(OutcomeUnresolved)} == {F}
    assert [alert.account for alert in wire.alerts if alert.code == "UNRESOLVED"] == [F]
    wire.cancel(order)
    wire.until(lambda: {wire.copy(F).status, wire.copy(G).status} == {OrderStatus.CANCELLED})


@pytest.mark.parametrize("headers", [(), (("Retry-After", "1"),), (("Retry-After", "soon"),)])
def test_f34_over_the_wire_too_many_requests_are_waited_out_with_or_without_a_hint(
    wires: Callable[..., Wire], headers: tuple[tuple[str, str], ...]
) -> None:
    wire = wires(TWO, policy=QUICK)
    wire.server.plan_fault(
        HttpFault(account=F, method="POST", count=2, execute=False, status=429, body=errors("DH-904"), headers=headers)
    )
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, G)["state"] == "WORKING")
    wire.until(lambda: wire.row(order, F)["state"] == "WORKING")
    assert len(wire.bodies("POST", F)) == 3 and len(wire.copies(F)) == len(wire.copies(G)) == 1
    assert {fact.refusal for fact in wire.facts(RequestRejected)} == {Refusal.RATE_LIMIT}


def test_f35_over_the_wire_a_401_in_the_middle_of_a_burst_loses_and_doubles_nothing(wires: Callable[..., Wire]) -> None:
    wire = wires(TWO, policy=QUICK)
    body = errors("DH-901", "Client ID or user generated access token is invalid or expired.")
    orders = [wire.buy(150, limit(80 + number)) for number in range(2)]
    wire.server.plan_fault(HttpFault(account=F, count=3, execute=False, status=401, body=body))
    orders += [wire.buy(150, limit(82 + number)) for number in range(3)]
    wire.until(lambda: all(wire.row(order, G)["state"] == "WORKING" for order in orders))
    wire.until(lambda: all(wire.row(order, F)["state"] == "WORKING" for order in orders))
    for name in TWO:
        assert len(wire.copies(name)) == 5
        assert {copy.terms for copy in wire.copies(name)} == {limit(80 + number) for number in range(5)}


# F49: names, certificates, proxies and addresses


class Line:
    """A way to the server for one follower that can be made to fail, and made good again."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.front: Front | None = None
        self.prepare(folder, patch)

    def prepare(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        """What the way needs before an account takes it."""

    def __call__(self, server: DhanServer) -> Mapping[str, Any]:
        raise NotImplementedError

    def fail(self) -> None:
        assert self.front is not None
        self.front.fail()

    def heal(self) -> None:
        assert self.front is not None
        self.front.heal()


class Name(Line):
    """The server's name is no longer resolved."""

    def prepare(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.known = True
        real = socket.getaddrinfo

        def resolve(host: Any, *more: Any, **options: Any) -> Any:
            if host == "localhost" and not self.known:
                raise socket.gaierror(socket.EAI_NONAME, "Name or service not known")
            return real("127.0.0.1" if host == "localhost" else host, *more, **options)

        patch.setattr(socket, "getaddrinfo", resolve)

    def __call__(self, server: DhanServer) -> Mapping[str, Any]:
        self.front = Front(urlsplit(server.rest_url).port or 0)
        return {"base_url": f"http://localhost:{self.front.port}/v2"}

    def fail(self) -> None:
        self.known = False
        super().fail()

    def heal(self) -> None:
        super().heal()
        self.known = True


class Handshake(Line):
    """The server ends every connection within the TLS handshake."""

    def prepare(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.server_side, self.client_side = contexts(folder)
        patch.setattr("dhan_copy.dhan.line.tls_context", self.trusted)

    def trusted(self) -> Any:
        return self.client_side

    def __call__(self, server: DhanServer) -> Mapping[str, Any]:
        self.front = Front(urlsplit(server.rest_url).port or 0, tls=self.server_side)
        return {"base_url": f"https://127.0.0.1:{self.front.port}/v2"}


class Certificate(Handshake):
    """Nobody vouches for the server's certificate any more."""

    def prepare(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        super().prepare(folder, patch)
        self.good, self.bad = self.client_side, ssl.create_default_context()

    def fail(self) -> None:
        self.client_side = self.bad
        super().fail()
        assert self.front is not None
        self.front.broken = False

    def heal(self) -> None:
        self.client_side = self.good


class GoneProxy(Line):
    """The proxy ends every connection without a word."""

    def __call__(self, server: DhanServer) -> Mapping[str, Any]:
        self.front = Front(urlsplit(server.rest_url).port or 0, tunnel=True)
        return {"proxy": f"http://127.0.0.1:{self.front.port}"}


@pytest.fixture(params=[Name, Handshake, Certificate, GoneProxy], ids=lambda kind: kind.__name__)
def line(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Line]:
    made: Line = request.param(tmp_path, monkeypatch)
    yield made
    if made.front is not None:
        made.front.close()


def test_f49_a_way_that_fails_delays_nobody_else_and_what_is_still_wanted_leaves_once_it_is_good_again(
    wires: Callable[..., Wire], line: Line
) -> None:
    wire = wires(TWO, policy=QUICK, lines={F: line})
    before = wire.buy(150, limit(89))
    wire.until(lambda: wire.row(before, F)["state"] == wire.row(before, G)["state"] == "WORKING")
    line.fail()
    wire.until(lambda: F in [alert.account for alert in wire.alerts])
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, G)["state"] == "WORKING")
    wire.cancel(before)
    wire.until(lambda: [copy.status for copy in wire.copies(G)] == [OrderStatus.CANCELLED, OrderStatus.PENDING])
    assert [copy.status for copy in wire.copies(F)] == [OrderStatus.PENDING], "nothing has got through"
    line.heal()
    wire.until(lambda: wire.row(order, F)["state"] == "WORKING")
    wire.until(lambda: [copy.status for copy in wire.copies(F)] == [OrderStatus.CANCELLED, OrderStatus.PENDING])
    assert len(wire.copies(F)) == len(wire.copies(G)) == 2
    assert not [fact for fact in wire.facts(OutcomeUnresolved) if fact.follower == G]
    wire.until(lambda: wire.status(F)["unresolved"] == 0)


def test_f49_an_address_that_this_machine_has_lost_sends_nothing_from_another_and_delays_nobody(
    wires: Callable[..., Wire],
) -> None:
    """192.0.2.1 is for documentation (RFC 5737): no machine has it, and no packet is sent to bind to it."""
    wire = wires(TWO, policy=QUICK, lines={F: lambda server: {"source_address": "192.0.2.1"}})
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, G)["state"] == "WORKING")
    wire.until(lambda: F in [alert.account for alert in wire.alerts])
    assert wire.server.requests(F) == () and wire.copies(F) == []
    assert wire.facts(OutcomeUnresolved) == []


def test_f49_a_changed_egress_address_is_told_and_healed(wires: Callable[..., Wire]) -> None:
    wire = wires(TWO, policy=QUICK)
    wire.server.plan_fault(
        HttpFault(account=F, method="POST", count=None, execute=False, status=400, body=errors("DH-905", "Invalid IP"))
    )
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, G)["state"] == "WORKING")
    wire.until(lambda: "BLOCKED_IP" in [alert.code for alert in wire.alerts if alert.account == F])
    wire.server.clear_faults()
    wire.until(lambda: wire.row(order, F)["state"] == "WORKING")
    assert len(wire.copies(F)) == len(wire.copies(G)) == 1
