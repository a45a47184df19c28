"""Over the whole registry: what no single row can show."""

from __future__ import annotations

import re
from collections import Counter

import pytest

from pytest_mcp_http.spec.registry import requirements
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, REVISIONS

ITEMS = tuple(requirements().values())


def test_wordings_are_one_plain_sentence():
    for item in ITEMS:
        assert item.wording == item.wording.strip(), item.id
        assert "  " not in item.wording, item.id
        assert len(item.wording) <= 200, item.id
        assert item.wording.isprintable(), item.id


def test_wordings_name_revisions_by_date():
    shorthand = re.compile(r"\b(?:at|from|before) [A-D]\b|\b[A-D]:|\b[A-D][-/,][B-D]\b")
    assert [item.id for item in ITEMS if shorthand.search(item.wording + " " + item.applies_when)] == []


def test_one_wording_is_not_used_twice_at_one_level_and_revision():
    uses = Counter(
        (item.chapter, item.level, item.wording, revision) for item in ITEMS for revision in item.revisions
    )
    assert [key for key, count in uses.items() if count > 1] == []


def test_ids_are_lower_case_words():
    # A suffix may be a revision, and method or member names keep their own spelling.
    pattern = re.compile(r"[a-z]+\.[a-z0-9][A-Za-z0-9-]*(?:\.[a-z0-9-]+)?")
    assert [item.id for item in ITEMS if not pattern.fullmatch(item.id)] == []


def test_urls_are_absolute_and_well_formed():
    pattern = re.compile(r"https://[a-z.-]+(?:/[\w.-]+)*/?(?:#[\w.%-]+)?")
    bad = [item.url(r) for item in ITEMS for r in item.revisions if not pattern.fullmatch(item.url(r))]
    assert bad == []


@pytest.mark.parametrize("revision", REVISIONS)
def test_urls_of_the_specification_stay_in_their_revision(revision):
    dated = re.compile(r"modelcontextprotocol\.io/(?:specification|docs)/(\d{4}-\d\d-\d\d)")
    for item in ITEMS:
        if revision in item.revisions:
            assert set(dated.findall(item.url(revision))) <= {revision}, item.id


@pytest.mark.parametrize("revision", HANDSHAKE_REVISIONS)
def test_pages_of_one_era_are_not_cited_in_the_other(revision):
    modern = ("basic/transports/", "basic/patterns/", "basic/versioning", "server/discover")
    cited = [item.id for item in ITEMS if item.sections.get(revision, "").startswith(modern)]
    assert cited == []
    legacy = ("basic/lifecycle", "basic/utilities/", "basic/transports#")
    cited = [item.id for item in ITEMS if item.sections.get("2026-07-28", "").startswith(legacy)]
    assert cited == []


def test_every_revision_has_requirements_of_each_strength():
    for revision in REVISIONS:
        levels = {item.level for item in ITEMS if revision in item.revisions}
        assert levels == {"MUST", "MUST NOT", "SHOULD", "SHOULD NOT", "MAY"}
