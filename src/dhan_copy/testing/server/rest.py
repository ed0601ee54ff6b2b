"""Answers Dhan's REST requests of one account from the simulated exchange."""

from __future__ import annotations

import json
import threading
from collections.abc import Mapping
from urllib.parse import unquote, urlsplit

from attrs import evolve

from dhan_copy.model.account import Margin, MarginOrder
from dhan_copy.model.instrument import ExchangeSegment, InstrumentKey
from dhan_copy.testing.exchange import SimulatedExchange
from dhan_copy.testing.orders import ExchangeRefusal, Instrument, NewOrder, SimulatedOrder, instrument_key
from dhan_copy.testing.server.answers import Answer, DhanError, json_answer
from dhan_copy.testing.server.dialect import Dialect, decimal_number, shown_tag
from dhan_copy.testing.server.inputs import check_client, read_change, read_margin_order, read_margin_orders, read_new_order
from dhan_copy.testing.server.limits import DHAN_PER_DAY, DHAN_WINDOWS, RateCounter
from dhan_copy.testing.server.linked_rest import LinkedApi
from dhan_copy.testing.server.rows import (
    addresses_row,
    funds_row,
    holding_row,
    margin_row,
    multi_margin_row,
    order_row,
    placement_row,
    position_row,
    profile_row,
    trade_row,
)
from dhan_copy.testing.server.scrip_master import scrip_master


class RestApi:
    """What is below ``/v2``. Safe for threads: the exchange and the counters have their own locks."""

    def __init__(self, exchange: SimulatedExchange, dialect: Dialect) -> None:
        self._exchange = exchange
        self._dialect = dialect
        self._lock = threading.Lock()
        self._limits: tuple[tuple[tuple[int, float], ...], int | None] = (DHAN_WINDOWS, DHAN_PER_DAY)
        self._read_limits: tuple[tuple[int, float], ...] = ()
        self._counters: dict[tuple[str, bool], RateCounter] = {}
        self._addresses: dict[str, str] = {}
        self.linked = LinkedApi(exchange, dialect)

    def set_limits(
        self,
        windows: tuple[tuple[int, float], ...],
        per_day: int | None,
        read_windows: tuple[tuple[int, float], ...] = (),
    ) -> None:
        """Replace the limits of every account, and count from zero."""
        with self._lock:
            self._limits, self._read_limits = (windows, per_day), read_windows
            self._counters.clear()

    def register_address(self, account: str, address: str) -> None:
        """Take orders of an account from this address only; without it they are taken from anywhere."""
        with self._lock:
            self._addresses[account] = address

    def rates(self, account: str) -> dict[str, object]:
        """Statistics of the order requests and of the reads of an account."""
        with self._lock:
            return {
                "orders": self._counter(account, reads=False).statistics(),
                "reads": self._counter(account, reads=True).statistics(),
            }

    def answer(self, account: str, method: str, path: str, body: bytes, address: str = "127.0.0.1") -> Answer:
        """The answer to an authenticated request that came from ``address``; ``path`` is below ``/v2``."""
        try:
            self._count(
                account, reads=method == "GET" or path.strip("/").startswith(("margincalculator", "killswitch", "marketfeed"))
            )
            target = urlsplit(path)
            parts = [unquote(part) for part in target.path.split("/") if part]
            with self._lock:
                registered = self._addresses.get(account, address)
            if parts == ["ip", "getIP"] and method == "GET":
                return json_answer(200, addresses_row(registered, address))
            if method == "GET":
                return self._read(account, parts)
            if parts == ["killswitch"] and method == "POST":
                return self._kill(account, target.query)
            if parts == ["marketfeed", "ltp"] and method == "POST":
                return self._last_prices(_object(body))
            if registered != address:
                raise DhanError("DH-905", "Invalid IP")
            return self._request(account, method, parts, body)
        except DhanError as error:
            return error.answer()
        except ExchangeRefusal as no:
            return DhanError(no.code, no.text).answer()

    def listed(self, path: str) -> Answer:
        """A scrip master, of all segments or of one, with the instruments that the exchange has been told of."""
        with self._lock:
            return scrip_master(path, self._exchange.instruments())

    def _counter(self, account: str, *, reads: bool) -> RateCounter:
        windows, per_day = (self._read_limits, None) if reads else self._limits
        return self._counters.setdefault((account, reads), RateCounter(self._exchange.clock, windows, per_day))

    def _count(self, account: str, *, reads: bool) -> None:
        with self._lock:
            admitted = self._counter(account, reads=reads).admit()
        if not admitted:
            raise DhanError("DH-904", "Too many requests on server from single user breaching rate limits.")

    def _request(self, account: str, method: str, parts: list[str], body: bytes) -> Answer:
        match method, parts:
            case "POST", ["orders"]:
                return self._place(account, read_new_order(_object(body), account))
            case "POST", ["orders", "slicing"]:
                return self._slice(account, read_new_order(_object(body), account))
            case "PUT", ["orders", order_id]:
                change = read_change(_object(body), account)
                self._exchange.modify(
                    account,
                    order_id,
                    quantity=change.quantity,
                    terms=change.terms,
                    validity=change.validity,
                    disclosed_quantity=change.disclosed_quantity,
                    source="P",
                )
                return json_answer(200, {"orderId": order_id, "orderStatus": "TRANSIT"})
            case "DELETE", ["orders", order_id]:
                self._exchange.cancel(account, order_id, source="P")
                return json_answer(202, {"orderId": order_id, "orderStatus": "CANCELLED"})
            case "POST", ["margincalculator"]:
                check_client(asked := _object(body), account)
                return json_answer(200, margin_row(self._margin(account, [read_margin_order(asked)])))
            case "POST", ["margincalculator", "multi"]:
                orders = read_margin_orders(_object(body), account)
                return json_answer(200, multi_margin_row(self._margin(account, orders)))
            case _, ["super" | "forever", *_]:
                answer = self.linked.request(account, method, parts, {} if method == "DELETE" else _object(body))
                return answer or _unserved()
        return _unserved()

    def _last_prices(self, asked: Mapping[str, object]) -> Answer:
        """Shaped as the v2 documentation shows it ("Market Quote"); what it says of an id that is not listed is not
        written, here it is left out."""
        told: dict[str, dict[str, object]] = {}
        for segment, ids in asked.items():
            if segment == "dhanClientId":
                continue
            if segment not in ExchangeSegment.__members__ or not isinstance(ids, list):
                raise DhanError("DH-905", "Missing required fields, bad values for parameters")
            for security_id in ids:
                price = self._exchange.last_price(instrument_key(segment, str(security_id)))
                if price is not None:
                    told.setdefault(segment, {})[str(security_id)] = {"last_price": decimal_number(price)}
        return json_answer(200, {"data": told, "status": "success"})

    def _kill(self, account: str, query: str) -> Answer:
        match query:
            case "killSwitchStatus=ACTIVATE" | "killSwitchStatus=DEACTIVATE":
                on = query.endswith("=ACTIVATE")
                self._exchange.turn_kill_switch(account, on)
            case _:
                raise DhanError("DH-905", "killSwitchStatus must be ACTIVATE or DEACTIVATE")
        # Documented for on; what is said for off is nowhere written.
        said = f"Kill Switch has been successfully {'activated' if on else 'deactivated'}"
        return json_answer(200, {"dhanClientId": account, "killSwitchStatus": said})

    def _margin(self, account: str, orders: list[MarginOrder]) -> Margin:
        for order in orders:
            key = InstrumentKey(order.segment, order.security_id)
            if order.quantity % self._instrument(key).facts.lot_units:
                # Dhan names neither the field nor the reason.
                raise DhanError("DH-905", "Missing required fields, bad values for parameters")
        return self._exchange.margin(account, orders)

    def _place(self, account: str, new: NewOrder) -> Answer:
        order = self._exchange.place(account, new, deferred=True)
        return json_answer(200, placement_row(order), lambda: self._confirm(order))

    def _slice(self, account: str, new: NewOrder) -> Answer:
        # Whether slices keep the tag is written nowhere; here they do. Nor what becomes of the others when one is
        # refused: here those before it stand, and none follows.
        freeze = self._exchange.instrument(new.key).freeze_units or new.quantity
        orders: list[SimulatedOrder] = []
        for done in range(0, new.quantity, freeze):
            slice_ = evolve(new, quantity=min(freeze, new.quantity - done))
            try:
                orders.append(self._exchange.place(account, slice_, deferred=True))
            except ExchangeRefusal:
                if not orders:
                    raise
                break
        return json_answer(200, [placement_row(order) for order in orders], lambda: self._confirm(*orders))

    def _confirm(self, *orders: SimulatedOrder) -> None:
        for order in orders:
            if not self._exchange.hold_in_transit:
                self._exchange.confirm(order.account, order.order_id)

    def _read(self, account: str, parts: list[str]) -> Answer:
        exchange = self._exchange
        match parts:
            case ["orders"]:
                return json_answer(200, self._rows(exchange.visible_orders(account)))
            case ["orders", "external", tag]:
                shown = exchange.visible_orders(account)
                rows = self._rows(tuple(o for o in shown if o.tag and shown_tag(o, self._dialect) == tag))
                as_object = self._dialect.external_as_object and rows
                return json_answer(200, rows[0] if as_object else rows)
            case ["orders", order_id]:
                # Documented as an object; since 2026 a list of one, empty for an id that is not known.
                return json_answer(
                    200, self._rows(tuple(o for o in exchange.visible_orders(account) if o.order_id == order_id))
                )
            case ["trades"] | ["trades", _]:
                trades = [t for t in exchange.trades(account) if parts[1:] in ([], [t.order.order_id])]
                return json_answer(200, [trade_row(trade, self._instrument(trade.order.key)) for trade in trades])
            case ["positions"]:
                rows = [
                    position_row(account, key, product, held, self._instrument(key), exchange.last_price(key))
                    for key, product, held in exchange.held(account)
                ]
                return json_answer(200, rows)
            case ["holdings"]:
                return self._holdings(account)
            case ["fundlimit"]:
                return json_answer(200, funds_row(account, exchange.funds(account)))
            case ["profile"]:
                return json_answer(200, profile_row(account, exchange.clock.now()))
            case ["killswitch"]:
                word = "ACTIVATE" if exchange.is_killed(account) else "DEACTIVATE"
                return json_answer(200, {"dhanClientId": account, "killSwitchStatus": word})
        return self.linked.read(account, parts) or _unserved()

    def _holdings(self, account: str) -> Answer:
        holdings = self._exchange.holdings(account)
        if not holdings and self._dialect.holdings_error:
            raise DhanError("DH-1111", "No holdings available")
        return json_answer(200, [holding_row(holding, self._share(holding.security_id)) for holding in holdings])

    def _share(self, security_id: str) -> Instrument:
        return self._instrument(instrument_key("NSE_EQ", security_id))

    def _instrument(self, key: InstrumentKey) -> Instrument:
        return self._exchange.instrument(key)

    def _rows(self, orders: tuple[SimulatedOrder, ...]) -> list[dict[str, object]]:
        return [order_row(order, self._instrument(order.key), self._dialect) for order in orders]


def _unserved() -> Answer:
    error = DhanError("DH-905", "This path is not served by the local server").answer()
    return Answer(404, error.body)


def _object(body: bytes) -> Mapping[str, object]:
    try:
        value = json.loads(body)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise DhanError("DH-905", "Missing required fields, bad values for parameters: the body is no JSON object")
    return value
