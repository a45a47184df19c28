"""The registry: what is read, what is refused, and where its links lead."""

from __future__ import annotations

import dataclasses
import json
from pathlib import Path

import pytest

from pytest_mcp_http import spec
from pytest_mcp_http.spec.registry import CHAPTERS, RegistryError, parse_rows, problems, requirements
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS

ROW = {
    "id": "session.example",
    "chapter": "session",
    "level": "MUST",
    "revisions": ["2025-06-18", "2025-11-25"],
    "sections": {"2025-06-18": "basic/transports#a", "2025-11-25": "basic/index#b"},
    "wording": "Something holds.",
    "applies_when": "always",
    "needs": "blackbox",
    "derived": False,
    "basis": "prose",
}


def test_all_rows_are_read_in_catalogue_order():
    items = list(requirements().values())
    assert len(items) > 600
    assert [item.id for item in items] == list(requirements())
    assert list(dict.fromkeys(item.chapter for item in items)) == list(CHAPTERS)


def test_every_data_file_is_a_chapter():
    folder = Path(next(iter(spec.__path__))) / "requirements"
    assert sorted(path.stem for path in folder.iterdir()) == sorted(CHAPTERS)


def test_the_registry_is_read_once_and_read_only():
    assert requirements() is requirements()
    with pytest.raises(TypeError):
        requirements()["x"] = None
    item = requirements()["session.terminated-404"]
    with pytest.raises(TypeError):
        item.sections["2025-11-25"] = "elsewhere"
    with pytest.raises(dataclasses.FrozenInstanceError):
        item.level = "MAY"


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
def test_url_of_a_section(revision):
    url = requirements()["session.terminated-404"].url(revision)
    assert url == (
        f"https://modelcontextprotocol.io/specification/{revision}/basic/transports#session-management"
    )


def test_url_differs_where_a_page_moved():
    item = requirements()["transport.notification-202-empty"]
    assert item.url("2025-11-25").endswith("/2025-11-25/basic/transports#sending-messages-to-the-server")
    assert item.url("2026-07-28").endswith("/2026-07-28/basic/transports/streamable-http#sending-messages")


def test_url_of_an_index_page_leaves_index_out():
    (item,) = parse_rows([ROW])
    assert item.url("2025-11-25") == "https://modelcontextprotocol.io/specification/2025-11-25/basic#b"
    (item,) = parse_rows([{**ROW, "sections": {**ROW["sections"], "2025-11-25": "index"}}])
    assert item.url("2025-11-25") == "https://modelcontextprotocol.io/specification/2025-11-25"


def test_url_of_another_standard_is_kept():
    item = requirements()["jsonrpc.parse-error"]
    assert {item.url(revision) for revision in item.revisions} == {
        "https://www.jsonrpc.org/specification#error_object"
    }


def test_url_at_a_foreign_revision_is_refused():
    with pytest.raises(ValueError, match=r"session\.terminated-404 does not exist at revision '2026-07-28'"):
        requirements()["session.terminated-404"].url("2026-07-28")


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"id": "transport.example"}, "does not start with the chapter"),
        ({"chapter": "sessions", "id": "sessions.example"}, "unknown chapter 'sessions'"),
        ({"level": "MAY-behaviour"}, "unknown level 'MAY-behaviour'"),
        ({"needs": "telepathy"}, "unknown needs 'telepathy'"),
        ({"basis": "hearsay"}, "unknown basis 'hearsay'"),
        ({"derived": True}, "disagree"),
        ({"revisions": [], "sections": {}}, "no revision"),
        ({"revisions": ["2025-11-25", "2025-06-18"]}, "unordered revisions"),
        ({"revisions": ["2025-06-18", "2025-11-26"]}, "unknown, repeated or unordered revisions"),
        ({"sections": {"2025-06-18": "basic/transports"}}, "sections do not match the revisions"),
        ({"sections": {"2025-06-18": "basic/transports", "2025-11-25": ""}}, "an empty section"),
        ({"wording": "  "}, "an empty wording"),
        ({"applies_when": ""}, "an empty wording or condition"),
        ({"wording": "One\nTwo"}, "more than one line"),
        ({"wording": "x" * 201}, "longer than 200 characters"),
    ],
)
def test_a_broken_row_is_refused_by_name(change, message):
    with pytest.raises(RegistryError, match=message) as caught:
        parse_rows([{**ROW, **change}])
    assert str(caught.value).startswith(change.get("id", ROW["id"]))


def test_a_repeated_id_is_refused():
    with pytest.raises(RegistryError, match=r"^session\.example: the id is used twice$"):
        parse_rows([ROW, ROW])


def test_every_broken_row_is_listed():
    with pytest.raises(RegistryError) as caught:
        parse_rows([{**ROW, "level": "?"}, {**ROW, "id": "session.other", "needs": "?"}])
    assert len(str(caught.value).splitlines()) == 2


@pytest.mark.parametrize("row", [{k: v for k, v in ROW.items() if k != "needs"}, {**ROW, "neds": "blackbox"}])
def test_missing_and_unknown_members_are_named(row):
    with pytest.raises(RegistryError, match=r"^session\.example: missing or unknown members: ne"):
        parse_rows([row])


def test_a_sound_row_has_no_problem():
    assert problems(parse_rows([ROW, json.loads(json.dumps({**ROW, "id": "session.other"}))])) == []
