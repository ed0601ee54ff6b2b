"""The look before going live, against a local Dhan server in the place of Dhan. No account needed.

    python examples/go_live.py

WIFE's orders leave from an address that is not registered for her. The engine refuses to start, says what to do, and
starts once it is done.
"""

from __future__ import annotations

import sys
import tempfile
from pathlib import Path

from dhan_copy import CopyEngine, DhanAccount, Follower, Leader
from dhan_copy.errors import NotReady
from dhan_copy.model.finding import Severity
from dhan_copy.testing import DhanServer

LEADER, WIFE = "1000000001", "1000000002"


def engine(server: DhanServer, folder: Path) -> CopyEngine:
    leader, wife = (
        DhanAccount(each.client_id, each.access_token, base_url=server.rest_url, feed_url=server.feed_url)
        for each in server.accounts
    )
    return CopyEngine([Leader(leader)], [Follower(wife, size="0.5", live=True)], store=folder / "copies.db")


def main() -> int:
    with DhanServer(2) as server, tempfile.TemporaryDirectory() as folder:
        server.register_address(WIFE, "192.0.2.7")
        try:
            engine(server, Path(folder)).start()
        except NotReady as refused:
            for finding in refused.findings:
                print(f"{finding.check.name} of {finding.account}: {finding.known}\n  {finding.advice}")

        print("\nThe address is registered.\n")
        server.register_address(WIFE, "127.0.0.1")
        with engine(server, Path(folder)) as running:
            for finding in running.preflight():
                if finding.severity is Severity.OK and finding.account == WIFE:
                    print(finding)
            print(running.status())
    return 0


if __name__ == "__main__":
    sys.exit(main())
