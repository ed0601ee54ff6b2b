"""An account without its token, but with where that is found."""

from __future__ import annotations

import pytest

from dhan_copy.errors import ConfigurationError
from dhan_copy.logins import DhanLogin
from dhan_copy.protocols import AccountReader, Broker

TOKEN = "eyJ0eXAi.eyJpc3Mi.c2VjcmV0"
LOGIN = DhanLogin(client_id="1000000002", token_env="WIFE_TOKEN", proxy_env="WIFE_PROXY")


def test_it_becomes_an_account_whose_token_is_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("WIFE_TOKEN", TOKEN)
    monkeypatch.setenv("WIFE_PROXY", "http://user:password@127.0.0.1:8080")
    account = LOGIN.account()
    assert (account.client_id, account.has_feed, LOGIN.has_feed) == ("1000000002", True, True)
    broker: Broker = LOGIN.broker()
    assert isinstance(broker, AccountReader)
    LOGIN.feed().close()
    assert TOKEN not in f"{LOGIN!r} {account!r} {broker!r}" and "password" not in f"{LOGIN!r} {account!r}"


def test_a_server_of_ones_own_has_no_feed_unless_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("T", TOKEN)
    login = DhanLogin(client_id="1", token_env="T", base_url="http://127.0.0.1:1/v2")
    assert not login.has_feed
    assert DhanLogin(client_id="1", token_env="T", base_url=login.base_url, feed_url="ws://127.0.0.1:1").has_feed


@pytest.mark.parametrize("value", [None, "", "  "])
def test_a_variable_that_is_not_set_is_named(monkeypatch: pytest.MonkeyPatch, value: str | None) -> None:
    monkeypatch.delenv("WIFE_TOKEN", raising=False)
    if value is not None:
        monkeypatch.setenv("WIFE_TOKEN", value)
    with pytest.raises(ConfigurationError, match="WIFE_TOKEN is not set"):
        LOGIN.broker()


@pytest.mark.parametrize("name", ["token_env", "proxy_env"])
def test_a_token_in_the_place_of_a_variable_is_refused_and_not_shown(name: str) -> None:
    with pytest.raises(ValueError, match=f"{name} must be the name of an environment variable") as caught:
        DhanLogin(**{"client_id": "1", "token_env": "T", name: TOKEN})
    assert TOKEN not in repr(caught.value)
