"""A day of a family: one leader and four followers, each with a size, filters and caps of its own. No account needed.

    python examples/family.py                          # the day, its report, and its picture: family.svg
    python examples/family.py --picture family.png

family.toml says who copies how. The exchange and the brokers are simulated and time is virtual; the engine is the real
one, with a journal in an SQLite file. At 11:20 SON reaches his loss limit: what he holds is closed, and what FATHER
does from then on is declined for him. The report is reckoned from the engine's tables and held against the brokers'
books: if something does not add up the exit status is 1. The picture
needs matplotlib: pip install 'dhan-copy[picture]'.
"""

from __future__ import annotations

import argparse
import logging
import sys
import tempfile
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from decimal import Decimal
from pathlib import Path
from textwrap import fill

from attrs import frozen

from dhan_copy import CopyEngine, Playground, Ratio, Settings, Table, TradingState
from dhan_copy.core.facts import LeaderReported, RequestIssued, TradingStateChanged
from dhan_copy.core.requests import Submit
from dhan_copy.model.order import OrderReport, Side
from dhan_copy.model.times import IST, ist

SETTINGS = Settings.load(Path(__file__).parent / "family.toml")
LEADER, *_ = (leader.name for leader in SETTINGS.leaders)
FOLLOWERS = tuple(follower.name for follower in SETTINGS.followers)
MORNING = ist(datetime(2026, 11, 20, 9, 15))
COPIED = ("COPIED", "CAPPED")
PAISA = Decimal("0.01")
CALL, CALL_ABOVE, PUT, BANK_PUT = "NIFTY 25000 CE", "NIFTY 25100 CE", "NIFTY 24500 PE", "BANKNIFTY 58000 PE"


def family(folder: Path) -> Playground:
    """A simulated exchange with the family's accounts, and on it an engine with the settings of the file."""
    logging.getLogger("dhan_copy").addHandler(logging.NullHandler())  # alerts are printed below
    lab = Playground(dict.fromkeys(FOLLOWERS, "1"), leader=LEADER, start=MORNING)
    lab.exchange.set_funds(LEADER, Decimal(5_000_000))
    lab.exchange.set_funds("DAUGHTER", Decimal(1_000_000))
    lab.engine = SETTINGS.engine(
        sources=lab.sources, brokers=lab.brokers, store=folder / SETTINGS.store, clock=lab.clock,
        on_alert=lambda alert: print(f"{alert.code} of {alert.account}: {alert.known}. {alert.advice}\n"),
    )  # fmt: skip
    lab.step()
    return lab


def play(lab: Playground) -> None:
    """What the market and FATHER do. What the followers do is up to the engine."""
    father = lab.leader

    def at(hour: int, minute: int, symbol: str, price: str) -> None:
        wait = MORNING.replace(hour=hour, minute=minute) - lab.clock.now()
        lab.advance(wait.total_seconds())
        lab.price(symbol, price)

    def copied(symbol: str, price: str) -> None:
        """The engine hears of it a second later, and by then the price is another one."""
        lab.clock.advance(1)
        lab.price(symbol, price)
        lab.step()

    at(9, 21, CALL, "120")
    father.buy(CALL, lots=10, price=121)
    copied(CALL, "120.35")
    at(9, 45, "RELIANCE", "1402")
    father.buy("RELIANCE", quantity=300, price=1400)
    copied("RELIANCE", "1401")
    at(9, 53, "RELIANCE", "1400")  # everybody's limit order fills
    at(10, 15, CALL, "138")
    father.sell(CALL, lots=5, price=137)
    copied(CALL, "137.60")
    at(10, 45, BANK_PUT, "300")
    father.buy(BANK_PUT, lots=6)
    copied(BANK_PUT, "300.50")
    at(11, 20, BANK_PUT, "250")  # against him; he buys more, and with that everybody knows the price
    father.buy(BANK_PUT, lots=4, price=251)
    copied(BANK_PUT, "250")
    at(11, 55, "TCS", "3500")
    father.buy("TCS", quantity=100, price=3500)
    copied("TCS", "3499")
    at(12, 25, CALL_ABOVE, "99")
    waiting = father.buy(CALL_ABOVE, lots=4, price=95)
    copied(CALL_ABOVE, "99")
    at(12, 35, CALL_ABOVE, "101")
    waiting.modify(price=97)
    copied(CALL_ABOVE, "102")
    at(12, 50, CALL_ABOVE, "104")
    waiting.cancel()
    copied(CALL_ABOVE, "104")
    at(13, 10, PUT, "80")
    father.sell(PUT, lots=4, price=79)
    copied(PUT, "79.80")
    at(13, 50, PUT, "60")
    father.buy(PUT, lots=4, price=61)
    copied(PUT, "60.20")
    at(14, 15, BANK_PUT, "330")
    father.sell(BANK_PUT, lots=10, price=329)
    copied(BANK_PUT, "329.70")
    at(14, 40, "TCS", "3520")
    father.sell("TCS", quantity=100)
    copied("TCS", "3519")
    at(15, 5, CALL, "150")
    father.sell(CALL, lots=5)
    copied(CALL, "149.50")
    lab.advance(60)


# What became of it, out of the engine's tables and its journal


@frozen
class Order:
    """An order of an account: FATHER's, or a follower's for one of his, and then ``code`` says what was decided."""

    account: str
    leader_order_id: str
    at: datetime
    symbol: str
    lot: int
    side: Side
    is_exit: bool
    quantity: int
    filled: int
    price: Decimal
    code: str = "COPIED"

    @property
    def units(self) -> int:
        """What it did to the position, signed."""
        return self.side.sign * self.filled

    @property
    def money(self) -> Decimal:
        """What it paid, or brought in."""
        return -self.units * self.price

    @property
    def is_declined(self) -> bool:
        return not self.quantity

    @property
    def is_own(self) -> bool:
        """Ordered by the copier itself, because of the loss limit."""
        return self.code == "LOSS_LIMIT"


@frozen
class Day:
    orders: tuple[Order, ...]
    stopped: Mapping[str, datetime]
    """When followers were stopped."""

    def of(self, account: str) -> tuple[Order, ...]:
        return tuple(order for order in self.orders if order.account == account)


def day_of(engine: CopyEngine) -> Day:
    reports: dict[str, OrderReport] = {}
    seen: dict[str, datetime] = {}
    sent: dict[object, datetime] = {}
    stopped: dict[str, datetime] = {}
    for entry in engine.journal():
        match entry.fact:
            case LeaderReported(report=report):
                reports[report.order_id] = report
                seen.setdefault(report.order_id, entry.at)
            case RequestIssued(request=Submit() as request):
                sent[request.client_order_id] = entry.at
            case TradingStateChanged(follower=str(name), state=state) if state is not TradingState.ACTIVE:
                stopped[name] = entry.at
    by_name = {str(report.key): report for report in reports.values()}
    found, held = [], Counter[str]()
    for report in reports.values():
        units = report.side.sign * report.filled_quantity
        found.append(
            Order(
                LEADER, report.order_id, seen[report.order_id], report.symbol, _lot(report), report.side,
                held[report.symbol] * report.side.sign < 0, report.quantity, report.filled_quantity,
                report.average_price or Decimal(0),
            )
        )  # fmt: skip
        held[report.symbol] += units
    for row in engine.orders():
        order_id = str(row["leader_order_id"])
        report = reports.get(order_id) or by_name[str(row["symbol"])]
        found.append(
            Order(
                str(row["follower"]), order_id, sent.get(row["client_order_id"]) or seen[order_id], report.symbol,
                _lot(report), Side(row["side"]), row["intent"] == "EXIT", int(str(row["ordered"] or 0)),
                int(str(row["done"] or 0)), Decimal(str(row["average_price"] or 0)), str(row["decision"]),
            )
        )  # fmt: skip
    return Day(tuple(found), stopped)


def _lot(report: OrderReport) -> int:
    return 1 if report.instrument is None else report.instrument.lot_units


def report_of(day: Day, lab: Playground) -> Table:
    """A row per account: how many of FATHER's orders were copied, why the others were not, and what it came to."""
    given = len(day.of(LEADER))
    rows: list[dict[str, object]] = []
    for account in (LEADER, *FOLLOWERS):
        orders = day.of(account)
        declined = Counter(order.code for order in orders if order.is_declined)
        money = sum((order.money for order in orders), Decimal(0))
        worth = sum((units * price(lab, symbol) for symbol, units in positions(orders).items()), Decimal(0))
        follows = account != LEADER
        rows.append(
            {
                "account": account,
                "orders": given,
                "copied": sum(order.code in COPIED and not order.is_declined for order in orders) if follows else None,
                "declined": declined.total() if follows else None,
                "why": ", ".join(f"{count} {code}" for code, count in declined.items()),
                "closed": sum(order.is_own for order in orders),
                "holds": ", ".join(f"{units} {symbol}" for symbol, units in positions(orders).items()),
                "money": money.quantize(PAISA),
                "worth": worth.quantize(PAISA),
                "result": (money + worth).quantize(PAISA),
                "slippage": slippage(lab).get(account) if follows else None,
            }
        )
    return Table.of(f"{MORNING:%d %B %Y}", tuple(rows[0]), rows)


def positions(orders: Sequence[Order]) -> dict[str, int]:
    held = Counter[str]()
    for order in orders:
        held[order.symbol] += order.units
    return {symbol: units for symbol, units in held.items() if units}


def slippage(lab: Playground) -> dict[object, object]:
    """By follower: how much worse its prices were than FATHER's, in rupees."""
    return {row["follower"]: row["slippage"] for row in lab.engine.executions() if row["symbol"] == "all"}


def price(lab: Playground, symbol: str) -> Decimal:
    return lab.exchange.last_price(lab.instrument(symbol)) or Decimal(0)


def differences(day: Day, lab: Playground) -> Iterator[str]:
    """What does not add up: nothing, unless there is a bug."""
    given = {order.leader_order_id for order in day.of(LEADER)}
    decided = Counter((row["leader_order_id"], row["follower"]) for row in lab.decisions())
    for follower in FOLLOWERS:
        for order_id in given:
            if decided[order_id, follower] != 1:
                yield f"{follower} has {decided[order_id, follower]} decisions for {order_id}"
        orders = day.of(follower)
        copied = {order.leader_order_id for order in orders if not order.is_declined and not order.is_own}
        declined = {order.leader_order_id for order in orders if order.is_declined}
        if copied | declined != given or copied & declined:
            yield f"{follower}: {len(copied)} copied and {len(declined)} declined are not {len(given)}"
        ledger = [row for row in lab.drift() if row["follower"] == follower and row["owned"]]
        owned = {str(row["instrument"]): row["owned"] for row in ledger}
        at_broker = {str(key): held.net for key, _, held in lab.exchange.held(follower) if held.net}
        reckoned = {str(lab.instrument(symbol)): units for symbol, units in positions(orders).items()}
        if not owned == at_broker == reckoned:
            yield f"{follower} holds {at_broker}, by the ledger {owned}, by its orders {reckoned}"
        paid = sum((order.money for order in orders), Decimal(0))
        trades = lab.exchange.trades(follower)
        truly = -sum((trade.order.side.sign * trade.quantity * trade.price for trade in trades), Decimal(0))
        if paid != truly:
            yield f"{follower}: orders come to {paid}, trades to {truly}"
        his = {order.leader_order_id: order.price for order in day.of(LEADER)}
        copies = [order for order in orders if not order.is_own]
        at_his = sum((-order.units * his[order.leader_order_id] for order in copies), Decimal(0))
        lost = at_his - sum((order.money for order in copies), Decimal(0))
        if slippage(lab)[follower] != lost:
            yield f"{follower}: slippage is {slippage(lab)[follower]}, and {lost} by the prices"


# The picture

COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#8c6d1f", "#56b4e9")
GREY, INK, STOPPED = "#a3a3a3", "#222222", "#fbe9e7"


def draw(day: Day, report: Table, rules: Mapping[str, str], path: Path) -> None:
    """A row per account and in it a lane per instrument; a line from each order of FATHER's to each of its copies."""
    logging.getLogger("matplotlib").setLevel(logging.ERROR)  # the first run builds a cache of fonts, and says so
    import matplotlib
    from matplotlib.figure import Figure
    from matplotlib.lines import Line2D
    from matplotlib.patches import FancyArrowPatch

    accounts = (LEADER, *FOLLOWERS)
    symbols = list(dict.fromkeys(order.symbol for order in day.orders))
    colours = dict(zip(symbols, COLOURS))

    def x(moment: datetime) -> float:
        return (moment - MORNING.replace(hour=0, minute=0)).total_seconds() / 3600

    def y(order: Order) -> float:
        return accounts.index(order.account) + (symbols.index(order.symbol) + 1) / (len(symbols) + 1)

    def kind(order: Order) -> str:
        if order.account == LEADER:
            return "order"
        return "declined" if order.is_declined else "closed" if order.is_own else "copy"

    figure = Figure(figsize=(16, 10.5), layout="constrained")
    axes = figure.subplots()
    begin, end = MORNING - timedelta(minutes=20), MORNING.replace(hour=15, minute=45)
    axes.set_xlim(x(begin), x(end))
    axes.set_ylim(len(accounts), 0)
    for row, account in enumerate(accounts):
        axes.axhspan(row, row + 1, color="#f4f6f8" if row % 2 == 0 else "white", zorder=0, lw=0)
        if account in day.stopped:
            axes.fill_between([x(day.stopped[account]), x(end)], row, row + 1, color=STOPPED, zorder=0.5, lw=0)
            words = f"stopped by the loss limit at {day.stopped[account].astimezone(IST):%H:%M}"
            axes.text(x(day.stopped[account]) + 0.07, row + 0.97, words, color="#b3452f", va="bottom", fontsize=9)
    for account in accounts:
        for symbol in symbols:
            for since, until, lane in holdings(day, account, symbol, end):
                bar = Line2D([x(since), x(until)], [y(lane)] * 2, color=colours[symbol], lw=6, alpha=0.22, zorder=1)
                bar.set_solid_capstyle("butt")
                axes.add_line(bar)
    leading = {order.leader_order_id: order for order in day.of(LEADER)}
    for order in day.orders:
        colour = GREY if order.is_declined else colours[order.symbol]
        his = leading.get(order.leader_order_id)
        if his is not None and his is not order:
            line = FancyArrowPatch(
                (x(his.at), y(his)), (x(order.at), y(order)), arrowstyle="-", connectionstyle="arc3,rad=0.13",
                color=colour, lw=0.7 if order.is_declined else 1.3, ls=(0, (3, 3)) if order.is_declined else "-",
                alpha=0.8 if order.is_declined else 0.75, shrinkA=5, shrinkB=5, zorder=1.5 if order.is_declined else 2,
                gid=f"line:{order.leader_order_id}:{order.account}",
            )  # fmt: skip
            axes.add_patch(line)
        shape = "x" if order.is_declined else "D" if order.is_own else "^" if order.side is Side.BUY else "v"
        axes.plot(
            [x(order.at)], [y(order)], shape, ls="", ms=6 if order.is_declined else 9, mew=1.6, color=colour,
            mfc="none" if order.is_own else "white" if order.is_exit else colour, zorder=3,
            alpha=1 if order.filled or order.is_declined else 0.45,
            gid=f"{kind(order)}:{order.leader_order_id}:{order.account}",
        )  # fmt: skip
        words = order.code.replace("_", " ").lower() if order.is_declined else f"{order.quantity // order.lot}"
        if not order.is_declined and not order.filled:
            words += " cancelled"
        axes.annotate(
            words, (x(order.at), y(order)), xytext=(-9 if order.is_own else 9, 0), textcoords="offset points",
            va="center", ha="right" if order.is_own else "left", zorder=4, color=colour if order.is_declined else INK,
            fontsize=7 if order.is_declined else 9,
        )  # fmt: skip
    beside = axes.get_yaxis_transform()
    for row, said in enumerate(report):
        account = str(said["account"])
        counts = f"{said['orders']} orders" if row == 0 else f"{said['copied']} copied\n{said['declined']} declined"
        result = f"{counts}\n{said['result']:+,.0f} rupees"
        axes.text(-0.2, row + 0.22, account, transform=beside, fontsize=13, weight="bold", va="center")
        axes.text(-0.2, row + 0.34, rules[account], transform=beside, fontsize=8.5, color="#555555", va="top")
        axes.text(1.012, row + 0.5, result, transform=beside, fontsize=10, va="center", linespacing=1.5)
    axes.set_yticks([])
    axes.set_xticks(hours := range(9, 16), [f"{hour:02}:00" for hour in hours])
    axes.tick_params(axis="x", labelsize=10, length=0)
    axes.grid(axis="x", color="#dddddd", lw=0.8, zorder=0.6)
    for side in ("top", "right", "left", "bottom"):
        axes.spines[side].set_visible(False)
    title = f"A family's day: {LEADER}'s orders and what became of them, {MORNING:%d %B %Y}"
    axes.set_title(title, fontsize=15, loc="left", pad=14)
    axes.set_title("numbers are lots, of shares units", fontsize=9, loc="right", color="#555555")
    marks = [Line2D([], [], color=colours[symbol], lw=6, alpha=0.6, label=symbol) for symbol in symbols]
    for shape, filled, label in (
        ("^", True, "buys, to enter"),
        ("v", True, "sells, to enter"),
        ("^", False, "buys, to leave"),
        ("v", False, "sells, to leave"),
        ("D", False, "closed by the copier"),
    ):
        inside = INK if filled else "white"
        marks.append(Line2D([], [], marker=shape, ls="", color=INK, mfc=inside, ms=8, mew=1.6, label=label))
    marks.append(Line2D([], [], marker="x", ls=(0, (3, 3)), color=GREY, lw=0.8, ms=6, mew=1.6, label="declined: why"))
    figure.legend(handles=marks, loc="outside lower center", ncols=6, frameon=False, fontsize=10)
    with matplotlib.rc_context({"svg.hashsalt": "family", "svg.fonttype": "none"}):
        figure.savefig(path, dpi=110, metadata={"Date": None} if path.suffix == ".svg" else None)


def holdings(day: Day, account: str, symbol: str, end: datetime) -> Iterator[tuple[datetime, datetime, Order]]:
    """From when until when the account held something of an instrument."""
    held, since = 0, end
    traded = [order for order in day.of(account) if order.symbol == symbol and order.filled]
    for order in sorted(traded, key=lambda order: order.at):
        if not held:
            since = order.at
        held += order.units
        if not held:
            yield since, order.at, order
    if held:
        yield since, end, traded[-1]


def rules_of(engine: CopyEngine) -> dict[str, str]:
    """What holds for each follower, in words."""
    said = {LEADER: "leads"}
    for follower in SETTINGS.followers:
        rows = {row["setting"]: row["value"] for row in engine.settings(follower.name)}
        size = follower.rules.size
        words = [f"size {size if isinstance(size, Ratio) else repr(size)}"]
        words += [f"{override}: size {override.size}" for override in follower.overrides]
        words += [f"only {rows['only']}" if rows["only"] else "", str(rows["caps"] or "")]
        if follower.loss_limit is not None:
            words.append(f"may lose {follower.loss_limit.rupees:,} rupees")
        said[follower.name] = "\n".join(fill(text, 36) for text in words if text)
    return said


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--picture", type=Path, default=Path("family.svg"), help="SVG or PNG (default %(default)s)")
    options = parser.parse_args()
    if options.picture.suffix not in (".svg", ".png"):
        parser.error(f"a picture is an .svg or a .png, and not {options.picture}")
    with tempfile.TemporaryDirectory() as folder:
        lab = family(Path(folder))
        play(lab)
        day = day_of(lab.engine)
        report, wrong = report_of(day, lab), list(differences(day, lab))
        rules = rules_of(lab.engine)
        lab.engine.stop()
    print(report)
    print("\n".join(wrong) or "\nIt adds up: decisions, positions, money and slippage, for each follower.")
    try:
        draw(day, report, rules, options.picture)
    except ModuleNotFoundError as missing:
        print(f"No picture: {missing.name} is missing. pip install 'dhan-copy[picture]'", file=sys.stderr)
        return 2
    print(f"The picture is {options.picture}.")
    return 1 if wrong else 0


if __name__ == "__main__":
    sys.exit(main())
