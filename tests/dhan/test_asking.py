"""What every request has in common: terms in Dhan's words, and ids that Dhan takes."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.dhan.asking import RestTerms, refuse_bad_id, refuse_bad_tag
from dhan_copy.errors import CancellationRejected, PlacementRejected
from dhan_copy.model.ids import BrokerOrderId, ClientOrderId
from dhan_copy.model.order import Limit, Market, StopLimit, StopMarket, Terms


@pytest.mark.parametrize(
    ("terms", "said"),
    [
        (Market(), RestTerms("MARKET", 0.0, 0.0)),
        (Limit(Decimal("1.05")), RestTerms("LIMIT", 1.05, 0.0)),
        (StopLimit(Decimal("1.1"), Decimal("1.05")), RestTerms("STOP_LOSS", 1.05, 1.1)),
        (StopMarket(Decimal("1.1")), RestTerms("STOP_LOSS_MARKET", 0.0, 1.1)),
    ],
)
def test_terms(terms: Terms, said: RestTerms) -> None:
    assert RestTerms.of(terms) == said


@pytest.mark.parametrize("text", ["", "a b", "a/b", "a.b", "é", "x" * 65, "1\n"])
def test_bad_ids_never_leave(text: str) -> None:
    with pytest.raises(CancellationRejected):
        refuse_bad_id(BrokerOrderId(text), CancellationRejected)
    with pytest.raises(PlacementRejected):
        refuse_bad_tag(ClientOrderId(text))


def test_good_ones_do() -> None:
    refuse_bad_id(BrokerOrderId("112111182198"), CancellationRejected)
    refuse_bad_tag(ClientOrderId("dc1-ABC_9"))
