"""An account is checked when it is made, and never shows its token."""

from __future__ import annotations

import copy
import pickle
import traceback

import pytest

from dhan_copy.dhan.account import LIVE_BASE_URL, LIVE_FEED_URL, SANDBOX_BASE_URL, DhanAccount
from dhan_copy.dhan.broker import DhanBroker
from dhan_copy.dhan.feed import DhanOrderFeed
from dhan_copy.dhan.secret import AccessToken
from dhan_copy.errors import ConfigurationError
from tests.dhan.servers import CANARY, HttpServer, accept_tunnel, listener, reply

ENVIRONMENT = {"DHAN_WIFE_CLIENT_ID": "1000000002", "DHAN_WIFE_ACCESS_TOKEN": CANARY}


def test_it_gives_a_broker_and_a_feed() -> None:
    account = DhanAccount("1000000001", CANARY)
    assert isinstance(account.broker(), DhanBroker)
    assert isinstance(account.feed(), DhanOrderFeed)
    assert account.client_id == "1000000001" and account.has_feed
    assert LIVE_FEED_URL in repr(account.feed())


def test_each_broker_has_a_connection_of_its_own(http_server: HttpServer) -> None:
    account = DhanAccount("1000000001", CANARY, base_url=http_server.url)
    account.broker().orders()
    account.broker().orders()
    assert http_server.connections == 2


@pytest.mark.parametrize(
    "token", [CANARY, AccessToken(CANARY), lambda: CANARY, lambda: AccessToken(CANARY)], ids=["str", "token", "f", "g"]
)
def test_a_token_comes_in_four_shapes(http_server: HttpServer, token: object) -> None:
    DhanAccount("1000000001", token, base_url=http_server.url).broker().orders()  # type: ignore[arg-type]
    assert http_server.requests[0].headers["access-token"] == CANARY


@pytest.mark.parametrize("client_id", ["", " ", "100 1", "1\r\nx: y", "1" * 33, 1000000001, None])
def test_a_client_id_that_is_none_is_refused(client_id: object) -> None:
    with pytest.raises(ConfigurationError, match="client_id"):
        DhanAccount(client_id, CANARY)  # type: ignore[arg-type]


@pytest.mark.parametrize("token", ["", "   ", f"{CANARY} {CANARY}", f"{CANARY}\r\nx: y", f"{CANARY}\u20b9", None, 7])
def test_a_token_that_is_none_is_refused_without_being_shown(token: object) -> None:
    with pytest.raises(ConfigurationError) as refused:
        DhanAccount("1000000001", token)  # type: ignore[arg-type]
    assert CANARY not in "".join(traceback.format_exception(refused.value))


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.dhan.co",
        "ftp://api.dhan.co",
        "http://api.dhan.co/v2",
        "https://",
        "https://user:pass@api.dhan.co/v2",
        "https://api.dhan.co/v2?x=1",
        "https://api.dhan.co/v2#x",
        "https://api.dhan.co:99999",
        "https://api.dhan.co:x",
        "https://api.dhan.co/v2\r\n",
        "https://api.dhan.co /v2",
        "http://10.0.0.1/v2",
        None,
    ],
)
def test_a_url_that_would_not_do_is_refused(url: object) -> None:
    with pytest.raises(ConfigurationError, match="base_url"):
        DhanAccount("1000000001", CANARY, base_url=url)  # type: ignore[arg-type]


@pytest.mark.parametrize("url", ["ws://api-order-update.dhan.co", "https://api-order-update.dhan.co", "wss://"])
def test_a_feed_url_that_would_not_do_is_refused(url: str) -> None:
    with pytest.raises(ConfigurationError, match="feed_url"):
        DhanAccount("1000000001", CANARY, feed_url=url)


@pytest.mark.parametrize("host", ["127.0.0.1", "127.9.9.9", "localhost", "[::1]"])
def test_this_machine_may_be_spoken_to_in_the_clear(host: str) -> None:
    assert DhanAccount("1000000001", CANARY, base_url=f"http://{host}:8080/v2", feed_url=f"ws://{host}:8081").has_feed


@pytest.mark.parametrize("seconds", [0, -1, 601, float("nan")])
def test_a_timeout_has_bounds(seconds: float) -> None:
    with pytest.raises(ConfigurationError, match="timeout_seconds"):
        DhanAccount("1000000001", CANARY, timeout_seconds=seconds)


@pytest.mark.parametrize("address", ["", "eth0", "300.1.1.1", ("127.0.0.1", -1), ("127.0.0.1", 70000), ("127.0.0.1",)])
def test_a_source_address_is_an_address_of_this_machine(address: object) -> None:
    with pytest.raises(ConfigurationError, match="source_address"):
        DhanAccount("1000000001", CANARY, source_address=address)  # type: ignore[arg-type]


@pytest.mark.parametrize("address", ["127.0.0.3", ("127.0.0.3", 0)])
def test_a_source_address_is_left_from(http_server: HttpServer, address: str | tuple[str, int]) -> None:
    seen: list[object] = []

    def look(sock: object, request: object) -> None:
        seen.append(sock.getpeername()[0])  # type: ignore[attr-defined]
        reply(200, [])(sock, request)  # type: ignore[arg-type]

    http_server.plan(look)
    DhanAccount("1000000001", CANARY, base_url=http_server.url, source_address=address).broker().orders()
    assert seen == ["127.0.0.3"]


@pytest.mark.parametrize("proxy", ["proxy:8080", "https://proxy:8080", "http://proxy", "http://proxy:8080/x", "", 8080])
def test_a_proxy_that_would_not_do_is_refused(proxy: object) -> None:
    with pytest.raises(ConfigurationError, match="proxy"):
        DhanAccount("1000000001", CANARY, proxy=proxy)  # type: ignore[arg-type]


def test_a_proxy_is_gone_through(http_server: HttpServer) -> None:
    with listener() as server:
        head = accept_tunnel(server, http_server.listener.getsockname())
        proxy = f"http://user:p%40ss@127.0.0.1:{server.getsockname()[1]}"
        account = DhanAccount("1000000001", CANARY, base_url="http://127.0.0.1:1/v2", proxy=proxy)
        account.broker().orders()
        assert "p@ss" not in repr(account)
    written = head.get(timeout=20)
    assert written.startswith("CONNECT 127.0.0.1:1 ") and CANARY not in written
    assert http_server.requests[0].headers["host"] == "127.0.0.1:1"


def test_the_sandbox_has_no_socket() -> None:
    account = DhanAccount.sandbox("1000000001", CANARY)
    assert not account.has_feed
    with pytest.raises(ConfigurationError, match="no order-update socket"):
        account.feed()
    assert SANDBOX_BASE_URL != LIVE_BASE_URL


def test_another_server_never_gets_dhans_live_socket() -> None:
    assert not DhanAccount("1000000001", CANARY, base_url="http://127.0.0.1:1/v2").has_feed
    assert DhanAccount("1000000001", CANARY, base_url=LIVE_BASE_URL + "/").has_feed


def test_an_account_from_the_environment(monkeypatch: pytest.MonkeyPatch, http_server: HttpServer) -> None:
    for name, value in (ENVIRONMENT | {"DHAN_WIFE_BASE_URL": http_server.url}).items():
        monkeypatch.setenv(name, value)
    account = DhanAccount.from_env("WIFE")
    assert account.client_id == "1000000002"
    broker = account.broker()
    broker.orders()
    monkeypatch.setenv("DHAN_WIFE_ACCESS_TOKEN", "renewed")
    broker.orders()
    assert [r.headers["access-token"] for r in http_server.requests] == [CANARY, "renewed"]


@pytest.mark.parametrize("missing", ENVIRONMENT)
@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_missing_variable_is_named(missing: str, value: str | None) -> None:
    environ = {name: text for name, text in ENVIRONMENT.items() if name != missing}
    if value is not None:
        environ[missing] = value
    with pytest.raises(ConfigurationError, match=missing) as refused:
        DhanAccount.from_env("WIFE", environ=environ)
    assert CANARY not in str(refused.value)


@pytest.mark.parametrize(
    ("variable", "value"),
    [
        ("DHAN_WIFE_ACCESS_TOKEN", f"{CANARY} {CANARY}"),
        ("DHAN_WIFE_BASE_URL", "http://api.dhan.co"),
        ("DHAN_WIFE_FEED_URL", "http://127.0.0.1"),
        ("DHAN_WIFE_SOURCE_ADDRESS", "eth0"),
        ("DHAN_WIFE_PROXY", "proxy"),
    ],
)
def test_a_bad_variable_is_refused(variable: str, value: str) -> None:
    with pytest.raises(ConfigurationError, match=variable.removeprefix("DHAN_WIFE_").lower() + "|" + variable) as bad:
        DhanAccount.from_env("WIFE", environ=ENVIRONMENT | {variable: value})
    assert CANARY not in "".join(traceback.format_exception(bad.value))


def test_every_variable_is_read() -> None:
    more = {
        "DHAN_WIFE_BASE_URL": "http://127.0.0.1:1/v2",
        "DHAN_WIFE_FEED_URL": "ws://127.0.0.1:2",
        "DHAN_WIFE_SOURCE_ADDRESS": "127.0.0.1",
        "DHAN_WIFE_PROXY": "http://127.0.0.1:3",
    }
    account = DhanAccount.from_env("WIFE", environ=ENVIRONMENT | more)
    assert "ws://127.0.0.1:2" in repr(account.feed())


@pytest.mark.parametrize("name", ["", "wife", "MY WIFE", "A-B"])
def test_a_name_is_one_that_a_variable_can_carry(name: str) -> None:
    with pytest.raises(ConfigurationError, match="named"):
        DhanAccount.from_env(name, environ=ENVIRONMENT)


@pytest.mark.parametrize("token", [CANARY, lambda: CANARY])
def test_an_account_shows_no_token_and_is_not_pickled(token: object) -> None:
    account = DhanAccount("1000000001", token)  # type: ignore[arg-type]
    assert CANARY not in f"{account} {account!r} {account.broker()!r} {account.feed()!r}"
    for refused in (pickle.dumps, copy.deepcopy):
        with pytest.raises(TypeError) as error:
            refused(account)  # type: ignore[operator]
        assert CANARY not in str(error.value)


def test_s1_only_dhans_own_address_is_on_an_exchange_with_hours() -> None:
    assert DhanAccount("1000000001", CANARY).on_exchange
    assert not DhanAccount.sandbox("1000000001", CANARY).on_exchange
    assert not DhanAccount("1000000001", CANARY, base_url="http://127.0.0.1:1/v2").on_exchange
