"""K7: every account leaves by its own way, for Dhan takes orders only from the address that is registered for it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path
from urllib.parse import urlsplit

from dhan_copy.testing import DhanServer, RequestKind
from tests.scenarios.front import Front
from tests.scenarios.kit import F, G, Stage, Wire, limit

TWO = {F: "1/2", G: "1/2"}
OWN, REGISTERED_ELSEWHERE = "127.0.0.2", "127.0.0.3"
PLACE = RequestKind.PLACE


def bound(address: str) -> Callable[[DhanServer], Mapping[str, object]]:
    return lambda server: {"source_address": address}


def codes(stage: Stage) -> set[str]:
    return {alert.code for alert in stage.alerts}


def test_k7_a_follower_is_bound_to_its_own_source_address(wires: Callable[..., Wire]) -> None:
    wire = wires(TWO, lines={F: bound(OWN)})
    wire.server.register_address(F, OWN)
    wire.server.register_address(G, "127.0.0.1")
    order = wire.buy(150, limit(90))
    wire.until(lambda: [wire.row(order, name)["state"] for name in TWO] == ["WORKING"] * 2)
    assert "BLOCKED_IP" not in codes(wire)


def test_k7_from_another_address_orders_are_refused_and_reads_are_not(wires: Callable[..., Wire]) -> None:
    wire = wires(TWO, lines={F: bound(OWN)})
    wire.server.register_address(F, REGISTERED_ELSEWHERE)
    order = wire.buy(150, limit(90))
    wire.until(lambda: wire.row(order, G)["state"] == "WORKING")
    wire.until(lambda: "BLOCKED_IP" in codes(wire))
    assert wire.requests(PLACE, F) == [] and wire.copies(F) == []
    assert any(request.method == "GET" and request.status == 200 for request in wire.server.requests(F))
    assert str(wire.status(F)["health"]).startswith("BLOCKED (IP)")


def test_k7_a_follower_goes_through_its_own_proxy_and_by_no_other_way(wires: Callable[..., Wire]) -> None:
    fronts: list[Front] = []

    def proxied(server: DhanServer) -> Mapping[str, object]:
        """Addresses of the server at which nobody listens: only the tunnel ends where it does."""
        front = Front(0, tunnel=True)
        fronts.append(front)
        rest, feed = urlsplit(server.rest_url), urlsplit(server.feed_url)
        return {
            "base_url": f"http://127.0.0.9:{rest.port}{rest.path}", "feed_url": f"ws://127.0.0.9:{feed.port}",
            "proxy": f"http://127.0.0.1:{front.port}",
        }  # fmt: skip

    wire = wires(TWO, lines={F: proxied})
    with closing(fronts[0]):
        order = wire.buy(150, limit(90))
        wire.until(lambda: [wire.row(order, name)["state"] for name in TWO] == ["WORKING"] * 2)
        assert wire.server.wait_for_sockets(1, F, 30.0), "its order updates come through the proxy too"
        wire.engine.stop()


def test_k7_the_readme_says_what_the_rules_allow() -> None:
    text = " ".join((Path(__file__).parents[2] / "README.md").read_text("utf-8").split())
    for words in (
        "SEBI's framework for retail algorithmic trading", "your immediate family", "One static IP address per account",
        "no two users may use the same address", "source_address=", "proxy=",
    ):  # fmt: skip
        assert words in text
