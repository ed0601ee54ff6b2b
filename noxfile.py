"""Sessions for developers: ``nox -l`` lists them, ``nox`` runs tests, mypy and docs."""

from __future__ import annotations

import tempfile
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
def package(session: nox.Session) -> None:
    """Build sdist and wheel and check what an index would show."""
    session.install("build", "twine")
    with tempfile.TemporaryDirectory() as folder:
        session.run("python", "-m", "build", "--outdir", folder)
        session.run("twine", "check", "--strict", *map(str, Path(folder).iterdir()))
