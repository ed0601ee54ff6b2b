"""What the core is told once: who leads, who follows, and by which rules."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from decimal import Decimal
from enum import Enum
from fractions import Fraction

from attrs import evolve, field, frozen, validators

from dhan_copy.core.calendar import Calendar
from dhan_copy.core.checked import check, exact, shown
from dhan_copy.core.facts import CopyMode, TradingState
from dhan_copy.errors import Misspelt
from dhan_copy.model.contract import ContractSizes
from dhan_copy.model.freeze import FreezeLimits
from dhan_copy.core.rules import BelowLot as BelowLot
from dhan_copy.core.rules import Override, Rules
from dhan_copy.core.rules import Percent as Percent
from dhan_copy.model.ids import AccountName
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.order import AmoSlot
from dhan_copy.protocols import PositionSizer


class FirstStart(Enum):
    """What to do with the leader's orders that were open before copying began."""

    NEW_ONLY = "NEW_ONLY"
    ADOPT = "ADOPT"


class AtModificationCap(Enum):
    """What to do when an order's 25 modifications are used up and the leader modifies again."""

    KEEP = "KEEP"
    REPLACE = "REPLACE"
    """Cancel and place anew."""


class OverExit(Enum):
    """What to do when both legs of a linked order have filled at a follower before either was seen."""

    CLOSE = "CLOSE"
    """Close what they sold (or bought) beyond the position, at the market, once the account's positions show it."""
    ALERT = "ALERT"
    """Only tell, and declare the difference."""


class Behind(Enum):
    """What to do with a follower's order that still rests when the leader's has filled."""

    WAIT = "WAIT"
    """Leave it as it is, and tell."""
    CHASE = "CHASE"
    """Move it to the price that the leader got, and beyond by at most ``Policy.chase_within``."""
    CANCEL = "CANCEL"
    """Give up what an entry has not filled; an exit waits."""
    CLOSE = "CLOSE"
    """Close at the market what an exit has not closed; give up what an entry has not filled: there is nothing to close."""


class ClosedMarket(Enum):
    """What to do with an entry while the calendar calls the market closed."""

    WARN = "WARN"
    """Copy it and raise an alert: the leader's broker has confirmed the order, so the calendar must be wrong."""
    DENY = "DENY"


class Ahead(Enum):
    """What to do with what a follower has filled when the leader's order is cancelled or rejected with less."""

    HOLD = "HOLD"
    """Keep it, and declare the difference."""
    CLOSE = "CLOSE"
    """Close it at the market."""


class Heal(Enum):
    """What to do with what a follower holds beyond his share and nothing is due to close."""

    ON_REQUEST = "ON_REQUEST"
    """Nothing but what the user asks for (``CopyEngine.heal``)."""
    CLOSE = "CLOSE"
    """Close it at the market, once nothing is under way and the books read afterwards say the same. Once: what the broker
    refuses is left to the user, and so is what he kept by cancelling an exit by hand."""


class ProtectedMarket(Enum):
    """What becomes of a leader's market order that came over Dhan's API: it arrives as a limit order near the last price
    (price protection, since 21 March 2026)."""

    LIMIT = "LIMIT"
    """The same limit: what he can pay at most, a follower can."""
    MARKET = "MARKET"
    """A market order again, where it is recognised by its price; Dhan protects it by the follower's own last price."""


class LinkedForm(Enum):
    """What becomes of the leader's super and bracket orders at a follower. Cover orders always become orders: a super
    order needs a target."""

    ORDERS = "ORDERS"
    """An entry, and for each leg an order that the copier keeps at what is open."""
    SUPER_ORDER = "SUPER_ORDER"
    """A super order, whose legs the broker keeps: they are there also while the copier is not. Orders where that cannot
    be: with an entry that waits for a trigger, in slices, or whose legs have begun to move."""


class StopMarketForm(Enum):
    """What becomes of the leader's stop-market orders: Dhan drops the trigger of those that come over its API (seen live
    in July 2026), so that they would trade at once."""

    STOP_LIMIT = "STOP_LIMIT"
    """A stop-limit whose limit lies beyond the trigger by an offset."""
    REFUSE = "REFUSE"
    AS_IS = "AS_IS"
    """Sent as they are: for brokers that keep the trigger."""


@frozen
class Ticks:
    """So many times the instrument's tick; whole rupees where that is unknown."""

    count: int = field(validator=validators.ge(1))


@frozen
class RateWindow:
    """At most ``limit`` requests in any ``seconds``; a day window counts per IST calendar day instead."""

    limit: int
    seconds: float

    def __attrs_post_init__(self) -> None:
        check(self)


@frozen(kw_only=True)
class RateLimits:
    """The order-request budget of one account as its broker counts it (Dhan: 10/s, 250/min, 1,000/h, 7,000 a day).

    ``entry_share`` of each window may be used by entries and re-pricing; exits and cancels may use all of it.
    ``reserve`` requests per window are left to the user's other programs on the same account. ``reads_per_second`` is how
    many reads may leave in any second, over all connections of the account (Dhan: 20); the next waits.
    """

    windows: tuple[RateWindow, ...] = (RateWindow(10, 1.0), RateWindow(250, 60.0), RateWindow(1000, 3600.0))
    per_day: int = 7000
    entry_share: Fraction = Fraction(4, 5)
    reserve: int = 0
    modifications_per_order: int = 25
    reads_per_second: int = 20

    def __attrs_post_init__(self) -> None:
        check(self, may_be_zero=("reserve",))
        if not self.windows:
            raise ValueError("windows must name one at least")
        if not 0 < self.entry_share <= 1:
            raise ValueError(f"entry_share must be above 0 and at most 1, not {self.entry_share}")
        tightest = min([window.limit for window in self.windows] + [self.per_day])
        if self.reserve >= tightest:
            raise ValueError(f"reserve {self.reserve} leaves nothing of a window of {tightest}")


@frozen(kw_only=True)
class Policy:
    """Timings and choices with their defaults. An enum's member is also taken by its name: ``Policy(heal="CLOSE")``.

    Raises :class:`~dhan_copy.errors.Misspelt` for what is no duration or choice, and for times of zero but those after
    which something is judged or told: a pause of none would never let the core come to rest.
    """

    entry_age: timedelta = timedelta(seconds=30)
    """Older filled or market orders of the leader are not entered; resting ones are judged by price."""
    send_within: timedelta = timedelta(seconds=5)
    """An entry that could not be written this long after it was journaled is withheld."""
    absence_window: timedelta = timedelta(seconds=90)
    """Only reads begun this long after an unresolved request count as evidence that it never arrived, and only after as
    long a leg of a super order that went without our asking as cancelled by hand: books may lag."""
    sweep_open: timedelta = timedelta(seconds=10)
    """Between reads of a follower's order book while anything is open there."""
    sweep_idle: timedelta = timedelta(seconds=60)
    positions_every: timedelta = timedelta(seconds=60)
    quotes_every: timedelta = timedelta(seconds=5)
    """Between reads of last prices, for a follower with a loss limit that holds something; Dhan takes one a second."""
    funds_every: timedelta = timedelta(seconds=60)
    retry_after: timedelta = timedelta(seconds=1)
    """Before a passing refusal or a failed read is tried again."""
    blocked_for: timedelta = timedelta(seconds=60)
    """How long an account rests after its token or address was refused."""
    circuit_after: int = 5
    """Rejections in a row at one follower after which its entries stop; exits and cancels go on."""
    circuit_for: timedelta = timedelta(seconds=60)
    """How long they stop before one entry is tried."""
    stale_after: timedelta = timedelta(seconds=60)
    """How long an account's order stream may be lost or silent before the alarm."""
    fills_apart: timedelta = timedelta(seconds=60)
    """The leader's and the follower's fills of one copy may be this far apart before the alarm."""
    linked_form: LinkedForm = LinkedForm.ORDERS
    over_exit: OverExit = OverExit.CLOSE
    ahead: Ahead = Ahead.HOLD
    heal: Heal = Heal.ON_REQUEST
    behind: Behind = Behind.WAIT
    behind_after: timedelta = timedelta(seconds=60)
    """How long after the leader's last fill ``behind`` applies."""
    chase_within: Percent = Percent(Decimal("0.5"))
    """How much worse than the leader's average price a chased order may trade, and one that copies his fills."""
    below_lot: BelowLot = BelowLot.SKIP
    one_lot_risk: Percent = Percent(Decimal(1))
    price_deviation: Percent = Percent(Decimal(1))
    """How far the price may have moved since the leader's order traded, for it to be entered late."""
    first_start: FirstStart = FirstStart.NEW_ONLY
    at_modification_cap: AtModificationCap = AtModificationCap.KEEP
    protected_market: ProtectedMarket = ProtectedMarket.LIMIT
    stop_market: StopMarketForm = StopMarketForm.STOP_LIMIT
    stop_market_offsets: Mapping[ExchangeSegment, Percent | Ticks] = field(factory=dict, hash=False)
    """How far the limit of such a stop-limit lies beyond its trigger; 5 % for options and 1 % for all else where a
    segment is not named."""
    closed_market: ClosedMarket = ClosedMarket.WARN
    amo_slot: AmoSlot | None = None
    """When copies of the leader's after-market orders are sent to the exchange: Dhan tells no slot of his. None declines
    them."""
    entries_stop_before_square_off: timedelta | None = timedelta(minutes=2)
    """How long before the broker closes intraday positions entries of such products stop; None never."""
    requests_per_trade: int = 60
    """Requests that the copy of one order may take; a change of an exit that the broker took is not counted."""
    stalled_after: int = 5
    """Tries of the same want before the alarm."""
    checkpoint_after: int = 2_000
    """Journal rows between two checkpoints of a day: what a recovery has to fold at most, about."""

    def __attrs_post_init__(self) -> None:
        check(self, may_be_zero=_MAY_BE_ZERO)
        offsets: object = self.stop_market_offsets
        if not isinstance(offsets, Mapping):
            raise Misspelt(f"must be offsets by ExchangeSegment, not {shown(offsets)}", ("stop_market_offsets",))
        for segment, offset in offsets.items():
            if not isinstance(segment, ExchangeSegment) or not isinstance(offset, (Percent, Ticks)):
                names = ", ".join(ExchangeSegment.__members__)
                wanted = f"must give an ExchangeSegment ({names}) Percent or Ticks"
                raise Misspelt(f"{wanted}, not {shown(segment)}: {shown(offset)}", ("stop_market_offsets",))


_MAY_BE_ZERO = ("entry_age", "stale_after", "fills_apart", "behind_after", "entries_stop_before_square_off")


@frozen
class LossLimit:
    """The most that a follower may lose in a day on what was copied, in rupees, and what it is then until it is resumed:
    ``CLOSING``, ``HALTED`` or ``REDUCING``. Raises ``ValueError`` for ``ACTIVE``, which would stop nothing."""

    rupees: Decimal = field(converter=exact, validator=validators.gt(Decimal(0)))
    then: TradingState = TradingState.CLOSING

    def __attrs_post_init__(self) -> None:
        check(self)
        if self.then is TradingState.ACTIVE:
            names = ", ".join(state.name for state in TradingState if state is not TradingState.ACTIVE)
            raise ValueError(f"a follower that lost too much is stopped: then must be one of {names}, not ACTIVE")


@frozen(kw_only=True)
class LeaderRules:
    name: AccountName
    rules: Rules = Rules()
    """What holds for copies of his orders."""
    positions_known_flat: bool = False
    """The user says that the leader held nothing when copying began (a source that cannot read positions)."""


@frozen(kw_only=True)
class FollowerRules:
    name: AccountName
    sizer: PositionSizer | None = None
    """The follower's own; None takes that of the rules."""
    live: bool = False
    leaders: frozenset[AccountName] | None = None
    """Whom to copy; None means every leader."""
    limits: RateLimits = RateLimits()
    max_lots: int | None = field(default=None, validator=validators.optional(validators.ge(1)))
    """The largest entry order, in lots of its instrument."""
    loss_limit: LossLimit | None = None
    mode: CopyMode = CopyMode.ORDER
    reverse: bool = False
    """Take the other side of what the leader trades; only where his fills are copied."""
    reads_positions: bool = True
    """Whether the broker can read positions; without it an exit trusts the ledger alone."""
    reads_quotes: bool = False
    """Whether the broker can read last prices."""
    forever_orders: bool = False
    """Whether the broker takes Forever orders."""
    super_orders: bool = False
    """Whether the broker takes super orders."""
    rules: Rules = Rules()
    overrides: tuple[Override, ...] = ()

    @property
    def said(self) -> Rules:
        """The follower's own rules, his sizer among them."""
        return self.rules if self.sizer is None else evolve(self.rules, size=self.sizer)


@frozen(kw_only=True)
class CopierSettings:
    leaders: tuple[LeaderRules, ...]
    followers: tuple[FollowerRules, ...]
    policy: Policy = Policy()
    instruments: Callable[[InstrumentKey], InstrumentFacts | None] = lambda key: None
    """Facts that the user supplied (a scrip master); asked when neither frame nor journal knows them."""
    awaited: Callable[[InstrumentKey], bool] = lambda key: False
    """Whether ``instruments`` may still come to know one: it is being looked up, and the order waits for a while."""
    expiry: Callable[[InstrumentKey], date | None] = lambda key: None
    """The day on which an instrument expires, where that is known."""
    symbol: Callable[[InstrumentKey], str] = lambda key: ""
    """What an instrument is called in full, where that is known."""
    contract_sizes: ContractSizes = ContractSizes()
    """What a lot of a commodity or currency is worth."""
    freeze_limits: FreezeLimits = FreezeLimits()
    """The largest single orders that exchanges take; larger copies are sliced."""
    calendar: Calendar = Calendar()
    """When exchanges trade; an empty one knows nothing and warns of nothing."""
    rules: Rules = Rules()
    """What holds for all."""
    overrides: tuple[Override, ...] = ()
    """What holds for some instruments, for all followers."""
