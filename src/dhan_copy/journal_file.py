"""A journal in a file, looked at without an engine: also while one writes it."""

from __future__ import annotations

import os
from collections.abc import Iterator

from typing_extensions import Self

from dhan_copy import explain as stories
from dhan_copy import views
from dhan_copy.core.copier import Copier
from dhan_copy.core.facts import CheckpointWritten, Entry
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules
from dhan_copy.core.state import State
from dhan_copy.display import Table
from dhan_copy.executions import executions
from dhan_copy.model.ids import AccountName
from dhan_copy.model.size import Ratio
from dhan_copy.runtime.kernel import recovered
from dhan_copy.stores.sqlite import SqliteStore

_NOTHING = CopierSettings(leaders=(), followers=())


class JournalFile:
    """The tables of an engine, out of its journal alone; a context manager. The file is only read.

    They show the last day of the journal. What depends on the engine's policy, such as how long a refused account rests,
    is shown as the default policy has it. Raises :class:`~dhan_copy.errors.StoreError` for what is no journal.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self._store = SqliteStore.open_readonly(path)

    def status(self) -> Table:
        """One row per account: what was allowed, possible and under way when the journal was last written. Whether an
        account leads or follows is not told before the first decision about an order."""
        state = self._state()
        table = views.status(state)
        known = {row["account"] for row in table}
        rest = [{"account": name, "role": "no order yet"} for name in state.started_at if name not in known]
        return Table.of(table.title, table.columns, [*table, *rest])

    def orders(self) -> Table:
        """The leaders' orders with each follower's orders for them."""
        return views.orders(self._state())

    def decisions(self) -> Table:
        """The one answer for each leader order and follower, with its reason."""
        return views.decisions(self._state())

    def drift(self) -> Table:
        """Per holding, the difference between what the leader's fills scale to and what the follower owns."""
        return views.drift(self._state())

    def alerts(self) -> Table:
        """Every alert, of any day, in the order in which they were raised."""
        return views.alerts(self.entries())

    def executions(self) -> Table:
        """Per copy, how long each step took and how much worse its price was than the leader's."""
        return executions(self.entries())

    def explain(self, leader_order_id: str) -> Table:
        """Everything that the journal says of one leader order, of any day."""
        return stories.story(leader_order_id, self.entries())

    def entries(self, after: int = 0) -> Iterator[Entry]:
        """The entries with a position above ``after``."""
        return self._store.read(after)

    def close(self) -> None:
        self._store.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def _state(self) -> State:
        """Folded twice: only what is in the journal says whose it is."""
        first, pairs = Copier(_NOTHING), set[tuple[AccountName, AccountName]]()
        for entry in recovered(self._store):
            first.restore([entry])
            if isinstance(entry.fact, CheckpointWritten):
                pairs |= first.state.pairs
        state = first.state
        pairs |= {(leader, follower) for leader, _, follower in state.trades}
        pairs |= {(leader, follower) for leader, follower, *_ in state.stakes}
        copier = Copier(_named(pairs, state))
        copier.restore(recovered(self._store))
        return copier.state


def _named(pairs: set[tuple[AccountName, AccountName]], state: State) -> CopierSettings:
    leaders = sorted({leader for leader, _ in pairs})
    followers = sorted({follower for _, follower in pairs})
    return CopierSettings(
        leaders=tuple(LeaderRules(name=name) for name in leaders),
        followers=tuple(FollowerRules(name=name, sizer=Ratio("1"), live=state.live.get(name, True)) for name in followers),
    )
