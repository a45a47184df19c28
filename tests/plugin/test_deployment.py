"""Judging a server at several addresses: replicas, a proxy and what is behind it, silent streams."""

from __future__ import annotations

import json
import socket
import sys
from collections.abc import Callable, Iterator

import pytest

from tests.conftest import running_replicas

pytest.importorskip("mcp.server.mcpserver", reason="the reference server needs mcp 2.x")

Reference = Callable[..., str]
REVISION = ("--mcp-revision", "2025-11-25")


@pytest.fixture
def two_replicas() -> Iterator[tuple[str, ...]]:
    with running_replicas(2, mode="stateful") as urls:
        yield urls


@pytest.fixture
def dead_url() -> str:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return f"http://127.0.0.1:{listener.getsockname()[1]}/mcp"


def test_without_other_addresses_it_says_what_to_add(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful")
    run = ("--mcp-url", url, *REVISION)
    result = pytester.runpytest_subprocess(*run, "--mcp-case", "session.cross-replica", "-rs")
    assert result.parseoutcomes()["skipped"] == 1
    result.stdout.fnmatch_lines(["*not verified: *--mcp-replica URL*"])
    for case, option in (("proxy-headers-kept", "direct"), ("keep-alive", "idle-budget")):
        result = pytester.runpytest_subprocess(*run, "--mcp-case", f"deployment.{case}")
        assert result.ret == pytest.ExitCode.USAGE_ERROR
        result.stderr.fnmatch_lines(
            [f"*'deployment.{case}' is judged on request only; give --mcp-{option} as well"]
        )


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_replicas_are_judged(
    pytester: pytest.Pytester, two_replicas: tuple[str, ...], workers: tuple[str, ...]
) -> None:
    first, second = two_replicas
    cases = ("--mcp-case", "session.*replica", "--mcp-case", "pagination.cursor-cross-replica")
    result = pytester.runpytest_subprocess(
        "--mcp-url", first, "--mcp-replica", second, *REVISION, *cases, *workers
    )
    assert result.parseoutcomes()["passed"] == 3


def test_replicas_stand_in_the_ini_file(pytester: pytest.Pytester, two_replicas: tuple[str, ...]) -> None:
    first, second = two_replicas
    pytester.makefile(".toml", pytest=f'[pytest]\nmcp_url = "{first}"\nmcp_replicas = ["{second}"]\n')
    case = ("--mcp-case", "session.cross-replica")
    result = pytester.runpytest_subprocess(*REVISION, *case)
    assert result.parseoutcomes()["passed"] == 1
    # They are replicas of that server, not of the one that the command line names.
    result = pytester.runpytest_subprocess("--mcp-reference", "stateful", *REVISION, *case)
    assert result.parseoutcomes()["skipped"] == 1


@pytest.mark.parametrize("option", ["--mcp-replica", "--mcp-direct"])
def test_dead_address_is_one_usage_error(
    pytester: pytest.Pytester, reference: Reference, dead_url: str, option: str
) -> None:
    result = pytester.runpytest_subprocess("--mcp-url", reference(mode="stateful"), option, dead_url)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{option} {dead_url} cannot be used.*nothing listens*"])


@pytest.mark.parametrize("option", ["--mcp-replica", "--mcp-direct"])
def test_another_server_is_one_usage_error(
    pytester: pytest.Pytester, reference: Reference, option: str
) -> None:
    other = reference(mode="stateful", era="modern")
    result = pytester.runpytest_subprocess("--mcp-url", reference(mode="stateful"), option, other)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([f"*{option} {other} cannot be used: it is not the same server.*", "*do: *"])


@pytest.mark.parametrize("workers", [(), ("-n", "2")], ids=["serial", "xdist"])
def test_differences_of_a_proxy_stand_in_the_reports(
    pytester: pytest.Pytester, reference: Reference, workers: tuple[str, ...]
) -> None:
    proxied = reference(mode="stateful", faults=["deployment.proxy-doubles-header"])
    result = pytester.runpytest_subprocess(
        *("--mcp-url", proxied, "--mcp-direct", reference(mode="stateful"), *REVISION, *workers),
        *("--mcp-case", "deployment.proxy-*", "--mcp-report", "report.json"),
    )
    assert result.ret == pytest.ExitCode.OK
    line = "*header cache-control comes more than once*"
    result.stdout.fnmatch_lines(["*deployment.proxy-headers-once at 2025-11-25*", "Past the proxy", line])
    report = json.loads((pytester.path / "report.json").read_text(encoding="utf-8"))
    lines = report["remarks"]["Past the proxy"]["2025-11-25"]
    assert any("cache-control comes more than once" in each for each in lines)


def test_a_header_that_a_proxy_takes_out_is_judged_past_it(
    pytester: pytest.Pytester, reference: Reference
) -> None:
    lacking, clean = reference(mode="stateless", faults=["sse.buffered"]), reference(mode="stateless")
    for direct, warnings in ((clean, 0), (lacking, 1)):
        result = pytester.runpytest_subprocess(
            *("--mcp-url", lacking, "--mcp-direct", direct, "--mcp-revision", "2026-07-28"),
            *("--mcp-case", "sse.x-accel-buffering", "--mcp-strict"),
        )
        assert result.parseoutcomes().get("failed", 0) == warnings
        assert result.parseoutcomes().get("passed", 0) == 1 - warnings


@pytest.mark.parametrize("revision", ["2025-11-25", "2026-07-28"])
def test_a_body_that_comes_after_its_head_is_no_difference(
    pytester: pytest.Pytester, reference: Reference, revision: str
) -> None:
    # Neither a GET nor subscriptions/listen is served, and both answers have a body.
    direct = {"mode": "stateless", "faults": ["subscriptions.refused-without-reason"]}
    result = pytester.runpytest_subprocess(
        *("--mcp-url", reference(**direct, variants=["deployment.late-bodies"])),
        *("--mcp-direct", reference(**direct), "--mcp-revision", revision),
        *("--mcp-case", "deployment.proxy-same-answer"),
    )
    result.assert_outcomes(passed=1, deselected=result.parseoutcomes().get("deselected", 0))
    result.stdout.no_fnmatch_line("*Notes*")


def test_silent_streams_are_held(pytester: pytest.Pytester, reference: Reference) -> None:
    url = reference(mode="stateful", variants=["deployment.keep-alive"])
    arguments = ("--mcp-url", url, *REVISION, "--mcp-idle-budget", "0.5", "--mcp-case", "deployment.*")
    result = pytester.runpytest_subprocess(*arguments)
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["Silent streams", "*the stream was open after *", "*a silent call of *"])
    result.stdout.no_fnmatch_line("*deployment.keep-alive at*")


def test_a_second_process_is_ended(pytester: pytest.Pytester) -> None:
    command = f"{sys.executable} -m reference_server --mode stateful --port {{port}}"
    cases = ("--mcp-case", "deployment.shutdown-*", "--mcp-case", "deployment.no-process-per-request")
    result = pytester.runpytest_subprocess("--mcp-command", command, *REVISION, *cases)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(
        ["*'deployment.shutdown-*' is judged on request only; give --mcp-shutdown as well"]
    )
    result = pytester.runpytest_subprocess("--mcp-command", command, "--mcp-shutdown", *REVISION, *cases)
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["passed"] == 4


def test_without_an_open_stream_its_end_is_not_judged(pytester: pytest.Pytester) -> None:
    command = f"{sys.executable} -m reference_server --mode stateless --json-response --port {{port}}"
    result = pytester.runpytest_subprocess(
        *("--mcp-command", command, "--mcp-shutdown", *REVISION, "-rs"),
        *("--mcp-case", "deployment.shutdown-streams", "--mcp-case", "deployment.shutdown-in-time"),
    )
    outcomes = result.parseoutcomes()
    assert (outcomes["passed"], outcomes["skipped"]) == (1, 1)
    result.stdout.fnmatch_lines(["*no event stream was open when the server was told to end*"])
