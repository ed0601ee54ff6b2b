"""A settings file and the objects are the same settings, and what is wrong in it is told with its line."""

from __future__ import annotations

import json
import tomllib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings

from dhan_copy.core.caps import Cap
from dhan_copy.core.filters import OPTIONS, Kinds, Symbols
from dhan_copy.core.rules import Override, Rules
from dhan_copy.core.sizers import FixedLots, OwnFunction
from dhan_copy.errors import ConfigurationError, Misspelt
from dhan_copy.logins import DhanLogin
from dhan_copy.model.instrument import InstrumentKind
from dhan_copy.model.size import Ratio
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
    assert read.leaders == (
        LeaderSettings(name="HUSBAND", login=DhanLogin(client_id="1000000001", token_env="HUSBAND_TOKEN")),
    )
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
    path.write_text('[rules]\nsize = "1/2"\n[[leaders]]\nname = "L"\n[[followers]]\nname = "F"\n[[followers]]\nname = "G"\nsize = "2"\n')
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
    ('store = "x"\nstores = "y"', 2, "'stores' is no setting here; there are store, policy, rules"),
    ('[policy]\nentry_age = 30', 2, 'must be a time such as "30 s"; units are ms, s, min, h'),
    ('[policy]\n\nentry_ages = "30 s"', 3, "'entry_ages' is no setting here; there are entry_age, send_within"),
    ('[policy]\nbelow_lot = "MAYBE"', 2, "must be one of SKIP, ONE_LOT, ONE_LOT_WITHIN_RISK, not 'MAYBE'"),
    ('[policy]\ncircuit_after = 0', 2, "'circuit_after' must be >= 1"),
    ('[policy]\nstop_market_offsets = { NSE = "1 %" }', 2, "must be one of NSE_EQ, NSE_FNO"),
    ('[policy]\nstop_market_offsets = { NSE_FNO = "1" }', 2, 'must be such as "1 %" or "3 ticks"'),
    ('[rules]\nsize = 0.5', 2, "must be a ratio as text"),
    ('[rules]\nsize = "0"', 2, 'a ratio above zero such as "0.5"'),
    ('[rules]\nsize = { lots = 2 }', 2, "sizer must be one of Quantity, SameQuantity, FixedLots"),
    ('[rules]\nsize = { sizer = "Martingale" }', 2, "sizer must be one of"),
    ('[rules]\nsize = { sizer = "FixedLots" }', 2, "lots is missing"),
    ('[rules]\nsize = { sizer = "FixedLots", lots = 0 }', 2, "must be >= 1"),
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
    ('[[followers]]\nlive = true', 1, "name is missing"),
    ('[[leaders]]\nclient_id = "1000000001"', 1, "token_env is missing"),
    ('leaders = "me"', 1, "must be a list of tables"),
    ('store = "x"\nstore = "y"', 2, "this is not TOML"),
]  # fmt: skip


@pytest.mark.parametrize(("text", "line", "said"), WRONG)
def test_what_is_wrong_is_told_with_its_line_and_what_is_allowed(text: str, line: int, said: str) -> None:
    with pytest.raises(Misspelt) as caught:
        Settings.parse(text)
    assert caught.value.line == line
    assert said in str(caught.value)
    assert str(caught.value).startswith(f"line {line}: ")


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


def test_what_is_your_own_cannot_be_written_down() -> None:
    said = Settings(followers=[FollowerSettings(name="F", rules=Rules(size=OwnFunction(lambda order, accounts: Ratio(1))))])
    with pytest.raises(ConfigurationError, match="OwnFunction is your own"):
        said.text()


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
