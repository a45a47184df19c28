"""Generate the JSON Schemas of what a server may send, one file per revision; needs mcp-types 2.x.

Run it after an upgrade of mcp-types; `--check` writes nothing and exits 1 when a committed file is stale.
"""

from __future__ import annotations

import argparse
import json
import sys
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final, Literal

from mcp_types import methods
from pydantic import TypeAdapter

TARGET: Final = Path(__file__).resolve().parents[1] / "pytest_mcp_http" / "spec" / "schemas"
REVISIONS: Final = ("2025-03-26", "2025-06-18", "2025-11-25", "2026-07-28")
MAPS: Final[Mapping[str, Mapping[tuple[str, str], Any]]] = {
    "results": methods.SERVER_RESULTS,
    "requests": methods.SERVER_REQUESTS,
    "notifications": methods.SERVER_NOTIFICATIONS,
}

Schema = dict[str, Any]

PROSE: Final = frozenset({"title", "description", "examples", "default", "discriminator"})
NAMED: Final = frozenset({"properties", "patternProperties", "$defs"})
"""Keywords whose value maps names to schemas, so that its keys are no keywords."""

ERROR: Final[Schema] = {
    "type": "object",
    "required": ["code", "message"],
    "properties": {"code": {"type": "integer"}, "message": {"type": "string"}},
}
"""The `error` member at every revision: schema.ts `JSONRPCError`; JSON-RPC 2.0 section 5.1 for `code`."""

# mcp-types has one set of models for all revisions with a handshake: those of 2025-11-25. The three tables
# below give each older revision its own shape back. Source of all of them: schema/<revision>/schema.ts.

INTRODUCED: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    # A member that a revision does not define is an extra member there, and extra members may hold anything.
    "2025-06-18": {
        "Annotations": ("lastModified",),
        "AudioContent": ("_meta",),
        "BlobResourceContents": ("_meta",),
        "CallToolResult": ("structuredContent",),
        "EmbeddedResource": ("_meta",),
        "ImageContent": ("_meta",),
        "Implementation": ("title",),
        "Prompt": ("title", "_meta"),
        "PromptArgument": ("title",),
        "Resource": ("title", "_meta"),
        "ResourceTemplate": ("title", "_meta"),
        "TextContent": ("_meta",),
        "TextResourceContents": ("_meta",),
        "Tool": ("title", "outputSchema", "_meta"),
    },
    "2025-11-25": {
        "CreateMessageRequestParams": ("task", "toolChoice", "tools"),
        "ElicitRequestFormParams": ("mode", "task"),
        "Implementation": ("description", "icons", "websiteUrl"),
        "InputSchema": ("$schema",),
        "OutputSchema": ("$schema",),
        "Prompt": ("icons",),
        "RequestedSchema": ("$schema",),
        "Resource": ("icons",),
        "ResourceLink": ("icons",),
        "ResourceTemplate": ("icons",),
        "SamplingMessage": ("_meta",),
        "ServerCapabilities": ("tasks",),
        "Tool": ("execution", "icons"),
    },
}

REQUIRED: Final[dict[str, dict[str, tuple[str, ...]]]] = {
    # `requestId` became optional with tasks.
    "2025-03-26": {"CancelledNotificationParams": ("requestId",)},
    "2025-06-18": {"CancelledNotificationParams": ("requestId",)},
}


def _any_of(*names: str) -> Schema:
    return {"anyOf": [{"$ref": f"#/$defs/{name}"} for name in names]}


def _primitive(*types: str) -> Schema:
    return {"type": "object", "required": ["type"], "properties": {"type": {"enum": list(types)}}}


_OBJECTS: Final[Schema] = {"type": "object", "additionalProperties": {"type": "object"}}
_OLD_SAMPLING: Final = _any_of("TextContent", "ImageContent", "AudioContent")
_OLD_BLOCK: Final = _any_of("TextContent", "ImageContent", "AudioContent", "EmbeddedResource")
_OLD_PRIMITIVES: Final = _primitive("string", "number", "integer", "boolean")
_PRIMITIVES: Final = _primitive("string", "number", "integer", "boolean", "array")

_TEXT: Final[Schema] = {"type": "string"}
_IMPLEMENTATION: Final[Schema] = {
    "type": "object",
    "required": ["name", "version"],
    "properties": {
        **dict.fromkeys(("name", "version", "title", "description", "websiteUrl"), _TEXT),
        "icons": {"type": "array", "items": {"$ref": "#/$defs/Icon"}},
    },
}

REPLACED: Final[dict[str, dict[tuple[str, str], Schema]]] = {
    # (definition, member) -> its schema at that revision.
    "2025-03-26": {
        # No resource links yet: schema.ts `CallToolResult`, `PromptMessage`; one block per sampling message.
        ("CallToolResult", "content"): {"type": "array", "items": _OLD_BLOCK},
        ("PromptMessage", "content"): _OLD_BLOCK,
        ("SamplingMessage", "content"): _OLD_SAMPLING,
        # mcp-types lets a property of a tool schema be a boolean; until 2026-07-28 it has to be an object.
        ("InputSchema", "properties"): _OBJECTS,
    },
    "2025-06-18": {
        ("SamplingMessage", "content"): _OLD_SAMPLING,
        ("InputSchema", "properties"): _OBJECTS,
        ("OutputSchema", "properties"): _OBJECTS,
        # No URL mode yet: schema.ts `ElicitRequest`.
        ("ElicitRequest", "params"): {"$ref": "#/$defs/ElicitRequestFormParams"},
        # mcp-types leaves the form's fields open; they are primitives: schema.ts `PrimitiveSchemaDefinition`.
        ("RequestedSchema", "properties"): {"type": "object", "additionalProperties": _OLD_PRIMITIVES},
    },
    "2025-11-25": {
        ("InputSchema", "properties"): _OBJECTS,
        ("OutputSchema", "properties"): _OBJECTS,
        ("RequestedSchema", "properties"): {"type": "object", "additionalProperties": _PRIMITIVES},
    },
    "2026-07-28": {
        ("RequestedSchema", "properties"): {"type": "object", "additionalProperties": _PRIMITIVES},
        # An object that is open would pass for a request for input, whatever it lacks as a result.
        ("InputRequiredResult", "resultType"): {"const": "input_required"},
        # mcp-types leaves what a server says of itself open: schema.ts `ResultMetaObject`, `Implementation`.
        ("ResultMetaObject", "io.modelcontextprotocol/serverInfo"): _IMPLEMENTATION,
        ("SubscriptionsListenResultMeta", "io.modelcontextprotocol/serverInfo"): _IMPLEMENTATION,
    },
}


def generate(revision: str) -> Schema:
    """Return the schemas of one revision.

    Args:
        revision: One of `REVISIONS`.

    Returns:
        `results`, `requests` and `notifications`, each method -> schema, `error` for the error member of a
        response, and the `$defs` that they refer to.
    """
    inputs: list[tuple[tuple[str, str], Literal["validation"], TypeAdapter[Any]]] = [
        ((kind, method), "validation", TypeAdapter[Any](model))
        for kind, models in MAPS.items()
        for (method, model_revision), model in models.items()
        if model_revision == revision
    ]
    roots, shared = TypeAdapter.json_schemas(inputs, by_alias=True)
    definitions = {name: _clean(schema) for name, schema in shared["$defs"].items()}
    _correct(definitions, revision)
    output: Schema = {kind: {} for kind in MAPS}
    for ((kind, method), _), schema in roots.items():
        output[kind][method] = _clean(schema)
    output["error"] = ERROR
    output["$defs"] = _reachable(output, definitions)
    return output


def _clean(schema: Any) -> Any:
    """Drop prose, `null` alternatives and what is stricter than schema.ts."""
    if isinstance(schema, list):
        return [_clean(item) for item in schema]
    if not isinstance(schema, dict):
        return schema
    kept = {key: value for key, value in _open(_without_null(schema)).items() if key not in PROSE}
    return {key: _clean_named(value) if key in NAMED else _clean(value) for key, value in kept.items()}


def _clean_named(schemas: Schema) -> Schema:
    return {name: _clean(schema) for name, schema in schemas.items()}


def _without_null(schema: Schema) -> Schema:
    """Remove the `null` alternative of an optional member: on the wire it is absent, never null."""
    if "anyOf" not in schema or "default" not in schema or schema["default"] is not None:
        return schema
    rest = [item for item in schema["anyOf"] if item != {"type": "null"}]
    if len(rest) > 1:
        return {**schema, "anyOf": rest}
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **rest[0]}


def _open(schema: Schema) -> Schema:
    """Widen what schema.ts leaves wide: objects take extra members, formats are hints, numbers are numbers.

    schema.json says `integer` wherever schema.ts says `number` without a remark; schema.ts is the authority.
    """
    opened = {key: value for key, value in schema.items() if key not in ("format", "contentEncoding")}
    if isinstance(opened.get("additionalProperties"), bool):
        del opened["additionalProperties"]
    if opened.get("type") == "integer":
        opened["type"] = "number"
    return opened


def _correct(definitions: dict[str, Schema], revision: str) -> None:
    """Apply the tables; a name that mcp-types no longer has raises KeyError: no correction dies silently."""
    for introduced, members in INTRODUCED.items():
        for name, member in ((name, member) for name, several in members.items() for member in several):
            if introduced == revision:
                _ = definitions[name]["properties"][member]
            elif introduced > revision and name in definitions:
                del definitions[name]["properties"][member]
    for name, required in REQUIRED.get(revision, {}).items():
        definitions[name]["required"] = sorted({*definitions[name].get("required", ()), *required})
    for (name, member), schema in REPLACED.get(revision, {}).items():
        _ = definitions[name]["properties"][member]
        definitions[name]["properties"][member] = schema


def _reachable(roots: Schema, definitions: dict[str, Schema]) -> dict[str, Schema]:
    reached: dict[str, Schema] = {}
    waiting = list(_references(roots))
    while waiting:
        name = waiting.pop()
        if name not in reached:
            reached[name] = definitions[name]
            waiting += _references(definitions[name])
    return reached


def _references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        if isinstance(reference := schema.get("$ref"), str):
            yield reference.rpartition("/")[2]
        schema = list(schema.values())
    if isinstance(schema, list):
        for item in schema:
            yield from _references(item)


def render(schema: Schema) -> str:
    """Return the text of a schema file: the same for the same schema, whatever the order of its members."""
    return json.dumps(schema, indent=1, sort_keys=True) + "\n"


def stale(folder: Path = TARGET) -> list[str]:
    """Return the names of the files in a folder that differ from what would be generated."""
    return [
        path.name
        for revision in REVISIONS
        for path in [folder / f"{revision}.json"]
        if not path.is_file() or path.read_text(encoding="utf-8") != render(generate(revision))
    ]


def main(arguments: list[str] | None = None, report: Callable[[str], object] = print) -> int:
    """Write the schema files, or compare them with `--check`; return the exit status."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; exit 1 when a file is stale")
    parser.add_argument("--folder", type=Path, default=TARGET, help="where the files are")
    options = parser.parse_args(arguments)
    if options.check:
        names = stale(options.folder)
        for name in names:
            report(f"stale: {options.folder / name}")
        return 1 if names else 0
    options.folder.mkdir(parents=True, exist_ok=True)
    for revision in REVISIONS:
        path = options.folder / f"{revision}.json"
        path.write_text(render(generate(revision)), encoding="utf-8", newline="\n")
        report(f"wrote {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
