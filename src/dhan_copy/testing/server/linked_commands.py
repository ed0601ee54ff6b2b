"""What the control endpoint does for orders that belong together: the leader's hand on them.

Every function takes the server and the fields, and returns what the answer says beyond ``{"ok": true}``, or None.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import attrs
from attrs import evolve

from dhan_copy.model.order import OrderStatus
from dhan_copy.testing.orders import leg_id
from dhan_copy.testing.server.fields import Body
from dhan_copy.testing.server.inputs import read_new_order
from dhan_copy.testing.server.linked_inputs import read_leg, read_new_forever, read_new_super
from dhan_copy.testing.server.linked_rest import change_forever, change_super

if TYPE_CHECKING:
    from dhan_copy.testing.server.local import DhanServer


def _source(body: Body) -> str:
    return body.text_or_none("source") or "N"


def place_super(server: DhanServer, body: Body) -> object:
    account = body.text("account")
    new = read_new_super(body.fields, account, evolve(server.dialect, super_needs_both=False))
    order = server.exchange.linked.place_super(account, evolve(new.entry, source=_source(body)), new.bracket)
    return {"order": server.super_row(account, order.order_id)}


def modify_super(server: DhanServer, body: Body) -> object:
    account, order_id = body.text("account"), body.text("order_id")
    change_super(server.exchange, account, order_id, body.fields, source=_source(body))
    return {"order": server.super_row(account, order_id)}


def cancel_super(server: DhanServer, body: Body) -> object:
    account, order_id = body.text("account"), body.text("order_id")
    server.exchange.linked.cancel(account, order_id, read_leg(body.text("legName")), source=_source(body))
    return {"order": server.super_row(account, order_id)}


def fill_super(server: DhanServer, body: Body) -> object:
    account, order_id = body.text("account"), body.text("order_id")
    book_id = leg_id(order_id, read_leg(body.text("legName")))
    server.fill(account, book_id, body.whole_or_none("quantity"), body.number_or_none("price"))
    return {"order": server.super_row(account, order_id)}


def place_bracket(server: DhanServer, body: Body) -> object:
    account = body.text("account")
    new = evolve(read_new_order({**body.fields, "productType": "INTRADAY"}, account), source=_source(body))
    order = server.exchange.linked.place_bracket(
        account, new, profit=body.number_or_none("boProfitValue"), stop=body.number_or_none("boStopLossValue")
    )
    return {"order": server.order_row(account, order.order_id)}


def place_cover(server: DhanServer, body: Body) -> object:
    account = body.text("account")
    new = evolve(read_new_order({**body.fields, "productType": "INTRADAY"}, account), source=_source(body))
    order = server.exchange.linked.place_cover(account, new, body.number("stop"))
    return {"order": server.order_row(account, order.order_id)}


def place_forever(server: DhanServer, body: Body) -> object:
    account = body.text("account")
    new = read_new_forever(body.fields, account)
    placed = server.exchange.forever.place(account, evolve(new.order, source=_source(body)), new.stop)
    return {"orders": server.forever_rows(account, placed[0].order_id)}


def modify_forever(server: DhanServer, body: Body) -> object:
    account, order_id = body.text("account"), body.text("order_id")
    change_forever(server.exchange, account, order_id, body.fields, source=_source(body))
    return {"orders": server.forever_rows(account, order_id)}


def cancel_forever(server: DhanServer, body: Body) -> object:
    account, order_id = body.text("account"), body.text("order_id")
    server.exchange.forever.cancel(account, order_id, source=_source(body))
    return {"orders": server.forever_rows(account, order_id)}


def legs(server: DhanServer, body: Body) -> object:
    """The exit legs of any entry, in rows of GET /orders."""
    account = body.text("account")
    found = server.exchange.linked.legs(account, body.text("order_id"))
    return {"orders": [server.order_row(account, leg.book_id) for leg in found]}


def hold_legs(server: DhanServer, body: Body) -> object:
    server.exchange.linked.hold = body.yes("on", True)
    return None


def settle_legs(server: DhanServer, body: Body) -> object:
    server.exchange.linked.settle()
    return None


def unwritten(server: DhanServer, body: Body) -> object:
    """Set what nobody wrote down; a name that is no setting is a ValueError."""
    homes: dict[str, object] = {}
    for home in (server.exchange.unwritten, server.dialect):
        homes |= {field.name: home for field in attrs.fields(type(home))}
    for name, value in body.fields.items():
        if name not in homes:
            raise ValueError(f"{name} is no setting; there are {', '.join(sorted(homes))}")
        before = getattr(homes[name], name)
        if name == "fired_forever":
            value = None if value is None else OrderStatus(value)
        elif name == "leg_delay_seconds":
            value = float(body.number(name))
        elif type(value) is not type(before):
            raise ValueError(f"{name} must be a {type(before).__name__}")
        setattr(homes[name], name, value)
    return None
