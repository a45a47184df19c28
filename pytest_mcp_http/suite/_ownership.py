"""Who judges which place of a message: one table from places to requirements.

The schema of a message covers nearly all of it, and several requirements speak of single members. Each
violation of a schema is reported once, under the most specific requirement; the rest belongs to
`schema.messages-valid`. Keys of `_meta` are in no schema.
"""

from __future__ import annotations

import re
from typing import Final

from pytest_mcp_http.spec.messages import Violation
from pytest_mcp_http.spec.registry import requirements

MESSAGES_VALID: Final = "schema.messages-valid"
CONTENT_TYPES: Final = "schema.content-types-by-revision"

LATER_TYPES: Final = ("resource_link", "tool_use", "tool_result")
"""Types of content that the first revisions do not have."""

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
    (r"tools/list", r"result\.tools", "tools.list-answered"),
    (r"tools/list", r"result\.tools\[\d+\]\.inputSchema", "tools.input-schema-object"),
    (r"tools/list", r"result\.tools\[\d+\]\.inputSchema\.type", "tools.input-schema-type-object"),
    (r"tools/list", r"result\.tools\[\d+\]\.outputSchema(\.type)?", "tools.output-schema-root-object"),
    (
        r"tools/list",
        r"result\.tools\[\d+\]\.(in|out)putSchema\.(properties|required|\$schema)\b.*",
        "tools.schemas-valid-in-dialect",
    ),
    (r".*", r".*\b(content|messages)\[\d+\](\.content)?(\[\d+\])?\.type", CONTENT_TYPES),
    (r"tools/call", r"result\.content", "tools.result-content-array"),
    (r"tools/call", r"result\.content\b.+", "tools.content-blocks-valid"),
    (r"tools/call", r"result\.structuredContent", "tools.structured-content-object"),
    (r"prompts/list", r"result\.prompts\[\d+\]\.arguments\b.*", "schema.prompt-argument-shape"),
    (r"prompts/list", r"result(\.prompts(\[\d+\](\.name)?)?)?", "prompts.list-answered"),
    (r"prompts/get", r"result(\.messages\b.*)?", "prompts.get-messages"),
    (r"completion/complete", r"result(\.completion\b.*)?", "completion.result-shape"),
    (r"resources/list", r"result\.resources\[\d+\]\.size", "schema.size-number"),
    (r"resources/list", r"result(\.resources(\[\d+\](\.(uri|name))?)?)?", "resources.list-answered"),
    (_WITH_ANNOTATIONS, r"result\.\w+\[\d+\]\.annotations\b.*", "resources.annotations-valid"),
    (r"resources/read", r"result(\.contents\b.*)?", "resources.read-contents"),
    (_PAGED, r"result\.nextCursor", "pagination.next-cursor-string"),
    (_CACHEABLE, r"result\.ttlMs", "caching.ttl-non-negative"),
    (_CACHEABLE, r"result\.cacheScope", "caching.scope-values"),
    (r"notifications/message", r"params\b.*", "logging.message-shape"),
    (r".*", r".*\bicons\[\d+\]\.src", "schema.icon-src"),
    (r".*", r"result\.(inputRequests|requestState)\b.*", "mrtr.request-kinds"),
    (r"elicitation/create", r"params\.requestedSchema\b.*", "mrtr.elicit-form-schema"),
    (r"elicitation/create", r"params\.requestedSchema\b.*", "mrtr.elicit-form-schema.2025-06-18"),
    (r"elicitation/create", r"params\.(url|elicitationId)", "mrtr.elicit-url-params.2025-11-25"),
    (r"elicitation/create", r"params(\.(mode|message))?", "mrtr.elicit-required-params"),
    (r"notifications/elicitation/complete", r"params\b.*", "mrtr.elicit-complete-id"),
    (r".*", r"result\.resultType", "jsonrpc.result-type-present"),
    (r".*", r"error(\.message)?", "jsonrpc.error-code-and-message"),
    (r".*", r"error\.code", "jsonrpc.error-code-integer"),
    (r".*", r"jsonrpc", "jsonrpc.version-2-0"),
    (r".*", r"id", "jsonrpc.server-request-id"),
    (r".*", r"method", "schema.server-messages-allowed"),
)
"""Method of the answered request or of the message, path of the violation, requirement; first match wins."""

_COMPILED: Final = tuple((re.compile(method), re.compile(path), id) for method, path, id in OWNERS)


def owner_of(method: str, violation: Violation, revision: str | None = None) -> str:
    """Return the id of the requirement that a violation of a message schema breaks.

    Args:
        method: Method of the request that was answered, or of the server's own message.
        violation: The violation.
        revision: The revision: a requirement that it does not have owns nothing there, but the one that
            it has in its place.
    """
    for methods, paths, owner in _COMPILED:
        if not (methods.fullmatch(method) and paths.fullmatch(violation.path)):
            continue
        if owner == CONTENT_TYPES and violation.value not in LATER_TYPES:
            continue
        for id in (owner, f"{owner}.legacy"):
            if revision is None or (id in requirements() and revision in requirements()[id].revisions):
                return id
    return MESSAGES_VALID
