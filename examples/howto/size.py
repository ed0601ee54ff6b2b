"""How large a copy is: said for each follower, for some instruments, and below one lot."""

from decimal import Decimal

from dhan_copy import BelowLot, FixedLots, Override, PercentAtRisk, Playground, Rules

lab = Playground(
    {
        "HALF": "0.5",
        "TWO_LOTS": FixedLots(2),
        "RISK": PercentAtRisk("1"),  # as many as lose 1 % of the money when the leader's stop is hit
        "SMALL": Rules(size="1/10", below_lot=BelowLot.ONE_LOT),  # a tenth of four lots is less than one
    },
    overrides=[Override(symbol="BANKNIFTY*", size="1/4")],  # for all of them; the last that fits is what holds
)
lab.exchange.set_funds("RISK", Decimal(1_500_000))
lab.step()
lab.leader.buy("NIFTY 22500 CE", lots=4, price=100, target=140, stop=80)
lab.leader.buy("BANKNIFTY 48000 PE", lots=8, price=100)
lab.step()
print(lab.decisions())

bought = {name: [order.quantity // 75 for order in lab.exchange.orders(name) if order.price == 100] for name in lab.brokers}
assert bought == {"HALF": [2, 2], "TWO_LOTS": [2, 2], "RISK": [10, 2], "SMALL": [1, 2]}
print(lab.engine.settings("SMALL", symbol="BANKNIFTY 48000 PE"))  # what holds, and who said so
