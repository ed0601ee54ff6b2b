"""The process died in the middle of a request; then the journal was lost. Neither places an order twice."""

import logging
import tempfile
from pathlib import Path

from dhan_copy import CopyEngine, Follower, JournalLost, Leader, Playground
from dhan_copy.testing import FakeSource, Fault

logging.getLogger("dhan_copy").addHandler(logging.NullHandler())
market = Playground({"WIFE": "0.5"})  # for its exchange, its clock and the leader's hands


def engine(journal: Path, *, rebuild: bool = False) -> CopyEngine:
    """A new process does just this, as the first one did."""
    return CopyEngine(
        [Leader("LEADER", source=FakeSource(market.exchange, "LEADER"))],
        [Follower("WIFE", size="0.5", broker=market.brokers["WIFE"], live=True)],
        store=journal, clock=market.clock, rebuild=rebuild,
    )  # fmt: skip


def at_the_broker() -> int:
    return len(market.exchange.orders("WIFE"))


with tempfile.TemporaryDirectory() as folder:
    journal = Path(folder) / "copies.db"
    first = engine(journal)
    first.step()
    order = market.leader.buy("NIFTY 22500 CE", lots=4, price=90)
    market.brokers["WIFE"].fail_next(Fault.ANSWER_LOST)  # the broker has the order, and nobody knows
    market.brokers["WIFE"].fail_next(Fault.READ_FAILED, count=20)
    first.step()
    print(first.status())
    first.stop()
    market.brokers["WIFE"].heal()
    assert at_the_broker() == 1

    second = engine(journal)  # the same journal: start again, that is all
    second.step()
    print(second.explain(order.id))
    (row,) = second.orders()
    assert (at_the_broker(), row["ordered"], row["state"]) == (1, 150, "WORKING")
    second.stop()

    journal.unlink()  # or an old copy was put back, or the engine was started in another folder
    refusing = engine(journal)
    try:
        refusing.step()
    except JournalLost as lost:
        print(lost)
    refusing.stop()

    third = engine(journal, rebuild=True)  # today's books tell what was copied
    third.step()
    print(third.decisions())
    market.leader.sell("NIFTY 22500 CE", lots=1, price=120)
    order.cancel()
    third.step()
    assert at_the_broker() == 1
    assert market.exchange.orders("WIFE")[0].status.value == "CANCELLED"
    third.stop()
