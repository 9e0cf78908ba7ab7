"""Plugin: tests over several processes (pytest-xdist), and what all of them report at the end.

A module's tests stay in one process, since they share fitted models and programs. Modules of one
`xdist_group` stay in one process too: they must not run side by side.
"""

import resource
from collections import Counter, defaultdict
from collections.abc import Generator
from typing import Any

import pytest
from xdist.scheduler import LoadGroupScheduling

from tests.servers import LABELS, missing

# Modules with such tests begin first, so that no process is left alone with a long one.
LONG = ("slow", "engine", "heavy", "fit")
# CPU seconds above which a test without a marker is named: it makes `make test-fast` slow. More than
# the second that `heavy` speaks of, since a busy machine and a first import cost some too.
HEAVY = 2.0
# Modules whose CPU seconds are printed at the end: enough to see where a slow suite spends them.
COSTLIEST = 15
LONGEST_FIRST = {name: place for place, name in enumerate(LONG)}


class ByModule(LoadGroupScheduling):
    """One unit of work is a module, or a group where the test names one."""

    def _split_scope(self, nodeid: str) -> str:
        scope: str = super()._split_scope(nodeid)
        return nodeid.split("::")[0] if scope == nodeid else scope


def processor_seconds() -> float:
    """User and system seconds of this process and of all its children that have ended."""
    return sum(map(seconds_of, (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)))


def seconds_of(whom: int) -> float:
    """User and system seconds of RUSAGE_SELF or RUSAGE_CHILDREN."""
    usage = resource.getrusage(whom)
    return usage.ru_utime + usage.ru_stime


class Sharing:
    """What the processes that run tests tell the one that prints."""

    def __init__(self, config: pytest.Config) -> None:
        self.config = config
        self.left_out: Counter[str] = Counter()
        self.seconds: list[float] = []
        self.began = 0.0
        self.unmarked: dict[str, float] = {}
        self.modules: dict[str, float] = defaultdict(float)

    @property
    def output(self) -> dict[str, Any] | None:
        """Where a process of xdist leaves its report; None in the process that prints."""
        output: dict[str, Any] | None = getattr(self.config, "workeroutput", None)
        return output

    def pytest_xdist_make_scheduler(self, config: pytest.Config, log: Any) -> ByModule | None:
        return ByModule(config, log) if config.getvalue("dist") == "loadgroup" else None

    @pytest.hookimpl(trylast=True)
    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        """Leave out what needs a server that is not there, and put long modules first."""
        lacking = missing()
        left_out = [item for item in items if lacking & {mark.name for mark in item.iter_markers()}]
        for item in left_out:
            self.left_out.update(lacking & {mark.name for mark in item.iter_markers()})
        if left_out:
            self.config.hook.pytest_deselected(items=left_out)
            items[:] = [item for item in items if item not in left_out]
        length: dict[Any, int] = {}
        for item in items:
            marks = {mark.name for mark in item.iter_markers()}
            place = min((LONGEST_FIRST[name] for name in marks & set(LONG)), default=len(LONG))
            length[item.path] = min(place, length.get(item.path, len(LONG)))
        items.sort(key=lambda item: length[item.path])  # stable: within a module nothing moves

    def pytest_runtest_logstart(self) -> None:
        self.began = processor_seconds()

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_makereport(
        self, item: pytest.Item, call: pytest.CallInfo[None]
    ) -> Generator[None, pytest.TestReport, pytest.TestReport]:
        report = yield
        marked = any(item.get_closest_marker(name) for name in LONG)
        spent = processor_seconds() - self.began
        if call.when == "teardown":
            report.user_properties.append(("unmarked" if spent > HEAVY and not marked else "spent", spent))
        return report

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        for name, spent in report.user_properties:
            if not isinstance(spent, float):
                continue
            self.modules[report.nodeid.split("::")[0]] += spent
            if name == "unmarked":
                self.unmarked[report.nodeid] = spent

    @pytest.hookimpl(trylast=True)
    def pytest_sessionfinish(self, session: pytest.Session, exitstatus: int) -> None:
        """Last: what sessions share has ended by then, and its seconds count."""
        if self.output is not None:
            self.output["left_out"] = dict(self.left_out)
            self.output["seconds"] = processor_seconds()
            return
        terminal = self.config.pluginmanager.get_plugin("terminalreporter")
        skipped = terminal.stats.get("skipped", []) if terminal else []
        if self.config.getoption("--nothing-left-out") and (self.left_out or skipped):
            session.exitstatus = exitstatus or pytest.ExitCode.TESTS_FAILED

    @pytest.hookimpl(optionalhook=True)
    def pytest_testnodedown(self, node: Any) -> None:
        output = getattr(node, "workeroutput", {})  # one that crashed left none
        self.left_out |= Counter(output.get("left_out", {}))  # each collects the same: no sum
        self.seconds.append(output.get("seconds", 0.0))

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for name, count in self.left_out.items():
            label = LABELS[name]
            terminalreporter.write_line(f"LEFT OUT: {count} tests that need {label}", yellow=True)
        for test, spent in sorted(self.unmarked.items(), key=lambda each: -each[1]):
            terminalreporter.write_line(f"{spent:.1f} CPU seconds without a marker: {test}")
        for module, spent in sorted(self.modules.items(), key=lambda each: -each[1])[:COSTLIEST]:
            terminalreporter.write_line(f"{spent:.1f} CPU seconds in {module}")
        # Not the children of this process: they are those that ran tests, and counted themselves.
        own = seconds_of(resource.RUSAGE_SELF) if self.seconds else processor_seconds()
        spent = own + sum(self.seconds)
        terminalreporter.write_line(f"{spent:.0f} CPU seconds, programs that tests start included")
