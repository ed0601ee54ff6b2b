"""The control endpoint: what a test does to the exchange and the server, over HTTP, and the help that says so."""

from __future__ import annotations

import json
from collections.abc import Callable
from decimal import Decimal
from textwrap import wrap
from typing import TYPE_CHECKING, TypeAlias
from urllib.parse import parse_qsl

from attrs import frozen

from dhan_copy.testing.server import commands, linked_commands
from dhan_copy.testing.server.answers import Answer, json_answer
from dhan_copy.testing.server.fields import Body

if TYPE_CHECKING:
    from dhan_copy.testing.server.local import DhanServer

_Run: TypeAlias = "Callable[[DhanServer, Body], object]"


@frozen
class Command:
    """One path of the control endpoint: what it takes, what it does and what it answers beyond ``{"ok": true}``."""

    method: str
    path: str
    takes: str
    does: str
    run: _Run


def _help(server: DhanServer, body: Body) -> object:
    return {"help": control_help()}


COMMANDS: tuple[Command, ...] = (
    Command("GET", "/help", "", "This text, as 'help'.", _help),
    Command(
        "GET",
        "/accounts",
        "",
        "Client ids and how many sockets of each are logged in, as 'accounts'.",
        commands.accounts,
    ),
    Command("GET", "/orders", "account", "The whole book in REST rows, late ones too, as 'orders'.", commands.orders),
    Command(
        "GET",
        "/requests",
        "[account]",
        "Every HTTP request below /v2 as it arrived (at, monotonic, account, method, path, body, status), as "
        "'requests'. status null: not answered.",
        commands.requests,
    ),
    Command(
        "GET",
        "/broker-log",
        "[account]",
        "Every place, modify and cancel that reached the broker (number, at, monotonic, account, kind PLACE|MODIFY|"
        "CANCEL, source, tag, order_id, quantity, problem), as 'requests'. problem is empty when it was taken.",
        commands.broker_log,
    ),
    Command(
        "GET",
        "/rates",
        "[account]",
        "Per account: order requests and reads that arrived, were refused, and the worst count in any sliding window "
        "by its seconds, as 'rates'.",
        commands.rates,
    ),
    Command(
        "POST",
        "/instruments",
        "segment, security_id, [lot=1, tick=0.05, kind, symbol, display_name, isin, expiry YYYY-MM-DD, option_type "
        "CE|PE|XX, strike, lowest, highest, margin_rate=1, freeze]",
        "Describe an instrument. One that nobody described has lot 1 and tick 0.05.",
        commands.instruments,
    ),
    Command(
        "POST",
        "/price",
        "segment, security_id, price, [available]",
        "Move the last price: orders that it reaches trade, at most 'available' units on each side.",
        commands.price,
    ),
    Command(
        "POST",
        "/fill",
        "account, order_id, [quantity, price]",
        "Fill an order; by default all, at its limit.",
        commands.fill,
    ),
    Command(
        "POST",
        "/place",
        "account, [source=N] and the fields of POST /v2/orders",
        "Place an order as by hand: source N app, W web, T TradingView. A market order stays one.",
        commands.place,
    ),
    Command(
        "POST",
        "/modify",
        "account, order_id, [source=N] and the fields of PUT /v2/orders/{id}",
        "Modify as by hand.",
        commands.modify,
    ),
    Command("POST", "/cancel", "account, order_id, [source=N]", "Cancel as by hand.", commands.cancel),
    Command(
        "POST",
        "/super",
        "account, [source=N] and the fields of POST /v2/super/orders",
        "Place a super order as by hand; one of targetPrice and stopLossPrice is enough. Answers with its row of "
        "GET /super/orders, as the next three do.",
        linked_commands.place_super,
    ),
    Command(
        "POST",
        "/super/modify",
        "account, order_id, [source=N] and the fields of PUT /v2/super/orders/{id}",
        "Modify one leg as by hand.",
        linked_commands.modify_super,
    ),
    Command(
        "POST",
        "/super/cancel",
        "account, order_id, legName, [source=N]",
        "Cancel one leg as by hand.",
        linked_commands.cancel_super,
    ),
    Command(
        "POST",
        "/super/fill",
        "account, order_id, legName, [quantity, price]",
        "Fill one leg; by default all, at its price.",
        linked_commands.fill_super,
    ),
    Command(
        "POST",
        "/bracket",
        "account, [boProfitValue, boStopLossValue, source=N] and the fields of POST /v2/orders",
        "Place a bracket order as by hand; its legs are orders for /fill, /modify and /cancel.",
        linked_commands.place_bracket,
    ),
    Command(
        "POST",
        "/cover",
        "account, stop, [source=N] and the fields of POST /v2/orders",
        "Place a cover order as by hand; its stop is an order for /fill, /modify and /cancel.",
        linked_commands.place_cover,
    ),
    Command(
        "GET",
        "/legs",
        "account, order_id",
        "Exit legs of an entry, target first, in rows of GET /orders, as 'orders'.",
        linked_commands.legs,
    ),
    Command(
        "POST",
        "/legs/hold",
        "[on=true]",
        "Let what one leg fills have no effect on the other until /legs/settle, so that both can fill.",
        linked_commands.hold_legs,
    ),
    Command(
        "POST",
        "/legs/settle",
        "",
        "Let every fill of a leg take effect on the other now.",
        linked_commands.settle_legs,
    ),
    Command(
        "POST",
        "/forever",
        "account, [source=N] and the fields of POST /v2/forever/orders",
        "Place a Forever order as by hand. Answers with its rows of GET /forever/orders as 'orders', as the next two.",
        linked_commands.place_forever,
    ),
    Command(
        "POST",
        "/forever/modify",
        "account, order_id, [source=N] and the fields of PUT /v2/forever/orders/{id}",
        "Modify one leg of a Forever order as by hand.",
        linked_commands.modify_forever,
    ),
    Command(
        "POST",
        "/forever/cancel",
        "account, order_id, [source=N]",
        "Cancel a Forever order as by hand.",
        linked_commands.cancel_forever,
    ),
    Command(
        "POST",
        "/unwritten",
        "any settings of testing.unwritten.Unwritten and testing.server.Dialect",
        "Choose what no document says of Dhan.",
        linked_commands.unwritten,
    ),
    Command(
        "POST",
        "/reject",
        "account, order_id, [text]",
        "Reject a working order as the exchange would.",
        commands.reject,
    ),
    Command("POST", "/expire", "account, order_id", "Expire a working order.", commands.expire),
    Command("POST", "/hold", "[on=true]", "Keep new orders in TRANSIT until /confirm.", commands.hold),
    Command("POST", "/confirm", "account, order_id", "Let an order in TRANSIT reach the exchange.", commands.confirm),
    Command("POST", "/open-session", "", "Send after-market orders to the exchange.", commands.open_session),
    Command("POST", "/end-day", "", "Expire working orders, square off INTRADAY, CO and BO.", commands.end_day),
    Command(
        "POST",
        "/new-day",
        "",
        "Empty the order and trade books; CNC positions become holdings.",
        commands.new_day,
    ),
    Command(
        "POST",
        "/frame",
        "frame (text or object), [account, book=true]",
        "Send a frame as it is to the account's sockets (by default the one it names) and put its order into the "
        "account's books: orders, trades, positions. Prices never fill such an order. Answers sockets, booked, and "
        "the problem where the frame could not be booked.",
        commands.frame,
    ),
    Command(
        "POST",
        "/sockets/drop",
        "[account, politely=false]",
        "End sockets by a TCP reset, or politely with a close frame.",
        commands.drop,
    ),
    Command(
        "POST",
        "/sockets/pause",
        "[account, answer_pings=true]",
        "Make the sockets that are there now silent; new ones speak.",
        commands.pause,
    ),
    Command(
        "POST",
        "/sockets/resume",
        "[account, deliver=true]",
        "Let silent sockets speak; deliver what was held back, or lose it.",
        commands.resume,
    ),
    Command(
        "POST",
        "/fault",
        "[account, method, path, count=1 (0: until cleared), action=answer|close|reset|truncate|hang, execute=true, "
        "status, body, content_type, headers, seconds_before=0, seconds_after=0]",
        "What happens to the next 'count' requests whose path below /v2 begins with 'path'. Lose an answer: "
        'action close. Refuse: {"execute": false, "status": 429, "body": {...}}. Delay: seconds_after. Let a request '
        "arrive late: seconds_before.",
        commands.fault,
    ),
    Command("DELETE", "/fault", "", "Forget all faults.", commands.clear),
    Command(
        "POST",
        "/rejections",
        "account, [count=1, way=REFUSED|ANSWERED|LATER, text, code=DH-906]",
        "Reject the next placements: by an error answer, by an answer that says REJECTED, or after TRANSIT (default).",
        commands.rejections,
    ),
    Command(
        "POST",
        "/funds",
        "account, available, [total]",
        "Set the funds; from then on they limit orders.",
        commands.funds,
    ),
    Command(
        "POST",
        "/positions",
        "account, positions: [{segment, security_id, product, net_quantity, [price=0]}]",
        "Replace these positions.",
        commands.positions,
    ),
    Command(
        "POST",
        "/holdings",
        "account, holdings: [{security_id, quantity, [symbol]}]",
        "Replace all holdings.",
        commands.holdings,
    ),
    Command(
        "POST",
        "/token",
        "account, access_token, [old_token_answers=DH-901|DH-906]",
        "Replace the access token; sockets that are logged in stay.",
        commands.token,
    ),
    Command(
        "POST",
        "/address",
        "account, address",
        "Take orders from this address only: others get DH-905 Invalid IP.",
        commands.address,
    ),
    Command(
        "POST",
        "/visibility",
        "account, seconds",
        "Show later orders only that late in book and tag lookup.",
        commands.visibility,
    ),
    Command(
        "POST",
        "/limits",
        "[windows: [{limit, seconds}], per_day=7000 (0: none), read_windows: [{limit, seconds}]]",
        "Replace the rate limits of every account (default Dhan's 10/s, 250/min, 1000/h; none on reads) and count from zero.",
        commands.limits,
    ),
)


def control_help() -> str:
    """The documentation of every command."""
    lines = [
        "control endpoint: JSON over HTTP on the REST port below /control, without a token. Times are in seconds,",
        'prices in rupees. POST takes a JSON object, GET and DELETE take query parameters. The answer is {"ok": true,',
        '...}, or 400 {"ok": false, "error": "..."}. Fields in brackets may be left out. Commands on one order answer',
        "with its REST row as 'order'.",
        "",
    ]
    for command in COMMANDS:
        lines += wrap(f"{command.method} {command.path}  {command.takes}".rstrip(), 116, subsequent_indent="        ")
        lines += wrap(command.does, 116, initial_indent="    ", subsequent_indent="    ")
    return "\n".join(lines)


def run_control(server: DhanServer, method: str, path: str, query: str, body: bytes) -> Answer:
    """Answer one control request."""
    path = path.rstrip("/") or "/help"
    command = next((c for c in COMMANDS if (c.method, c.path) == (method, path)), None)
    if command is None:
        return json_answer(404, {"ok": False, "error": f"no command {method} {path}; GET /control/help lists them"})
    try:
        fields = json.loads(body, parse_float=Decimal) if body else dict(parse_qsl(query))
        if not isinstance(fields, dict):
            raise ValueError("the body must be a JSON object")
        result = command.run(server, Body(fields))
    except Exception as error:  # whatever a test asks wrongly is told, never printed from a thread
        return json_answer(400, {"ok": False, "error": f"{type(error).__name__}: {error}"})
    if isinstance(result, dict):
        return json_answer(200, {"ok": True, **result})
    return json_answer(200, {"ok": True})
