"""What holds for every test of the workspace: no leaked loop, and no silence about what was not run."""

from __future__ import annotations

import asyncio
import os
import signal
from collections import Counter, defaultdict
from collections.abc import Generator, Sequence
from typing import Protocol

import pytest
import structlog
from structlog.typing import EventDict
from xdist.remote import Producer
from xdist.scheduler import LoadScopeScheduling, Scheduling

# Until a loop is set or unset once, asyncio makes one as soon as anybody asks for the current one, and
# pytest-asyncio asks in order to put it back later. Nobody would ever close that loop.
asyncio.set_event_loop(None)

# A shell has what it starts in the background ignore SIGINT, nohup has it ignore SIGHUP, and children inherit both;
# tests send them to theirs.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)
if signal.getsignal(signal.SIGHUP) is signal.SIG_IGN:
    signal.signal(signal.SIGHUP, signal.SIG_DFL)

pytest_plugins = ["postgres_server"]

AT_THE_ENGINE = ("tests/local/", "tests/watching/test_running_page.py")
"""Where the tests stand that need the Docker engine; a process that has not collected them knows them by this."""
MOSTLY_WAITING = "tests/local/test_incidents.py"
"""Of those, the ones that touch only what is their own."""
REAL_PARTS = {
    "docker": "needs a Docker engine; run: make test-real",
    "prometheus": "needs the prometheus program; run: make test-real",
    "postgres": "needs the programs of a PostgreSQL server; run: make test-real",
}
SAMPLED = "take long, or are more cases of what ran with a few; run: make test-real, or those tests by name"
OTHERS = {
    "slow": "takes minutes; run: uv run pytest -m slow",
    "live": "calls a real model and costs money; run: uv run pytest -m live",
}

_real_parts_are_required = os.environ.get("OPERATOR_REQUIRE_REAL", "") not in {"", "0"}
_not_run: Counter[str] = Counter()


class _Worker(Protocol):
    config: pytest.Config
    workerinput: dict[str, object]


def _dropped(_logger: object, _method: str, _event: EventDict) -> EventDict:
    raise structlog.DropEvent


@pytest.fixture(autouse=True)
def quiet_log() -> Generator[None]:
    """Nobody reads the log of what a test does on purpose; whoever tests the log asks for its own."""
    structlog.configure(processors=[_dropped], cache_logger_on_first_use=False)
    yield
    structlog.reset_defaults()


def pytest_configure(config: pytest.Config) -> None:
    """Select the tests on real parts when they are required, unless the command line selects by itself."""
    if _real_parts_are_required and "-m" not in _chosen(config):
        config.option.markexpr = " and ".join(f"not {marker}" for marker in OTHERS)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_make_scheduler(config: pytest.Config, log: Producer) -> Scheduling | None:
    """Tests that share this machine's Docker engine run one after the other, whoever runs the others beside them."""
    return _OneAtTheEngine(config, log) if _real_parts_are_required else None


class _OneAtTheEngine(LoadScopeScheduling):
    def _split_scope(self, nodeid: str) -> str:
        return next((scope for scope, where in _LONG_SCOPES.items() if nodeid.startswith(where)), nodeid)


_LONG_SCOPES = {"incidents": MOSTLY_WAITING, "engine": AT_THE_ENGINE}
_ACCELERATED = "tests/end_to_end/test_incident.py"
"""Real sockets at several times real time; beside the engine it does not run while that is busiest."""
_LONGEST = tuple(_LONG_SCOPES.values()) if _real_parts_are_required else (_ACCELERATED,)


def _longest_first(item: pytest.Item) -> int:
    """What waits for long begins early, or everybody would wait for it in the end."""
    return next((n for n, where in enumerate(_LONGEST) if item.nodeid.startswith(where)), len(_LONGEST))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Of a test that is marked so, a sample of its cases runs where nobody asked for it or for everything."""
    if strange := [
        i.nodeid for i in items if i.get_closest_marker("docker") and not i.nodeid.startswith(AT_THE_ENGINE)
    ]:
        raise pytest.UsageError(f"{strange[0]} needs the Docker engine, and stands in none of {AT_THE_ENGINE}")
    items.sort(key=_longest_first)
    if _real_parts_are_required or _chosen(config):
        return
    cases: defaultdict[str, list[pytest.Item]] = defaultdict(list)
    for item in items:
        if item.get_closest_marker("sampled"):
            cases[item.nodeid.partition("[")[0]].append(item)
    left_out = {item for those in cases.values() for item in those} - {
        item for those in cases.values() for item in _sample(those)
    }
    _not_run["sampled"] += len(left_out)
    items[:] = [item for item in items if item not in left_out]
    config.hook.pytest_deselected(items=list(left_out))


def _sample(cases: Sequence[pytest.Item]) -> list[pytest.Item]:
    """As many as its mark says, spread over all, and over the last parameter too when several are crossed."""
    marker = cases[0].get_closest_marker("sampled")
    assert marker is not None
    wanted: int = min(marker.args[0], len(cases))
    stride = len(cases) // max(1, wanted)
    return [cases[n * len(cases) // wanted + n % stride] for n in range(wanted)]


def pytest_deselected(items: Sequence[pytest.Item]) -> None:
    """Count what is left out, by the marker that leaves it out."""
    for item in items:
        _not_run.update([m for m in (*OTHERS, *REAL_PARTS) if item.get_closest_marker(m)][:1])


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A worker process tells the one that reports what was left out."""
    output: dict[str, object] | None = getattr(session.config, "workeroutput", None)
    if output is not None:
        output["not_run"] = dict(_not_run)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: _Worker) -> None:
    """A worker process is not given the command line, so it is told what was chosen there."""
    node.workerinput["chosen"] = sorted(_chosen(node.config))


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: object) -> None:
    """Hear from a worker process what was left out; every one of them has selected among all tests."""
    output: dict[str, dict[str, int]] = getattr(node, "workeroutput", {})
    for marker, count in output.get("not_run", {}).items():
        _not_run[marker] = max(_not_run[marker], count)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A skip for lack of a real part is a failure where real parts are required."""
    report = yield
    marker = next((m for m in REAL_PARTS if item.get_closest_marker(m)), None)
    if _real_parts_are_required and marker and call.excinfo and call.excinfo.errisinstance(pytest.skip.Exception):
        report.outcome = "failed"
        report.longrepr = f"OPERATOR_REQUIRE_REAL is set, but this test ({marker}) was skipped: {call.excinfo.value}"
    return report


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """A file that skips itself as a whole hides its markers, so where real parts are required it fails."""
    report = yield
    if _real_parts_are_required and report.outcome == "skipped":
        report.outcome = "failed"
        report.longrepr = f"OPERATOR_REQUIRE_REAL is set, but {report.nodeid} was skipped as a whole"
    return report


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Say what was left out, why, and how to run it; who selects by hand knows."""
    if _chosen(config):
        return
    for marker, how in (REAL_PARTS | OTHERS | {"sampled": SAMPLED}).items():
        if _not_run[marker]:
            terminalreporter.write_line(f"not run: {marker} ({_not_run[marker]}): {how}")


def _chosen(config: pytest.Config) -> set[str]:
    """By what the command line chooses among the tests: ``-m``, ``-k``, ``tests`` for files, folders or ids."""
    told: dict[str, list[str]] | None = getattr(config, "workerinput", None)
    if told is not None:
        return set(told["chosen"])
    chosen = {o for o in ("-m", "-k") if any(a.startswith(o) for a in config.invocation_params.args)}
    return chosen | ({"tests"} if config.args_source is pytest.Config.ArgsSource.ARGS else set())
