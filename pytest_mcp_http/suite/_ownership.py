"""Who judges which place of a message: one table from places to requirements.

The schema of a message covers nearly all of it, and several requirements speak of single members. Each
violation of a schema is reported once, under the most specific requirement; the rest belongs to
`schema.messages-valid`. Keys of `_meta` are in no schema.
"""

from __future__ import annotations

import re
from typing import Final

from pytest_mcp_http.spec.messages import Violation

MESSAGES_VALID: Final = "schema.messages-valid"

_CACHEABLE: Final = r"(tools|prompts|resources|resources/templates)/list|resources/read"
"""What gives results that may be kept; a hint that is missing belongs to a requirement of its method."""
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
    (_CACHEABLE, r"result\.ttlMs", "caching.ttl-non-negative"),
    (_CACHEABLE, r"result\.cacheScope", "caching.scope-values"),
    (r".*", r".*\bicons\[\d+\]\.src", "schema.icon-src"),
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
