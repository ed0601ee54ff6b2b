"""Sessions for developers: ``nox -l`` lists them, ``nox`` runs tests, mypy and docs."""

from __future__ import annotations

import tempfile
import time
from pathlib import Path

import nox

nox.options.sessions = ["tests", "mypy", "docs"]
nox.options.reuse_existing_virtualenvs = True
nox.options.error_on_external_run = True

CORE = "*/dhan_copy/model/*,*/dhan_copy/core/*"


def install_wheel(session: nox.Session, extra: str) -> None:
    """Build the wheel and install it: an editable install would hide a file that the wheel forgets."""
    session.install("build")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--wheel", "--outdir", folder, silent=True)
        wheel = next(Path(folder).glob("*.whl"))
        session.install("--force-reinstall", "--no-deps", str(wheel))
        session.install(f"{wheel}[{extra}]")


@nox.session
def tests(session: nox.Session) -> None:
    """The tests against the built wheel; arguments go to pytest."""
    install_wheel(session, "test")
    session.run("python", "-m", "pytest", *session.posargs)


@nox.session(name="format")
def format_code(session: nox.Session) -> None:
    """Write the code as it is written here; ``--check`` only tells."""
    session.install("ruff")
    session.run("ruff", "format", *session.posargs)


@nox.session
def mypy(session: nox.Session) -> None:
    """Strict types in src, examples, benchmarks and the typing test."""
    session.install("-e", ".[typing]")
    session.run("mypy", *session.posargs)


@nox.session
def docs(session: nox.Session) -> None:
    """The documentation into docs/_build/html; a warning is an error."""
    install_wheel(session, "docs,testing")
    session.run("sphinx-build", "-W", "--keep-going", "-b", "html", "docs", "docs/_build/html")


@nox.session
def coverage(session: nox.Session) -> None:
    """Branch coverage: at least 98 % of model and core, at least 90 % of the rest."""
    install_wheel(session, "test")
    session.run("coverage", "erase")
    session.run("coverage", "run", "-m", "pytest", *session.posargs)
    session.run("coverage", "combine", "--quiet")
    session.run("coverage", "report", f"--include={CORE}", "--fail-under=98")
    session.run("coverage", "report", f"--omit={CORE}", "--fail-under=90")


@nox.session
def bench(session: nox.Session) -> None:
    """The benchmarks; arguments are their ids, or --json."""
    install_wheel(session, "testing")
    session.run("python", "-m", "benchmarks", *session.posargs)


@nox.session
def power(session: nox.Session) -> None:
    """Power cuts under the journal; arguments are those of the command, as ``--cuts 10000``."""
    install_wheel(session, "testing,power")
    session.run("python", "-m", "dhan_copy.testing", "power", *session.posargs)


@nox.session
def crash(session: nox.Session) -> None:
    """Deaths at lines of library code; arguments are those of the command, as ``--points all``."""
    install_wheel(session, "testing")
    session.run("python", "-m", "dhan_copy.testing", "crash", *session.posargs)


@nox.session
def mutants(session: nox.Session) -> None:
    """Bugs planted into the library, one or more for each class of faults: all are caught. Arguments go to pytest."""
    install_wheel(session, "test")
    session.run(
        "python", "-m", "pytest", "-q", "tests/testing/simulation/test_oracle_planted.py", "tests/proof/test_planted.py",
        *session.posargs, env={"DHAN_COPY_MUTANTS": "all"},
    )  # fmt: skip


@nox.session
def sizes(session: nox.Session) -> None:
    """Sizes and caps over as many random scripts as the argument says (default 100,000): about an hour and a half for
    every 100,000 on one core."""
    install_wheel(session, "test")
    session.run(
        "python", "-m", "pytest", "-q", "tests/core/test_sizing_property.py", "tests/core/test_capping_property.py",
        env={"DHAN_COPY_EXAMPLES": session.posargs[0] if session.posargs else "100000"},
    )  # fmt: skip


@nox.session
def proof(session: nox.Session) -> None:
    """Everything that we claim about faults, for as many minutes as the argument says (default 60): days simulated on
    seeds of the clock's choosing, deaths at lines, power cuts, ``kill -9`` and system calls that fail, in turn."""
    install_wheel(session, "test")
    minutes = float(session.posargs[0]) if session.posargs else 60.0
    end, seed, rounds = time.monotonic() + 60 * minutes, int(time.time()), 0
    testing = ("python", "-m", "dhan_copy.testing")
    while time.monotonic() < end:
        rounds, seed = rounds + 1, seed + 1000
        session.run(*testing, "simulate", "--seed", str(seed), "--days", "40")
        session.run(*testing, "crash", "--points", "60", "--double", "30", "--interrupt", "20", "--seed", str(seed))
        session.run(*testing, "power", "--cuts", "1000", "--seed", str(seed))
        session.run(
            "python", "-m", "pytest", "-q", "tests/examples/test_kill.py", "tests/proof",
            env={"DHAN_COPY_KILLS": "20", "DHAN_COPY_KILL_SEED": str(seed), "DHAN_COPY_STRACE_KILLS": "9"},
        )  # fmt: skip
    session.log(f"{rounds} rounds from seed {seed - 1000 * (rounds - 1)} without a violation")


@nox.session
def calendar(session: nox.Session) -> None:
    """Our trading days against public calendars. Fails on a difference, and 45 days before our data ends."""
    session.install("-e", ".", "exchange_calendars", "pandas_market_calendars", "aion-indian-market-calendar")
    session.run("python", "-m", "tests.market.compare")


@nox.session
def package(session: nox.Session) -> None:
    """Build sdist and wheel and check what an index would show."""
    session.install("build", "twine")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder)
        session.run("twine", "check", "--strict", *map(str, Path(folder).iterdir()))
