"""`python -m pytest_mcp_http list`: every requirement has a check or a reason."""

from __future__ import annotations

import json
import subprocess
import sys

import pytest

from pytest_mcp_http import _list
from pytest_mcp_http.__main__ import main
from pytest_mcp_http._collect import CHAPTERS
from pytest_mcp_http.spec.client_registry import client_requirements
from pytest_mcp_http.spec.registry import requirements

CHECKED = "session.terminated-404"


@pytest.fixture
def suite_of_one(monkeypatch):
    monkeypatch.setattr(_list, "_checks", lambda: iter([(CHECKED, "mcp/session::test_x")]))
    monkeypatch.setattr(_list, "_faults", lambda: iter([(CHECKED, "zombie-session"), (CHECKED, "late-404")]))


def test_a_checked_requirement_names_checks_and_faults(suite_of_one, capsys):
    assert main(["list", "--json", "--chapter", "session"]) == 0
    (row,) = [row for row in json.loads(capsys.readouterr().out) if row["checks"]]
    item = requirements()[CHECKED]
    assert row == {
        "id": CHECKED,
        "chapter": "session",
        "level": item.level,
        "revisions": list(item.revisions),
        "section": item.url("2025-11-25"),
        "wording": item.wording,
        "checks": ["mcp/session::test_x"],
        "faults": ["zombie-session", "late-404"],
        "unchecked_because": None,
        "obstacle": None,
    }


@pytest.mark.parametrize(
    ("id", "reason"),
    [
        ("security.cors", "latitude: the specification leaves it open"),
        ("headers.method-missing", "the chapter headers is not covered yet"),
        ("tools.name-charset", "the chapter tools is not covered yet"),
        ("transport.utf8", "the chapter transport is not covered yet"),
        ("session.missing-id-400", "no check judges it yet"),
        ("pagination.cursor-cross-replica", "needs several replicas of the server"),
    ],
)
def test_an_unchecked_requirement_says_why(suite_of_one, id, reason):
    (row,) = [row for row in _list.rows() if row.id == id]
    assert row.unchecked_because == reason


def test_every_row_has_a_check_or_a_reason():
    for row in _list.rows():
        assert (row.unchecked_because is None) == bool(row.checks), row.id
        assert (row.obstacle is None) == bool(row.checks), row.id


def test_what_cannot_be_decided_says_why(suite_of_one, monkeypatch):
    monkeypatch.setattr(_list, "UNDECIDABLE", {"tools.name-charset": "it is for a test"})
    (row,) = [row for row in _list.rows() if row.id == "tools.name-charset"]
    assert (row.obstacle, row.unchecked_because) == ("undecidable", "it is for a test")


def test_checks_of_the_suite_exist_in_the_registry():
    assert {id for id, _ in _list._checks()} <= requirements().keys()


def test_checks_are_named_by_their_chapter():
    found = [(id.partition(".")[0], name.partition("::")[0]) for id, name in _list._checks()]
    assert {name for _, name in found} <= {f"mcp/{chapter}" for chapter in (*CHAPTERS, "fuzz")}
    assert all(name in (f"mcp/{chapter}", "mcp/fuzz") for chapter, name in found)


def test_faults_of_the_reference_server_exist_in_the_registry():
    assert {id for id, _ in _list._faults()} <= requirements().keys()


def test_filters(suite_of_one, capsys):
    assert main(["list", "--json", "--chapter", "sse", "--revision", "2025-03-26"]) == 0
    listed = json.loads(capsys.readouterr().out)
    expected = [r.id for r in requirements().values() if r.chapter == "sse" and "2025-03-26" in r.revisions]
    assert [row["id"] for row in listed] == expected


def test_requirements_of_clients_name_the_tests_that_judge_them(capsys):
    assert main(["list", "--clients", "--json", "--chapter", "client.session"]) == 0
    listed = {row["id"]: row["checks"] for row in json.loads(capsys.readouterr().out)}
    assert set(listed) == {id for id in client_requirements() if id.startswith("client.session.")}
    assert all(listed.values())
    named = {name for names in listed.values() for name in names}
    assert "mcp-client/session-lost::test_session_reinitialize_after_404" in named


def test_text_has_a_block_per_requirement_and_a_count(suite_of_one, capsys):
    assert main(["list", "--chapter", "session"]) == 0
    blocks = capsys.readouterr().out.strip().split("\n\n")
    count = sum(item.chapter == "session" for item in requirements().values())
    assert blocks[-1] == f"{count} requirements, 1 with a check"
    assert len(blocks) == count + 1
    (block,) = [block for block in blocks if block.startswith(f"{CHECKED}  MUST  ")]
    assert block.splitlines()[-3:] == [
        "    check mcp/session::test_x",
        "    fault zombie-session",
        "    fault late-404",
    ]
    assert all(
        ("    no check: " in block) != (block is blocks[-1] or "    check " in block) for block in blocks
    )


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["list", "--chapter", "nope"],
        ["list", "--chapter", "client.session"],
        ["list", "--clients", "--chapter", "session"],
        ["list", "--revision", "2024-11-05"],
    ],
)
def test_wrong_usage_exits_with_2(arguments, capsys):
    with pytest.raises(SystemExit) as caught:
        main(arguments)
    assert caught.value.code == 2
    assert "usage: python -m pytest_mcp_http" in capsys.readouterr().err


def test_a_reader_that_leaves_early_is_no_error():
    # Written by a process of its own: a broken pipe is about real file descriptors.
    with subprocess.Popen(
        [sys.executable, "-m", "pytest_mcp_http", "list"], stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.close()
        complaint = process.stderr.read()
        assert process.wait(timeout=60) == 0
    assert complaint == b""
