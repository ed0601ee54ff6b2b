"""Judges the copies of Forever orders: never a second one, never one of what appeared when one fired, none left behind."""

from __future__ import annotations

from fractions import Fraction
from typing import TYPE_CHECKING

from attrs import define, field

from dhan_copy.core.requests import Cancel, Command, Intent, Modify, Query, Submit
from dhan_copy.model.ids import AccountName, BrokerOrderId
from dhan_copy.model.order import OrderStatus, StopLimit, StopMarket
from dhan_copy.testing.simulation.market import Listing, TrueOrder

if TYPE_CHECKING:
    from dhan_copy.testing.simulation.oracle import Oracle

BY_ORDER = ("newest", "seen_fills", "last_row", "most", "terms_at", "terms_since")
BY_TAG = ("asked_for", "intents", "lost_at", "looked_for", "told_fills")
TAGS = ("reached", "turned_away", "not_now", "known", "terms_refused", "answered_no")
SPENT = frozenset({"MODIFICATION_CAP", "REQUEST_BUDGET", "MODIFICATION_REFUSED"})
PARKED = frozenset({"FOREVER_DOUBTFUL", "FOREVER_GONE"})


@define(eq=False)
class ForeverJudge:
    """Asks the oracle for what the brokers saw, and blames through it."""

    oracle: Oracle
    past: dict[BrokerOrderId, TrueOrder] = field(factory=dict)
    """Of earlier days: the leader's that have fired, and a copy of which still waits."""
    unclear: set[Listing] = field(factory=set)
    """Where something that a Forever order placed was parked: nothing of the copier's tells what the leader holds."""

    def original(self, order_id: BrokerOrderId) -> TrueOrder | None:
        """The leader's order, of today or one that lives longer."""
        return self.oracle.world.leader.orders.get(order_id) or self.past.get(order_id)

    def is_one(self, order_id: BrokerOrderId) -> bool:
        original = self.original(order_id)
        return original is not None and original.forever is not None

    # Meanwhile

    def placed(self, request: Submit) -> bool:
        """Whether a copy is of what appeared when one fired: that was copied when it was placed, or not at all."""
        origin = self.oracle.world.leader.fired.get(request.leader_order_id)
        if origin is None:
            return False
        what = f"{request.leader_order_id}, which the Forever order {origin.order_id} placed, was copied for itself"
        self.oracle.blame(1, what, request.leader_order_id, origin.order_id)
        return True

    def judge_legs(self, request: Submit) -> None:
        if request.second_leg is not None and request.second_leg.quantity > request.quantity:
            self.oracle.blame(6, f"{request.client_order_id} has a second leg for more than its first", request.client_order_id)

    # At rest

    def is_parked(self, original: TrueOrder) -> bool:
        """Whether what appeared is journaled for itself, for nobody could tell where it came from; judges that."""
        oracle = self.oracle
        if original.own_id is None or original.forever is None or original.own_id not in oracle.newest:
            return False
        oracle.rare["what a Forever order placed was parked"] += 1
        self.unclear.add(original.listing)
        for name in oracle.world.names:
            copy = oracle.copies.get((original.own_id, name))
            if copy is None or copy.declined is None:
                oracle.blame(3, f"{original.own_id}, which a Forever order placed, is not declined for {name}", original.own_id)
        return True

    def is_parked_copy(self, command: Command) -> bool:
        """Whether it looks after a copy that was parked, with an alarm."""
        key = self.oracle.tags.get(command.client_order_id) if isinstance(command, (Modify, Cancel, Query)) else None
        return key is not None and bool(self.oracle.copies[key].ends & PARKED)

    def looks_right(self, order: TrueOrder, original: TrueOrder | None) -> bool:
        """Judges a live copy of one; False for any other order."""
        if order.tag is None or (order.forever is None and (original is None or original.forever is None)):
            return False
        oracle, key = self.oracle, self.oracle.tags[order.tag]
        original = original or self.past.get(key[0])
        if original is None or original.forever is None or oracle.copies[key].ends & (PARKED | SPENT):
            return True
        if original.own_id in oracle.newest:
            return True  # nobody could tell where what it placed came from, so the copy stays as it was
        taken_back = original.status in (OrderStatus.CANCELLED, OrderStatus.REJECTED)
        owed = oracle.intents[order.tag] is Intent.EXIT and original.filled
        if taken_back and not owed and not oracle.copies[key].was_over and original.listing not in self.unclear:
            oracle.blame(4, f"{order.tag} is live although the leader's {key[0]} is {original.status.value}", order.tag)
        if order.tag in oracle.terms_refused or not original.is_open:
            return True
        if order.waits and original.waits:
            self._waits_for_the_same(order, original)
        elif order.listing is original.listing and not order.waits and not original.waits:
            self._stands_where_the_leaders_does(order, original)
        return True

    def is_between(self, name: AccountName, listing: Listing) -> bool:
        """Whether one has fired at the leader or at the follower and not at the other, or what became of one is unclear."""
        oracle = self.oracle
        if listing in self.unclear:
            return True
        for (order_id, follower), copy in oracle.copies.items():
            original = self.original(order_id) if follower == name and copy.placed else None
            if original is None or original.forever is None or original.listing is not listing:
                continue
            if copy.ends & PARKED:
                return True
            for order, _ in copy.placed:
                if order.ghost or order.forever is None:
                    continue
                if (order.waits and not original.waits) or (original.waits and order.filled):
                    return True
        return False

    def under_way(self, name: AccountName, listing: Listing) -> tuple[Fraction, Fraction] | None:
        """Between which two numbers (signed) what is held may be off: by what the leader's entries that wait scale to
        beyond the copies that wait with them. A copy makes up for what was off when it was sized, and a difference may be
        declared before what makes it has filled, or not. None where that cannot be said: an entry waits for the exit that
        goes before it, or does not stand at what it should be."""
        oracle, least, most = self.oracle, Fraction(0), Fraction(0)
        for (order_id, follower), copy in oracle.copies.items():
            original = self.original(order_id) if follower == name else None
            if original is None or not original.waits or original.listing is not listing or copy.admitted is None:
                continue
            admitted = copy.admitted
            if not admitted.ratio or not admitted.entry_quantity:
                continue
            if admitted.exit_quantity or copy.ends & SPENT:
                return None
            leaves = sum(order.leaves for order, submit in copy.placed if submit.intent is Intent.ENTRY)
            beyond = (admitted.ratio * original.leaves - leaves) * original.sign
            least, most = least + min(beyond, Fraction(0)), most + max(beyond, Fraction(0))
        return least, most

    def is_waited_for(self, name: AccountName, listing: Listing) -> bool:
        """Whether anything waits, there or at the leader: then what is held need not be nothing when the leader's is."""
        accounts = (self.oracle.world.leader, self.oracle.world.accounts[name])
        return any(order.waits and order.listing is listing for account in accounts for order in account.orders.values())

    # Days

    def day_ends(self) -> None:
        """Before yesterday's orders are forgotten."""
        oracle, world = self.oracle, self.oracle.world
        for (order_id, _), copy in oracle.copies.items():
            parked = self.original(order_id) if copy.ends & PARKED else None
            if parked is not None and parked.forever is not None:
                self.past[order_id] = parked
        for account in world.accounts.values():
            for order in account.orders.values():
                key = oracle.tags.get(order.tag) if order.waits and order.tag is not None else None
                original = None if key is None else self.original(key[0])
                if original is not None and not original.waits:
                    self.past[original.order_id] = original

    def next_day(self, renew: object) -> None:
        """Forget the day but for what waits; ``renew`` makes the oracle's books empty."""
        oracle, world = self.oracle, self.oracle.world
        alive = {order.tag for account in world.accounts.values() for order in account.orders.values() if order.waits}
        kept = {order.order_id for order in world.leader.orders.values() if order.waits}
        kept |= {oracle.tags[tag][0] for tag in alive if tag is not None and tag in oracle.tags}
        kept |= {key[0] for key, copy in oracle.copies.items() if copy.ends & PARKED and self.is_one(key[0])}
        self.past = {order_id: order for order_id, order in self.past.items() if order_id in kept}
        books = {name: dict(getattr(oracle, name)) for name in (*BY_ORDER, *BY_TAG, "copies", "tags")}
        sets = {name: set(getattr(oracle, name)) for name in (*TAGS, "confirmed")}
        durable = set(oracle.durable)
        assert callable(renew)
        renew()
        tags = {tag for tag, key in books["tags"].items() if key[0] in kept}
        for name in BY_ORDER:
            getattr(oracle, name).update({k: v for k, v in books[name].items() if k in kept})
        for name in BY_TAG:
            getattr(oracle, name).update({k: v for k, v in books[name].items() if k in tags})
        oracle.copies.update({k: v for k, v in books["copies"].items() if k[0] in kept})
        oracle.tags.update({k: v for k, v in books["tags"].items() if k in tags})
        for name in TAGS:
            getattr(oracle, name).update(sets[name] & tags)
        oracle.durable.update(one for one in durable if one[0] in tags)  # a request may be on its way at midnight
        oracle.confirmed.update(sets["confirmed"] & kept)

    def kept(self) -> set[BrokerOrderId]:
        """The leader's orders that go on over night, by themselves or by a copy that waits."""
        return {order.order_id for order in self.oracle.world.leader.orders.values() if order.waits} | set(self.past)

    def _waits_for_the_same(self, order: TrueOrder, original: TrueOrder) -> None:
        assert order.forever is not None and original.forever is not None
        mine = [leg.terms for leg in order.forever.legs.values()]
        his = [leg.terms for leg in original.forever.legs.values()]
        if mine != his:
            self.oracle.blame(
                10,
                f"{order.tag} waits for {mine}, the leader's {original.order_id} for {his}",
                str(order.tag),
                original.order_id,
            )
        else:
            self.oracle.rare["a copy waits for what the leader's waits for"] += 1

    def _stands_where_the_leaders_does(self, order: TrueOrder, original: TrueOrder) -> None:
        """A limit is where the leader's is; what a market leg placed stands wherever the price was."""
        assert original.forever is not None and original.forever.fired is not None
        fired = original.forever.legs[original.forever.fired].terms
        other_leg = order.forever is not None and order.forever.fired is not original.forever.fired
        if isinstance(fired, StopMarket) or other_leg or not isinstance(fired, StopLimit):
            return
        if order.limit != original.limit:
            what = f"{order.tag} stands at {order.terms}, the leader's {original.order_id} at {original.terms}"
            self.oracle.blame(10, what, str(order.tag), original.order_id)
