"""Settings that contradict each other are refused in words, before anything starts."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.config import Follower, Instruments, Leader, as_function, settings
from dhan_copy.core.calendar import Calendar
from dhan_copy.core.facts import CopyMode
from dhan_copy.core.rules import Override, Rules
from dhan_copy.core.settings import CopierSettings, Policy, RateLimits
from dhan_copy.core.sizers import OwnFunction
from dhan_copy.errors import ConfigurationError
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.freeze import FreezeLimits
from dhan_copy.model.ids import AccountName, SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentFacts, InstrumentKey
from dhan_copy.model.size import Quantity, Ratio
from dhan_copy.protocols import Broker, EventSource
from tests.runtime.fakes import ReadingBroker, ReadingSource, ScriptedBroker, ScriptedSource

KEY = InstrumentKey(ExchangeSegment.NSE_EQ, SecurityId("1333"))


class Account:
    """What a DhanAccount looks like from here."""

    has_feed = True

    def __init__(self, client_id: str, source: EventSource | None = None, broker: Broker | None = None) -> None:
        self.client_id = client_id
        self._source = ReadingSource() if source is None else source
        self._broker = ReadingBroker() if broker is None else broker
        self.feeds = 0
        self.linked = False

    def broker(self) -> Broker:
        return self._broker

    def feed(self, *, linked: bool = False, forever: bool = False) -> EventSource:
        self.feeds += 1
        self.linked = linked
        return self._source


def leader(name: str = "L") -> Leader:
    return Leader(name, source=ReadingSource())


def built(leaders: Sequence[Leader], followers: Sequence[Follower], *, durable: bool = True) -> CopierSettings:
    return settings(leaders, followers, Policy(), None, durable=durable)


def test_what_the_core_is_told() -> None:
    told = settings(
        [leader("L"), leader("M")],
        [
            Follower(Account("1000000002"), size="1/2", live=True, max_lots=10, leaders=["M"], name="WIFE"),
            Follower("PAPER", size=Quantity(75)),
        ],
        Policy(),
        {KEY: InstrumentFacts(1)},
        durable=True,
        flat=frozenset({AccountName("M")}),
        readable=frozenset({AccountName("WIFE")}),
    )
    assert [(rules.name, rules.positions_known_flat) for rules in told.leaders] == [("L", False), ("M", True)]
    wife, paper = told.followers
    assert (wife.name, wife.sizer, wife.live, wife.max_lots, wife.leaders, wife.reads_positions) == (
        "WIFE", Ratio("1/2"), True, 10, frozenset({"M"}), True,
    )  # fmt: skip
    assert (paper.name, paper.sizer, paper.live, paper.leaders, paper.reads_positions) == (
        "PAPER", Quantity(75), False, None, False,
    )  # fmt: skip
    assert told.instruments(KEY) == InstrumentFacts(1)


@given(st.fractions(min_value=Fraction(1, 1000), max_value=100))
def test_a_size_as_text_is_an_exact_ratio(ratio: Fraction) -> None:
    assert Follower("F", size=str(ratio)).sizer == Ratio(ratio)


@pytest.mark.parametrize(
    ("size", "said"),
    [
        (0.5, 'size="0.5"'),
        ("", "no ratio"),
        ("0", "no ratio"),
        ("-1", "no ratio"),
        ("1/0", "no ratio"),
        ("half", "no ratio"),
        ("nan", "no ratio"),
        (2, "no sizer"),
        (Decimal("0.5"), "no sizer"),
        (Ratio, "no sizer"),
        (object(), "no sizer"),
    ],
)
def test_a_size_that_is_none(size: object, said: str) -> None:
    with pytest.raises(ConfigurationError, match=said):
        Follower("F", size=size)  # type: ignore[arg-type]


def test_somebody_says_how_large_a_copy_is() -> None:
    with pytest.raises(ConfigurationError, match="follower 'F' has no size"):
        built([leader()], [Follower("F")])
    with pytest.raises(ConfigurationError, match="two sizes"):
        Follower("F", size="1", rules=Rules(size="1"))
    assert built([leader()], [Follower("F", rules=Rules(size="1/2"))]).followers[0].said.size == Ratio("1/2")
    told = settings([leader()], [Follower("F")], Policy(), None, durable=True, rules=Rules(size="1/2"))
    assert told.rules.size == Ratio("1/2") and told.followers[0].said.size is None


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"loss_limit": 5000}, "F.loss_limit: must be LossLimit(rupees, ...), not 5000"),
        ({"limits": 10}, "F.limits: must be RateLimits(...), not 10"),
        ({"rules": {"size": "1"}}, "F.rules: must be Rules(...), not a table"),
        ({"overrides": 3}, "F.overrides: must be a list of Override(...), not 3"),
        ({"overrides": [Rules(size="1")]}, "F.overrides[0]: must be Override(...), not a Rules"),
        ({"mode": "FILLS"}, "F.mode: must be one of ORDER, EXECUTION, not 'FILLS'"),
        ({"live": 1}, "F.live: must be True or False, not 1"),
        ({"reverse": "no"}, "F.reverse: must be True or False, not 'no'"),
        ({"max_lots": "5"}, "F.max_lots: must be a whole number, not '5'"),
        ({"max_lots": 0}, "F.max_lots: must be above zero, not 0"),
        ({"leaders": 1}, "leaders of follower 'F' must be names of leaders, not 1"),
        ({"leaders": [1]}, "leaders of follower 'F' must be names of leaders, not a list"),
        ({"broker": object()}, "broker of 'F' must have submit, modify, cancel, find, orders: an object has no submit"),
        ({"source": ReadingBroker()}, "source of 'F' must have events, snapshot, close: a ReadingBroker has no events"),
    ],
)
def test_a_follower_of_the_wrong_parts_is_refused_at_once(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Follower("F", size="1", **wrong)  # type: ignore[arg-type]
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"rules": "1"}, "L.rules: must be Rules(...), not '1'"),
        ({"source": object()}, "source of 'L' must have events, snapshot, close: an object has no events"),
    ],
)
def test_a_leader_of_the_wrong_parts_is_refused_at_once(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        Leader("L", **{"source": ReadingSource(), **wrong})  # type: ignore[arg-type]
    assert str(caught.value) == said


@pytest.mark.parametrize(
    ("wrong", "said"),
    [
        ({"policy": {"heal": "CLOSE"}}, "policy must be Policy(...), not a table"),
        ({"rules": "0.5"}, "rules must be Rules(...), not '0.5'"),
        ({"overrides": [Rules(size="1")]}, "overrides must be Override(...), not a Rules"),
        ({"overrides": 3}, "overrides must be Override(...), not 3"),
    ],
)
def test_what_holds_for_all_is_of_its_kind(wrong: dict[str, object], said: str) -> None:
    with pytest.raises(ConfigurationError) as caught:
        given: dict[str, object] = {"policy": Policy(), "instruments": None, "durable": True, **wrong}
        settings([leader()], [Follower("F", size="1")], **given)  # type: ignore[arg-type]
    assert str(caught.value) == said


def test_a_mode_is_taken_by_its_name_and_one_override_needs_no_list() -> None:
    override = Override(symbol="NIFTY*", size="1/2")
    follower = Follower("F", size="1", mode="EXECUTION", reverse=True, overrides=override)  # type: ignore[arg-type]
    assert (follower.mode, follower.overrides) == (CopyMode.EXECUTION, (override,))


def test_a_function_is_a_sizer() -> None:
    def half(order: object, accounts: object) -> Ratio:
        return Ratio("1/2")

    assert Follower("F", size=half).sizer == OwnFunction(half)


def test_an_own_sizer_is_taken_as_it_is() -> None:
    class Own:
        def size(self, order: object, accounts: object) -> Ratio:
            return Ratio(1)

    own = Own()
    assert Follower("F", size=own).sizer is own


@pytest.mark.parametrize("name", ["", "  ", "x" * 65, "line\nbreak", "\x1b[31m"])
def test_names_are_printable(name: str) -> None:
    with pytest.raises(ConfigurationError):
        Follower(name, size="1")


def test_an_account_that_is_none() -> None:
    with pytest.raises(ConfigurationError, match="needs a name"):
        Leader(object())  # type: ignore[arg-type]


def test_no_leaders_and_no_followers() -> None:
    with pytest.raises(ConfigurationError, match="no leaders"):
        built([], [Follower("F", size="1")])
    with pytest.raises(ConfigurationError, match="no followers"):
        built([leader()], [])


def test_two_accounts_of_one_name() -> None:
    with pytest.raises(ConfigurationError, match="two accounts are called 'L'"):
        built([leader()], [Follower("L", size="1")])


def test_an_account_cannot_copy_itself_under_another_name() -> None:
    with pytest.raises(ConfigurationError, match="same Dhan account 1000000001"):
        built([Leader(Account("1000000001"), name="ME")], [Follower(Account("1000000001"), size="1", name="WIFE")])


def test_a_follower_of_an_unknown_leader_or_of_nobody() -> None:
    with pytest.raises(ConfigurationError, match="does not exist: X.*The leaders are L"):
        built([leader()], [Follower("F", size="1", leaders="X")])
    with pytest.raises(ConfigurationError, match="follows nobody"):
        built([leader()], [Follower("F", size="1", leaders=[])])
    assert built([leader()], [Follower("F", size="1", leaders="L")]).followers[0].leaders == frozenset({"L"})


def test_memory_is_for_followers_that_are_not_live() -> None:
    with pytest.raises(ConfigurationError, match="memory"):
        built([leader()], [Follower("F", size="1", broker=ScriptedBroker(), live=True)], durable=False)
    assert built([leader()], [Follower("F", size="1")], durable=False).followers[0].live is False


def test_a_leader_by_name_needs_a_source_and_a_live_follower_a_broker() -> None:
    with pytest.raises(ConfigurationError, match="no source"):
        Leader("L")
    with pytest.raises(ConfigurationError, match="no broker"):
        Follower("F", size="1", live=True)


@pytest.mark.parametrize("live", [1, "yes", None])
def test_live_is_said_in_so_many_words(live: object) -> None:
    with pytest.raises(ConfigurationError, match="live"):
        Follower("F", size="1", broker=ScriptedBroker(), live=live)  # type: ignore[arg-type]


@pytest.mark.parametrize("max_lots", [0, -1, 1.5, True, "10"])
def test_max_lots_is_a_count(max_lots: object) -> None:
    with pytest.raises(ConfigurationError, match="max_lots"):
        Follower("F", size="1", max_lots=max_lots)  # type: ignore[arg-type]


def test_positions_must_be_readable_or_given() -> None:
    plain = ScriptedSource()
    with pytest.raises(ConfigurationError, match="cannot read positions"):
        Leader("L", source=plain).open()
    assert Leader("L", source=plain, positions={}).open() == (plain, None)
    reading = ReadingSource()
    opened: tuple[object, object] = Leader("L", source=reading).open()
    assert opened == (reading, reading)


def test_an_account_opens_its_feed_and_reads_with_its_broker_where_the_feed_cannot() -> None:
    account = Account("1000000001")
    opened: tuple[object, object] = Leader(account).open()
    assert opened == (account._source, account._source)
    broker = ReadingBroker()
    plain = Account("1000000001", ScriptedSource(), broker)
    assert Leader(plain).open() == (plain._source, broker)
    with pytest.raises(ConfigurationError, match="cannot read positions"):
        Leader(Account("1000000001", ScriptedSource(), ScriptedBroker())).open()


def test_a_follower_opens_a_feed_only_when_live_and_where_there_is_one() -> None:
    paper, live, sandbox = Account("1"), Account("2"), Account("3")
    sandbox.has_feed = False
    assert Follower(paper, size="1").open() == (paper._broker, None)
    assert Follower(live, size="1", live=True).open() == (live._broker, live._source)
    assert Follower(sandbox, size="1", live=True).open() == (sandbox._broker, None)
    assert (paper.feeds, live.feeds, sandbox.feeds) == (0, 1, 0)
    assert not live.linked, "what the copier places is plain"
    own, source = ScriptedBroker(), ScriptedSource()
    assert Follower(live, size="1", live=True, broker=own).open() == (own, None)
    assert Follower("F", size="1", broker=own, source=source).open() == (own, source)


def test_reprs_name_the_account_and_nothing_else() -> None:
    assert repr(Leader(Account("1000000001"))) == "Leader('1000000001')"
    assert repr(Follower(Account("1"), size="1/2", live=True)) == "Follower('1', size='1/2', live=True)"


def test_instruments_as_a_function_a_mapping_or_nothing() -> None:
    facts = InstrumentFacts(75)
    assert as_function(None)(KEY) is None
    assert as_function({KEY: facts})(KEY) is facts
    assert as_function(lambda key: facts)(KEY) is facts


def test_p12_freeze_limits_are_those_of_this_release_or_the_users() -> None:
    accounts = [leader()], [Follower("F", size="1")]
    published = settings(*accounts, Policy(), None, durable=True).freeze_limits
    assert published.most_units(ExchangeSegment.NSE_FNO, date(2026, 11, 2), 65, symbol="NIFTY-Nov2026-FUT") == 3510
    own = FreezeLimits()
    assert settings(*accounts, Policy(), None, durable=True, freeze_limits=own).freeze_limits is own


def test_s1_the_published_calendar_holds_where_an_account_is_on_a_real_exchange() -> None:
    class Real(Account):
        on_exchange = True

    def calendar(account: Account, own: Calendar | None = None) -> Calendar:
        followers = [Follower(account, size="1")]
        return settings([leader()], followers, Policy(), None, durable=True, calendar=own).calendar

    assert calendar(Real("1000000002")) is published_calendar()
    assert calendar(Account("1000000002")) == Calendar(), "simulated exchanges and test servers have no hours"
    assert calendar(Real("1000000002"), mine := Calendar(years=frozenset())) is mine


def test_p11_an_account_at_dhan_brings_its_list_of_instruments() -> None:
    facts = InstrumentFacts(75)

    class Listed:
        def __call__(self, key: InstrumentKey) -> InstrumentFacts | None:
            return facts

        def pending(self, key: InstrumentKey) -> bool:
            return key != KEY

    class Real(Account):
        on_exchange = True

        def instruments(self) -> Listed:
            return Listed()

    def told(account: Account, own: Instruments | None = None) -> CopierSettings:
        return settings([leader()], [Follower(account, size="1")], Policy(), own, durable=True)

    other = InstrumentKey(ExchangeSegment.NSE_EQ, SecurityId("1"))
    mine = told(Real("1000000002"))
    assert (mine.instruments(KEY), mine.awaited(KEY), mine.awaited(other)) == (facts, False, True)
    given = told(Real("1000000002"), {})
    assert (given.instruments(KEY), given.awaited(other)) == (None, False), "what the user gives stands"
    test = told(Account("1000000002"))
    assert (test.instruments(KEY), test.awaited(other)) == (None, False)


def test_a_leaders_account_is_asked_for_its_linked_orders() -> None:
    account = Account("1000000001")
    Leader(account).open()
    assert (account.feeds, account.linked) == (1, True)


def test_reverse_needs_fills_to_reverse_and_says_so() -> None:
    with pytest.raises(ConfigurationError, match="would sell at once") as problem:
        Follower("F", size="1", reverse=True)
    assert "mode=CopyMode.EXECUTION" in str(problem.value)
    with pytest.raises(ConfigurationError, match="must be True or False"):
        Follower("F", size="1", reverse="yes", mode=CopyMode.EXECUTION)  # type: ignore[arg-type]
    assert Follower("F", size="1", reverse=True, mode=CopyMode.EXECUTION).reverse


def test_the_limit_on_reads_is_told_to_a_broker_that_keeps_it() -> None:
    class Paced(ReadingBroker):
        per_second = 0

        def limit_reads(self, per_second: int) -> None:
            self.per_second = per_second

        def reads_wait_seconds(self, count: int) -> float:
            return 0.0

    own, given = Paced(), Paced()
    Follower(Account("1000000001", broker=own), limits=RateLimits(reads_per_second=7)).open()
    Follower("F", broker=given).open()
    assert (own.per_second, given.per_second) == (7, 20)
