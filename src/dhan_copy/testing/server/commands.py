"""What each command of the control endpoint does; its words are in :mod:`~dhan_copy.testing.server.control`.

Every function takes the server and the fields, and returns what the answer says beyond ``{"ok": true}``, or None.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from attrs import evolve

from dhan_copy.model.account import Holding
from dhan_copy.model.ids import SecurityId
from dhan_copy.model.instrument import InstrumentFacts, InstrumentKind
from dhan_copy.model.order import Product
from dhan_copy.testing.orders import Instrument, Rejection, RejectionWay, instrument_key
from dhan_copy.testing.server.faults import Action, HttpFault
from dhan_copy.testing.server.fields import Body
from dhan_copy.testing.server.inputs import read_change, read_new_order
from dhan_copy.testing.server.limits import DHAN_PER_DAY, DHAN_WINDOWS

if TYPE_CHECKING:
    from dhan_copy.testing.server.local import DhanServer


def _instrument(body: Body) -> Instrument:
    kind = body.text_or_none("kind")
    return Instrument(
        key=instrument_key(body.text("segment"), body.text("security_id")),
        facts=InstrumentFacts(body.whole("lot", 1), body.number("tick", "0.05"), InstrumentKind(kind) if kind else None),
        symbol=body.text_or_none("symbol") or body.text("security_id"),
        display_name=body.text_or_none("display_name") or "",
        isin=body.text_or_none("isin") or "NA",
        expiry=body.text_or_none("expiry"),
        option_type=body.text_or_none("option_type") or "XX",
        strike=body.number_or_none("strike"),
        lowest=body.number_or_none("lowest"),
        highest=body.number_or_none("highest"),
        margin_rate=body.number("margin_rate", "1"),
        freeze_units=body.whole_or_none("freeze"),
    )


def price(server: DhanServer, body: Body) -> object:
    server.set_price(body.text("segment"), body.text("security_id"), body.number("price"), body.whole_or_none("available"))
    return None


def place(server: DhanServer, body: Body) -> object:
    account = body.text("account")
    new = evolve(read_new_order(body.fields, account), source=body.text_or_none("source") or "N")
    order = server.exchange.place(account, new)
    return {"order": server.order_row(account, order.order_id)}


def modify(server: DhanServer, body: Body) -> object:
    account, order_id = body.text("account"), body.text("order_id")
    change = read_change(body.fields, account)
    server.exchange.modify(
        account,
        order_id,
        quantity=change.quantity,
        terms=change.terms,
        validity=change.validity,
        disclosed_quantity=change.disclosed_quantity,
        source=body.text_or_none("source") or "N",
    )
    return {"order": server.order_row(account, order_id)}


def fill(server: DhanServer, body: Body) -> object:
    server.fill(body.text("account"), body.text("order_id"), body.whole_or_none("quantity"), body.number_or_none("price"))
    return {"order": server.order_row(body.text("account"), body.text("order_id"))}


def cancel(server: DhanServer, body: Body) -> object:
    server.exchange.cancel(body.text("account"), body.text("order_id"), source=body.text_or_none("source") or "N")
    return {"order": server.order_row(body.text("account"), body.text("order_id"))}


def reject(server: DhanServer, body: Body) -> object:
    text = body.text_or_none("text") or "EXCH:Rejected by the exchange"
    server.exchange.reject(body.text("account"), body.text("order_id"), text)
    return {"order": server.order_row(body.text("account"), body.text("order_id"))}


def expire(server: DhanServer, body: Body) -> object:
    server.exchange.expire(body.text("account"), body.text("order_id"))
    return {"order": server.order_row(body.text("account"), body.text("order_id"))}


def confirm(server: DhanServer, body: Body) -> object:
    server.exchange.confirm(body.text("account"), body.text("order_id"))
    return {"order": server.order_row(body.text("account"), body.text("order_id"))}


def hold(server: DhanServer, body: Body) -> object:
    server.exchange.hold_in_transit = body.yes("on", True)
    return None


def frame(server: DhanServer, body: Body) -> object:
    frame = body.fields.get("frame")
    if not isinstance(frame, str | dict):
        raise ValueError("frame must be a text or an object")
    pushed = server.push_frame(frame, body.text_or_none("account"), book=body.yes("book", True))
    return {"account": pushed.account, "sockets": pushed.sockets, "booked": pushed.booked, "problem": pushed.problem}


def drop(server: DhanServer, body: Body) -> object:
    return {"sockets": server.drop_sockets(body.text_or_none("account"), politely=body.yes("politely", False))}


def pause(server: DhanServer, body: Body) -> object:
    return {"sockets": server.pause_sockets(body.text_or_none("account"), answer_pings=body.yes("answer_pings", True))}


def resume(server: DhanServer, body: Body) -> object:
    return {"sockets": server.resume_sockets(body.text_or_none("account"), deliver=body.yes("deliver", True))}


def fault(server: DhanServer, body: Body) -> object:
    headers = body.fields.get("headers") or {}
    if not isinstance(headers, dict):
        raise ValueError("headers must be an object")
    answer = body.fields.get("body")
    server.plan_fault(
        HttpFault(
            account=body.text_or_none("account"),
            method=body.text_or_none("method"),
            path=body.text_or_none("path") or "",
            count=body.whole("count", 1) or None,
            action=Action(body.text_or_none("action") or "answer"),
            execute=body.yes("execute", True),
            status=body.whole_or_none("status"),
            body=answer if answer is None or isinstance(answer, str) else json.dumps(answer),
            content_type=body.text_or_none("content_type") or "application/json",
            headers=tuple((str(name), str(value)) for name, value in headers.items()),
            seconds_before=float(body.number("seconds_before", "0")),
            seconds_after=float(body.number("seconds_after", "0")),
        )
    )
    return None


def clear(server: DhanServer, body: Body) -> object:
    server.clear_faults()
    return None


def rejections(server: DhanServer, body: Body) -> object:
    rejection = Rejection(
        body.text_or_none("text") or "RMS:Rejected by the test",
        body.text_or_none("code") or "DH-906",
        RejectionWay(body.text_or_none("way") or "LATER"),
    )
    server.exchange.reject_next(body.text("account"), rejection, body.whole("count", 1))
    return None


def instruments(server: DhanServer, body: Body) -> object:
    server.exchange.add_instrument(_instrument(body))
    return None


def funds(server: DhanServer, body: Body) -> object:
    server.exchange.set_funds(body.text("account"), body.number("available"), body.number_or_none("total"))
    return None


def positions(server: DhanServer, body: Body) -> object:
    account = body.text("account")
    for item in body.objects("positions"):
        server.exchange.set_position(
            account,
            instrument_key(item.text("segment"), item.text("security_id")),
            Product(item.text("product")),
            item.whole("net_quantity"),
            item.number("price", "0"),
        )
    return None


def holdings(server: DhanServer, body: Body) -> object:
    server.exchange.set_holdings(
        body.text("account"),
        [
            Holding(SecurityId(item.text("security_id")), item.whole("quantity"), item.text_or_none("symbol") or "")
            for item in body.objects("holdings")
        ],
    )
    return None


def token(server: DhanServer, body: Body) -> object:
    server.replace_token(body.text("account"), body.text("access_token"))
    server.dialect.stale_token_code = body.text_or_none("old_token_answers") or server.dialect.stale_token_code
    return None


def address(server: DhanServer, body: Body) -> object:
    server.register_address(body.text("account"), body.text("address"))
    return None


def visibility(server: DhanServer, body: Body) -> object:
    server.exchange.delay_visibility(body.text("account"), float(body.number("seconds")))
    return None


def limits(server: DhanServer, body: Body) -> object:
    def windows(name: str) -> tuple[tuple[int, float], ...]:
        return tuple((item.whole("limit"), float(item.number("seconds"))) for item in body.objects(name))

    server.set_limits(
        windows("windows") if "windows" in body.fields else DHAN_WINDOWS,
        body.whole("per_day", DHAN_PER_DAY) or None,
        windows("read_windows") if "read_windows" in body.fields else (),
    )
    return None


def end_day(server: DhanServer, body: Body) -> object:
    server.exchange.end_day()
    return None


def new_day(server: DhanServer, body: Body) -> object:
    server.exchange.new_day()
    return None


def open_session(server: DhanServer, body: Body) -> object:
    server.exchange.release_after_market()
    return None


def accounts(server: DhanServer, body: Body) -> object:
    return {
        "accounts": [
            {"client_id": account.client_id, "sockets": server.sockets(account.client_id)} for account in server.accounts
        ]
    }


def orders(server: DhanServer, body: Body) -> object:
    account = body.text("account")
    return {"orders": [server.order_row(account, order.order_id) for order in server.exchange.orders(account)]}


def requests(server: DhanServer, body: Body) -> object:
    return {
        "requests": [
            {
                "at": request.at.isoformat(),
                "monotonic": request.monotonic,
                "account": request.account,
                "method": request.method,
                "path": request.path,
                "body": request.body,
                "status": request.status,
            }
            for request in server.requests(body.text_or_none("account"))
        ]
    }


def broker_log(server: DhanServer, body: Body) -> object:
    account = body.text_or_none("account")
    return {
        "requests": [
            {
                "number": request.number,
                "at": request.at.isoformat(),
                "monotonic": request.monotonic,
                "account": request.account,
                "kind": request.kind.value,
                "source": request.source,
                "tag": request.tag,
                "order_id": request.order_id,
                "quantity": request.quantity,
                "problem": request.problem,
            }
            for request in server.exchange.requests
            if account in (None, request.account)
        ]
    }


def rates(server: DhanServer, body: Body) -> object:
    account = body.text_or_none("account")
    chosen = [a.client_id for a in server.accounts if account in (None, a.client_id)]
    return {"rates": {client_id: server.rates(client_id) for client_id in chosen}}
