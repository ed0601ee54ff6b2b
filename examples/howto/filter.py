"""Which of the leader's entries are copied. What was copied is closed with him whatever the filters say."""

from dhan_copy import OPTIONS, Between, Filter, Playground, Rules, Sides, Symbols, Verdict


class WholeLots(Filter):
    """A filter of your own: two lots or more."""

    def judge(self, order, facts):  # type: ignore[no-untyped-def]
        lots = order.report.quantity // facts.lot_units
        return Verdict(lots >= 2, f"two lots or more: it is {lots}")


careful = OPTIONS & Sides("BUY") & ~Symbols("BANK*") & Between("09:20", "15:15")
lab = Playground({"CAREFUL": Rules(size="1", only=careful), "LARGE": Rules(size="1", only=WholeLots())})
lab.step()
nifty = lab.leader.buy("NIFTY 22500 CE", lots=1)
bank = lab.leader.buy("BANKNIFTY 48000 PE", lots=2)
lab.step()
print(lab.decisions())  # each refusal names the filter and what it saw

codes = {(row["leader_order_id"], row["follower"]): row["code"] for row in lab.decisions()}
assert codes == {
    (nifty.id, "CAREFUL"): "COPIED", (nifty.id, "LARGE"): "FILTERED",
    (bank.id, "CAREFUL"): "FILTERED", (bank.id, "LARGE"): "COPIED",
}  # fmt: skip
