"""The command line of the testing kit: ``python -m dhan_copy.testing serve``, ``simulate`` and ``crash``."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import threading
from collections.abc import Sequence

from dhan_copy.testing.crash import cli as crashing
from dhan_copy.testing.power import cli as power_cuts
from dhan_copy.testing.server import DhanServer, Dialect
from dhan_copy.testing.server.control import control_help
from dhan_copy.testing.simulation import cli as simulation

SERVE = """\
Run a local Dhan server until interrupted (SIGINT or SIGTERM). It prints one JSON line and nothing else:
  {"rest": "http://127.0.0.1:PORT/v2", "feed": "ws://127.0.0.1:PORT", "control": "http://127.0.0.1:PORT/control",
   "accounts": [{"client_id": "...", "access_token": "..."}, ...]}

Point dhanhq there with context.get_dhan_http().base_url = rest, and its OrderUpdate with order_feed_wss = feed.
Orders placed over REST into any account are announced on that account's sockets. Nothing trades until a price is set
or an order is filled through the control endpoint.
"""


interruption = threading.Event


def parser() -> argparse.ArgumentParser:
    """Commands and options."""
    root = argparse.ArgumentParser(prog="python -m dhan_copy.testing", description="The testing kit of dhan_copy.")
    commands = root.add_subparsers(dest="command", required=True)
    serve = commands.add_parser(
        "serve",
        help="run a local Dhan server",
        description=SERVE,
        epilog=control_help(),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    serve.add_argument("--port", type=int, default=0, help="port of REST and control (default 0: any that is free)")
    serve.add_argument("--feed-port", type=int, default=0, help="port of the socket (default 0: any that is free)")
    serve.add_argument("--accounts", type=_count, default=3, metavar="N", help="how many accounts to make up (default 3)")
    serve.add_argument(
        "--account",
        type=_account,
        action="append",
        default=[],
        metavar="ID:TOKEN",
        help="an account by client id and token, instead of made-up ones; may be repeated",
    )
    serve.add_argument("--no-rate-limits", action="store_true", help="count requests but refuse none")
    serve.add_argument(
        "--external-as-object", action="store_true", help="GET /orders/external/{tag} answers an object, not a list"
    )
    serve.add_argument(
        "--holdings-error", action="store_true", help="GET /holdings without holdings answers DH-1111, not a list"
    )
    serve.add_argument("--partial-status", default="Pending", help="status of frames about partial fills (default Pending)")
    simulate = commands.add_parser(
        "simulate",
        help="trading days under faults, on virtual time",
        description=simulation.SIMULATE,
        epilog="faults:\n" + simulation.describe_faults().replace("%", "%%"),
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    simulation.add_options(simulate)
    power = commands.add_parser("power", help="power cuts under the journal", description=power_cuts.POWER)
    power_cuts.add_options(power)
    crash = commands.add_parser("crash", help="the process dies at lines of library code", description=crashing.CRASH)
    crashing.add_options(crash)
    return root


def main(arguments: Sequence[str] | None = None) -> int:
    """Run a command; returns the exit status."""
    options = parser().parse_args(arguments)
    if options.command == "power":
        return power_cuts.run(options, print)
    if options.command == "simulate":
        return simulation.run(options, print)
    return crashing.run(options, print) if options.command == "crash" else _serve(options)


def _serve(options: argparse.Namespace) -> int:
    dialect = Dialect(
        external_as_object=options.external_as_object,
        holdings_error=options.holdings_error,
        partial_status=options.partial_status,
    )
    server = DhanServer(options.account or options.accounts, port=options.port, feed_port=options.feed_port, dialect=dialect)
    if options.no_rate_limits:
        server.set_limits(())
    interrupted = interruption()
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, lambda *_: interrupted.set())
    with server:
        print(json.dumps(_urls(server)), flush=True)
        interrupted.wait()
    return 0


def _urls(server: DhanServer) -> dict[str, object]:
    return {
        "rest": server.rest_url,
        "feed": server.feed_url,
        "control": server.control_url,
        "accounts": [{"client_id": a.client_id, "access_token": a.access_token} for a in server.accounts],
    }


def _count(text: str) -> int:
    count = int(text)
    if count < 1:
        raise ValueError(text)
    return count


def _account(text: str) -> tuple[str, str]:
    client_id, colon, token = text.partition(":")
    if not (client_id and colon and token):
        raise ValueError(text)
    return client_id, token


if __name__ == "__main__":
    sys.exit(main())
