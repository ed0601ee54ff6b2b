"""Writes orders, trades, positions, holdings, funds and profile as rows of Dhan's REST answers, in their live shape."""

from __future__ import annotations

from datetime import datetime, timedelta
from decimal import Decimal

from dhan_copy.model.account import Funds, Holding, Margin
from dhan_copy.model.instrument import InstrumentKey
from dhan_copy.model.order import Leg, OrderStatus, Product, Variety
from dhan_copy.model.times import IST
from dhan_copy.testing.orders import Instrument, SimulatedOrder, Trade
from dhan_copy.testing.positions import HeldPosition
from dhan_copy.testing.server.dialect import (
    FUTURE_STRIKE,
    REST_LEGS,
    REST_ORDER_TYPES,
    ZERO_DATE,
    Dialect,
    decimal_number,
    shown_id,
    shown_tag,
    shown_trigger,
    timestamp,
)

_OPTION_TYPES = {"CE": "CALL", "PE": "PUT", "XX": "NA"}


def order_row(order: SimulatedOrder, instrument: Instrument, dialect: Dialect) -> dict[str, object]:
    """A row of GET /orders. Nothing in it says to which entry the leg of a bracket or cover order belongs."""
    return {
        "dhanClientId": order.account,
        "orderId": shown_id(order, dialect),
        "exchangeOrderId": order.exchange_order_id,
        "correlationId": shown_tag(order, dialect),
        "orderStatus": order.status.value,
        "transactionType": order.side.value,
        "exchangeSegment": order.key.segment.value,
        "productType": order.product.value,
        "orderType": REST_ORDER_TYPES[type(order.terms)],
        "validity": order.validity.value,
        "tradingSymbol": instrument.symbol,
        "securityId": order.key.security_id,
        "quantity": order.quantity,
        "disclosedQuantity": order.disclosed_quantity,
        "price": decimal_number(order.price),
        "triggerPrice": decimal_number(shown_trigger(order, dialect)),
        "afterMarketOrder": order.after_market,
        "boProfitValue": decimal_number(order.profit_change),
        "boStopLossValue": decimal_number(order.stop_change),
        "legName": _leg_name(order, dialect),
        "createTime": timestamp(order.created_at),
        "updateTime": timestamp(order.updated_at),
        "exchangeTime": timestamp(order.exchange_at),
        **derivative(instrument, order.key),
        # "0" even on a rejection; the description says "CONFIRMED" and "TRADE CONFIRMED" on success.
        "omsErrorCode": "0",
        "omsErrorDescription": order.reason,
        "algoId": "0",
        "remainingQuantity": order.quantity - order.filled_quantity,
        "averageTradedPrice": decimal_number(order.average_price),
        "filledQty": order.filled_quantity,
    }


def trade_row(trade: Trade, instrument: Instrument) -> dict[str, object]:
    """A row of GET /trades: one per fill, without the correlation id."""
    order, at = trade.order, timestamp(trade.at)
    return {
        "createTime": at,
        "customSymbol": None,
        "dhanClientId": order.account,
        **derivative(instrument, order.key),
        "exchangeOrderId": order.exchange_order_id,
        "exchangeSegment": order.key.segment.value,
        "exchangeTime": at,
        "exchangeTradeId": trade.trade_id,
        "orderId": order.order_id,
        "orderType": REST_ORDER_TYPES[type(order.terms)],
        "productType": order.product.value,
        "securityId": order.key.security_id,
        "tradedPrice": decimal_number(trade.price),
        "tradedQuantity": trade.quantity,
        "tradingSymbol": instrument.symbol,
        "transactionType": order.side.value,
        "updateTime": at,
    }


def position_row(
    account: str, key: InstrumentKey, product: Product, held: HeldPosition, instrument: Instrument, last: Decimal | None
) -> dict[str, object]:
    """A row of GET /positions (documented shape; no recording was found)."""
    carried_long, carried_short = max(held.carried, 0), max(-held.carried, 0)
    unrealised = held.net * last - held.open_value if last is not None else Decimal(0)
    return {
        "dhanClientId": account,
        "tradingSymbol": instrument.symbol,
        "securityId": key.security_id,
        "positionType": "LONG" if held.net > 0 else "SHORT" if held.net < 0 else "CLOSED",
        "exchangeSegment": key.segment.value,
        "productType": product.value,
        "buyAvg": decimal_number(held.bought_value / held.bought if held.bought else None),
        "costPrice": decimal_number(held.cost_price),
        "buyQty": held.bought + carried_long,
        "sellAvg": decimal_number(held.sold_value / held.sold if held.sold else None),
        "sellQty": held.sold + carried_short,
        "netQty": held.net,
        "realizedProfit": decimal_number(held.realised),
        "unrealizedProfit": decimal_number(unrealised),
        "rbiReferenceRate": 1.0,
        "multiplier": 1,
        "carryForwardBuyQty": carried_long,
        "carryForwardSellQty": carried_short,
        "carryForwardBuyValue": 0.0,
        "carryForwardSellValue": 0.0,
        "dayBuyQty": held.bought,
        "daySellQty": held.sold,
        "dayBuyValue": decimal_number(held.bought_value),
        "daySellValue": decimal_number(held.sold_value),
        **derivative(instrument, key),
        "crossCurrency": False,
    }


def holding_row(holding: Holding, instrument: Instrument) -> dict[str, object]:
    """A row of GET /holdings (documented shape)."""
    return {
        "exchange": "ALL",
        "tradingSymbol": holding.symbol or instrument.symbol,
        "securityId": holding.security_id,
        "isin": instrument.isin,
        "totalQty": holding.quantity,
        "dpQty": holding.quantity,
        "t1Qty": 0,
        "availableQty": holding.quantity,
        "collateralQty": 0,
        "avgCostPrice": 0.0,
    }


def funds_row(account: str, funds: Funds) -> dict[str, object]:
    """GET /fundlimit, with Dhan's spelling of the available balance."""
    return {
        "dhanClientId": account,
        "availabelBalance": decimal_number(funds.available),
        "sodLimit": decimal_number(funds.total),
        "collateralAmount": 0.0,
        "receiveableAmount": 0.0,
        "utilizedAmount": decimal_number(funds.total - funds.available if funds.used is None else funds.used),
        "blockedPayoutAmount": 0.0,
        "withdrawableBalance": decimal_number(funds.available),
    }


def margin_row(margin: Margin) -> dict[str, object]:
    """POST /margincalculator."""
    total, available = margin.required, margin.available or Decimal(0)
    return {
        "totalMargin": decimal_number(total),
        "spanMargin": 0.0,
        "exposureMargin": 0.0,
        "availableBalance": decimal_number(available),
        "variableMargin": decimal_number(total),
        "insufficientBalance": decimal_number(max(total - available, Decimal(0))),
        "brokerage": 0.0,
        "leverage": "1.00",
    }


def multi_margin_row(margin: Margin) -> dict[str, object]:
    """POST /margincalculator/multi: no envelope, and camelCase as seen in September 2026 (the page says snake_case)."""
    shortfall = max(margin.required - (margin.available or Decimal(0)), Decimal(0))
    return {
        "totalMargin": decimal_number(margin.required),
        "spanMargin": 0.0,
        "exposure": 0.0,
        "equityMargin": 0.0,
        "foMargin": decimal_number(margin.required),
        "hedgeBenefit": 0.0,
        "insufficientFund": decimal_number(shortfall),
    }


def profile_row(account: str, now: datetime) -> dict[str, object]:
    """GET /profile; tokens live 24 hours."""
    expiry = (now + timedelta(hours=24)).astimezone(IST)
    return {
        "dhanClientId": account,
        "tokenValidity": expiry.strftime("%d/%m/%Y %H:%M"),
        "activeSegment": "Equity, Derivative, Currency, Commodity",
        "ddpi": "Active",
        "mtf": "Active",
        "dataPlan": "Active",
        "dataValidity": expiry.strftime("%Y-%m-%d %H:%M:%S.0"),
    }


def addresses_row(registered: str, seen: str) -> dict[str, object]:
    """GET /ip/getIP: what is documented, and what answers of 2026 had besides."""
    match = registered == seen
    return {
        "modifyDatePrimary": "2026-01-01",
        "modifyDateSecondary": "",
        "primaryIP": registered,
        "secondaryIP": "",
        "detectedIP": seen,
        "ipMatchStatus": "PRIMARY_MATCH" if match else "MISMATCH",
        "ordersAllowed": match,
    }


def placement_row(order: SimulatedOrder) -> dict[str, object]:
    """The answer to a placement: TRANSIT, or REJECTED where Dhan says so at once."""
    status = OrderStatus.REJECTED if order.rejected_in_answer else OrderStatus.TRANSIT
    return {"orderId": order.order_id, "orderStatus": status.value}


def _leg_name(order: SimulatedOrder, dialect: Dialect) -> str:
    match order.variety:
        case Variety.SUPER if order.leg is Leg.ENTRY and not dialect.super_entry_named:
            return "NA"
        case Variety.SUPER | Variety.BRACKET | Variety.COVER:
            return REST_LEGS[order.leg]
    return "NA"


def derivative(instrument: Instrument, key: InstrumentKey) -> dict[str, object]:
    """What a row says of expiry, option type and strike."""
    if key.segment.is_equity:
        strike = 0.0
    else:
        strike = FUTURE_STRIKE if instrument.strike is None else decimal_number(instrument.strike)
    return {
        "drvExpiryDate": instrument.expiry or ZERO_DATE,
        "drvOptionType": _OPTION_TYPES[instrument.option_type],
        "drvStrikePrice": strike,
    }
