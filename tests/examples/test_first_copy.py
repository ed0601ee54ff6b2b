"""The main job: recorded updates over a real socket, copied by the real client, and a restart that sends nothing."""

from __future__ import annotations

import json
from pathlib import Path

from dhan_copy import SqliteStore
from tests.examples.day import EXPECTED, FULL, HALF, copies
from tests.examples.runs import EXAMPLES, ask, finished, served

DATA = Path(__file__).parent.parent / "data" / "order_updates.jsonl"


def test_it_shows_what_was_copied_and_why_the_rest_was_not(tmp_path: Path) -> None:
    status, said, errors = finished(tmp_path, "first_copy.py")
    assert (status, errors) == (0, "")
    copied, others, last = said.split("\n\n")
    assert copied.startswith("copied: 13 rows")
    assert copied.count(FULL) == 8 and copied.count(HALF) == 5
    assert others.startswith("not copied: 7 rows")
    for why in (
        "37.5 of a lot of 75", "0.5 of a lot of 1", "100 of a lot of 200", "child of a Forever order",
        "You have insufficient funds. Please add Rs.23.67 to trade.",
    ):  # fmt: skip
        assert why in others
    assert last.strip().endswith("Restarted on first_copy.db: 0 more.")
    assert "local-token" not in said


def test_a_second_run_on_the_same_journal_and_server_sends_nothing(tmp_path: Path) -> None:
    with served(tmp_path) as server:
        (tmp_path / "server.json").write_text(server)
        arguments = ("--server", "server.json", "--journal", "day.db")
        status, said, errors = finished(tmp_path, "first_copy.py", *arguments)
        assert (status, errors) == (0, "")
        log, leaders = ask(server, "/broker-log"), ask(server, "/orders?account=1000000001")
        assert {name: copies(ask(server, f"/orders?account={name}")) for name in EXPECTED} == EXPECTED
        assert f"The broker got {len(log)} order requests." in said

        status, again, errors = finished(tmp_path, "first_copy.py", "--server", server, "--journal", "day.db")
        assert (status, errors) == (0, "")
        assert ask(server, "/broker-log") == log
        assert ask(server, "/orders?account=1000000001") == leaders, "the same orders with the same times"
    assert said.split("\n\n")[0] in again
    assert not (tmp_path / "first_copy.db").exists()
    journal = SqliteStore.open_readonly(tmp_path / "day.db")
    tokens = [account["access_token"] for account in json.loads(server)["accounts"]]
    assert not [entry for entry in journal.read() if any(token in repr(entry) for token in tokens)]
    journal.close()


def test_the_recorded_updates_are_the_field_captures() -> None:
    """The documentation's own sample, the last line, is not what the wire sends."""
    shipped = (EXAMPLES / "data" / "order_updates.jsonl").read_text("utf-8").splitlines()
    assert shipped == DATA.read_text("utf-8").splitlines()[:11]
