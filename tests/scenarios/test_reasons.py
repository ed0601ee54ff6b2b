"""Every reason code is brought about through the public API, is told with what the table says, and is the one answer."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from datetime import date, datetime
from decimal import Decimal

import pytest
from attrs import evolve

from dhan_copy import (
    Ahead,
    Behind,
    Cap,
    ClosedMarket,
    CopyEngine,
    CopyMode,
    Filter,
    Follower,
    Leader,
    LossLimit,
    PercentAtRisk,
    Playground,
    Policy,
    ReasonCode,
    Rules,
    Sides,
    StopMarketForm,
    Verdict,
    published_calendar,
)
from dhan_copy.core.facts import CopyAdmitted, CopyDeclined, DriftDeclared, Entry, LeaderReported, RequestIssued, TradeSettled
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.core.leader import LeaderOrder
from dhan_copy.core.rules import Percent
from dhan_copy.model.ids import BrokerOrderId, SecurityId, client_order_id
from dhan_copy.model.order import (
    AmoSlot,
    Leg,
    Limit,
    Market,
    OrderReport,
    OrderStatus,
    Product,
    Side,
    StopLimit,
    StopMarket,
    Variety,
)
from dhan_copy.model.reason import INPUTS
from dhan_copy.model.times import ist
from dhan_copy.protocols import Accounts
from dhan_copy.testing import FakeBroker, FakeSource, Fault, NewOrder, Rejection, RejectionWay
from dhan_copy.testing.broker import Call
from dhan_copy.testing.reports import report_of
from tests.scenarios.day_kit import CE, F, LEADER, Day, TrippedStore
from tests.scenarios.kit import DurableMemory

Scene = Callable[[], CopyEngine]
SCENES: dict[ReasonCode, Scene] = {}
CRUDE = InstrumentKey(ExchangeSegment.MCX_COMM, SecurityId("565899"))


def produces(code: ReasonCode) -> Callable[[Scene], Scene]:
    """Enter a scene into the table: it returns an engine, alive, that has said ``code``."""

    def enter(scene: Scene) -> Scene:
        assert code not in SCENES, f"two scenes for {code.name}"
        SCENES[code] = scene
        return scene

    return enter


def test_every_code_has_a_scene_and_a_line_that_says_what_is_told_with_it() -> None:
    missing = [code.name for code in ReasonCode if code not in SCENES]
    assert not missing, (
        f"nothing shows how {', '.join(missing)} comes about: add to {__name__} a function with @produces(ReasonCode.X) that "
        "brings an engine to say it through the public API (or remove a code that nothing says)"
    )
    assert INPUTS.keys() == set(ReasonCode), "model/reason.INPUTS needs a line for each code"


def said(engine: CopyEngine) -> Iterator[tuple[ReasonCode, str]]:
    """Every reason in the journal, with its detail."""
    for entry in engine.journal():
        if isinstance(entry.fact, CopyAdmitted | CopyDeclined | DriftDeclared):
            yield entry.fact.reason, entry.fact.detail
        elif isinstance(entry.fact, TradeSettled) and entry.fact.unsent is not None:
            yield entry.fact.unsent, ""


@pytest.mark.parametrize("code", SCENES, ids=lambda code: code.name)
def test_it_comes_about_with_what_the_table_says_and_every_order_has_one_decision(code: ReasonCode) -> None:
    engine = SCENES[code]()
    try:
        details = [detail for reason, detail in said(engine) if reason is code]
        rows = list(engine.decisions())
        followers = {row["account"] for row in engine.status() if row["role"] != "leader"}
        his = {entry.fact.report.order_id for entry in engine.journal() if isinstance(entry.fact, LeaderReported)}
    finally:
        engine.stop()
    assert details, f"it said {sorted({reason.name for reason, _ in said(engine)})}"
    if not INPUTS[code]:
        assert not any(details), f"INPUTS says that nothing is told with it, and it told {details}"
    elif not INPUTS[code].startswith("empty"):
        assert all(details), f"INPUTS says that {INPUTS[code]!r} is told with it"
    decided = Counter((row["leader_order_id"], row["follower"]) for row in rows if row["leader_order_id"] in his)
    assert decided == {(order_id, follower): 1 for order_id in his for follower in followers}
    assert all(row["code"] in ReasonCode.__members__ for row in rows)


# How a scene is set


def lab(size: object = "1", **more: object) -> Playground:
    made = Playground({F: size if isinstance(size, Rules) else Rules(size=size)}, **more)  # type: ignore[arg-type]
    made.step()
    return made


def with_engine(made: Playground, instruments: object = None, calendar: object = None, **more: object) -> Playground:
    """The same exchange with an engine whose follower says more than a playground's can."""
    made.engine = CopyEngine(
        [Leader(LEADER, source=made.sources[LEADER])],
        [Follower(F, **{"size": "1", "live": True, "broker": made.brokers[F], "source": made.sources[F], **more})],  # type: ignore[arg-type]
        store=DurableMemory(), clock=made.clock, instruments=instruments, calendar=calendar,  # type: ignore[arg-type]
    )  # fmt: skip
    made.step()
    return made


def told(made: Playground, **changes: object) -> OrderReport:
    """The leader's source tells of an order to buy two lots at 90 that the exchange does not know."""
    made.sources[LEADER].withhold()
    order = made.leader.buy(CE, lots=2, price=90)
    pattern = report_of(order.now, made.exchange.instrument(order.now.key))
    order.cancel()
    made.sources[LEADER].release(())
    report = evolve(pattern, order_id=BrokerOrderId("7"), **changes)
    made.sources[LEADER].push(report)
    made.step()
    made.advance(30)
    return report


# What becomes of the leader's order before anybody is asked


@produces(ReasonCode.COPIED)
def copied() -> CopyEngine:
    made = lab()
    made.leader.buy(CE, lots=1)
    made.step()
    return made.engine


@produces(ReasonCode.ADOPTED)
def adopted() -> CopyEngine:
    day = Day({F: "1"})
    day.step()
    day.leader.buy(CE, lots=2, price=90)
    day.step()
    day.start_on(DurableMemory(), rebuild=True)
    day.step()
    return day.engine


@produces(ReasonCode.LEADER_REJECTED)
def leader_rejected() -> CopyEngine:
    made = lab()
    made.exchange.reject_next(LEADER, Rejection("RMS:no", way=RejectionWay.LATER))
    made.leader.buy(CE, lots=1)
    made.step()
    return made.engine


@produces(ReasonCode.LEADER_UNFILLED)
def leader_unfilled() -> CopyEngine:
    made = lab()
    source = made.sources[LEADER]
    source.withhold()
    made.leader.buy(CE, lots=1, price=90).cancel()
    source.release([1])  # the first news is that it is over
    made.step()
    return made.engine


@produces(ReasonCode.OWN_ORDER)
def own_order() -> CopyEngine:
    made = lab()
    tag = client_order_id("another", "1", LEADER, "E", 0, 0)
    made.exchange.place(LEADER, NewOrder(key=made.instrument(CE), side=Side.BUY, quantity=75, tag=tag, source="P"))
    made.step()
    return made.engine


@produces(ReasonCode.FOREVER_CHILD)
def forever_child() -> CopyEngine:
    made = lab()
    told(made, variety=Variety.FOREVER, parent_order_id=BrokerOrderId("5"), platform="FOVR", source="P")
    return made.engine


@produces(ReasonCode.UNKNOWN_PARENT)
def unknown_parent() -> CopyEngine:
    made = lab()
    told(made, variety=Variety.BRACKET, leg=Leg.STOP, parent_order_id=BrokerOrderId("5"))
    return made.engine


@produces(ReasonCode.FOREVER_UNSUPPORTED)
def forever_unsupported() -> CopyEngine:
    made = with_engine(Playground({F: "1"}), broker=FakeBroker(Playground({F: "1"}).exchange, F))
    told(made, variety=Variety.FOREVER, terms=StopLimit(Decimal(95), Decimal(96)), status=OrderStatus.CONFIRM)
    return made.engine


@produces(ReasonCode.FOREVER_LEG_UNKNOWN)
def forever_leg_unknown() -> CopyEngine:
    made = lab()
    terms = StopLimit(Decimal(95), Decimal(96))
    told(made, variety=Variety.FOREVER, terms=terms, status=OrderStatus.CONFIRM, leg=Leg.TARGET)
    return made.engine


def queued(made: Playground) -> CopyEngine:
    terms, key = Limit(Decimal(90)), made.instrument(CE)
    made.exchange.place(LEADER, NewOrder(key=key, side=Side.BUY, quantity=75, terms=terms, after_market=True))
    made.step()
    return made.engine


@produces(ReasonCode.AMO_SLOT_UNKNOWN)
def amo_slot_unknown() -> CopyEngine:
    return queued(lab())


@produces(ReasonCode.AMO_SESSION_UNKNOWN)
def amo_session_unknown() -> CopyEngine:
    return queued(lab(policy=Policy(amo_slot=AmoSlot.OPEN)))


@produces(ReasonCode.REVERSE_LINKED)
def reverse_linked() -> CopyEngine:
    made = lab(mode=CopyMode.EXECUTION, reverse=True)
    made.leader.buy(CE, lots=2, price=90, target=110, stop=70).fill()
    made.advance(10)
    return made.engine


@produces(ReasonCode.REVERSE_DELIVERY)
def reverse_delivery() -> CopyEngine:
    made = lab(mode=CopyMode.EXECUTION, reverse=True)
    made.leader.buy("NTPC", quantity=10, product="CNC")
    made.advance(5)
    return made.engine


@produces(ReasonCode.HELD_OTHER_WAY)
def held_other_way() -> CopyEngine:
    store = DurableMemory()
    made = lab(mode=CopyMode.EXECUTION, store=store)
    made.leader.buy(CE, lots=2)
    made.advance(5)
    made.engine.stop()
    made.engine = CopyEngine(
        [Leader(LEADER, source=FakeSource(made.exchange, LEADER, linked=True))],
        [
            Follower(
                F, size="1", live=True, broker=made.brokers[F], source=FakeSource(made.exchange, F),
                mode=CopyMode.EXECUTION, reverse=True,
            )
        ],
        store=store, clock=made.clock,
    )  # fmt: skip
    made.step()
    made.leader.buy(CE, lots=1)
    made.advance(5)
    return made.engine


@produces(ReasonCode.STOP_MARKET_REFUSED)
def stop_market_refused() -> CopyEngine:
    made = lab(policy=Policy(stop_market=StopMarketForm.REFUSE))
    made.exchange.place(LEADER, NewOrder(key=made.instrument(CE), side=Side.BUY, quantity=75, terms=StopMarket(Decimal(110))))
    made.step()
    return made.engine


@produces(ReasonCode.BRACKET_UNKNOWN)
def bracket_unknown() -> CopyEngine:
    made = lab()
    told(made, variety=Variety.SUPER)
    return made.engine


@produces(ReasonCode.COVER_WITHOUT_STOP)
def cover_without_stop() -> CopyEngine:
    made = lab()
    told(made, variety=Variety.COVER)
    return made.engine


@produces(ReasonCode.ENTRY_NOT_COPIED)
def entry_not_copied() -> CopyEngine:
    made = lab(Rules(size="1", only=Sides("SELL")))
    made.leader.buy(CE, lots=2, target=120, stop=90)
    made.step()
    return made.engine


@produces(ReasonCode.LEADER_CLOSED)
def leader_closed() -> CopyEngine:
    made = lab()
    made.leader.buy(CE, lots=2, target=110, stop=90)
    made.price(CE, 110)
    made.step()
    return made.engine


@produces(ReasonCode.INSTRUMENT_UNKNOWN)
def instrument_unknown() -> CopyEngine:
    made = lab()
    told(made, instrument=None, security_id=SecurityId("99999"))
    return made.engine


@produces(ReasonCode.QUANTITY_OFF_LOT)
def quantity_off_lot() -> CopyEngine:
    made = lab()
    told(made, quantity=100)
    return made.engine


@produces(ReasonCode.LEADER_POSITION_UNKNOWN)
def leader_position_unknown() -> CopyEngine:
    made = Playground({F: "1"})
    made.sources[LEADER].fail_reads(1000)
    made.step()
    made.leader.buy(CE, lots=1, price=90)
    made.step()
    made.advance(60)
    return made.engine


@produces(ReasonCode.NOTHING_OWNED)
def nothing_owned() -> CopyEngine:
    made = Playground({F: "1"})
    made.exchange.set_position(LEADER, made.instrument(CE), Product.INTRADAY, 150, Decimal(100))
    made.step()
    made.leader.sell(CE, lots=2)
    made.step()
    return made.engine


@produces(ReasonCode.OPENED_BY_EXIT)
def opened_by_exit() -> CopyEngine:
    made = Playground({F: "1"})
    made.exchange.set_position(LEADER, made.instrument(CE), Product.INTRADAY, 75, Decimal(100))
    made.step()
    orders = [made.leader.sell(CE, lots=1, price=price) for price in (110, 120)]
    made.step()
    for order in orders:
        order.fill()
        made.step()
    return made.engine


@produces(ReasonCode.STALE)
def stale() -> CopyEngine:
    made = lab()
    made.leader.buy(CE, lots=1)
    made.clock.advance(60)
    made.step()
    return made.engine


@produces(ReasonCode.OLDER_THAN_START)
def older_than_start() -> CopyEngine:
    made = Playground({F: "1"})
    made.leader.buy(CE, lots=1, price=90)
    made.clock.advance(5)
    made.step()
    return made.engine


# Sizes, filters, caps


def refuse(order: LeaderOrder, accounts: Accounts) -> object:
    raise ZeroDivisionError("nothing to divide by")


class Broken(Filter):
    def judge(self, order: LeaderOrder, facts: InstrumentFacts) -> Verdict:
        raise LookupError("no such column")


def sized(rules: object, lots: int = 4, **more: object) -> CopyEngine:
    made = lab(rules, **more)
    made.leader.buy(CE, lots=lots)
    made.step()
    made.advance(10)
    return made.engine


@produces(ReasonCode.BELOW_ONE_LOT)
def below_one_lot() -> CopyEngine:
    return sized("1/8")


@produces(ReasonCode.SIZER_FAILED)
def sizer_failed() -> CopyEngine:
    return sized(refuse)


@produces(ReasonCode.FILTERED)
def filtered() -> CopyEngine:
    return sized(Rules(size="1", only=Sides("SELL")))


@produces(ReasonCode.FILTER_FAILED)
def filter_failed() -> CopyEngine:
    return sized(Rules(size="1", only=Broken()))


@produces(ReasonCode.STOP_UNKNOWN)
def stop_unknown() -> CopyEngine:
    return sized(PercentAtRisk(1))


@produces(ReasonCode.CAP_EXCEEDED)
def cap_exceeded() -> CopyEngine:
    return sized(Rules(size="1", caps=[Cap("LOTS", 3, then="SKIP")]))


@produces(ReasonCode.CAPPED)
def capped() -> CopyEngine:
    return sized(Rules(size="1", caps=[Cap("LOTS", 3)]))


@produces(ReasonCode.BELOW_MINIMUM)
def below_minimum() -> CopyEngine:
    return sized(Rules(size="1", caps=[Cap("LOTS", least=5)]))


@produces(ReasonCode.VALUE_UNKNOWN)
def value_unknown() -> CopyEngine:
    made = lab(Rules(size="1", caps=[Cap("VALUE", 10**9)]))
    made.exchange.place(LEADER, NewOrder(key=CRUDE, side=Side.BUY, quantity=1, terms=Market(), product=Product.MARGIN))
    made.step()
    return made.engine


@produces(ReasonCode.MARGIN_UNKNOWN)
def margin_unknown() -> CopyEngine:
    made = lab(Rules(size="1", caps=[Cap("MARGIN", 100_000)]))
    made.brokers[F].fail_next(Fault.READ_FAILED, on=Call.ACCOUNT, count=50)
    made.leader.buy(CE, lots=2, price=90)
    made.step()
    made.advance(6)
    return made.engine


@produces(ReasonCode.FUNDS_UNKNOWN)
def funds_unknown() -> CopyEngine:
    made = Playground({F: PercentAtRisk(1)})
    made.brokers[F].fail_next(Fault.READ_FAILED, on=Call.ACCOUNT, count=50)
    made.step()
    made.leader.buy(CE, lots=2, price=90, stop=80, target=120)
    made.step()
    return made.engine


@produces(ReasonCode.PRICE_MOVED)
def price_moved() -> CopyEngine:
    made = lab(policy=Policy(price_deviation=Percent(Decimal(2))))
    source = made.sources[LEADER]
    source.withhold()
    made.leader.buy(CE, lots=1)
    made.clock.advance(20)
    made.price(CE, "103")
    made.leader.buy(CE, lots=1)
    source.release([2, 3, 0, 1])
    made.step()
    return made.engine


# Whether and when


@produces(ReasonCode.NOT_ACTIVE)
def not_active() -> CopyEngine:
    made = lab()
    made.engine.reduce()
    made.leader.buy(CE, lots=1)
    made.step()
    return made.engine


@produces(ReasonCode.CIRCUIT_OPEN)
def circuit_open() -> CopyEngine:
    made = lab(policy=Policy(circuit_after=2))
    made.brokers[F].fail_next(Fault.REJECTED, count=2)
    for _ in range(3):
        made.leader.buy(CE, lots=1, price=90)
        made.step()
    return made.engine


def on_a_calendar(when: str) -> CopyEngine:
    made = Playground({F: "1"}, start=ist(datetime.fromisoformat(when)))
    made.engine = CopyEngine(
        [Leader(LEADER, source=made.sources[LEADER])],
        [Follower(F, size="1", broker=made.brokers[F], live=True)],
        store=DurableMemory(), clock=made.clock, calendar=published_calendar(),
        policy=Policy(closed_market=ClosedMarket.DENY),
    )  # fmt: skip
    made.step()
    made.leader.buy(CE, lots=1)
    made.step()
    return made.engine


@produces(ReasonCode.MARKET_CLOSED)
def market_closed() -> CopyEngine:
    return on_a_calendar("2026-11-22 10:00")


@produces(ReasonCode.SQUARE_OFF_NEAR)
def square_off_near() -> CopyEngine:
    return on_a_calendar("2026-11-20 15:19")


# What becomes of a copy


@produces(ReasonCode.LEFT_BEHIND)
def left_behind() -> CopyEngine:
    made = lab(policy=Policy(behind=Behind.CANCEL))
    order = made.leader.buy(CE, lots=2, price=90)
    made.step()
    order.fill()
    made.step()
    made.advance(90)
    return made.engine


@produces(ReasonCode.AHEAD)
def ahead() -> CopyEngine:
    made = lab(policy=Policy(ahead=Ahead.CLOSE))
    order = made.leader.buy(CE, lots=2, price=90)
    made.step()
    (copy,) = made.exchange.orders(F)
    made.exchange.fill(F, copy.order_id)
    made.step()
    order.cancel()
    made.step()
    made.advance(60)
    return made.engine


@produces(ReasonCode.ORDER_TERMINAL)
def order_terminal() -> CopyEngine:
    made = lab()
    order = made.leader.buy(CE, lots=2, price=90)
    made.step()
    (copy,) = made.exchange.orders(F)
    made.exchange.fill(F, copy.order_id)
    made.step()
    order.modify(lots=4)
    made.step()
    order.fill()
    made.step()
    made.advance(60)
    return made.engine


@produces(ReasonCode.REJECTED)
def rejected() -> CopyEngine:
    made = lab()
    made.brokers[F].fail_next(Fault.REJECTED)
    made.leader.buy(CE, lots=1)
    made.step()
    made.advance(60)
    return made.engine


@produces(ReasonCode.WITHHELD)
def withheld() -> CopyEngine:
    store = TrippedStore(DurableMemory())
    day = Day({F: "1"}, store=store)
    day.step()

    def slow(entries: Sequence[Entry]) -> None:
        """A commit that takes longer than a request may wait."""
        if any(isinstance(entry.fact, RequestIssued) for entry in entries):
            store.after = lambda entries: None
            day.clock.advance(10)

    store.after = slow
    day.leader.buy(CE, lots=2)
    day.step()
    day.advance(120)
    return day.engine


@produces(ReasonCode.UNFILLED)
def unfilled() -> CopyEngine:
    made = lab()
    order = made.leader.buy(CE, lots=4, price=90)
    made.step()
    order.fill(lots=2)
    made.step()
    order.cancel()
    made.step()
    made.advance(60)
    return made.engine


@produces(ReasonCode.NEVER_PLACED)
def never_placed() -> CopyEngine:
    made = lab()
    made.brokers[F].fail_next(Fault.NEVER_ARRIVED)
    made.leader.buy(CE, lots=1)
    made.step()
    made.advance(300)
    return made.engine


@produces(ReasonCode.HUMAN_CANCELLED)
def human_cancelled() -> CopyEngine:
    made = lab()
    order = made.leader.buy(CE, lots=2, price=90)
    made.step()
    (copy,) = made.exchange.orders(F)
    made.exchange.cancel(F, copy.order_id)
    made.step()
    order.fill()
    made.step()
    made.advance(60)
    return made.engine


@produces(ReasonCode.MANUAL)
def manual() -> CopyEngine:
    made = lab()
    made.leader.buy(CE, lots=2)
    made.step()
    made.advance(1)
    made.exchange.place(F, NewOrder(key=made.instrument(CE), side=Side.SELL, quantity=150))
    made.leader.sell(CE, lots=2)
    made.step()
    made.advance(300)
    return made.engine


def held_and_then(made: Playground, product: Product = Product.INTRADAY, **positions: int) -> CopyEngine:
    """The leader's two lots are copied, and the broker shows other positions of the follower from then on."""
    made.leader.buy(CE, lots=2, product=product)
    made.step()
    made.advance(61)
    for name, units in positions.items():
        made.exchange.set_position(F, made.instrument(CE), Product[name], units)
    made.advance(300)
    return made.engine


@produces(ReasonCode.CONVERTED)
def converted() -> CopyEngine:
    return held_and_then(lab(), INTRADAY=0, MARGIN=150)


@produces(ReasonCode.EXPIRED)
def expired() -> CopyEngine:
    class Listed:
        def __call__(self, key: InstrumentKey) -> InstrumentFacts | None:
            return None

        def expiry(self, key: InstrumentKey) -> date | None:
            return date(2026, 8, 27)

    made = with_engine(Playground({F: "1"}), instruments=Listed())
    return held_and_then(made, Product.MARGIN, MARGIN=0)


@produces(ReasonCode.GONE_OVERNIGHT)
def gone_overnight() -> CopyEngine:
    early = Playground({F: "1"}, start=ist(datetime(2026, 9, 1, 7, 0)))
    return held_and_then(with_engine(early, calendar=published_calendar()), Product.MARGIN, MARGIN=0)


@produces(ReasonCode.FLATTENED)
def flattened() -> CopyEngine:
    made = lab()
    made.leader.buy(CE, lots=2)
    made.step()
    made.engine.flatten(F)
    made.step()
    return made.engine


@produces(ReasonCode.LOSS_LIMIT)
def loss_limit() -> CopyEngine:
    made = with_engine(Playground({F: "1"}), loss_limit=LossLimit("1000"))
    made.leader.buy(CE, lots=2)
    made.step()
    made.price(CE, 90)
    made.leader.buy(CE, lots=1)
    made.step()
    made.advance(30)
    return made.engine


@produces(ReasonCode.HEALED)
def healed() -> CopyEngine:
    made = lab(policy=Policy(ahead=Ahead.HOLD))
    order = made.leader.buy(CE, lots=2, price=90)
    made.step()
    (copy,) = made.exchange.orders(F)
    made.exchange.fill(F, copy.order_id)
    made.step()
    order.cancel()
    made.step()
    made.advance(60)
    made.engine.heal(made.engine.healing().hash)
    made.step()
    return made.engine


@produces(ReasonCode.DAY_END)
def day_end() -> CopyEngine:
    made = lab()
    order = made.leader.buy("IDEA", quantity=100, price=90)
    made.step()
    order.fill()
    made.step()
    made.exchange.end_day()
    made.step()
    return made.engine
