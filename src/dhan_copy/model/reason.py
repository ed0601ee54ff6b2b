"""Why an order was not copied, or not copied in full: every way has a code."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum
from types import MappingProxyType


class ReasonCode(Enum):
    """The value is the sentence that a user reads."""

    COPIED = "copied"
    ADOPTED = "found in today's order books when the journal was rebuilt"
    BELOW_ONE_LOT = "the follower's share is below one lot; the rest is carried to the next order"
    LEADER_REJECTED = "the leader's order was rejected"
    LEADER_UNFILLED = "the leader's order ended without a fill before it could be copied"
    OWN_ORDER = "the order carries this library's tag: copying it would loop"
    FOREVER_CHILD = "the child of a Forever order that had not been copied before it fired"
    UNKNOWN_PARENT = "a leg, or a Forever order's child (tag NR), whose parent cannot be told"
    BRACKET_UNKNOWN = "a linked order whose target and stop nobody has told: it is not copied without its protection"
    COVER_WITHOUT_STOP = "a cover order whose stop cannot be read: it is not copied without its protection"
    LEADER_CLOSED = "the leader had closed it, or a part of it, before it could be copied"
    LEFT_BEHIND = "the leader's order filled long before the follower's: what had not filled was given up"
    ENTRY_NOT_COPIED = "a leg of a linked order whose entry was not copied: there is nothing that it would close"
    FOREVER_UNSUPPORTED = "the follower's broker takes no Forever orders"
    FOREVER_LEG_UNKNOWN = "a Forever order with two legs of which only one is told: it is not copied by half"
    AMO_SLOT_UNKNOWN = "an after-market order, whose slot the broker does not tell: name one with Policy.amo_slot"
    AMO_SESSION_UNKNOWN = "an after-market order, and the calendar cannot tell the session that it is for"
    REVERSE_LINKED = "a linked order has no reverse: its target would be where the follower loses"
    REVERSE_DELIVERY = "delivery has no reverse: shares that nobody holds cannot be sold for delivery"
    HELD_OTHER_WAY = "what is still held was copied to the other side: nothing is added until it is closed"
    STOP_MARKET_REFUSED = "stop-market orders are refused: Dhan drops the trigger of those that come over its API"
    INSTRUMENT_UNKNOWN = "lot size unknown: neither the frame, the journal nor the scrip master names it"
    QUANTITY_OFF_LOT = "the leader's quantity is not a multiple of the instrument's lot"
    LEADER_POSITION_UNKNOWN = "the leader's position is unknown, so entry and exit cannot be told apart"
    NOTHING_OWNED = "the leader closes something, and what was copied to the follower holds none of it"
    STALE = "too old: filled and market orders are copied only while they are fresh"
    OLDER_THAN_START = "placed before copying began"
    SIZER_FAILED = "the sizer raised an error"
    FILTERED = "a filter does not let it through"
    FILTER_FAILED = "the filter raised an error"
    PRICE_MOVED = "the price has moved too far since the leader's order traded"
    STOP_UNKNOWN = "the sizer needs the leader's stop, and there is none that limits the loss"
    CAP_EXCEEDED = "a cap leaves no room for it"
    BELOW_MINIMUM = "smaller than the smallest order that is allowed"
    VALUE_UNKNOWN = "a cap counts what the price or the lot would tell, and that is unknown"
    MARGIN_UNKNOWN = "a cap counts margin, and what the broker would block could not be read"
    FUNDS_UNKNOWN = "funds could not be read, and unknown is not zero"
    NOT_ACTIVE = "the follower takes no new entries now"
    CIRCUIT_OPEN = "the follower's broker has rejected several requests in a row: entries stop for a while"
    OPENED_BY_EXIT = "it was to close, and nothing was left to close when it filled: what it opened is not copied"
    MARKET_CLOSED = "the calendar calls the market closed, and the policy copies no entries then"
    SQUARE_OFF_NEAR = "the broker is about to close intraday positions: such entries stop before it"
    CAPPED = "cut to the largest order that is allowed"
    ORDER_TERMINAL = "the follower's order had already ended; a finished entry is never replaced"
    REJECTED = "the broker rejected the follower's order"
    WITHHELD = "the request was held back before it left"
    UNFILLED = "the follower's order ended with less filled than the leader's"
    NEVER_PLACED = "proven not to have reached the broker; an entry is never sent again"
    HUMAN_CANCELLED = "cancelled by hand in the follower's account, and respected"
    MANUAL = "closed by hand in the follower's account"
    CONVERTED = "converted to another product in the follower's account"
    EXPIRED = "expired or exercised: the instrument is no longer traded"
    GONE_OVERNIGHT = "no longer in the account before the day's trading began: a corporate action, a delivery, or a trade that nobody told of"
    FLATTENED = "closed at the user's word"
    LOSS_LIMIT = "closed because the day's loss limit was reached"
    AHEAD = "filled before the leader's order, which ended with less"
    HEALED = "a difference that the user had closed"
    DAY_END = "the broker closed or expired it at the end of the day"


INPUTS: Mapping[ReasonCode, str] = MappingProxyType(
    {
        ReasonCode.COPIED: "empty; or what was made of it: raised to one lot, the exit alone and why no entry, that nothing is held yet",
        ReasonCode.ADOPTED: "where it was found",
        ReasonCode.BELOW_ONE_LOT: "the share in units and the lot; what one lot would risk, and may",
        ReasonCode.LEADER_REJECTED: "his broker's words",
        ReasonCode.LEADER_UNFILLED: "how it ended; nothing where the copy had been decided and not sent",
        ReasonCode.OWN_ORDER: "",
        ReasonCode.FOREVER_CHILD: "the parent, where it is named",
        ReasonCode.UNKNOWN_PARENT: "",
        ReasonCode.BRACKET_UNKNOWN: "",
        ReasonCode.COVER_WITHOUT_STOP: "",
        ReasonCode.LEADER_CLOSED: "how much of what had filled; nothing where the copy had been decided and not sent",
        ReasonCode.LEFT_BEHIND: "how long before",
        ReasonCode.ENTRY_NOT_COPIED: "the entry's code",
        ReasonCode.FOREVER_UNSUPPORTED: "",
        ReasonCode.FOREVER_LEG_UNKNOWN: "",
        ReasonCode.AMO_SLOT_UNKNOWN: "",
        ReasonCode.AMO_SESSION_UNKNOWN: "when it was placed",
        ReasonCode.REVERSE_LINKED: "",
        ReasonCode.REVERSE_DELIVERY: "the product",
        ReasonCode.HELD_OTHER_WAY: "",
        ReasonCode.STOP_MARKET_REFUSED: "",
        ReasonCode.INSTRUMENT_UNKNOWN: "segment and security id",
        ReasonCode.QUANTITY_OFF_LOT: "his quantity and the lot",
        ReasonCode.LEADER_POSITION_UNKNOWN: "",
        ReasonCode.NOTHING_OWNED: "",
        ReasonCode.OPENED_BY_EXIT: "",
        ReasonCode.STALE: "its age and the age that is allowed",
        ReasonCode.OLDER_THAN_START: "when it was placed and when copying began",
        ReasonCode.SIZER_FAILED: "the sizer's words, or the error that it raised",
        ReasonCode.FILTERED: "the filter that refused, what it lets through, and what the order is",
        ReasonCode.FILTER_FAILED: "the error that the filter raised",
        ReasonCode.PRICE_MOVED: "both prices, how far they are apart, and how far they may be",
        ReasonCode.STOP_UNKNOWN: "that there is no stop, or stop, side and price",
        ReasonCode.CAP_EXCEEDED: "the cap, what of it is in use, and what was asked",
        ReasonCode.BELOW_MINIMUM: "the cap, and what was left",
        ReasonCode.VALUE_UNKNOWN: "the cap",
        ReasonCode.MARGIN_UNKNOWN: "the cap",
        ReasonCode.FUNDS_UNKNOWN: "whose funds",
        ReasonCode.NOT_ACTIVE: "the trading state",
        ReasonCode.CIRCUIT_OPEN: "how many rejections in a row, and the last one's words",
        ReasonCode.MARKET_CLOSED: "what the calendar says of the moment",
        ReasonCode.SQUARE_OFF_NEAR: "the product, and when the broker closes it",
        ReasonCode.CAPPED: "units before and after, the cap, what of it is in use, and what was asked",
        ReasonCode.ORDER_TERMINAL: "how the follower's order ended",
        ReasonCode.REJECTED: "the broker's code and words",
        ReasonCode.WITHHELD: "why it was held back",
        ReasonCode.UNFILLED: "how the follower's order ended",
        ReasonCode.NEVER_PLACED: "how the follower's order ended",
        ReasonCode.HUMAN_CANCELLED: "how the follower's order ended",
        ReasonCode.MANUAL: "that the account's net position shows less than was copied",
        ReasonCode.CONVERTED: "the product in which the units have appeared",
        ReasonCode.EXPIRED: "the day of expiry",
        ReasonCode.GONE_OVERNIGHT: "when they were first missed",
        ReasonCode.FLATTENED: "",
        ReasonCode.LOSS_LIMIT: "",
        ReasonCode.AHEAD: "",
        ReasonCode.HEALED: "",
        ReasonCode.DAY_END: "empty, or how the follower's order ended",
    }
)
"""What ``detail`` says beside the code: what the decision was taken on."""
