"""The core together with the journal: nothing is handed over before it is durable."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Generic, Protocol, TypeVar

from attrs import frozen

from dhan_copy.core.facts import (
    AlertRaised,
    CheckpointWritten,
    Entry,
    Fact,
    KillSwitchAnswered,
    Moment,
    Outcome,
    OutcomeUnresolved,
    RequestAccepted,
    RequestRejected,
    RequestWithheld,
)
from dhan_copy.core.requests import Cancel, Command, Modify, Submit, TurnKillSwitch
from dhan_copy.errors import DhanCopyError, StoreError
from dhan_copy.protocols import Store
from dhan_copy.runtime.clock import SteadyClock
from dhan_copy.runtime.desk import switch_answered, withheld, words
from dhan_copy.runtime.dispatch import Dispatch
from dhan_copy.runtime.inbox import Batch

_PAUSES_SECONDS = (0.0, 0.2, 1.0, 3.0)
"""Before a batch whose commit failed is tried again; after the last one the engine stops."""


class Decision(Protocol):
    """What a step of the core yields."""

    @property
    def entries(self) -> tuple[Entry, ...]: ...
    @property
    def commands(self) -> tuple[Command, ...]: ...
    @property
    def due(self) -> float | None: ...


class Core(Protocol):
    """What the runtime needs of :class:`~dhan_copy.core.copier.Copier`."""

    @property
    def position(self) -> int: ...
    def restore(self, entries: Iterable[Entry]) -> None:
        """Fold entries that follow what is known; decide nothing."""
        ...

    def step(self, now: Moment, facts: Sequence[Fact]) -> Decision: ...


@frozen
class Hooks:
    """``committed`` sees entries that are durable, before their commands leave, and ``told`` after that; ``warn`` says
    at once what the journal cannot; ``pause`` waits some seconds and answers whether to go on."""

    committed: Callable[[Sequence[Entry]], None]
    told: Callable[[Sequence[Entry]], None]
    warn: Callable[[AlertRaised], None]
    pause: Callable[[float], bool]


CoreT = TypeVar("CoreT", bound=Core)


class Kernel(Generic[CoreT]):
    """Owns the core and the store. For one thread."""

    def __init__(self, make: Callable[[], CoreT], store: Store, dispatch: Dispatch, clock: SteadyClock, hooks: Hooks) -> None:
        self._make = make
        self._store = store
        self._dispatch = dispatch
        self._clock = clock
        self._hooks = hooks
        self._sound = True
        self._started: Batch = ()
        self.core: CoreT = make()
        self.due: float | None = None
        self.idle = False
        """Whether the last turn neither changed nor asked anything."""

    def start(self, started: Callable[[CoreT], Batch]) -> None:
        """Fold the journal, then take the first turn with what ``started`` says of it. Raises ``StoreError``."""
        self.open()
        self._started = started(self.core)
        self.turn([self._started])

    def open(self) -> None:
        """Fold the journal. Raises ``StoreError`` when it cannot be read."""
        core = self._make()
        # A day's journal makes a million objects that all stay: collecting garbage among them triples the time.
        collecting = gc.isenabled()
        gc.disable()
        try:
            core.restore(recovered(self._store))
        except StoreError:
            raise
        except Exception as error:
            raise StoreError(f"the journal could not be folded: {words(error)}") from error
        finally:
            if collecting:
                gc.enable()
        self.core = core
        self._sound = True

    def turn(self, batches: Sequence[Batch]) -> None:
        """Fold ``batches``, decide, commit, hand over. Raises ``StoreError`` once the store has failed for good.

        A turn that was interrupted (Ctrl-C in a notebook) leaves a core that may know what the journal does not: the
        next turn begins as after a start.
        """
        if not self._sound:
            self.open()
            batches = [self._started, *batches]
        self._sound = False
        pending: Sequence[Batch] = batches
        failures = 0
        while True:
            try:
                decision = self.core.step(self._clock.moment(), [fact for batch in pending for fact in batch])
            except Exception as error:
                pending = self._after_fault(pending, error)
                continue
            try:
                if decision.entries:
                    self._store.append(decision.entries)
            except Exception as error:
                pending = self._after_failed_commit(pending, decision, error, failures)
                failures += 1
                continue
            break
        self.due = decision.due
        self.idle = not decision.entries and not decision.commands
        self._hooks.committed(decision.entries)
        self._dispatch.hand_over(decision.commands)
        self._sound = True
        self._hooks.told(decision.entries)

    def settle(self, batches: Sequence[Batch]) -> None:
        """Journal the answers among ``batches`` without deciding anything: the engine has stopped."""
        answers = [fact for batch in batches for fact in batch if isinstance(fact, _ANSWERS)]
        if not answers:
            return
        at = self._clock.now()
        first = self.core.position + 1
        entries = [Entry(first + offset, at, fact) for offset, fact in enumerate(answers)]
        self._store.append(entries)
        self.core.restore(entries)
        self._hooks.told(entries)

    def _after_failed_commit(
        self, batches: Sequence[Batch], decision: Decision, error: Exception, failures: int
    ) -> Sequence[Batch]:
        """What to fold next once the journal has been read again: the commit may have landed all the same."""
        if failures >= len(_PAUSES_SECONDS) or not self._hooks.pause(_PAUSES_SECONDS[failures]):
            if isinstance(error, StoreError):
                raise error
            raise StoreError(f"the journal could not be written: {words(error)}") from error
        self._hooks.warn(
            AlertRaised(
                code="STORE_FAILED",
                what=f"The journal could not be written: {words(error)}",
                known=f"{len(decision.commands)} commands were held back; nothing was sent.",
                advice="It is tried again; if it keeps failing the engine stops. Check disk and permissions.",
            )
        )
        self.open()
        if self.core.position < decision.entries[-1].position:
            return batches
        why = "the engine could not tell whether its journal row was durable"
        never_left: list[Fact] = []
        for command in decision.commands:
            if isinstance(command, (Submit, Modify, Cancel)):
                never_left.append(withheld(command, why))
            elif isinstance(command, TurnKillSwitch):
                never_left.append(switch_answered(command, Outcome.REFUSED, why))
        return [tuple(never_left)]

    def _after_fault(self, batches: Sequence[Batch], error: Exception) -> Sequence[Batch]:
        """Leave out the batch that the core cannot take, loudly; the others go on without it."""
        self.open()
        culprit = next((batch for batch in batches if self._raises(batch)), None)
        if culprit is None or all(isinstance(fact, AlertRaised) for fact in culprit):
            raise DhanCopyError(
                f"the core failed: {words(error)}", advice="Nothing was sent; please report this with the journal."
            ) from error
        alert = AlertRaised(
            code="FACT_REFUSED",
            what=f"The core could not take {_named(culprit)}: {words(error)}",
            known="It was left out; everything else goes on.",
            advice="Check the accounts by hand, and please report this with the journal.",
            account=next((name for name in (Entry(1, self._clock.now(), fact).account for fact in culprit) if name), None),
        )
        return [*(batch for batch in batches if batch is not culprit), (alert,)]

    def _raises(self, batch: Batch) -> bool:
        try:
            self.core.step(self._clock.moment(), batch)
        except Exception:
            return True
        finally:
            self.open()
        return False


def recovered(store: Store) -> Iterator[Entry]:
    """What the core is restored from: the last day's checkpoints in their order, and everything after the last."""
    checkpoints: list[Entry] = []
    for entry in store.checkpoints():
        checkpoints.append(entry)
        if isinstance(entry.fact, CheckpointWritten) and entry.fact.whole:
            break
    yield from reversed(checkpoints)
    yield from store.read(after=checkpoints[0].position if checkpoints else 0)


_ANSWERS = (RequestAccepted, RequestRejected, OutcomeUnresolved, RequestWithheld, KillSwitchAnswered)


def _named(batch: Batch) -> str:
    return ", ".join(sorted({type(fact).__name__ for fact in batch}))
