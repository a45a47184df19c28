"""Who judges which place of a message: one table from places to requirements.

The schema of a message covers nearly all of it, and several requirements speak of single members. Each
violation of a schema is reported once, under the most specific requirement; the rest belongs to
`schema.messages-valid`. Keys of `_meta` are in no schema.
"""

from __future__ import annotations

import re
from typing import Final

from pytest_mcp_http.assertions.schema import Filter
from pytest_mcp_http.spec.messages import Violation
from pytest_mcp_http.spec.registry import requirements

MESSAGES_VALID: Final = "schema.messages-valid"

_PAGED: Final = r"(tools|prompts|resources|resources/templates)/list"
_CACHEABLE: Final = rf"{_PAGED}|resources/read"
"""What gives results that may be kept; a hint that is missing belongs to a requirement of its method."""
_WITH_ANNOTATIONS: Final = r"resources(/templates)?/list"
_SERVER_INFO: Final = r'result\._meta\["io\.modelcontextprotocol/serverInfo"\]'

OWNERS: Final[tuple[tuple[str, str, str], ...]] = (
    (r"initialize", r"result\.serverInfo\.(name|version)", "schema.implementation-fields"),
    (r"initialize", r"result(\.(protocolVersion|capabilities|serverInfo))?", "lifecycle.initialize-result"),
    (r"initialize", r"result\.capabilities\b.+", "lifecycle.operation-capability-shape"),
    (r"server/discover", r"result", "discover.implemented"),
    (r"server/discover", r"result\.supportedVersions\b.*", "discover.supported-versions"),
    (r"server/discover", r"result\.capabilities\.extensions\b.+", "version.extension-settings-object"),
    (r"server/discover", r"result\.capabilities\b.*", "discover.capabilities-object"),
    (r"server/discover", r"result\.(ttlMs|cacheScope)", "discover.cache-hints"),
    (r"server/discover", r"result\.resultType", "discover.result-type-complete"),
    (r"ping", r"result\b.*", "lifecycle.ping-empty-result"),
    (r".*", rf"{_SERVER_INFO}(\.(name|version))?", "schema.implementation-fields"),
    (r"tools/list", r"result\.tools\[\d+\]\.annotations\b.*", "schema.annotations-tool"),
    (r"prompts/list", r"result\.prompts\[\d+\]\.arguments\b.*", "schema.prompt-argument-shape"),
    (r"resources/list", r"result\.resources\[\d+\]\.size", "schema.size-number"),
    (r"resources/list", r"result(\.resources(\[\d+\](\.(uri|name))?)?)?", "resources.list-answered"),
    (_WITH_ANNOTATIONS, r"result\.\w+\[\d+\]\.annotations\b.*", "resources.annotations-valid"),
    (r"resources/read", r"result(\.contents\b.*)?", "resources.read-contents"),
    (_PAGED, r"result\.nextCursor", "pagination.next-cursor-string"),
    (_CACHEABLE, r"result\.ttlMs", "caching.ttl-non-negative"),
    (_CACHEABLE, r"result\.cacheScope", "caching.scope-values"),
    (r".*", r".*\bicons\[\d+\]\.src", "schema.icon-src"),
    (r".*", r"result\.(inputRequests|requestState)\b.*", "mrtr.request-kinds"),
    (r".*", r"result\.resultType", "jsonrpc.result-type-present"),
    (r".*", r"error(\.message)?", "jsonrpc.error-code-and-message"),
    (r".*", r"error\.code", "jsonrpc.error-code-integer"),
    (r".*", r"jsonrpc", "jsonrpc.version-2-0"),
    (r".*", r"id", "jsonrpc.server-request-id"),
    (r".*", r"method", "schema.server-messages-allowed"),
)
"""Method of the answered request or of the message, path of the violation, requirement; first match wins."""

_COMPILED: Final = tuple((re.compile(method), re.compile(path), id) for method, path, id in OWNERS)


def owner_of(method: str, violation: Violation) -> str:
    """Return the id of the requirement that a violation of a message schema breaks.

    Args:
        method: Method of the request that was answered, or of the server's own message.
        violation: The violation.
    """
    for methods, paths, id in _COMPILED:
        if methods.fullmatch(method) and paths.fullmatch(violation.path):
            return id
    return MESSAGES_VALID


def owned_at(id: str, revision: str) -> Filter:
    """Count the violations that break one requirement at a revision.

    A requirement that the revision has not is replaced by what it has in its place.

    Args:
        id: The requirement.
        revision: The revision that was negotiated.
    """

    def counts(method: str, violation: Violation) -> bool:
        owner = owner_of(method, violation)
        known = (each for each in (owner, f"{owner}.legacy") if each in requirements())
        return id == next(
            (each for each in known if revision in requirements()[each].revisions), MESSAGES_VALID
        )

    return counts
