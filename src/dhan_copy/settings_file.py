"""Everything that a copier is told, as one value and as a TOML file."""

from __future__ import annotations

import re
import tomllib
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import cast

import attrs
from attrs import field, frozen

from dhan_copy.config import Follower, Instruments, Leader
from dhan_copy.core.checked import check
from dhan_copy.core.facts import AlertRaised, CopyMode, Entry
from dhan_copy.core.rules import Override, Rules
from dhan_copy.core.settings import LossLimit, Policy, RateLimits
from dhan_copy.core.spelled import Plain, Unspellable, spell
from dhan_copy.core.unspelled import fields_in, made, read_table
from dhan_copy.engine import CopyEngine
from dhan_copy.errors import ConfigurationError, Misspelt
from dhan_copy.logins import DhanLogin
from dhan_copy.market.calendar import load_calendar
from dhan_copy.market.contracts import load_contract_sizes
from dhan_copy.market.freeze import load_freeze_limits
from dhan_copy.model.finding import Check
from dhan_copy.observe import LogFormat
from dhan_copy.protocols import Broker, Clock, EventSource, Store
from dhan_copy.toml_lines import lines_of

_SECRETS = re.compile(r"token|secret|password|passwd|^pin$|totp|api_key", re.IGNORECASE)
_ALLOWED_SECRETS = ("token_env",)


@frozen(kw_only=True)
class LeaderSettings:
    """Whose orders are copied. Without a login his event source is given to :meth:`Settings.engine`."""

    name: str
    login: DhanLogin | None = None
    rules: Rules = Rules()


@frozen(kw_only=True)
class FollowerSettings:
    """Who copies; the fields are those of :class:`~dhan_copy.Follower`."""

    name: str
    login: DhanLogin | None = None
    live: bool = False
    max_lots: int | None = None
    leaders: tuple[str, ...] | None = None
    limits: RateLimits = RateLimits()
    loss_limit: LossLimit | None = None
    mode: CopyMode = CopyMode.ORDER
    reverse: bool = False
    rules: Rules = Rules()
    overrides: tuple[Override, ...] = ()

    def __attrs_post_init__(self) -> None:
        check(self)
        if self.reverse and self.mode is not CopyMode.EXECUTION:
            raise ValueError('reverse is for fills alone: it needs mode = "EXECUTION"')


@frozen(kw_only=True)
class Settings:
    """What ``CopyEngine`` is made from. :meth:`parse` and :meth:`text` are each other's opposite: a file and these
    objects are the same settings. ``instruments`` (a CSV file of Dhan's), ``freeze_limits``, ``contract_sizes`` and
    ``calendar`` (TOML files of your own, over what this release knows) are paths, which are opened by :meth:`engine`.

    >>> settings = Settings.parse('followers = [{name = "F", size = "0.5"}]')
    >>> settings.followers[0].rules.size
    Ratio(value=Fraction(1, 2))
    """

    store: str = "copies.db"
    instruments: str | None = None
    freeze_limits: str | None = None
    contract_sizes: str | None = None
    calendar: str | None = None
    log_format: LogFormat = LogFormat.KEY_VALUE
    skip_checks: tuple[Check, ...] = ()
    policy: Policy = Policy()
    rules: Rules = Rules()
    overrides: tuple[Override, ...] = ()
    leaders: tuple[LeaderSettings, ...] = field(default=(), converter=tuple)
    followers: tuple[FollowerSettings, ...] = field(default=(), converter=tuple)

    @classmethod
    def load(cls, path: str | Path) -> Settings:
        """Read a file. Raises :class:`~dhan_copy.errors.ConfigurationError`, as :meth:`parse`."""
        try:
            text = Path(path).read_text(encoding="utf-8")
        except (OSError, UnicodeDecodeError) as error:
            raise ConfigurationError(f"{path} cannot be read: {type(error).__name__}") from None
        return cls.parse(text)

    @classmethod
    def parse(cls, text: str) -> Settings:
        """Raises :class:`~dhan_copy.errors.Misspelt` for an unknown key or a value that is not possible, with its line
        and what is allowed, and never with a secret."""
        text = text.removeprefix("\ufeff")
        try:
            plain = tomllib.loads(text)
        except tomllib.TOMLDecodeError as error:
            found = re.search(r"line (\d+)", str(error))
            raise Misspelt(f"this is not TOML: {error}", line=int(found[1]) if found else text.count("\n") + 1) from None
        try:
            _refuse_secrets(plain, ())
            return _read_settings(plain)
        except Misspelt as wrong:
            raise Misspelt(wrong.problem, wrong.path, line=_line(lines_of(text), wrong.path)) from None

    def text(self) -> str:
        """The settings as TOML. Raises :class:`~dhan_copy.errors.ConfigurationError` for a sizer or filter of your own."""
        try:
            return "\n".join(_written(self)).strip() + "\n"
        except Unspellable as error:
            raise ConfigurationError(f"these settings cannot be written down: {error}") from None

    def engine(
        self,
        *,
        sources: Mapping[str, EventSource] | None = None,
        brokers: Mapping[str, Broker] | None = None,
        store: Store | str | Path | None = None,
        rebuild: bool = False,
        skip_checks: Sequence[str] = (),
        on_alert: Callable[[AlertRaised], object] | None = None,
        on_event: Callable[[Entry], object] | None = None,
        clock: Clock | None = None,
    ) -> CopyEngine:
        """An engine with these settings. ``sources`` and ``brokers`` are those of accounts that are not at Dhan, by
        name; ``skip_checks`` are skipped besides those that the settings name. Raises
        :class:`~dhan_copy.errors.ConfigurationError` for what is missing or contradicts itself."""
        sources, brokers = sources or {}, brokers or {}
        known = {leader.name for leader in self.leaders} | {follower.name for follower in self.followers}
        strangers = sorted({*sources, *brokers} - known)
        if strangers:
            raise ConfigurationError(f"no account is called {strangers[0]!r}", advice=f"There are {', '.join(sorted(known))}.")
        leaders = [
            Leader(one.login or one.name, source=sources.get(one.name), rules=one.rules, name=one.name) for one in self.leaders
        ]
        followers = [
            Follower(
                one.login or one.name, broker=brokers.get(one.name), source=sources.get(one.name), live=one.live,
                max_lots=one.max_lots, leaders=one.leaders, limits=one.limits, loss_limit=one.loss_limit, mode=one.mode,
                reverse=one.reverse, rules=one.rules, overrides=one.overrides, name=one.name,
            )
            for one in self.followers
        ]  # fmt: skip
        return CopyEngine(
            leaders, followers, self.store if store is None else store, policy=self.policy,
            instruments=_instruments(self.instruments),
            freeze_limits=None if self.freeze_limits is None else load_freeze_limits(self.freeze_limits),
            contract_sizes=None if self.contract_sizes is None else load_contract_sizes(self.contract_sizes),
            calendar=None if self.calendar is None else load_calendar(self.calendar),
            rules=self.rules, overrides=self.overrides, rebuild=rebuild,
            skip_checks=[*(check.name for check in self.skip_checks), *skip_checks],
            on_alert=on_alert, on_event=on_event, clock=clock, log_format=self.log_format,
        )  # fmt: skip


def _instruments(path: str | None) -> Instruments | None:
    if path is None:
        return None
    from dhan_copy import ScripMaster

    return ScripMaster.load(path)


# Reading

_RULES = tuple(one.name for one in attrs.fields(Rules))
_LOGIN = tuple(one.name for one in attrs.fields(DhanLogin))
_ACCOUNTS = ("leaders", "followers")


def _read_settings(plain: dict[str, Plain]) -> Settings:
    own = {key: item for key, item in plain.items() if key not in _ACCOUNTS}
    values = fields_in(Settings, own, ())
    for name, account in (("leaders", LeaderSettings), ("followers", FollowerSettings)):
        tables = plain.get(name, [])
        if not isinstance(tables, list):
            raise Misspelt(f"must be a list of tables: [[{name}]]", (name,))
        values[name] = [_read_account(account, table, (name, number)) for number, table in enumerate(tables)]
    settings = cast(Settings, made(Settings, values, ()))
    _check_together(settings)
    return settings


def _check_together(settings: Settings) -> None:
    """What each account says by itself and what cannot be together. Raises :class:`~dhan_copy.errors.Misspelt`."""
    names: set[str] = set()
    accounts = [(("leaders", number), one.name) for number, one in enumerate(settings.leaders)]
    accounts += [(("followers", number), one.name) for number, one in enumerate(settings.followers)]
    for at, name in accounts:
        if name in names:
            raise Misspelt(f"another account is called {name!r}, too", (*at, "name"))
        names.add(name)
    leaders = {leader.name: leader for leader in settings.leaders}
    for number, follower in enumerate(settings.followers):
        path, named = ("followers", number), leaders if follower.leaders is None else follower.leaders
        if not named and follower.leaders is not None:
            raise Misspelt("names nobody: leave it away to copy every leader", (*path, "leaders"))
        for name in named:
            if name not in leaders:
                raise Misspelt(f"no leader is called {name!r}; there are {', '.join(leaders) or 'none'}", (*path, "leaders"))
        sized = settings.rules.size or follower.rules.size
        if sized is None and any(leaders[name].rules.size is None for name in named):
            raise Misspelt('size is missing, here, of his leader or for all, such as size = "0.5"', path)


def _read_account(cls: type[attrs.AttrsInstance], plain: Plain, path: tuple[str | int, ...]) -> object:
    """A table with the keys of the account itself, of its login and of its rules beside each other."""
    own = [one.name for one in attrs.fields(cls) if one.name not in ("login", "rules")]
    every = (*own, *_LOGIN, *_RULES)
    table = plain if isinstance(plain, dict) else {}
    for key in table:
        if key not in every:
            raise Misspelt(f"{key!r} is no setting here; there are {', '.join(every)}", (*path, key))
    values = fields_in(cls, {key: item for key, item in table.items() if key in own}, path)
    rules = {key: item for key, item in table.items() if key in _RULES}
    login = {key: item for key, item in table.items() if key in _LOGIN}
    values["rules"] = read_table(Rules, rules, path)
    if login:
        values["login"] = read_table(DhanLogin, login, path)
    values.setdefault("name", login.get("client_id"))
    if values["name"] is None:
        raise Misspelt("name is missing", path)
    return made(cls, values, path)


def _refuse_secrets(plain: Plain, path: tuple[str | int, ...]) -> None:
    if isinstance(plain, list):
        for number, item in enumerate(plain):
            _refuse_secrets(item, (*path, number))
    if isinstance(plain, dict):
        for key, item in plain.items():
            if _SECRETS.search(key) and key not in _ALLOWED_SECRETS:
                raise Misspelt("a secret does not belong into the file: name its variable with token_env", (*path, key))
            _refuse_secrets(item, (*path, key))


def _line(lines: Mapping[tuple[str | int, ...], int], path: tuple[str | int, ...]) -> int | None:
    """The line of a path, or of the nearest thing around it."""
    while path and path not in lines:
        path = path[:-1]
    return lines.get(path)


# Writing


def _written(settings: Settings) -> Iterator[str]:
    bare = attrs.evolve(settings, policy=Policy(), rules=Rules(), overrides=(), leaders=(), followers=())
    yield from _pairs({"store": settings.store, **_table(bare)})
    for name, value in (("policy", settings.policy), ("rules", settings.rules)):
        table = _table(value)
        if table:
            yield f"\n[{name}]"
            yield from _pairs(table)
    yield from _overrides("overrides", settings.overrides)
    for leader in settings.leaders:
        yield "\n[[leaders]]"
        yield from _pairs(_account(leader))
    for follower in settings.followers:
        yield "\n[[followers]]"
        yield from _pairs(_account(follower))
        yield from _overrides("followers.overrides", follower.overrides)


def _account(account: LeaderSettings | FollowerSettings) -> dict[str, Plain]:
    own = {key: item for key, item in _table(account).items() if key not in ("login", "rules", "overrides")}
    login = {} if account.login is None else _table(account.login)
    return {"name": own.pop("name"), **login, **own, **_table(account.rules)}


def _overrides(name: str, overrides: Sequence[Override]) -> Iterator[str]:
    for override in overrides:
        yield f"\n[[{name}]]"
        yield from _pairs(_table(override))


def _table(value: object) -> dict[str, Plain]:
    return cast("dict[str, Plain]", spell(value))


def _pairs(table: Mapping[str, Plain]) -> Iterator[str]:
    for key, value in table.items():
        yield _pair(key, value)


def _pair(key: str, value: Plain) -> str:
    return f"{key if re.fullmatch(r'[A-Za-z0-9_-]+', key) else _quoted(key)} = {_inline(value)}"


def _inline(value: Plain) -> str:
    match value:
        case bool():
            return "true" if value else "false"
        case int() | float():
            return repr(value)
        case str():
            return _quoted(value)
        case list():
            return f"[{', '.join(map(_inline, value))}]"
        case dict():
            return f"{{ {', '.join(_pair(key, item) for key, item in value.items())} }}" if value else "{}"
    raise TypeError(f"{type(value).__name__} is no plain value")


def _quoted(text: str) -> str:
    escaped = "".join(f"\\u{ord(c):04x}" if ord(c) < 32 or ord(c) == 127 else f"\\{c}" if c in '"\\' else c for c in text)
    return f'"{escaped}"'
