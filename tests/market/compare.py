"""Compares our trading days with public calendars, and says how long our data lasts: ``nox -s calendar``.

``exchange_calendars`` and ``pandas_market_calendars`` know the equity days of BSE and NSE. Nothing else that is public
and maintained knows the days of MCX and of currencies but ``aion-indian-market-calendar``, for 2026.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

from dhan_copy.core.calendar import Calendar
from dhan_copy.market.calendar import published_calendar
from dhan_copy.model.instrument import ExchangeSegment
from dhan_copy.model.times import IST

WARNING_DAYS = 45
"""How long before our data ends the check fails: NSE publishes the next year in mid-December."""

EQUITY = (ExchangeSegment.NSE_EQ, ExchangeSegment.NSE_FNO, ExchangeSegment.BSE_EQ, ExchangeSegment.BSE_FNO)
EXPLAINED: Mapping[date, str] = {
    date(2025, 2, 1): "Saturday of the budget: the libraries of equity days leave special weekends out",
    date(2025, 10, 21): "Muhurat of 2025: a day of one hour, which one library counts and the other does not",
    date(2026, 2, 1): "Sunday of the budget: the libraries leave it out",
    date(2026, 11, 8): "Muhurat of 2026: a Sunday, which the libraries leave out",
}
"""Days on which a difference is right, and why. A library that comes to agree is no difference."""


def trading_days(calendar: Calendar, segment: ExchangeSegment, year: int) -> set[date]:
    """Our days of a year with any trading, also such whose hours are not known."""
    days = (date(year, 1, 1) + timedelta(days=number) for number in range(366))
    return {
        day for day in days if day.year == year and (calendar.day(segment, day).sessions or not calendar.day(segment, day).hours_known)
    }  # fmt: skip


def differences(ours: set[date], theirs: set[date], explained: Iterable[date] = tuple(EXPLAINED)) -> list[str]:
    """Every day that only one of both trades on, but for those that are explained."""
    found = sorted((ours ^ theirs) - set(explained))
    return [f"{day} ({day:%a}): {'we' if day in ours else 'they'} trade" for day in found]


def ending(calendar: Calendar, today: date, warning_days: int = WARNING_DAYS) -> list[str]:
    """The segments whose data ends within ``warning_days`` of ``today``."""
    found = []
    for segment in ExchangeSegment:
        until = calendar.known_until(segment, today)
        if until is None or until - today <= timedelta(days=warning_days):
            found.append(f"{segment.value}: {'nothing is known' if until is None else f'the data ends on {until}'}")
    return found


def public_calendars() -> Iterator[tuple[str, tuple[ExchangeSegment, ...], tuple[int, ...], Callable[[int], set[date]]]]:
    """(name, the segments it speaks of, its years, its days of a year)."""
    import exchange_calendars  # type: ignore[import-not-found]
    import pandas_market_calendars  # type: ignore[import-not-found]

    xbom = exchange_calendars.get_calendar("XBOM")
    yield (
        "exchange_calendars XBOM",
        EQUITY,
        (2025, 2026),
        lambda year: {day.date() for day in xbom.sessions if day.year == year},
    )
    nse = pandas_market_calendars.get_calendar("NSE")
    yield (
        "pandas_market_calendars NSE",
        EQUITY,
        (2025, 2026),
        lambda year: {day.date() for day in nse.valid_days(f"{year}-01-01", f"{year}-12-31")},
    )
    os.environ["AION_IN_CALENDAR_OFFLINE"] = "1"  # the package's own data, nothing fetched
    from aion_indian_market_calendar import is_trading_day  # type: ignore[import-not-found]

    names = {ExchangeSegment.MCX_COMM: "MCX", ExchangeSegment.NSE_CURRENCY: "NSE_CURRENCY_DERIVATIVES"}
    for segment, name in names.items():
        # The package covers the year up to Christmas only.
        yield (
            f"aion-indian-market-calendar {name}",
            (segment,),
            (2026,),
            lambda year, name=name: {  # type: ignore[misc]
                day for day in (date(year, 1, 1) + timedelta(days=number) for number in range(359)) if is_trading_day(day, name)
            },
        )


def main() -> int:
    calendar, failed = published_calendar(), 0
    for name, segments, years, days in public_calendars():
        for year in years:
            theirs = days(year)
            last = max(theirs, default=date.min)
            if last < date(year, 12, 20):
                failed += 1
                print(f"{name} ends on {last}: nothing is proven of {year}")
            for segment in segments:
                found = differences({day for day in trading_days(calendar, segment, year) if day <= last}, theirs)
                failed += len(found)
                print(f"{segment.value} {year}, {name}: {'; '.join(found) or f'{len(theirs)} days, no difference'}")
    ends = ending(calendar, datetime.now(IST).date())
    for line in ends:
        print(f"{line}: add the next year to sessions.toml")
    return 1 if failed or ends else 0


if __name__ == "__main__":
    sys.exit(main())
