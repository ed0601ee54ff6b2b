"""What entries may not exceed: each cap cuts the order to what there is room for, or skips it. Exits are never capped."""

from dhan_copy import Cap, Playground, Rules

lab = Playground(
    {
        "LOTS": Rules(size="1", caps=[Cap("LOTS", 10), Cap("LOTS", 12, per="SYMBOL")]),
        "RUPEES": Rules(size="1", caps=[Cap("VALUE", 100_000, per="DAY"), Cap("VALUE", least=10_000)]),
        "ALL_OR_NOTHING": Rules(size="1", caps=[Cap("LOTS", 10, then="SKIP")]),
    }
)
lab.step()
lab.leader.buy("NIFTY 22500 CE", lots=11)
lab.step()
lab.leader.buy("NIFTY 22500 CE", lots=5)
lab.step()
print(lab.decisions())  # which cap it was, what of it was in use, and what was asked

lots = {name: [order.quantity // 75 for order in lab.exchange.orders(name)] for name in lab.brokers}
assert lots == {"LOTS": [10, 2], "RUPEES": [11, 2], "ALL_OR_NOTHING": [5]}

lab.engine.change("RUPEES", caps=[Cap("LOTS", 1)])  # while running: for what the leader orders from now on
lab.leader.buy("NIFTY 22600 CE", lots=3)
lab.step()
assert lab.exchange.orders("RUPEES")[-1].quantity == 75
