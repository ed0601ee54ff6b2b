"""Fields of control requests are read strictly, and errors name them."""

from __future__ import annotations

from decimal import Decimal

import pytest

from dhan_copy.testing.server.fields import Body


def test_values_and_defaults() -> None:
    body = Body({"a": "x", "n": 3, "m": "-4", "d": "1.5", "y": False, "l": [{"k": 1}]})
    assert (body.text("a"), body.text_or_none("b")) == ("x", None)
    assert (body.whole("n"), body.whole("m"), body.whole("z", 9), body.whole_or_none("z")) == (3, -4, 9, None)
    assert (body.number("d"), body.number("z", "2"), body.number_or_none("z")) == (Decimal("1.5"), 2, None)
    assert (body.yes("y", True), body.yes("z", True)) == (False, True)
    assert [item.whole("k") for item in body.objects("l")] == [1]
    assert (body.whole_or_none("n"), body.number_or_none("n")) == (3, 3)


@pytest.mark.parametrize(
    ("read", "fields"),
    [
        (lambda body: body.text("name"), {"name": 1}),
        (lambda body: body.text("name"), {"name": ""}),
        (lambda body: body.text("name"), {}),
        (lambda body: body.whole("name"), {"name": 1.5}),
        (lambda body: body.whole("name"), {"name": True}),
        (lambda body: body.whole("name"), {}),
        (lambda body: body.number("name"), {"name": True}),
        (lambda body: body.number("name"), {"name": "x"}),
        (lambda body: body.number("name"), {"name": "NaN"}),
        (lambda body: body.number("name"), {}),
        (lambda body: body.yes("name", True), {"name": "yes"}),
        (lambda body: body.objects("name"), {"name": {}}),
        (lambda body: body.objects("name"), {"name": [1]}),
    ],
)
def test_errors_name_the_field(read: object, fields: dict[str, object]) -> None:
    with pytest.raises(ValueError, match="name"):
        read(Body(fields))  # type: ignore[operator]
