"""Runs that judge the command of a client."""

from __future__ import annotations

import json
import shlex
import sys
from pathlib import Path

import pytest

CLIENT = Path(__file__).resolve().parents[1] / "clients" / "reference_client.py"


def command(fault: str = "") -> str:
    return f"{shlex.quote(sys.executable)} {shlex.quote(str(CLIENT))} {{url}} {fault}".strip()


def judge(pytester: pytest.Pytester, client: str, *arguments: str) -> pytest.RunResult:
    return pytester.runpytest_subprocess("--mcp-client-command", client, *arguments)


def test_client_without_fault_is_conformant(pytester: pytest.Pytester) -> None:
    result = judge(pytester, command(), "-k", "json or resume", "--mcp-report", "r.json")
    assert result.ret == pytest.ExitCode.OK
    result.stdout.fnmatch_lines(["mcp: judging a client at 2025-11-25, 2026-07-28", "conformant: *"])
    rows = json.loads((pytester.path / "r.json").read_text())["results"]
    verdicts = {(row["requirement"], row["revision"]): row["verdict"] for row in rows}
    assert verdicts["client.stream.retry", "2025-11-25"] == "pass"
    assert verdicts["client.meta.version", "2026-07-28"] == "pass"
    assert not {"fail", "warn", "error"} & set(verdicts.values())


@pytest.mark.parametrize("arguments", [(), ("-n", "2")], ids=["alone", "xdist"])
def test_fault_is_a_bug_report(pytester: pytest.Pytester, arguments: tuple[str, ...]) -> None:
    client = command("accept-json-only")
    result = judge(pytester, client, "-k", "json", "--mcp-revision", "2025-11-25", *arguments)
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    result.stdout.fnmatch_lines(
        [
            "FAIL client.transport.accept-both (MUST) at 2025-11-25",
            "*basic/transports#sending-messages-to-the-server*",
            "*Actual: * Accept is 'application/json'*",
            "*> POST /mcp HTTP/1.1*",
            "NOT conformant: 1 requirement violated*",
            "FAILED mcp-client/json::test_transport_accept_both?2025-11-25?*",
        ]
    )


def test_broken_recommendation_warns_and_fails_if_strict(pytester: pytest.Pytester) -> None:
    arguments = ("--mcp-case", "client.session.delete", "--mcp-revision", "2025-11-25", "-k", "plain")
    result = judge(pytester, command("no-delete"), *arguments)
    assert result.ret == pytest.ExitCode.OK
    assert result.parseoutcomes()["warned"] == 1
    assert judge(pytester, command("no-delete"), *arguments, "--mcp-strict").ret == 1


def test_client_that_sends_nothing_is_started_once(
    pytester: pytest.Pytester, monkeypatch: pytest.MonkeyPatch
) -> None:
    script = pytester.makepyfile(
        idle="""
        import os
        print("no idea what to do with " + os.environ["MY_TOKEN"])
        open("started", "a").write("x")
        """
    )
    monkeypatch.setenv("MY_TOKEN", "s3cr3t-0123456789")
    client = f"{shlex.quote(sys.executable)} {script} {{url}}"
    result = judge(pytester, client, "-k", "json or sse", "--mcp-revision", "2025-11-25")
    assert result.ret == pytest.ExitCode.TESTS_FAILED
    assert result.parseoutcomes()["failed"] == 1
    result.stdout.fnmatch_lines(
        ["*ended with exit status 0 and had sent no request*", "*| no idea what to do*"]
    )
    result.stdout.no_fnmatch_line("*s3cr3t*")
    assert (pytester.path / "started").read_text() == "x"


def test_client_that_hangs_is_ended_and_judged(pytester: pytest.Pytester) -> None:
    script = pytester.makepyfile(
        hangs="""
        import sys, time, urllib.request
        request = urllib.request.Request(sys.argv[1], b"{}", {"Accept": "application/json"})
        try:
            urllib.request.urlopen(request, timeout=5)
        except OSError:
            pass
        time.sleep(600)
        """
    )
    client = f"{shlex.quote(sys.executable)} {script} {{url}}"
    arguments = ("-k", "json and not jsonrpc", "--mcp-revision", "2025-11-25", "--mcp-client-timeout", "2")
    result = judge(pytester, client, *arguments)
    result.stdout.fnmatch_lines(["*it still ran after 2 s, after 1 requests*", "NOT conformant*"])


@pytest.mark.parametrize(
    ("client", "message"),
    [
        ("python client.py", "*a command line with {url}*"),
        ("no-such-program-here {url}", "*'no-such-program-here' is not accepted*can be run*"),
        ("python 'open {url}", "*cannot be split into words*"),
    ],
)
def test_wrong_command_is_one_error(pytester: pytest.Pytester, client: str, message: str) -> None:
    result = judge(pytester, client)
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines([message])


def test_client_and_server_in_one_run_are_refused(pytester: pytest.Pytester) -> None:
    result = judge(pytester, command(), "--mcp-reference", "stateful")
    assert result.ret == pytest.ExitCode.USAGE_ERROR
    result.stderr.fnmatch_lines(["*give no server to judge beside it*"])
