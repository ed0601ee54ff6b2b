"""Addresses are checked before anything connects to them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.dhan.dial import Proxy
from dhan_copy.dhan.endpoints import checked_url, proxy_of, source_of
from dhan_copy.errors import ConfigurationError


@pytest.mark.parametrize("url", ["https://api.dhan.co/v2", "https://127.0.0.1:8443", "http://localhost:80/v2"])
def test_a_good_url_stays_as_it_is(url: str) -> None:
    assert checked_url("base_url", url, "https", "http") == url


@given(host=st.from_regex(r"[a-z]{1,8}\.(co|in|example)", fullmatch=True) | st.ip_addresses(v=4, network="10.0.0.0/8"))
def test_the_token_never_travels_in_the_clear(host: object) -> None:
    with pytest.raises(ConfigurationError, match="carries the token"):
        checked_url("base_url", f"http://{host}/v2", "https", "http")


@given(st.text())
def test_any_text_is_a_url_or_a_configuration_error(text: str) -> None:
    try:
        checked_url("base_url", text, "https", "http")
    except ConfigurationError as error:
        assert error.message.startswith("base_url")


@pytest.mark.parametrize(
    ("text", "proxy"),
    [
        (None, None),
        ("http://proxy.example:8080", Proxy("proxy.example", 8080)),
        ("http://proxy.example:8080/", Proxy("proxy.example", 8080)),
        ("http://me@proxy.example:8080", Proxy("proxy.example", 8080, "me:")),
        ("http://me:p%40ss%3A@proxy.example:8080", Proxy("proxy.example", 8080, "me:p@ss:")),
        ("http://[::1]:8080", Proxy("::1", 8080)),
    ],
)
def test_a_proxy(text: str | None, proxy: Proxy | None) -> None:
    assert proxy_of(text) == proxy


@given(st.text())
def test_any_text_is_a_proxy_or_a_configuration_error(text: str) -> None:
    try:
        proxy_of(f"http://user:secret@{text}")
    except ConfigurationError as error:
        assert "secret" not in error.message


@pytest.mark.parametrize(
    ("address", "source"),
    [(None, None), ("192.0.2.1", ("192.0.2.1", 0)), (("192.0.2.1", 7), ("192.0.2.1", 7)), ("::1", ("::1", 0))],
)
def test_a_source_address(address: str | tuple[str, int] | None, source: tuple[str, int] | None) -> None:
    assert source_of(address) == source
