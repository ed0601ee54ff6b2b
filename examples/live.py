"""Copy between real Dhan accounts that the environment names; a dry run unless told otherwise.

    export DHAN_LEADER_CLIENT_ID=... DHAN_LEADER_ACCESS_TOKEN=...
    export DHAN_WIFE_CLIENT_ID=...   DHAN_WIFE_ACCESS_TOKEN=...   DHAN_WIFE_SOURCE_ADDRESS=...
    python examples/live.py WIFE=1/2

A dry run decides and journals everything and sends nothing. With --live real orders with real money leave, until
Ctrl-C or SIGTERM; orders that are open then stay open. Start it again on the same journal to go on.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from dhan_copy import AlertRaised, ConfigurationError, CopyEngine, DhanAccount, Follower, Leader, StoreError


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "followers", nargs="*", default=["FOLLOWER1=1", "FOLLOWER2=1/2"], metavar="NAME=RATIO",
        help="accounts of the environment with their sizes (default FOLLOWER1=1 FOLLOWER2=1/2)",
    )  # fmt: skip
    parser.add_argument("--live", action="store_true", help="send real orders")
    parser.add_argument("--journal", type=Path, default=Path("live.db"), help="SQLite file (default %(default)s)")
    options = parser.parse_args()
    try:
        leader = Leader(DhanAccount.from_env("LEADER"), name="LEADER")
        sizes = [text.partition("=")[::2] for text in options.followers]
        engine = CopyEngine(
            leaders=[leader],
            followers=[Follower(DhanAccount.from_env(name), size=size, name=name, live=options.live) for name, size in sizes],
            store=options.journal,
            on_alert=tell,
        )
        print("LIVE: real orders are sent." if options.live else "Dry run: nothing is sent. Add --live to send.")
        print(f"Copying to {', '.join(options.followers)}; Ctrl-C ends it.", flush=True)
        engine.run()
    except (ConfigurationError, StoreError) as error:
        print(f"Refused: {error}", file=sys.stderr)
        return 2
    print(engine.orders())
    return 0


def tell(alert: AlertRaised) -> None:
    print(f"{alert.code}: {alert.what}. {alert.known} {alert.advice}", file=sys.stderr, flush=True)


if __name__ == "__main__":
    sys.exit(main())
