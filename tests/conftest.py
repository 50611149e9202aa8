"""Suite-wide rules: skips come from a list, each test's outcome is recorded for the clauses that it shows, and all interpreters share their bytecode."""

from __future__ import annotations

import json
import os
import sys
import tomllib
from collections.abc import Generator
from pathlib import Path

import pytest

SKIPS = Path(__file__).with_name("allowed_skips.toml")
_WORST = ("failed", "skipped", "passed")
_OUTCOMES: dict[str, dict[str, str]] = {}


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--conformance-json", metavar="PATH", default=None, help="write the outcome of every test that shows a clause, by clause")


def pytest_configure() -> None:
    # The suite starts some hundred interpreters. Without a shared cache of bytecode each of them compiles the same libraries again, for seconds.
    os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
    sys.pycache_prefix = os.environ.setdefault("PYTHONPYCACHEPREFIX", str(Path(sys.prefix) / "bytecode"))
    sys.dont_write_bytecode = False


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        shared: set[str] = set()
        for mark in item.iter_markers("clause"):
            shared.update(mark.args)
        if shared:
            item.user_properties.append(("clauses", sorted(shared)))


def refused_skip(reason: str, environment: dict[str, str]) -> str | None:
    """Why a skip is not allowed, or None when it is."""
    if environment.get("CI", "").lower() in ("true", "1"):
        return f"skipped in CI, where no skip is allowed: {reason}. Provide what the test needs"
    if reason not in {row["reason"] for row in tomllib.loads(SKIPS.read_text(encoding="utf-8"))["skip"]}:
        return f"unlisted skip: {reason!r}. Make the test run, or list the reason with its why in tests/allowed_skips.toml"
    return None


def _judge(report: pytest.TestReport | pytest.CollectReport) -> None:
    if report.outcome != "skipped":
        return
    text = str(report.longrepr[2]) if isinstance(report.longrepr, tuple) else str(report.longrepr)
    refusal = refused_skip(text.removeprefix("Skipped: "), dict(os.environ))
    if refusal is not None:
        report.outcome = "failed"
        report.longrepr = refusal


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    report = yield
    _judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(collector: pytest.Collector) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    report = yield
    _judge(report)
    return report


@pytest.hookimpl(wrapper=True)
def pytest_runtest_logreport(report: pytest.TestReport) -> Generator[None, None, None]:
    yield
    if report.when == "call" or report.outcome != "passed":
        _remember(report)


def _remember(report: pytest.TestReport) -> None:
    # Parametrised cases count as one test, which is as good as its worst case: the page must not depend on how many there are.
    name = report.nodeid.split("[", maxsplit=1)[0]
    for clause in dict(report.user_properties).get("clauses", ()):
        tests = _OUTCOMES.setdefault(clause, {})
        tests[name] = min(tests.get(name, "passed"), report.outcome, key=_WORST.index)


def pytest_sessionfinish(session: pytest.Session) -> None:
    target = session.config.getoption("--conformance-json")
    if target is None or hasattr(session.config, "workerinput"):
        return
    document = {clause: dict(sorted(tests.items())) for clause, tests in sorted(_OUTCOMES.items())}
    Path(target).write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
