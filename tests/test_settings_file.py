"""A settings file and the objects are the same settings, and what is wrong in it is told with its line."""

from __future__ import annotations

import inspect
import json
import re
import tomllib
from collections.abc import Callable
from datetime import date, datetime, timedelta
from pathlib import Path
from textwrap import dedent
from typing import Any

import attrs
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from dhan_copy.config import Follower, Leader
from dhan_copy.core.caps import Cap
from dhan_copy.core.filters import OPTIONS, Kinds, Symbols
from dhan_copy.core.rules import Override, Rules
from dhan_copy.core.settings import Behind, Heal
from dhan_copy.core.sizers import FixedLots, OwnFunction
from dhan_copy.dhan import DhanAccount, InstrumentList
from dhan_copy.engine import CopyEngine
from dhan_copy.errors import ConfigurationError, Misspelt
from dhan_copy.logins import DhanLogin
from dhan_copy.market.calendar import load_calendar
from dhan_copy.market.contracts import load_contract_sizes
from dhan_copy.market.freeze import load_freeze_limits
from dhan_copy.model.finding import Check
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey, InstrumentKind
from dhan_copy.model.size import Ratio
from dhan_copy.model.times import ist
from dhan_copy.observe import LogFormat
from dhan_copy.settings_file import FollowerSettings, LeaderSettings, Settings
from tests.runtime.fakes import ReadingBroker, ReadingSource
from tests.settings_kit import settings

FILE = """\
store = "copies.db"

[policy]
entry_age = "45 s"

[rules]
only = { kind = ["OPTIDX", "OPTSTK"], not = { symbol = "BANK*" } }

[[leaders]]
name = "HUSBAND"
client_id = "1000000001"
token_env = "HUSBAND_TOKEN"

[[followers]]
name = "WIFE"
client_id = "1000000002"
token_env = "WIFE_TOKEN"
live = true
size = "1/3"
caps = [
    { measure = "LOTS", most = 10 },
    { measure = "VALUE", most = 500000, per = "DAY", then = "SKIP" },
]

[[followers.overrides]]
segment = "MCX_COMM"
size = { sizer = "FixedLots", lots = 1 }

[[followers]]
name = "PAPER"
size = "1"
"""


def test_what_the_file_says() -> None:
    read = Settings.parse(FILE)
    assert read.policy.entry_age.total_seconds() == 45
    assert read.rules.only == Kinds(InstrumentKind.OPTIDX, InstrumentKind.OPTSTK) & ~Symbols("BANK*")
    assert read.leaders == (LeaderSettings(name="HUSBAND", login=DhanLogin(client_id="1000000001", token_env="HUSBAND_TOKEN")),)
    wife, paper = read.followers
    assert wife == FollowerSettings(
        name="WIFE", login=DhanLogin(client_id="1000000002", token_env="WIFE_TOKEN"), live=True,
        rules=Rules(size=Ratio("1/3"), caps=[Cap("LOTS", 10), Cap("VALUE", 500_000, per="DAY", then="SKIP")]),
        overrides=(Override(segment="MCX_COMM", size=FixedLots(1)),),
    )  # fmt: skip
    assert (paper.name, paper.login, paper.live, paper.rules.size) == ("PAPER", None, False, Ratio(1))


@given(settings)
@hypothesis_settings(deadline=None)
def test_a_round_trip_changes_nothing(said: Settings) -> None:
    text = said.text()
    assert Settings.parse(text) == said
    assert Settings.parse(text).text() == text


def test_a_file_is_read_and_an_engine_made_of_it(tmp_path: Path) -> None:
    path = tmp_path / "copier.toml"
    path.write_text(
        '[rules]\nsize = "1/2"\n[[leaders]]\nname = "L"\n[[followers]]\nname = "F"\n[[followers]]\nname = "G"\nsize = "2"\n'
    )
    engine = Settings.load(path).engine(
        sources={"L": ReadingSource()}, brokers={"F": ReadingBroker(), "G": ReadingBroker()}, store=tmp_path / "x.db"
    )
    try:
        said = {name: {row["setting"]: (row["value"], row["said_by"]) for row in engine.settings(name)} for name in "FG"}
    finally:
        engine.stop()
    assert said["F"]["size"] == ("1/2", "all")
    assert said["G"]["size"] == ("2", "follower G")


WRONG: list[tuple[str, int, str]] = [
    ('store = "x"\nstores = "y"', 2, "'stores' is no setting here; there are store, instruments, freeze_limits, contract_sizes, calendar, log_format"),
    ('[policy]\nentry_age = 30', 2, 'must be a time such as "30 s"; units are ms, s, min, h'),
    ('[policy]\n\nentry_ages = "30 s"', 3, "'entry_ages' is no setting here; there are entry_age, send_within"),
    ('[policy]\nentry_age = "never"', 2, 'must be a time such as "30 s"'),
    ('[policy]\nentries_stop_before_square_off = "no"', 2, 'must be a time such as "30 s"'),
    ('skip_checks = ["CLOCK", "TIDE"]', 1, "must be one of ACCOUNT, TOKEN, "),
    ('\nlog_format = "XML"', 2, "must be one of KEY_VALUE, JSON, not 'XML'"),
    ('calendar = 2027', 1, "must be text in quotes"),
    ('[policy]\nbelow_lot = "MAYBE"', 2, "must be one of SKIP, ONE_LOT, ONE_LOT_WITHIN_RISK, not 'MAYBE'"),
    ('[policy]\nheal = "ALWAYS"', 2, "must be one of ON_REQUEST, CLOSE, not 'ALWAYS'"),
    ('[policy]\ncircuit_after = 0', 2, "circuit_after: must be above zero"),
    ('[policy]\nstop_market_offsets = { NSE = "1 %" }', 2, "must be one of NSE_EQ, NSE_FNO"),
    ('[policy]\nstop_market_offsets = { NSE_FNO = "1" }', 2, 'must be such as "1 %" or "3 ticks"'),
    ('[rules]\nsize = 0.5', 2, "must be a ratio as text"),
    ('[rules]\nsize = "0"', 2, 'a ratio above zero such as "0.5"'),
    ('[rules]\nsize = { lots = 2 }', 2, "sizer must be one of Quantity, SameQuantity, FixedLots"),
    ('[rules]\nsize = { sizer = "Martingale" }', 2, "sizer must be one of"),
    ('[rules]\nsize = { sizer = "FixedLots" }', 2, "lots is missing"),
    ('[rules]\nsize = { sizer = "FixedLots", lots = 0 }', 2, "lots: must be above zero"),
    ('[rules]\nonly = { kinds = ["OPTIDX"] }', 2, "'kinds' is no filter; there are segment, kind, symbol"),
    ('[rules]\nonly = { kind = ["OPTIDX", "CALL"] }', 2, "must be one of EQUITY, FUTIDX"),
    ('[rules]\nonly = {}', 2, "must name a filter"),
    ('[rules]\nonly = { any = [{ side = "BUY" }, 3] }', 2, "must be a table"),
    ('[rules]\nonly = { time = ["15:15", "09:20"] }', 2, "must begin before it ends"),
    ('[rules]\nonly = { quantity = { least = 3, most = 2 } }', 2, "least 3 is above most 2"),
    ('[rules]\ncaps = [\n  { measure = "LOTS", most = 10 },\n  { measure = "LOT", most = 10 },\n]', 4, "QUANTITY, LOTS, VALUE, MARGIN"),
    ('[rules]\ncaps = [\n  { measure = "LOTS", most = -1 },\n]', 3, "above zero"),
    ('[rules]\none_lot_risk = "3 ticks"', 2, 'must be such as "1 %"'),
    ('[[followers]]\nname = "F"\nlive = 1', 3, "must be true or false, not 1"),
    ('[[overrides]]\nsize = "1"', 1, "an override names a symbol or a segment"),
    ('[[followers]]\nname = "A"\n\n[[followers]]\nname = "B"\nmax_lot = 1', 6, "'max_lot' is no setting here; there are name, live"),
    ('[[followers]]\nname = "A"\nlimits = { reserve = 99 }', 3, "leaves nothing of a window"),
    ('[[followers]]\nname = "A"\n[[followers.overrides]]\nsymbol = "X"\nsise = "1"', 5, "'sise' is no setting here"),
    ('[[followers]]\nname = "A"\nloss_limit = { rupees = 5000, then = "ACTIVE" }', 3, "one of REDUCING, CLOSING, HALTED, not ACTIVE"),
    ('[[followers]]\nname = "A"\nmax_lots = 0', 3, "max_lots: must be above zero"),
    ('[[followers]]\nname = "A"\nreverse = true', 3, 'it needs mode = "EXECUTION"'),
    ('[[followers]]\nname = "A"\nlimits = { windows = [] }', 3, "windows must name one at least"),
    ('[[leaders]]\nname = "L"\n[[followers]]\nname = "A"\nleaders = ["M"]', 5, "no leader is called 'M'; there are L"),
    ('[[leaders]]\nname = "L"\n[[followers]]\nname = "A"\nsize = "1"\nleaders = []', 6, "names nobody"),
    ('[[leaders]]\nname = "L"\n[[followers]]\nsize = "1"\nname = "L"', 5, "another account is called 'L', too"),
    ('[[leaders]]\nname = "L"\n\n[[followers]]\nname = "A"', 4, "size is missing"),
    ('[[followers]]\nlive = true', 1, "name is missing"),
    ('[[leaders]]\nclient_id = "1000000001"', 1, "token_env is missing"),
    ('leaders = "me"', 1, "must be a list of tables"),
    ('[policy]\nsweep_open = "0 s"', 2, "sweep_open: must be above zero, not 0 s"),
    ('[policy]\nabsence_window = "99999999999999 h"', 2, "absence_window: must be at most 366 days"),
    ('[policy]\nabsence_window = "9000 h"', 2, "must be at most 366 days, not '9000 h'"),
    ('[[followers]]\nname = "A"\nloss_limit = { rupees = "inf" }', 3, "must be a whole number, or text such as"),
    ('[[followers]]\nname = "A"\nloss_limit = { rupees = "NaN" }', 3, "must be a whole number, or text such as"),
    ('[[followers]]\nname = "A"\nloss_limit = 5000', 3, "whose keys are rupees, then; not 5000"),
    ('[[followers]]\nname = "A"\ncaps = { measure = "LOTS", most = 1 }', 3, "a list of tables, [{ key = value }], whose keys are measure"),
    ('[[followers]]\nname = "A"\ncaps = [10]', 3, "whose keys are measure, most, per, then, least; not 10"),
    ('[[followers]]\nname = "A"\nonly = [{ side = "BUY" }]', 3, "whose keys are segment, kind, symbol"),
    ('[[followers]]\nname = "A"\nonly = { time = ["9:20", "15:15"] }', 3, "a time of the day is written as '09:20', not '9:20'"),
    ('[[followers]]\nname = "A"\nlimits = { windows = [{ limit = 5, seconds = inf }] }', 3, "must be a finite number, not inf"),
    ('[rules]\nsize = { sizer = "PercentAtRisk", percent = "NaN" }', 2, "percent: must be a whole number, or text"),
    ('store = "x"\nstore = "y"', 2, "this is not TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said"), WRONG)
def test_what_is_wrong_is_told_with_its_line_and_what_is_allowed(text: str, line: int, said: str) -> None:
    with pytest.raises(Misspelt) as caught:
        Settings.parse(text)
    assert caught.value.line == line
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"line {line}: ")


def test_a_byte_order_mark_at_the_start_of_the_file_is_no_part_of_it(tmp_path: Path) -> None:
    path = tmp_path / "family.toml"
    path.write_text('store = "x.db"\n', encoding="utf-8-sig")
    assert Settings.load(path) == Settings.parse('store = "x.db"')


TOKEN = "eyJ0eXAiOiJKV1QiLCJhbGciOiJIUzUxMiJ9.eyJpc3MiOiJkaGFuIn0.c2VjcmV0"


@pytest.mark.parametrize(
    "line",
    [
        f'access_token = "{TOKEN}"', f'token = "{TOKEN}"', f'token_env = "{TOKEN}"', f'client_id = "{TOKEN}"\ntoken_env = 3',
        f'proxy_env = "{TOKEN}"', f'size = "{TOKEN}"', f'live = "{TOKEN}"', f'name = ["{TOKEN}"]', f'pin = "{TOKEN}"',
        f'leaders = {{ token = "{TOKEN}" }}', f'only = {{ tag = 1, password = "{TOKEN}" }}', f'size = "{TOKEN}',
    ],
)  # fmt: skip
def test_a_secret_in_the_file_is_refused_and_never_shown(line: str) -> None:
    with pytest.raises(Misspelt) as caught:
        Settings.parse(f'[[followers]]\nname = "F"\n{line}\n')
    shown = f"{caught.value} {caught.value!r} {caught.value.args} {caught.value.path}"
    assert not any(part in shown for part in [TOKEN, *TOKEN.split("."), TOKEN[:12]])
    assert caught.value.__context__ is None or caught.value.__suppress_context__


def test_what_is_closed_by_itself_is_said_and_read_again() -> None:
    said = Settings.parse(FILE.replace('entry_age = "45 s"', 'heal = "CLOSE"'))
    assert said.policy.heal is Heal.CLOSE and Settings.parse(FILE).policy.heal is Heal.ON_REQUEST
    assert 'heal = "CLOSE"' in said.text() and Settings.parse(said.text()) == said


@pytest.mark.parametrize("behind", Behind)
def test_x4_what_is_done_with_what_is_left_behind_is_said_and_read_again(behind: Behind) -> None:
    said = Settings.parse(FILE.replace('entry_age = "45 s"', f'behind = "{behind.name}"\nbehind_after = "20 s"'))
    assert (said.policy.behind, said.policy.behind_after) == (behind, timedelta(seconds=20))
    assert Settings.parse(said.text()) == said


def test_what_is_your_own_cannot_be_written_down() -> None:
    said = Settings(followers=[FollowerSettings(name="F", rules=Rules(size=OwnFunction(lambda order, accounts: Ratio(1))))])
    with pytest.raises(ConfigurationError, match="OwnFunction is your own"):
        said.text()


MASTER = """\
SEM_EXM_EXCH_ID,SEM_SEGMENT,SEM_SMST_SECURITY_ID,SEM_INSTRUMENT_NAME,SEM_LOT_UNITS,SEM_TICK_SIZE
NSE,D,45471,OPTIDX,65.0,5.0000
"""
FREEZE = '[[limits]]\nsegment = "NSE_FNO"\nsince = 2026-12-01\nunits = { RELIANCE = 20000 }\nsource = "a circular"'
LOTS = '[[contracts]]\nsegment = "MCX_COMM"\nsince = 2026-12-01\nrupees = { NICKEL = 250 }\nsource = "the exchange"'
DAYS = '[[holidays]]\nsegments = ["NSE_FNO"]\ndays = { 2026-12-31 = "elections" }\nsource = "a circular"'


def test_an_engine_gets_everything_that_the_settings_say(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (("scrip.csv", MASTER), ("freeze.toml", FREEZE), ("days.toml", DAYS), ("lots.toml", LOTS)):
        (tmp_path / name).write_text(text)
    monkeypatch.chdir(tmp_path)
    passed: dict[str, Any] = {}
    monkeypatch.setattr("dhan_copy.settings_file.CopyEngine", lambda *args, **more: passed.update(more))
    Settings.parse(
        'instruments = "scrip.csv"\nfreeze_limits = "freeze.toml"\ncontract_sizes = "lots.toml"\ncalendar = "days.toml"\nlog_format = "JSON"\n'
        'skip_checks = ["CLOCK"]\n[policy]\nentries_stop_before_square_off = "never"\n[rules]\nsize = "1/2"\n'
        '[[overrides]]\nsymbol = "X"\nsize = "1"\n'
    ).engine(rebuild=True, skip_checks=["SOURCE_IP"])
    nfo = ExchangeSegment.NSE_FNO
    assert passed["instruments"](InstrumentKey(nfo, SecurityId("45471"))).lot_units == 65
    assert passed["freeze_limits"].most_units(nfo, date(2026, 12, 1), lot_units=500, symbol="RELIANCE-Dec2026-FUT") == 20_000
    assert passed["contract_sizes"].rupees(ExchangeSegment.MCX_COMM, "NICKEL-Dec2026-FUT", date(2026, 12, 1)) == 250
    assert passed["calendar"].label(nfo, ist(datetime(2026, 12, 31, 10, 0))).text.endswith("(elections)")
    assert (passed["log_format"], passed["rebuild"]) == (LogFormat.JSON, True)
    assert passed["skip_checks"] == ["CLOCK", "SOURCE_IP"]
    assert passed["policy"].entries_stop_before_square_off is None
    assert (passed["rules"].size, passed["overrides"][0].size) == (Ratio("1/2"), Ratio(1))
    assert passed.keys() == parameters(CopyEngine.__init__) - {"leaders", "followers", "store"}


@pytest.mark.parametrize("name", ["instruments", "freeze_limits", "contract_sizes", "calendar"])
def test_a_file_that_it_names_and_that_is_not_there_is_named(tmp_path: Path, name: str) -> None:
    with pytest.raises(ConfigurationError, match="none.x"):
        Settings.parse(f'{name} = "{tmp_path}/none.x"').engine()


def parameters(function: Callable[..., object]) -> set[str]:
    return set(inspect.signature(function).parameters) - {"self"}


def names(cls: type[attrs.AttrsInstance]) -> set[str]:
    return {one.name for one in attrs.fields(cls) if one.init}


def test_what_only_code_can_say_is_in_the_documentation_and_nothing_else_is() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.rst").read_text("utf-8").split("What only code can say")[1]
    told = {name: {each.strip(" =") for each in of.split(",")} for name, of in re.findall(r"``([\w.]+)\((\w+=[^)]*)\)``", page)}
    in_code = {
        "CopyEngine": (CopyEngine.__init__, names(Settings)),
        "Leader": (Leader, names(LeaderSettings) | {"account"}),
        "Follower": (Follower, names(FollowerSettings) | names(Rules) | {"account"}),
        "DhanAccount": (DhanAccount.__init__, names(DhanLogin)),
        "DhanAccount.feed": (DhanAccount.feed, set()),
        "InstrumentList": (InstrumentList.__init__, set()),
        "load_freeze_limits": (load_freeze_limits, {"path"}),
        "load_contract_sizes": (load_contract_sizes, {"path"}),
        "load_calendar": (load_calendar, {"path"}),
    }
    assert told == {name: parameters(made) - said for name, (made, said) in in_code.items()}


def test_the_files_on_the_page_are_settings() -> None:
    page = (Path(__file__).parent.parent / "docs" / "settings.rst").read_text("utf-8")
    blocks = re.findall(r"^\.\. code-block:: toml\n\n((?:   .*\n|\n)+)", page, re.M)
    whole, top = (Settings.parse(dedent(block)) for block in blocks)
    assert [account.name for account in (*whole.leaders, *whole.followers)] == ["HUSBAND", "WIFE"]
    assert (top.calendar, top.skip_checks) == ("days.toml", (Check.SOURCE_IP,))


def test_a_file_that_is_not_there(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="cannot be read: FileNotFoundError"):
        Settings.load(tmp_path / "none.toml")


def test_the_engine_is_given_what_a_file_cannot_hold() -> None:
    said = Settings.parse('[[leaders]]\nname = "L"\n[[followers]]\nname = "F"\nsize = "1"')
    with pytest.raises(ConfigurationError, match="has no source"):
        said.engine()
    with pytest.raises(ConfigurationError, match="no account is called 'X'"):
        said.engine(sources={"L": ReadingSource(), "X": ReadingSource()})


def test_what_is_written_is_toml_for_everybody() -> None:
    said = Settings(store='a "quoted" \\ path\t\x7f', rules=Rules(only=OPTIONS))
    plain = tomllib.loads(said.text())
    assert plain["store"] == said.store
    assert json.dumps(plain["rules"]) == '{"only": {"kind": ["OPTIDX", "OPTSTK", "OPTFUT", "OPTCUR"]}}'


def test_a_follower_takes_the_other_side_by_its_table() -> None:
    text = """
[[leaders]]
name = "L"

[[followers]]
name = "F"
size = "1"
mode = "EXECUTION"
reverse = true
"""
    settings = Settings.parse(text)
    assert settings.followers[0].reverse and Settings.parse(settings.text()) == settings
    with pytest.raises(ConfigurationError, match="EXECUTION"):
        Settings.parse(text.replace('mode = "EXECUTION"', ""))
