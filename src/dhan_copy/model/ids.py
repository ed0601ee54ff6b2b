"""Names of accounts and orders, and the id that ties a follower's order to the leader's."""

from __future__ import annotations

import hashlib
import re
from base64 import b32encode
from typing import NewType

from attrs import frozen

AccountName = NewType("AccountName", str)
"""What the user calls an account; by default its Dhan client id."""
BrokerOrderId = NewType("BrokerOrderId", str)
ExchangeOrderId = NewType("ExchangeOrderId", str)
ClientOrderId = NewType("ClientOrderId", str)
"""Our id of an order: sent as Dhan's correlationId, at most 30 characters of ``[A-Za-z0-9_-]``."""
SecurityId = NewType("SecurityId", str)
"""Dhan's security id: unique only within its exchange segment."""

PREFIX = "dc1-"
_DIGITS = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"
_SHAPE = re.compile(r"dc1-[A-Z2-7]{20}-([ETS])([0-9A-Z]{2})([0-9A-Z]{2})")


@frozen
class IdParts:
    """The readable tail of a :data:`ClientOrderId`."""

    leg: str
    slice: int
    generation: int


def client_order_id(leader: str, leader_order: str, follower: str, leg: str, slice: int, generation: int) -> ClientOrderId:
    """Our id for one follower order: the same arguments always give the same id.

    ``leg`` is one of ``E`` (entry), ``T`` (target), ``S`` (stop); ``slice`` and ``generation`` count from 0 to 1,295.
    The middle is 100 bits of SHA-256 over every argument, so that two orders never share an id by chance.
    """
    if leg not in ("E", "T", "S"):
        raise ValueError(f"leg must be E, T or S, not {leg!r}")
    for name, number in (("slice", slice), ("generation", generation)):
        if not 0 <= number < 36 * 36:
            raise ValueError(f"{name} must be between 0 and 1295, not {number}")
    parts = (leader, leader_order, follower, leg, str(slice), str(generation))
    digest = hashlib.sha256("\0".join(f"{len(p)}:{p}" for p in parts).encode()).digest()
    middle = b32encode(digest[:15])[:20].decode()
    return ClientOrderId(f"{PREFIX}{middle}-{leg}{_base36(slice)}{_base36(generation)}")


def id_parts(tag: str | None) -> IdParts | None:
    """The readable parts of an id of ours; None for any other tag."""
    match = _SHAPE.fullmatch(tag or "")
    if match is None:
        return None
    return IdParts(match[1], int(match[2], 36), int(match[3], 36))


def is_ours(tag: str | None) -> bool:
    """Whether a tag carries this library's prefix: such an order is never a leader order to copy."""
    return tag is not None and tag.startswith(PREFIX)


def _base36(number: int) -> str:
    return _DIGITS[number // 36] + _DIGITS[number % 36]
