"""Each rule of clients is proven: by a fault of the reference client that it alone catches."""

from __future__ import annotations

from collections.abc import Callable
from typing import NamedTuple

import pytest

from pytest_mcp_http.client_rules import RULES, ClientVerdict, judged_by
from pytest_mcp_http.mock.scripts import SCRIPTS
from pytest_mcp_http.spec.client_registry import client_requirements
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS, REVISIONS, era_of

PlayIt = Callable[..., list[ClientVerdict]]


class Fault(NamedTuple):
    """A fault of the reference client.

    Attributes:
        name: Its name.
        script: The script that shows it.
        rule: The rule that it breaks, below `client.`.
        revisions: Where it can be shown.
    """

    name: str
    script: str
    rule: str
    revisions: tuple[str, ...] = REVISIONS


H, M, NEWEST = HANDSHAKE_REVISIONS, MODERN_REVISIONS, HANDSHAKE_REVISIONS[-1:]

FAULTS = (
    Fault("put", "json", "transport.uses-post"),
    Fault("accept-json-only", "json", "transport.accept-both"),
    Fault("get-without-sse", "cut", "transport.accept-get", H),
    Fault("batch", "json", "transport.single-message"),
    Fault("latin-1", "json", "transport.utf8"),
    Fault("posts-responses", "server-ping", "transport.no-responses", M),
    Fault("no-json", "json", "stream.reads-json"),
    Fault("no-sse", "sse", "stream.reads-sse"),
    Fault("first-message-only", "notification-first", "stream.notifications-first", H),
    Fault("lf-only", "crlf", "stream.line-ends"),
    Fault("last-data-line", "data-lines", "stream.data-lines"),
    Fault("comment-fails", "comments", "stream.comments"),
    Fault("piece-is-event", "slow-bytes", "stream.any-pieces"),
    Fault("empty-data-is-message", "primed", "stream.priming-event", NEWEST),
    Fault("no-resume", "cut", "stream.reconnects", NEWEST),
    Fault("first-event-id", "cut", "stream.last-event-id", H),
    Fault("no-wait", "resume", "stream.retry", NEWEST),
    Fault("no-session-header", "json", "session.header", H),
    Fault("ignores-404", "session-lost", "session.reinitialize-after-404", H),
    Fault("initialize-with-id", "session-lost", "session.initialize-without-id", H),
    Fault("no-delete", "plain", "session.delete", H),
    Fault("ping-first", "json", "lifecycle.initialize-first", H),
    Fault("no-client-info", "json", "lifecycle.initialize-params", H),
    Fault("no-initialized", "json", "lifecycle.initialized", H),
    Fault("early-list", "slow-initialize", "lifecycle.no-early-requests", H),
    Fault("ignores-ping", "server-ping", "lifecycle.answers-ping", H),
    Fault("no-version-header", "json", "version.header", H[1:]),
    Fault("old-version-header", "json", "version.header-value", H[1:]),
    Fault("any-version", "unknown-version", "version.disconnects", H),
    Fault("falls-back", "other-version", "version.no-fallback", M),
    Fault("jsonrpc-1", "json", "jsonrpc.valid"),
    Fault("fraction-id", "json", "jsonrpc.request-id"),
    Fault("reuses-id", "json", "jsonrpc.unique-ids", H),
    Fault("same-id", "call-unanswered", "jsonrpc.unique-ids", M),
    Fault("notification-with-id", "json", "jsonrpc.notification-id"),
    Fault("any-response", "foreign-response", "jsonrpc.matches-ids"),
    Fault("token-float", "json", "progress.token-type"),
    Fault("same-token", "call-unanswered", "progress.token-unique"),
    Fault("trims-cursor", "pages", "pagination.opaque-cursor"),
    Fault("cancels-unknown", "json", "cancellation.own-requests", H),
    Fault("cancels-initialize", "initialize-unanswered", "cancellation.not-initialize", H),
    Fault("no-cancel", "call-unanswered", "cancellation.on-timeout"),
    Fault("no-version-header", "json", "headers.version", M),
    Fault("no-mcp-method", "json", "headers.method", M),
    Fault("no-mcp-name", "json", "headers.name", M),
    Fault("no-param", "annotated", "headers.param", M),
    Fault("raw-literal", "annotated", "headers.encoding", M),
    Fault("null-param", "annotated", "headers.param-omitted", M),
    Fault("calls-bad-tools", "bad-annotations", "headers.rejects-tools", M),
    Fault("no-relist", "schema-changed", "headers.lists-again", M),
    Fault("no-meta-version", "json", "meta.version", M),
    Fault("no-capabilities", "json", "meta.capabilities", M),
    Fault("no-client-info", "json", "meta.client-info", M),
    Fault("drops-state", "input-required", "mrtr.state", M),
    Fault("invents-state", "input-without-state", "mrtr.no-state", M),
    Fault("same-id-retry", "input-required", "mrtr.new-id", M),
    Fault("drops-responses", "input-required", "mrtr.responses", M),
    Fault("leaks-state", "input-required", "mrtr.only-retry", M),
    Fault("guesses-metadata", "unauthorized", "auth.challenge-url", (*NEWEST, *M)),
)

SHOWN = [(fault, revision) for fault in FAULTS for revision in fault.revisions]


def broken(verdicts: list[ClientVerdict]) -> dict[str, str]:
    """Return what was found against the client, by requirement."""
    fine = ("pass", "not-applicable", "not-verified")
    return {v.requirement.id: v.verdict.actual for v in verdicts if v.verdict.name not in fine}


@pytest.mark.parametrize(("fault", "revision"), SHOWN, ids=[f"{f.name}-{f.rule}-{r}" for f, r in SHOWN])
def test_fault_breaks_its_rule_alone(play_it: PlayIt, fault: Fault, revision: str) -> None:
    found = play_it(fault.script, revision, fault.name)
    assert set(broken(found)) == {f"client.{fault.rule}"}, broken(found)


@pytest.mark.parametrize(("script", "revision"), [(s.name, r) for s in SCRIPTS.values() for r in s.revisions])
def test_client_without_fault_breaks_nothing(play_it: PlayIt, script: str, revision: str) -> None:
    found = play_it(script, revision)
    assert broken(found) == {}
    passed = {v.requirement.id for v in found if v.verdict.name == "pass"}
    assert {id for id in SCRIPTS[script].judges if revision in client_requirements()[id].revisions} <= passed


def test_every_requirement_has_a_rule_and_every_rule_a_fault_in_each_era() -> None:
    assert set(RULES) == set(client_requirements())
    proven = {(f"client.{fault.rule}", era_of(revision)) for fault, revision in SHOWN}
    needed = {
        (id, era_of(revision)) for id, item in client_requirements().items() for revision in item.revisions
    }
    assert sorted(needed - proven) == []


def test_every_requirement_is_judged_at_each_of_its_revisions() -> None:
    judged = {(id, r) for script in SCRIPTS.values() for r in script.revisions for id in judged_by(script, r)}
    assert judged == {(id, r) for id, item in client_requirements().items() for r in item.revisions}


def test_every_special_requirement_of_a_script_exists() -> None:
    for script in SCRIPTS.values():
        assert set(script.judges) <= set(client_requirements())
        assert all(
            any(r in client_requirements()[id].revisions for r in script.revisions) for id in script.judges
        )
