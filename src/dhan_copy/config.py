"""Who leads and who follows, as the user writes it, checked before anything starts."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Protocol, cast

from attrs import field, frozen

from dhan_copy.core.calendar import Calendar
from dhan_copy.core.checked import check, shown
from dhan_copy.core.facts import CopyMode
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.rules import Override, Rules, sizer_of
from dhan_copy.core.settings import CopierSettings, FollowerRules, LeaderRules, LossLimit, Policy, RateLimits
from dhan_copy.errors import ConfigurationError
from dhan_copy.market.calendar import published_calendar
from dhan_copy.market.contracts import contract_sizes as published_contract_sizes
from dhan_copy.market.freeze import freeze_limits as published_freeze_limits
from dhan_copy.model.contract import ContractSizes
from dhan_copy.model.freeze import FreezeLimits
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKey
from dhan_copy.model.order import Product
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import AccountReader, Accounts, Broker, EventSource, PacedReads, PositionSizer

Instruments = Callable[[InstrumentKey], InstrumentFacts | None] | Mapping[InstrumentKey, InstrumentFacts]
"""What the user knows of instruments: a function or a mapping."""
SizeFunction = Callable[[LeaderOrder, Accounts], Ratio | Quantity]
"""A sizer as a function."""
_SOURCE = ("events", "snapshot", "close")
_BROKER = ("submit", "modify", "cancel", "find", "orders")


class Account(Protocol):
    """What this module needs of a :class:`~dhan_copy.dhan.account.DhanAccount`."""

    @property
    def client_id(self) -> str: ...
    def broker(self) -> Broker: ...
    def feed(self, *, linked: bool = False, forever: bool = False) -> EventSource: ...


def _as_name(text: str) -> AccountName:
    return AccountName(text)


def _as_tuple(overrides: Iterable[Override] | Override) -> tuple[Override, ...]:
    """What is no list is left to the check of the whole."""
    given: object = (overrides,) if isinstance(overrides, Override) else overrides
    return cast("tuple[Override, ...]", tuple(given) if isinstance(given, Iterable) else given)


def _name(account: Account | str, given: str) -> AccountName:
    found = given or (account if isinstance(account, str) else getattr(account, "client_id", None))
    if not isinstance(found, str) or not found.strip():
        raise ConfigurationError("an account needs a name: give a DhanAccount, or a text and source= or broker=")
    if len(found) > 64 or not found.isprintable():
        raise ConfigurationError(f"{found[:64]!r} cannot be the name of an account: at most 64 printable characters")
    return AccountName(found)


def _client_id(account: Account | str) -> str | None:
    return None if isinstance(account, str) else account.client_id


@frozen(repr=False)
class Leader:
    """Whose orders are copied: ``Leader(DhanAccount(...))``, or ``Leader("L", source=my_event_source)``.

    A ``DhanAccount`` is watched over its order-update socket, its order book and its lists of super and Forever orders
    (``feed(linked=True, forever=True)``), at three reads for each look at it. ``positions`` is for a source that cannot read positions:
    what the leader held when copying began, signed units per (instrument, product); an empty mapping says that he was
    flat. ``rules`` hold for all copies of his orders, as far as the follower does not say otherwise.
    """

    account: Account | str
    source: EventSource | None = field(default=None, kw_only=True)
    positions: Mapping[tuple[InstrumentKey, Product], int] | None = field(default=None, kw_only=True)
    rules: Rules = field(default=Rules(), kw_only=True)
    name: AccountName = field(default=AccountName(""), converter=_as_name, kw_only=True)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "name", _name(self.account, self.name))
        check(self, (self.name,))
        _plugged(self.name, "source", self.source, _SOURCE)
        if isinstance(self.account, str) and self.source is None:
            raise ConfigurationError(f"leader {self.name!r} has no source: give source=, or a DhanAccount")

    @property
    def client_id(self) -> str | None:
        return _client_id(self.account)

    def open(self) -> tuple[EventSource, AccountReader | None]:
        """The event source, and what can read the leader's positions (None: nothing can).

        Raises ``ConfigurationError`` when positions can neither be read nor were given.
        """
        source = self.source
        if source is None:
            assert not isinstance(self.account, str)
            source = self.account.feed(linked=True, forever=True)
        reader: AccountReader | None = source if isinstance(source, AccountReader) else None
        if reader is None and not isinstance(self.account, str):
            broker = self.account.broker()
            reader = broker if isinstance(broker, AccountReader) else None
        if reader is None and self.positions is None:
            raise ConfigurationError(
                f"the source of leader {self.name!r} cannot read positions, so entries and exits could not be told apart",
                advice="Say what he holds with positions=; an empty mapping says that he is flat.",
            )
        return source, reader

    def checks(self) -> object:
        """What may say whether the account is ready (see :class:`~dhan_copy.protocols.AccountChecks`)."""
        return self.source if isinstance(self.account, str) else self.account.broker()

    def __repr__(self) -> str:
        return f"Leader({self.name!r})"


@frozen(repr=False)
class Follower:
    """Who copies: ``Follower(DhanAccount(...), size="0.5", live=True)``, or ``Follower("F", broker=my_broker, ...)``.

    ``size`` is required, here or in the engine's rules: a sizer (:class:`~dhan_copy.Ratio`,
    :class:`~dhan_copy.Quantity`, ...), a ratio as text (``"0.5"``, ``"1/3"``), or a function of your own. ``rules`` say
    what else holds for the follower (filters, caps), ``overrides`` what holds for some instruments. Nothing is sent
    until ``live=True``: without it everything is decided and journaled, and a paper ledger is kept. ``max_lots`` cuts an
    entry order, besides all caps; ``loss_limit`` stops a follower that has lost so much in a day; ``mode`` says whether the
    leader's orders are copied or his fills, ``reverse`` takes the other side of his fills; ``leaders`` names whom to copy (default: every leader);
    ``source`` is the follower's own order feed, which tells of fills sooner than sweeps of the order book.
    """

    account: Account | str
    size: PositionSizer | SizeFunction | str | None = field(default=None, kw_only=True)
    broker: Broker | None = field(default=None, kw_only=True)
    source: EventSource | None = field(default=None, kw_only=True)
    live: bool = field(default=False, kw_only=True)
    max_lots: int | None = field(default=None, kw_only=True)
    loss_limit: LossLimit | None = field(default=None, kw_only=True)
    mode: CopyMode = field(default=CopyMode.ORDER, kw_only=True)
    reverse: bool = field(default=False, kw_only=True)
    leaders: Iterable[str] | None = field(default=None, kw_only=True)
    limits: RateLimits = field(default=RateLimits(), kw_only=True)
    rules: Rules = field(default=Rules(), kw_only=True)
    overrides: Sequence[Override] = field(default=(), converter=_as_tuple, kw_only=True)
    name: AccountName = field(default=AccountName(""), converter=_as_name, kw_only=True)
    sizer: PositionSizer | None = field(init=False)

    def __attrs_post_init__(self) -> None:
        object.__setattr__(self, "name", _name(self.account, self.name))
        check(self, (self.name,))
        _plugged(self.name, "broker", self.broker, _BROKER)
        _plugged(self.name, "source", self.source, _SOURCE)
        object.__setattr__(self, "sizer", _sizer(self.name, self.size))
        if self.size is not None and self.rules.size is not None:
            raise ConfigurationError(f"follower {self.name!r} has two sizes", advice="Give size= or rules=Rules(size=).")
        if self.leaders is not None:
            object.__setattr__(self, "leaders", _names(self.name, self.leaders))
        if self.reverse and self.mode is not CopyMode.EXECUTION:
            raise ConfigurationError(
                f"follower {self.name!r} copies orders in reverse: a limit below the market that buys would sell at once",
                advice="Set mode=CopyMode.EXECUTION beside reverse=True: what the leader has traded can be reversed.",
            )
        if self.live and isinstance(self.account, str) and self.broker is None:
            raise ConfigurationError(f"live follower {self.name!r} has no broker: give broker=, or a DhanAccount")

    @property
    def client_id(self) -> str | None:
        return _client_id(self.account)

    def open(self) -> tuple[Broker | None, EventSource | None]:
        """The broker (None: nothing to read or send with) and, for a live follower, its own feed where it has one."""
        broker, source = self.broker, self.source
        if not isinstance(self.account, str):
            broker = broker if broker is not None else self.account.broker()
            if source is None and self.live and self.broker is None and getattr(self.account, "has_feed", True):
                source = self.account.feed()
        reads: object = broker
        if isinstance(reads, PacedReads):
            reads.limit_reads(self.limits.reads_per_second)
        return broker, source

    def __repr__(self) -> str:
        return f"Follower({self.name!r}, size={self.size!r}, live={self.live})"


def _names(follower: str, leaders: object) -> tuple[str, ...]:
    named = (leaders,) if isinstance(leaders, str) else tuple(leaders) if isinstance(leaders, Iterable) else (leaders,)
    if not all(isinstance(one, str) for one in named):
        raise ConfigurationError(f"leaders of follower {follower!r} must be names of leaders, not {shown(leaders)}")
    return named


def _plugged(account: str, setting: str, given: object, methods: Sequence[str]) -> None:
    """Refuse what has not the methods of a plug: it would fail when an order is there to be copied."""
    missing = [name for name in methods if not callable(getattr(given, name, None))]
    if given is not None and missing:
        raise ConfigurationError(f"{setting} of {account!r} must have {', '.join(methods)}: {shown(given)} has no {missing[0]}")


def _sizer(name: str, size: object) -> PositionSizer | None:
    if size is None:
        return None
    if isinstance(size, float):
        raise ConfigurationError(
            f"size of follower {name!r} is the float {size!r}, which is not exact", advice=f'Write it as text: size="{size}".'
        )
    if isinstance(size, str):
        try:
            return Ratio(size)
        except (ValueError, ZeroDivisionError, ArithmeticError) as error:
            raise ConfigurationError(
                f"size of follower {name!r} is {size[:40]!r}, which is no ratio above zero",
                advice='Write "0.5", "1/3" or "2".',
            ) from error
    try:
        return sizer_of(size)
    except TypeError:
        raise ConfigurationError(
            f"size of follower {name!r} is {type(size).__name__}, which is no sizer",
            advice='Give Ratio("0.5"), Quantity(75), a function, or an object with size(order, accounts).',
        ) from None


def as_function(instruments: Instruments | None) -> Callable[[InstrumentKey], InstrumentFacts | None]:
    """The user's instrument facts as a function; None knows nothing."""
    if instruments is None:
        return lambda key: None
    if callable(instruments):
        return instruments
    return instruments.get


def _no_expiry(key: InstrumentKey) -> date | None:
    return None


def _no_symbol(key: InstrumentKey) -> str:
    return ""


def _nothing_awaited(key: InstrumentKey) -> bool:
    return False


def settings(
    leaders: Sequence[Leader],
    followers: Sequence[Follower],
    policy: Policy,
    instruments: Instruments | None,
    *,
    durable: bool,
    flat: frozenset[AccountName] = frozenset(),
    readable: frozenset[AccountName] = frozenset(),
    quoted: frozenset[AccountName] = frozenset(),
    forever: frozenset[AccountName] = frozenset(),
    supers: frozenset[AccountName] = frozenset(),
    freeze_limits: FreezeLimits | None = None,
    contract_sizes: ContractSizes | None = None,
    calendar: Calendar | None = None,
    rules: Rules = Rules(),
    overrides: Sequence[Override] = (),
) -> CopierSettings:
    """What the core is told. ``durable`` says whether the store outlives the process, ``flat`` names the leaders whose
    positions were given by the user, ``readable`` the followers whose positions can be read, ``quoted`` those whose broker
    tells last prices, ``forever`` and ``supers`` those whose broker takes Forever and super orders. Without
    ``freeze_limits`` and ``contract_sizes`` those of this release hold; without ``calendar`` and ``instruments``, where
    some account is on a real exchange, this release's and the account's own list.

    Raises ``ConfigurationError`` for whatever contradicts itself.
    """
    said: tuple[tuple[str, object, type], ...] = (("policy", policy, Policy), ("rules", rules, Rules))
    for setting, given, kind in said:
        if not isinstance(given, kind):
            raise ConfigurationError(f"{setting} must be {kind.__name__}(...), not {shown(given)}")
    several = _as_tuple(overrides)
    for one in several if isinstance(several, tuple) else (several,):
        if not isinstance(one, Override):
            raise ConfigurationError(f"overrides must be Override(...), not {shown(one)}")
    if not leaders:
        raise ConfigurationError("no leaders", advice="Give leaders=[Leader(...)].")
    if not followers:
        raise ConfigurationError("no followers", advice="Give followers=[Follower(...)].")
    _distinct([*leaders, *followers])
    names = frozenset(leader.name for leader in leaders)
    for follower in followers:
        unknown = frozenset(follower.leaders or ()) - names
        if unknown:
            raise ConfigurationError(
                f"follower {follower.name!r} names a leader that does not exist: {', '.join(sorted(unknown))}",
                advice=f"The leaders are {', '.join(sorted(names))}.",
            )
        if follower.leaders is not None and not frozenset(follower.leaders):
            raise ConfigurationError(f"follower {follower.name!r} follows nobody", advice="Leave leaders= away for all.")
        followed = [leader for leader in leaders if follower.leaders is None or leader.name in follower.leaders]
        sized = follower.sizer or follower.rules.size or rules.size
        if sized is None and any(leader.rules.size is None for leader in followed):
            raise ConfigurationError(
                f"follower {follower.name!r} has no size",
                advice='Give size=, for example size="0.5" for half of what the leader trades.',
            )
        if follower.live and not durable:
            raise ConfigurationError(
                f"follower {follower.name!r} is live, but the store is memory: a restart would forget what was sent",
                advice='Give a file: store="copies.db".',
            )
    known = _instruments(leaders, followers) if instruments is None else instruments
    return CopierSettings(
        leaders=tuple(
            LeaderRules(name=leader.name, positions_known_flat=leader.name in flat, rules=leader.rules) for leader in leaders
        ),
        followers=tuple(
            FollowerRules(
                name=follower.name,
                sizer=follower.sizer,
                live=follower.live,
                leaders=None if follower.leaders is None else frozenset(AccountName(name) for name in follower.leaders),
                limits=follower.limits,
                max_lots=follower.max_lots,
                loss_limit=follower.loss_limit,
                mode=follower.mode,
                reverse=follower.reverse,
                reads_positions=follower.name in readable,
                reads_quotes=follower.name in quoted,
                forever_orders=follower.name in forever,
                super_orders=follower.name in supers,
                rules=follower.rules,
                overrides=tuple(follower.overrides),
            )
            for follower in followers
        ),
        policy=policy,
        instruments=as_function(known),
        expiry=getattr(known, "expiry", _no_expiry),
        awaited=getattr(known, "pending", _nothing_awaited),
        symbol=getattr(known, "symbol", _no_symbol),
        contract_sizes=published_contract_sizes() if contract_sizes is None else contract_sizes,
        freeze_limits=published_freeze_limits() if freeze_limits is None else freeze_limits,
        calendar=_calendar(leaders, followers) if calendar is None else calendar,
        rules=rules,
        overrides=several,
    )


def _on_exchange(leaders: Sequence[Leader], followers: Sequence[Follower]) -> Account | None:
    """An account on a real exchange, if there is one: simulated exchanges and test servers are open at all hours, and
    list instruments of their own."""
    accounts = [leader.account for leader in leaders] + [follower.account for follower in followers]
    real = (each for each in accounts if not isinstance(each, str) and getattr(each, "on_exchange", False))
    return next(real, None)


def _calendar(leaders: Sequence[Leader], followers: Sequence[Follower]) -> Calendar:
    return Calendar() if _on_exchange(leaders, followers) is None else published_calendar()


def _instruments(leaders: Sequence[Leader], followers: Sequence[Follower]) -> Instruments | None:
    listed = getattr(_on_exchange(leaders, followers), "instruments", None)
    return None if listed is None else listed()


def _distinct(accounts: Sequence[Leader | Follower]) -> None:
    names: set[str] = set()
    ids: dict[str, str] = {}
    for account in accounts:
        if account.name in names:
            raise ConfigurationError(f"two accounts are called {account.name!r}", advice="Give one of them another name=.")
        names.add(account.name)
        client_id = account.client_id
        if client_id is not None and client_id in ids:
            raise ConfigurationError(
                f"{ids[client_id]!r} and {account.name!r} are the same Dhan account {client_id}",
                advice="An account cannot appear twice, nor copy itself.",
            )
        if client_id is not None:
            ids[client_id] = account.name
