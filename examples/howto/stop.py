"""Stopping a follower, from gentle to strict, and letting it go on. Each is remembered over a restart."""

import logging

from dhan_copy import Playground

logging.getLogger("dhan_copy").addHandler(logging.NullHandler())  # the alert for an exit that a halt keeps back

CALL = "NIFTY 22500 CE"
lab = Playground({"WIFE": "1", "SON": "1", "DAUGHTER": "1"})


def held() -> list[int]:
    return [lab.exchange.position(name, lab.instrument(CALL), order.now.product) for name in lab.brokers]


order = lab.leader.buy(CALL, lots=2)
lab.step()
lab.engine.reduce("WIFE")  # exits and cancels leave, entries do not
lab.engine.flatten("SON")  # what was copied is closed at the market
lab.engine.halt("DAUGHTER")  # cancels only: what she holds stays, whatever the leader does
lab.step()
assert held() == [150, 0, 150]

lab.restart()
lab.leader.buy("NIFTY 22600 CE", lots=1)
lab.leader.sell(CALL, lots=2)
lab.step()
print(lab.status())
print(lab.decisions())
assert held() == [0, 0, 150]

for name in lab.brokers:  # resume() without a name ends what was said for all at once, and takes nobody back
    lab.engine.resume(name)  # what the leader ordered meanwhile is not entered
lab.leader.buy(CALL, lots=1)
lab.step()
assert held() == [75, 75, 75]  # her exit, which had waited, has left too
print(lab.drift())  # what they have too much or too little, and why: nothing
