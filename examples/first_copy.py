"""Copy recorded order updates of a leader to two followers, then restart on the same journal.

    python examples/first_copy.py

Dhan's own recorded order updates travel through a WebSocket into the engine, the dhanhq client sends the followers'
orders over HTTP, and everything is journaled in an SQLite file before it is done. Only Dhan is played, by the local
server that comes with the library. To kill this program and see that a rerun places nothing twice, let the server
outlive it:

    python -m dhan_copy.testing serve > server.json &
    python examples/first_copy.py --server server.json
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.request import ProxyHandler, Request, build_opener

from dhan_copy import CopyEngine, DhanAccount, Follower, Leader, Table
from dhan_copy.dhan import ScripMaster
from dhan_copy.model.times import IST
from dhan_copy.testing import DhanServer

DATA = Path(__file__).parent / "data"
COPIES = ("leader_order_id", "symbol", "side", "quantity", "filled", "follower", "ordered", "done", "terms", "state")


def engine_on(journal: Path, server: dict[str, Any]) -> CopyEngine:
    """The engine as it is for real accounts; there the two URLs are left out."""
    leader, first, second = (
        DhanAccount(a["client_id"], a["access_token"], base_url=server["rest"], feed_url=server["feed"])
        for a in server["accounts"][:3]
    )
    return CopyEngine(
        leaders=[Leader(leader)],
        followers=[Follower(first, size="1", live=True), Follower(second, size="1/2", live=True)],
        store=journal,
        instruments=ScripMaster.load(DATA / "instruments.csv"),  # an order book does not say what a lot is
    )


def trade_as_recorded(server: dict[str, Any], engine: CopyEngine) -> bool:
    """Let the leader's orders happen once more, at the server; returns whether every one was settled in time.

    What happened long ago is not copied, so each update is moved to the present, its times keeping their distances.
    What the leader's book shows already is not told again: a rerun would give the same order other times.
    """
    leader, seen, traded = server["accounts"][0]["client_id"], set(), set()
    for line in (DATA / "order_updates.jsonl").read_text("utf-8").splitlines():
        data = json.loads(line)["Data"]
        book = {row["orderId"]: row["orderStatus"] for row in control(server, f"/orders?account={leader}")["orders"]}
        known = book.get(data["orderNo"])
        if known is None or (data["status"] in ("Traded", "Rejected") and known != data["status"].upper()):
            frame = {"Data": {**data, "clientId": leader, **moved_to_now(data)}, "Type": "order_alert"}
            control(server, "/frame", frame=frame, account=leader)
        if "tradedPrice" in data:  # the market is where the leader traded, so that the followers' orders trade too
            segment = {"D": "NSE_FNO", "E": "NSE_EQ"}[data["segment"]]
            control(server, "/price", segment=segment, security_id=data["securityId"], price=data["tradedPrice"])
            traded.add(data["orderNo"])
        seen.add(data["orderNo"])
        if not wait(lambda: has_copied(engine, len(seen), traded)):
            return False
    return True


def moved_to_now(data: dict[str, Any]) -> dict[str, str]:
    """The times of an update, moved so that its last change is now; Dhan's zero date (year 1) stays."""
    form = "%Y-%m-%d %H:%M:%S"
    moved = datetime.now(IST).replace(tzinfo=None) - datetime.strptime(data["lastUpdatedTime"], form)
    times = {name: datetime.strptime(data[name], form) for name in ("orderDateTime", "exchOrderTime", "lastUpdatedTime")}
    return {name: (at + moved).strftime(form) for name, at in times.items() if at.year > 1}


def has_caught_up(engine: CopyEngine, since: datetime) -> bool:
    """Whether every account's order book has been read since then, and all is well with every account."""
    accounts = list(engine.status())
    read = all(isinstance(at := row["book_read_at"], datetime) and at >= since for row in accounts)
    return read and all(row["health"] == "OK" for row in accounts)


def has_copied(engine: CopyEngine, leader_orders: int, traded: set[str]) -> bool:
    """Whether every leader order has its decision, and every order that follows from it its place at the broker.

    What an earlier run was told last may still wait for the market to come where the leader ``traded``.
    What an earlier run was killed over before it left stays UNRESOLVED, with an alarm, until its absence is proven:
    minutes that the other orders need not wait.
    """
    rows = list(engine.orders())
    copies = [row for row in rows if row["decision"] == "COPIED" and row["state"] != "UNRESOLVED"]
    decided = len(rows) >= 2 * leader_orders and all(row["decision"] for row in rows)
    placed = all(row["state"] not in (None, "ISSUED") for row in copies)
    filled = [row["done"] == row["ordered"] for row in copies if row["leader_order_id"] in traded]
    return decided and placed and all(filled)


def control(server: dict[str, Any], command: str, **fields: object) -> dict[str, Any]:
    """Ask the local server's control endpoint, which plays the leader and the market: there is none at Dhan."""
    request = Request(server["control"] + command, json.dumps(fields).encode() if fields else None)
    with build_opener(ProxyHandler({})).open(request, timeout=10) as answer:
        found: dict[str, Any] = json.load(answer)
    return found


def wait(condition: Callable[[], bool]) -> bool:
    end = time.monotonic() + 30
    while not (holds := condition()) and time.monotonic() < end:
        time.sleep(0.05)
    return holds


@contextmanager
def server_at(given: str | None) -> Iterator[dict[str, Any]]:
    """The running server that ``given`` names (a file with its JSON line, or the line), or else one of our own."""
    if given is not None:
        yield json.loads(given if given.lstrip().startswith("{") else Path(given).read_text("utf-8"))
        return
    with DhanServer(accounts=3) as own:
        accounts = [{"client_id": a.client_id, "access_token": a.access_token} for a in own.accounts]
        yield {"rest": own.rest_url, "feed": own.feed_url, "control": own.control_url, "accounts": accounts}


def main() -> int:
    parser = argparse.ArgumentParser(description="Copies recorded order updates to two followers, then restarts.")
    parser.add_argument("--journal", type=Path, default=Path("first_copy.db"), help="SQLite file (default %(default)s)")
    parser.add_argument("--server", metavar="FILE_OR_JSON", help="a running server (default: one of our own)")
    options = parser.parse_args()
    if options.journal.exists():
        print(f"{options.journal} is of an earlier run: what it knows is not sent again. Delete it to begin anew.\n")

    with server_at(options.server) as server:
        began = datetime.now(IST)
        with engine_on(options.journal, server) as engine:
            settled = wait(lambda: has_caught_up(engine, began))
            settled &= trade_as_recorded(server, engine)
            print(Table.of("copied", COPIES, [row for row in engine.orders() if row["state"]]), end="\n\n")
            others = [row for row in engine.decisions() if row["code"] != "COPIED"]
            print(Table.of("not copied", ("leader_order_id", "follower", "reason", "detail"), others), end="\n\n")

        before, began = len(control(server, "/broker-log")["requests"]), datetime.now(IST)
        with engine_on(options.journal, server) as engine:
            settled &= wait(lambda: has_caught_up(engine, began))
        after = len(control(server, "/broker-log")["requests"])
        print(f"The broker got {before} order requests. Restarted on {options.journal}: {after - before} more.")
    if not settled:
        print("Not everything is settled: see the tables, and the alerts in the journal.", file=sys.stderr)
    return 0 if after == before else 1


if __name__ == "__main__":
    sys.exit(main())
