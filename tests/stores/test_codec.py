"""Facts survive the journal, and nothing that is not as it was written passes for something else."""

from __future__ import annotations

import json
from datetime import datetime
from decimal import Decimal
from typing import get_args

import attrs
import pytest
from hypothesis import given
from hypothesis import strategies as st

from dhan_copy.core.facts import (
    Channel,
    CopyAdmitted,
    CopyDeclined,
    DayOpened,
    Fact,
    GapDetected,
    LeaderReported,
    OrderReported,
    PositionsReported,
    ReportUnreadable,
    RequestAccepted,
    RequestIssued,
)
from dhan_copy.errors import StoreCorrupt, StoreError, StoreTooNew
from dhan_copy.model.ids import AccountName, BrokerOrderId, ClientOrderId
from dhan_copy.model.instrument import InstrumentFacts
from dhan_copy.model.order import Limit
from dhan_copy.model.reason import ReasonCode
from dhan_copy.stores.codec import BODY_VERSION, decode, encode
from dhan_copy.testing.conformance.samples import sample_facts
from dhan_copy.testing.strategies import facts, moments

A = AccountName("A")


def again(fact: Fact) -> Fact:
    return decode(*encode(fact))


def reported() -> LeaderReported:
    return next(fact for fact in sample_facts() if isinstance(fact, LeaderReported) and fact.report.raw)


@given(facts())
def test_every_fact_comes_back_as_it_was(fact: Fact) -> None:
    now = again(fact)
    assert now == fact
    assert repr(type(now)) == repr(type(fact))


@pytest.mark.parametrize("kind", get_args(Fact), ids=lambda kind: kind.__name__)
def test_every_kind_of_fact_has_a_body(kind: type[Fact]) -> None:
    samples = [fact for fact in sample_facts() if type(fact) is kind]
    assert samples
    for fact in samples:
        type_, version, body, raw = encode(fact)
        assert (type_, version) == (kind.__name__, BODY_VERSION)
        assert isinstance(json.loads(body), dict)
        assert decode(type_, version, body, raw) == fact


def test_a_body_is_compact_json_under_the_names_of_the_fields() -> None:
    fact = CopyDeclined(leader=A, leader_order_id=BrokerOrderId("1"), follower=A, reason=ReasonCode.STALE)
    assert encode(fact).body == '{"leader":"A","leader_order_id":"1","follower":"A","reason":"STALE"}'


def test_a_reason_is_kept_by_name_as_its_sentence_may_be_reworded() -> None:
    for reason in ReasonCode:
        fact = CopyDeclined(leader=A, leader_order_id=BrokerOrderId("1"), follower=A, reason=reason)
        assert reason.value not in encode(fact).body or reason.value == reason.name
        assert again(fact) == fact


def test_numbers_are_exact_text() -> None:
    body = json.loads(encode(attrs.evolve(reported(), report=report_at("0.1000"))).body)
    assert body["report"]["terms"] == {"$": "Limit", "price": "0.1000"}
    admitted = next(fact for fact in sample_facts() if isinstance(fact, CopyAdmitted))
    assert json.loads(encode(admitted).body)["ratio"] == "1/3"


def report_at(price: str):  # type: ignore[no-untyped-def]
    return attrs.evolve(reported().report, terms=Limit(Decimal(price)))


@given(moments())
def test_times_keep_their_instant_and_offset(at: datetime) -> None:
    now = again(attrs.evolve(reported(), read_at=at))
    assert isinstance(now, LeaderReported) and now.read_at is not None
    assert now.read_at == at
    assert now.read_at.utcoffset() == at.utcoffset()


@given(st.text(), st.text(st.characters(categories=["Cs", "Cc", "L"])))
def test_any_text_survives_lone_surrogates_and_zeros_too(cause: str, hostile: str) -> None:
    for text in (cause, hostile):
        fact = GapDetected(account=A, cause=text)
        assert again(fact) == fact
        assert encode(fact).body.isascii()


# Raw text


def test_raw_text_is_beside_the_body() -> None:
    fact = attrs.evolve(reported(), report=attrs.evolve(reported().report, raw='{"frame": 1}'))
    type_, version, body, raw = encode(fact)
    assert raw == '{"frame": 1}'
    assert "frame" not in body
    with_raw, without = decode(type_, version, body, raw), decode(type_, version, body)
    assert isinstance(with_raw, LeaderReported) and with_raw.report.raw == '{"frame": 1}'
    assert isinstance(without, LeaderReported) and without.report.raw == ""


def test_raw_text_of_an_unreadable_frame_is_beside_the_body() -> None:
    fact = ReportUnreadable(account=A, problem="no", raw="garbage")
    encoded = encode(fact)
    assert encoded.raw == "garbage" and "garbage" not in encoded.body
    now = decode(*encoded)
    assert isinstance(now, ReportUnreadable) and now.raw == "garbage"


def test_raw_text_where_none_belongs_is_damage() -> None:
    with pytest.raises(StoreCorrupt):
        decode("DayOpened", BODY_VERSION, '{"day":"2026-09-01"}', "raw")
    with pytest.raises(StoreCorrupt):
        decode("LeaderReported", BODY_VERSION, '{"report":5}', "raw")


# What is not as it was written


def test_a_missing_optional_field_takes_its_default() -> None:
    fact = decode("CopyDeclined", BODY_VERSION, '{"leader":"A","leader_order_id":"1","follower":"F","reason":"STALE"}')
    assert isinstance(fact, CopyDeclined) and fact.detail == ""


@pytest.mark.parametrize(
    ("kind", "version", "body"),
    [
        ("Nonsense", BODY_VERSION, "{}"),
        ("", BODY_VERSION, "{}"),
        ("DayOpened", BODY_VERSION + 1, '{"day":"2026-09-01"}'),
        ("DayOpened", BODY_VERSION, '{"day":"2026-09-01","from_the_future":1}'),
        ("TradingStateChanged", BODY_VERSION, '{"follower":null,"state":"ASLEEP"}'),
        ("RequestIssued", BODY_VERSION, '{"request":{"$":"Explode"}}'),
    ],
)
def test_what_a_later_release_may_have_written_is_refused_naming_the_position(kind: str, version: int, body: str) -> None:
    with pytest.raises(StoreTooNew) as refused:
        decode(kind, version, body, position=42)
    assert "position 42" in str(refused.value)


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("DayOpened", ""),
        ("DayOpened", "{"),
        ("DayOpened", "[]"),
        ("DayOpened", "null"),
        ("DayOpened", "{}"),
        ("DayOpened", '{"day":"2026-09-01"} {}'),
        ("DayOpened", '{"day":5}'),
        ("DayOpened", '{"day":null}'),
        ("EngineStarted", '{"version":"1","epoch":true}'),
        ("EngineStarted", '{"version":"1","epoch":1.0}'),
        ("TradingStateChanged", '{"follower":null,"state":null}'),
        ("TradingStateChanged", '{"follower":null,"state":["ACTIVE"]}'),
        ("RequestIssued", '{"request":null}'),
        ("RequestIssued", '{"request":{}}'),
        ("RequestIssued", '{"request":{"$":["Cancel"]}}'),
        ("FundsReported", '{"account":"A","read_at":"2026-09-01","funds":{"available":"1","total":"1"}}'),
        ("FundsReported", '{"account":"A","read_at":"yesterday","funds":{"available":"1","total":"1"}}'),
        ("FundsReported", '{"account":"A","read_at":"2026-09-01T00:00:00+05:30","funds":{"available":1,"total":"1"}}'),
        ("FundsReported", '{"account":"A","read_at":"2026-09-01T00:00:00Z","funds":{"available":"x","total":"1"}}'),
        ("FundsReported", '{"account":"A","read_at":"2026-09-01T00:00:00Z","funds":{"available":[],"total":"1"}}'),
        ("BookRead", '{"account":"A","read_at":"2026-09-01T00:00:00Z","tags":"dc1"}'),
        ("BookRead", '{"account":"A","read_at":"2026-09-01T00:00:00Z","tags":[1]}'),
        ("DayOpened", '{"day":' + "[" * 100_000 + "]" * 100_000 + "}"),
    ],
)
def test_damage_is_refused_naming_the_position(kind: str, body: str) -> None:
    with pytest.raises(StoreCorrupt) as refused:
        decode(kind, BODY_VERSION, body, position=42)
    assert "position 42" in str(refused.value)


@pytest.mark.parametrize("version", [0, -1, "1", None])
def test_a_version_that_never_was_is_damage(version: int) -> None:
    with pytest.raises(StoreCorrupt):
        decode("DayOpened", version, '{"day":"2026-09-01"}')


def test_values_that_their_class_refuses_are_damage() -> None:
    encoded = encode(reported())
    body = json.loads(encoded.body)
    for name, value in (("order_id", ""), ("quantity", 0), ("filled_quantity", 10**9), ("disclosed_quantity", -1)):
        wrong = json.dumps({**body, "report": {**body["report"], name: value}})
        with pytest.raises(StoreCorrupt):
            decode(encoded.type, encoded.version, wrong)
    for ratio in ("1/0", "a third", ""):
        admitted = encode(next(fact for fact in sample_facts() if isinstance(fact, CopyAdmitted)))
        with pytest.raises(StoreCorrupt):
            decode(admitted.type, admitted.version, json.dumps({**json.loads(admitted.body), "ratio": ratio}))


@given(st.data())
def test_a_body_without_one_of_its_keys_is_damage_or_the_default(data: st.DataObject) -> None:
    fact = data.draw(facts())
    encoded = encode(fact)
    body = json.loads(encoded.body)
    if not body:
        return
    key = data.draw(st.sampled_from(sorted(body)))
    del body[key]
    field = getattr(attrs.fields(type(fact)), key)
    if field.default is attrs.NOTHING:
        with pytest.raises(StoreCorrupt, match=key):
            decode(encoded.type, encoded.version, json.dumps(body))
    else:
        now = decode(encoded.type, encoded.version, json.dumps(body))
        default = field.default.factory() if isinstance(field.default, attrs.Factory) else field.default  # type: ignore
        assert getattr(now, key) == default


@given(facts(), st.data())
def test_a_changed_body_is_refused_or_is_that_kind_of_fact(fact: Fact, data: st.DataObject) -> None:
    type_, version, body, _ = encode(fact)
    at = data.draw(st.integers(0, len(body) - 1))
    changed = body[:at] + data.draw(st.characters()) + body[at + data.draw(st.integers(0, 3)) :]
    try:
        now = decode(type_, version, changed)
    except (StoreCorrupt, StoreTooNew):
        return
    assert type(now) is type(fact)
    assert decode(*encode(now)) == now


# What could not be read back is not written


@pytest.mark.parametrize(
    "fact",
    [
        RequestAccepted(
            follower=A,
            client_order_id=ClientOrderId("dc1-x"),
            attempt=1,
            broker_order_id=112111182045,  # type: ignore[arg-type]
        ),
        RequestAccepted(
            follower=A,
            client_order_id=ClientOrderId("dc1-x"),
            attempt=True,
            broker_order_id=BrokerOrderId("1"),
        ),
        GapDetected(account=A, cause=None),  # type: ignore[arg-type]
        DayOpened(day=b"2026-09-01"),  # type: ignore[arg-type]
        ReportUnreadable(account=A, problem="", raw=b"bytes"),  # type: ignore[arg-type]
        LeaderReported(leader=A, report=None, channel=Channel.BOOK),  # type: ignore[arg-type]
        attrs.evolve(reported(), report=attrs.evolve(reported().report, last_price=1.5)),
        attrs.evolve(reported(), read_at=datetime(2026, 9, 1)),
        attrs.evolve(reported(), channel="BOOK"),
        RequestIssued(request=InstrumentFacts(1)),  # type: ignore[arg-type]
        PositionsReported(account=A, read_at=reported().report.created_at, positions=[]),  # type: ignore[arg-type]
        attrs.evolve(next(f for f in sample_facts() if isinstance(f, CopyAdmitted)), ratio=1, live=1),
        attrs.evolve(next(f for f in sample_facts() if isinstance(f, CopyAdmitted)), carry=Decimal(1)),
        attrs.evolve(next(f for f in sample_facts() if isinstance(f, CopyAdmitted)), entry_quantity=10**5000),
    ],
    ids=lambda fact: type(fact).__name__,
)
def test_a_value_that_is_not_what_its_field_declares_is_refused(fact: Fact) -> None:
    with pytest.raises(StoreError, match="cannot be journaled") as refused:
        encode(fact)
    assert not isinstance(refused.value, StoreCorrupt)


def test_what_is_no_fact_is_refused() -> None:
    with pytest.raises(StoreError, match="not a kind of fact"):
        encode(InstrumentFacts(1))  # type: ignore[arg-type]


def test_equal_small_values_of_other_types_are_not_confused() -> None:
    """Prices and instruments are remembered: 1 and true must not be taken for each other."""
    admitted = next(fact for fact in sample_facts() if isinstance(fact, CopyAdmitted))
    encoded = encode(attrs.evolve(admitted, facts=InstrumentFacts(1)))
    assert decode(*encoded) == attrs.evolve(admitted, facts=InstrumentFacts(1))
    for lot in ("true", "1.0"):
        with pytest.raises(StoreCorrupt):
            decode(encoded.type, encoded.version, encoded.body.replace('"lot_units":1', f'"lot_units":{lot}'))


def test_orders_of_followers_and_leaders_share_the_form_of_a_report() -> None:
    leader = reported()
    follower = OrderReported(follower=A, report=leader.report, channel=leader.channel, read_at=leader.read_at)
    assert json.loads(encode(leader).body)["report"] == json.loads(encode(follower).body)["report"]


def test_every_fact_that_comes_back_can_be_hashed_like_the_one_it_was() -> None:
    """An instrument is a key of what is held: read back from a store it must find the same place."""
    for fact in sample_facts():
        assert _keys(again(fact)) == _keys(fact)


def _keys(value: object) -> list[int]:
    if isinstance(value, tuple):
        return [number for one in value for number in _keys(one)]
    if not attrs.has(type(value)):
        return []
    inner = [number for one in attrs.fields(type(value)) for number in _keys(getattr(value, one.name))]
    return [*inner, hash(value)]
