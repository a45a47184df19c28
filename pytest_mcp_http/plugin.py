"""The pytest hooks of pytest-mcp-http, in the order in which pytest calls them; each delegates.

Imports pytest and the standard library only: a run that does not use the plugin must not pay for it.
"""

from __future__ import annotations

from collections.abc import Callable, Generator
from functools import partial
from typing import TYPE_CHECKING, Any

import pytest

from pytest_mcp_http import _marker, fixtures
from pytest_mcp_http._option_table import add_options
from pytest_mcp_http._options import settings_from
from pytest_mcp_http._run import RUN, Run, run_of

if TYPE_CHECKING:
    from pytest_mcp_http._verdict import Verdict

WORKER_KEY = "mcp_http"
SEED_KEY = "mcp_http_seed"
VERDICT: pytest.StashKey[Verdict] = pytest.StashKey()
"""The verdict of a check, on its item."""


def pytest_addoption(parser: pytest.Parser) -> None:
    """Register the `--mcp-*` options and their ini twins."""
    add_options(parser)


def pytest_configure(config: pytest.Config) -> None:
    """Read the options and register marker and fixtures."""
    config.addinivalue_line(
        "markers", "mcp_requirement(id, level): the requirement that a check of the MCP suite judges"
    )
    config.addinivalue_line("markers", _marker.HELP)
    given = getattr(config, "workerinput", {})
    config.stash[RUN] = Run(settings_from(config), given.get(WORKER_KEY), given.get(SEED_KEY))
    config.pluginmanager.register(fixtures, "mcp_http_fixtures")
    if not hasattr(config, "workerinput") and config.stash[RUN].settings.wanted:
        from pytest_mcp_http._results import RESULTS, Results

        config.stash[RESULTS] = Results(config)
        config.pluginmanager.register(config.stash[RESULTS], "mcp_http_results")


@pytest.hookimpl(tryfirst=True)
def pytest_sessionstart(session: pytest.Session) -> None:
    """Open the target once, before any worker or header asks for it."""
    run = run_of(session.config)
    if run.named and not session.config.option.help:
        from pytest_mcp_http.errors import TargetError

        try:
            run.open()
        except TargetError as error:
            raise pytest.UsageError(f"mcp: {error}") from None
    if run.settings.wanted:
        from pytest_mcp_http._collect import refuse_idle_globs

        refuse_idle_globs(run.settings)


@pytest.hookimpl(optionalhook=True)
def pytest_configure_node(node: Any) -> None:
    """Hand the facts about the target, and the seed, to a worker of pytest-xdist."""
    run = run_of(node.config)
    if run.opened is not None:
        node.workerinput[WORKER_KEY] = run.opened.to_json()
    if run.plan is not None:
        node.workerinput[SEED_KEY] = run.plan.seed


def pytest_report_header(config: pytest.Config) -> list[str]:
    """Say what is judged."""
    if not run_of(config).settings.wanted:
        return []
    from pytest_mcp_http._results import results_of

    results = results_of(config)
    return results.header() if results is not None else []


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report(
    collector: pytest.Collector,
) -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    """Add the suite to the session's collection."""
    report = yield
    if isinstance(collector, pytest.Session) and run_of(collector.config).settings.wanted:
        from pytest_mcp_http._collect import add_suite
        from pytest_mcp_http._collect_client import add_client_suite

        (add_suite if run_of(collector.config).settings.judges_server else add_client_suite)(
            collector, report
        )
    return report


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    """Parametrise tests by the marker `mcp_revisions`, and the checks by what is judged."""
    _marker.parametrize(metafunc)
    if run_of(metafunc.config).settings.wanted:
        from pytest_mcp_http._collect import parametrize

        parametrize(metafunc)


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Mark the checks, and leave out what `--mcp-case` and `--mcp-level` exclude."""
    if not run_of(config).settings.wanted:
        return
    from pytest_mcp_http._collect import requirement_of, wanted
    from pytest_mcp_http._collect_client import ClientRule, client_rule_wanted
    from pytest_mcp_http.spec.registry import requirements

    kept: list[pytest.Item] = []
    excluded: list[pytest.Item] = []
    for item in items:
        id = requirement_of(getattr(item, "function", None))
        if id is not None:
            item.add_marker(pytest.mark.mcp_requirement(id, requirements()[id].level))
        keeps = client_rule_wanted(item) if isinstance(item, ClientRule) else wanted(item, config)
        (kept if keeps else excluded).append(item)
    if excluded:
        config.hook.pytest_deselected(items=excluded)
        items[:] = kept


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup(
    fixturedef: pytest.FixtureDef[Any], request: pytest.FixtureRequest
) -> Generator[None, object, object]:
    """End our sessions while the server that `mcp_target` gives, whoever defines it, is still there."""
    value = yield
    if fixturedef.argname == "mcp_target":
        request.addfinalizer(partial(run_of(request.config).leave, value))
    return value


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup(item: pytest.Item) -> Generator[None, None, None]:
    """Turn what fixtures find out, that there is nothing to judge or no server, into an outcome of pytest."""
    from pytest_mcp_http.errors import TargetError

    run = run_of(item.config)
    if run.servers:
        from pytest_mcp_http._server_logs import mark

        mark(run, item)
    names = getattr(item, "fixturenames", ())
    # The second name tells our fixture from one of the user's with the name of ours.
    if {"mcp_sdk", "mcp_sdk_options"} <= set(names) and "anyio_backend" not in names:
        pytest.fail("mcp_sdk is for async tests with the marker anyio: @pytest.mark.anyio", pytrace=False)
    problem = None
    try:
        yield from _judge(item, after=_marker.require_spoken)
    except TargetError as error:
        problem = error
    if problem is None:
        return
    if hasattr(getattr(item, "function", None), "mcp_requirement"):
        # The same for every check.
        pytest.exit(f"mcp_target: {problem}", returncode=pytest.ExitCode.USAGE_ERROR)
    # The message is the whole diagnosis; a traceback through our own code helps nobody.
    pytest.fail(str(problem), pytrace=False)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, None, None]:
    """Turn what a check raised into a verdict, and the verdict into an outcome of pytest."""
    yield from _judge(item)


def _judge(
    item: pytest.Item, after: Callable[[pytest.Item], None] | None = None
) -> Generator[None, None, None]:
    from pytest_mcp_http.errors import NotApplicable, NotVerified, RequirementViolated

    id = getattr(getattr(item, "function", None), "mcp_requirement", None)
    client = getattr(item, "mcp_client_requirement", None)
    if id is None and client is None:
        try:
            yield
            if after is not None:
                after(item)
        except NotApplicable as reason:
            pytest.skip(f"not applicable: {reason}")
        except NotVerified as reason:
            pytest.skip(f"not verified: {reason}")
        return
    from pytest_mcp_http._verdict import verdict_of
    from pytest_mcp_http.spec.registry import requirements

    level = client.level if client is not None else requirements()[str(id)].level
    try:
        yield
    except (NotApplicable, NotVerified, RequirementViolated) as outcome:
        verdict = verdict_of(outcome, level, strict=run_of(item.config).settings.strict)
        item.stash[VERDICT] = verdict
        if verdict.name == "fail":
            raise
        if verdict.name in ("not-applicable", "not-verified"):
            pytest.skip(f"{verdict.name.replace('-', ' ')}: {verdict.reason}")
    except pytest.skip.Exception:
        raise  # no statement on the requirement, so no verdict
    except BaseException as error:
        item.stash[VERDICT] = verdict_of(error, level)
        raise
    else:
        item.stash[VERDICT] = verdict_of(None, level)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(
    item: pytest.Item, call: pytest.CallInfo[None]
) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """Put the verdict on the report as plain JSON, and what our servers wrote during a test that failed."""
    report = yield
    run = run_of(item.config)
    if report.failed and run.servers and not hasattr(getattr(item, "function", None), "mcp_requirement"):
        from pytest_mcp_http._server_logs import attach as attach_logs

        attach_logs(run, item, report)
    verdict = item.stash.get(VERDICT, None)
    final = call.when == "call" or (call.when == "setup" and not report.passed)
    if verdict is not None and final:
        from pytest_mcp_http._results import attach

        attach(report, item, verdict)
    return report


def pytest_report_teststatus(report: Any) -> tuple[str, str, tuple[str, dict[str, bool]]] | None:
    """Count a warning as such, not as a pass."""
    result = getattr(report, "mcp_result", None)
    if result is not None and result["verdict"] == "warn" and report.when == "call":
        return "warned", "w", ("WARN", {"yellow": True})
    return None


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print table, violations and verdict line."""
    if not run_of(config).settings.wanted:
        return
    from pytest_mcp_http._results import results_of

    results = results_of(config)
    if results is not None and results.rows:
        results.write_summary(terminalreporter)


@pytest.hookimpl(tryfirst=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """Write the machine-readable report; a run in which nothing was judged is no success."""
    if not run_of(session.config).settings.wanted:
        return
    from pytest_mcp_http._results import results_of

    results = results_of(session.config)
    if results is None:
        return
    if results.rows and not results.judged_anything and session.exitstatus == pytest.ExitCode.OK:
        session.exitstatus = pytest.ExitCode.NO_TESTS_COLLECTED
    if run_of(session.config).settings.report is not None:
        results.write_report()


def pytest_unconfigure(config: pytest.Config) -> None:
    """End sessions, connections and whatever was started."""
    if RUN in config.stash:
        config.stash[RUN].close()
