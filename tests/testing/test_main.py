"""The server runs from the command line, says where it is in one line, and ends cleanly."""

from __future__ import annotations

import json
import os
import signal
import subprocess
import sys
from urllib.request import urlopen

import dhanhq
import pytest

from dhan_copy.testing.__main__ import main
from dhan_copy.testing.server.control import COMMANDS

TIMEOUT = 60


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_serve_prints_one_line_and_runs_until_interrupted(number: signal.Signals) -> None:
    command = [sys.executable, "-m", "dhan_copy.testing", "serve", "--port", "0", "--accounts", "2"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=os.environ) as server:
        assert server.stdout is not None
        said = json.loads(server.stdout.readline())
        assert sorted(said) == ["accounts", "control", "feed", "rest"]
        assert [account["client_id"] for account in said["accounts"]] == ["1000000001", "1000000002"]
        account = said["accounts"][0]
        context = dhanhq.DhanContext(account["client_id"], account["access_token"])
        context.get_dhan_http().base_url = said["rest"]
        assert dhanhq.dhanhq(context).get_order_list() == {"status": "success", "remarks": "", "data": []}
        with urlopen(said["control"] + "/accounts", timeout=TIMEOUT) as answer:
            assert json.load(answer)["accounts"][1] == {"client_id": "1000000002", "sockets": 0}
        context.get_dhan_http().session.close()
        server.send_signal(number)
        rest, errors = server.communicate(timeout=TIMEOUT)
    assert (server.returncode, rest, errors) == (0, "", "")


def test_the_help_documents_the_control_endpoint(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(["serve", "--help"])
    assert ended.value.code == 0
    text = capsys.readouterr().out
    for command in COMMANDS:
        assert f"{command.method} {command.path}" in text


@pytest.mark.parametrize(
    "arguments", [[], ["serve", "--account", "no-colon"], ["serve", "--accounts", "0"], ["serve", "--port", "x"]]
)
def test_wrong_arguments_are_told(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert "usage:" in capsys.readouterr().err


def test_options_reach_the_server(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    handlers = {}
    monkeypatch.setattr(signal, "signal", handlers.__setitem__)

    class Interrupted:
        def set(self) -> None: ...

        def wait(self) -> None:
            handlers[signal.SIGTERM](signal.SIGTERM, None)

    import dhan_copy.testing.__main__ as module

    monkeypatch.setattr(module, "interruption", Interrupted)
    options = ["--account", "77:secret:x", "--no-rate-limits", "--external-as-object", "--holdings-error"]
    assert main(["serve", *options]) == 0
    said = json.loads(capsys.readouterr().out)
    assert said["accounts"] == [{"client_id": "77", "access_token": "secret:x"}]


def test_the_package_gives_its_names_when_they_are_asked_for() -> None:
    import dhan_copy.testing as kit

    assert all(getattr(kit, name) is not None for name in kit.__all__)
    assert sorted(kit.__all__) == dir(kit)
    with pytest.raises(AttributeError):
        kit.Nothing  # type: ignore[attr-defined]
    loaded = "import sys, dhan_copy.testing; print([m for m in ('websockets', 'hypothesis') if m in sys.modules])"
    said = subprocess.run([sys.executable, "-c", loaded], capture_output=True, text=True, check=True, timeout=TIMEOUT)
    assert said.stdout.strip() == "[]"
