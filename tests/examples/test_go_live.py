"""The example is refused for the address, and starts once that is registered."""

from __future__ import annotations

from pathlib import Path

from tests.examples.runs import finished


def test_k5_it_is_refused_says_what_to_do_and_starts_when_it_is_done(tmp_path: Path) -> None:
    status, said, errors = finished(tmp_path, "go_live.py")
    assert (status, errors) == (0, "")
    before, registered, after = said.partition("The address is registered.")
    assert "SOURCE_IP of 1000000002: orders are not taken from here. registered: 192.0.2.7; seen: 127.0.0.1" in before
    assert registered and "OK SOURCE_IP 1000000002" in after and "OK TOKEN 1000000002" in after
    assert "follower" in after.split("status:")[1]
