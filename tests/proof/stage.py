"""What the proofs share: a server that outlives the engines, engines in processes of their own, and the comparison of
what was placed with what the leader ordered and the journal knows."""

from __future__ import annotations

import json
import os
import queue
import signal
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from decimal import Decimal
from pathlib import Path

import pytest

from dhan_copy import SqliteStore
from dhan_copy.core.facts import AlertRaised, Fact, RequestIssued
from dhan_copy.model.order import Side
from dhan_copy.testing import DhanServer, NewOrder, SimulatedOrder
from tests.examples.runs import environment
from tests.scenarios import kit
from tests.scenarios.day_kit import until

LONG = int(os.environ.get("DHAN_COPY_STRACE_KILLS", "0"))
"""How many times each fault of a kind strikes in a long run; 0 for the short one."""
COPIER = Path(__file__).with_name("copier.py")
TIMEOUT_SECONDS = 60.0
SHARE = kit.INSTRUMENTS[1]


class Copier:
    """An engine's process."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self._lines: queue.SimpleQueue[str] = queue.SimpleQueue()
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self._lines.put(line.strip())
        self._lines.put("")

    def line(self) -> str:
        """The next line that it says; empty when it has ended."""
        return self._lines.get(timeout=TIMEOUT_SECONDS)

    def news(self) -> str:
        """The next line but ``started``."""
        return line if (line := self.line()) != "started" else self.line()

    def tell(self, words: str) -> None:
        assert self.process.stdin is not None
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def ended(self) -> int:
        """Its exit status, waited for."""
        status = self.process.wait(TIMEOUT_SECONDS)
        self._reader.join(TIMEOUT_SECONDS)
        return status

    def stop(self) -> None:
        self.tell("stop")
        assert self.ended() == 0

    def kill(self) -> None:
        os.killpg(self.process.pid, signal.SIGKILL)  # strace alone would leave what it traces running
        self.ended()


class Stage:
    """A leader and a follower on a local server, and the journal of whoever copies between them."""

    def __init__(self, server: DhanServer, folder: Path) -> None:
        self.server = server
        self.folder = folder
        self.journal = folder / "journal.db"
        self.leader, self.follower = (account.client_id for account in server.accounts)
        self.wanted: Counter[Decimal] = Counter()

    @contextmanager
    def copier(self, *, before: Sequence[str] = (), journal: Path | None = None, **options: object) -> Iterator[Copier]:
        """An engine's process; ``before`` is the command that it runs under."""
        accounts = [
            {"id": a.client_id, "token": a.access_token, "rest": self.server.rest_url, "feed": self.server.feed_url}
            for a in self.server.accounts
        ]
        options = {"accounts": accounts, "journal": str(journal or self.journal), **options}
        with subprocess.Popen(
            [*before, sys.executable, str(COPIER), json.dumps(options)],
            cwd=self.folder, env=environment(self.folder), text=True,
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, start_new_session=True,
        ) as process:  # fmt: skip
            copier = Copier(process)
            try:
                yield copier
            finally:
                if process.poll() is None:
                    copier.kill()

    def order(self, *prices: int) -> None:
        """The leader buys at each of these limits, far from the market."""
        for price in prices:
            new = NewOrder(key=SHARE.key, side=Side.BUY, quantity=10, terms=kit.limit(price))
            self.server.exchange.place(self.leader, new)
            self.wanted[Decimal(price)] += 1

    def order_until_it_ends(self, copier: Copier) -> None:
        """The leader buys at one limit after the other, each when the last one was copied."""
        for price in range(300, 400):
            self.order(price)
            until(lambda: copier.process.poll() is not None or self.placed_at(price))
            if copier.process.poll() is not None:
                return
        raise AssertionError("nothing ended it")

    def placed_at(self, price: int) -> bool:
        return any(order.price == price for order in self.placed())

    def placed(self) -> Sequence[SimulatedOrder]:
        return self.server.exchange.orders(self.follower)

    def sent(self) -> int:
        """Requests for orders that the follower's broker got."""
        return sum(request.method != "GET" for request in self.server.requests(self.follower))

    def facts(self) -> list[Fact]:
        store = SqliteStore.open_readonly(self.journal)
        try:
            return [entry.fact for entry in store.read()]
        finally:
            store.close()

    def lost(self) -> set[str]:
        """Orders that were journaled and never left, for which there are alarms."""
        alerts = [fact for fact in self.facts() if isinstance(fact, AlertRaised)]
        alarmed = {alert.client_order_id for alert in alerts if alert.code in ("UNRESOLVED", "WITHHELD")}
        return {tag for tag in alarmed if tag} - {order.tag for order in self.placed()}

    def check_rows(self) -> None:
        """Every order that is there has its row in the journal."""
        issued = {fact.request.client_order_id for fact in self.facts() if isinstance(fact, RequestIssued)}
        assert {order.tag for order in self.placed()} <= issued

    def check(self) -> None:
        """Wait until the leader's orders are each there once, or once in an alarm."""
        until(lambda: len(self.placed()) + len(self.lost()) >= self.wanted.total())
        tags = [order.tag for order in self.placed()]
        assert len(tags) == len(set(tags)), f"one id twice in {tags}"
        placed = Counter(order.price for order in self.placed())
        assert not placed - self.wanted, f"{placed} where the leader ordered {self.wanted}"
        assert (self.wanted - placed).total() == len(self.lost())
        self.check_rows()

    def check_a_restart_goes_on(self, *prices: int) -> None:
        with self.copier() as copier:
            said = copier.news()
            assert said == "ready", said
            self.order(*prices)
            self.check()
            copier.stop()


@contextmanager
def staged(folder: Path) -> Iterator[Stage]:
    with DhanServer(accounts=2, instruments=[SHARE]) as server:
        yield Stage(server, folder)


def why_no_strace() -> str | None:
    """Why system calls cannot be tampered with here; None where they can."""
    probe = ["strace", "-f", "-qq", "--seccomp-bpf", "-o", os.devnull, "-e", "inject=fsync:error=EIO", "true"]
    try:
        done = subprocess.run(probe, capture_output=True, text=True, timeout=TIMEOUT_SECONDS)
    except FileNotFoundError:
        return "strace is not installed"
    return f"strace cannot trace here: {done.stderr.strip()}" if done.returncode else None


needs_strace = pytest.mark.skipif(bool(found := why_no_strace()), reason=found or "")


long_run = pytest.mark.skipif(not LONG, reason="a part of the long run: set DHAN_COPY_STRACE_KILLS")


def tampering(log: Path, call: str, what: str, when: str) -> list[str]:
    """A command prefix: strace, which does ``what`` to the system call ``call`` of each thread."""
    return ["strace", "-f", "-qq", "--seccomp-bpf", "-o", str(log), "-e", f"inject={call}:{what}:when={when}"]
