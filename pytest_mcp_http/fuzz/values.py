"""What a changed node can hold, as strategies of Hypothesis: odd values, and values that a schema takes.

The odd values are a table of few entries, so that most of them meet each node within a few hundred examples.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, Final

from hypothesis import strategies as st
from hypothesis.errors import UnsatisfiedAssumption

from pytest_mcp_http.fuzz.mutation import Base, Mutation, Node
from pytest_mcp_http.fuzz.requests import EXTRA, places, stated
from pytest_mcp_http.wire.jsonrpc import ABSENT

Strategy = st.SearchStrategy[Any]

GENERATED: Final = 8
"""About one in so many changes has a value that is generated, at any node of any request."""

MAX_DEPTH: Final = 5
"""How deep values of a schema nest."""

CHARACTERS: Final = (
    "a0 -_./%\"'\\<{\x00\x01\n\r\t\x7f\x85\xa0\u00e9\u0130\u200b\u202e\u20ac\ufeff\ufffd\U0001d11e\U0001f600"
)
"""What generated texts are made of: what is escaped, folded, cut or refused somewhere, and plain text."""


def nested(depth: int) -> Any:
    """Return arrays in each other."""
    value: Any = []
    for _ in range(depth - 1):
        value = [value]
    return value


ODD: Final[Sequence[Any]] = (
    None,
    {},
    [],
    "",
    0,
    -1,
    -(10**30),
    2**63,
    1e308,
    1.5,
    True,
    "\u20ac\U0001d11e",
    "\x00",
    "x" * 128,
    "x" * 5000,
    nested(20),
    nested(60),
    "\ud800",
)
"""Values that crash code which expects something else, simple ones first, and those of a kind together."""

EACH: Final[Sequence[Any]] = (None, {}, [], True, 2**63, nested(20), "\ud800")
"""The odd values of nodes whose type is known, besides those that just miss it."""


def texts() -> Strategy:
    """Return a strategy for short texts of unusual characters."""
    # Not `st.text`: it reads tables of Unicode that Hypothesis keeps in files.
    return st.lists(st.sampled_from(CHARACTERS), max_size=24).map("".join)


def integers() -> Strategy:
    """Return a strategy for integers that no request of ours has as id."""
    return st.integers(-(2**70), -2) | st.integers(2**40, 2**70)


def mutations(bases: Sequence[Base]) -> Strategy:
    """Return a strategy for valid requests with one node changed.

    Most have an odd value from the table of their node, of which Hypothesis takes none twice before it took
    all; so a few hundred examples meet most of them. The others are generated.

    Args:
        bases: The valid requests, at least one.
    """
    everywhere = [node for base in bases for found in places(base).values() for node in found]
    nodes = [node for base in bases for node in places(base)["member"]]
    # What every request has is read by the same code for all of them: one request is enough for the list.
    nodes += [node for kind in ("envelope", "meta") for node in places(bases[0]).get(kind, ())]
    tables = [st.sampled_from([Mutation(node, value) for value in constants(node)]) for node in nodes]

    @cache
    def generated(number: int) -> Strategy:
        node = everywhere[number]
        return _generated(node).map(lambda after: Mutation(node, after))

    def of_number(number: int) -> Strategy:
        if number < len(tables):
            return tables[number]
        return st.sampled_from(range(len(everywhere))).flatmap(generated)

    return st.sampled_from(range(len(tables) + 1 + len(tables) // GENERATED)).flatmap(of_number)


def constants(node: Node) -> list[Any]:
    """Return the odd values for a node, simple ones first."""
    if node.path and node.path[-1] == EXTRA:
        return [None, 0, "\x00", nested(20)]
    schema = stated(node)
    typed = isinstance(schema, Mapping) and isinstance(schema.get("type"), str)
    table = [*EACH, *near_misses(schema)] if typed else list(ODD)
    if not node.path:
        # No message is an array where there are no batches, and elsewhere it is one of several.
        table = [value for value in table if not isinstance(value, list)]
    elif node.before is not ABSENT:
        table += [ABSENT, [node.before], {"value": node.before}]
    unlike: list[Any] = []
    for value in table:
        if not any(same(value, other) for other in (node.before, *unlike)):
            unlike.append(value)
    return unlike


def _generated(node: Node) -> Strategy:
    tool = node.base.tool
    if tool is not None:
        return values(stated(node), tool["inputSchema"])
    return st.sampled_from(constants(node)) | (texts() if node.path else st.nothing()) | integers()


def near_misses(schema: Any) -> Iterator[Any]:
    """Yield values that a schema just does not take, or might not."""
    kind = schema.get("type") if isinstance(schema, Mapping) else None
    if kind in ("integer", "number"):
        yield from (0, -1, 1.5, 1e308, "1")
        bounds = {"minimum": -1, "maximum": 1, "exclusiveMinimum": 0, "exclusiveMaximum": 0}
        for keyword, step in bounds.items():
            bound = schema.get(keyword)
            if isinstance(bound, (int, float)) and abs(bound) < 2**63:
                yield bound + step
    elif kind == "string":
        yield from ("", 1, "\u20ac\U0001d11e", "\x00", "x" * 128, "x" * 5000)
        for keyword, step in (("minLength", -1), ("maxLength", 1)):
            if (size := _size(schema.get(keyword), 0)) > 0:
                yield "x" * (size + step)
    elif kind == "boolean":
        yield from ("true", 1)
    elif kind in ("array", "object"):
        yield from ([], {}, [None], "x")


def values(schema: Any, root: Any, depth: int = MAX_DEPTH) -> Strategy:
    """Return a strategy for values that a schema takes, as far as it is understood.

    Args:
        schema: A JSON Schema.
        root: The schema that it is a part of, which its references point into.
        depth: How deep arrays and objects may nest.
    """
    if not isinstance(schema, Mapping) or not depth:
        return st.sampled_from(ODD[:12]) | texts()
    if isinstance(schema.get("$ref"), str):
        return values(_referenced(schema["$ref"], root), root, depth - 1)
    for keyword in ("anyOf", "oneOf"):
        if isinstance(schema.get(keyword), list) and schema[keyword]:
            rest = {key: value for key, value in schema.items() if key != keyword}
            branches = [{**rest, **each} if isinstance(each, Mapping) else each for each in schema[keyword]]
            return st.one_of([values(each, root, depth - 1) for each in branches])
    if schema.get("type") == "object":
        return _objects(schema, root, depth)
    if schema.get("type") == "array" and not {"prefixItems", "contains", "uniqueItems"} & schema.keys():
        least = _size(schema.get("minItems"), 0)
        most = max(least, min(_size(schema.get("maxItems"), least + 4), least + 4))
        return st.lists(values(schema.get("items", True), root, depth - 1), min_size=least, max_size=most)
    if schema.get("type") == "string" and not {"pattern", "format", "enum", "const"} & schema.keys():
        least = _size(schema.get("minLength"), 0)
        most = max(least, min(_size(schema.get("maxLength"), least + 300), least + 300))
        lengths = {size for size in (128, least, most) if least <= size <= most}
        long = st.sampled_from(["x" * size for size in sorted(lengths)])
        return st.lists(st.sampled_from(CHARACTERS), min_size=least, max_size=most).map("".join) | long
    return _scalars(schema)


def _objects(schema: Mapping[str, Any], root: Any, depth: int) -> Strategy:
    properties = schema.get("properties")
    known = properties if isinstance(properties, Mapping) else {}
    listed = schema.get("required")
    required = [name for name in listed if isinstance(name, str)] if isinstance(listed, list) else []
    # Not from_schema: it builds objects out of parts of Hypothesis that are not the same in every version.
    return st.fixed_dictionaries(
        {name: values(known.get(name, True), root, depth - 1) for name in required},
        optional={
            name: values(each, root, depth - 1) for name, each in known.items() if name not in required
        },
    )


def _scalars(schema: Mapping[str, Any]) -> Strategy:
    """Return a strategy for a schema without parts; one that cannot be read gets odd values."""
    # Not with the module: the import writes files, which a search keeps out of the directory of the user.
    from hypothesis_jsonschema import from_schema

    @st.composite
    def drawn(draw: st.DrawFn) -> Any:
        try:
            return draw(fitting)
        except UnsatisfiedAssumption:
            raise
        except Exception:
            # A server may list anything as schema; and objects inside of it, see `_objects`.
            return draw(st.sampled_from(ODD))

    fitting: Strategy = from_schema(dict(schema))
    return drawn()


def _referenced(reference: str, root: Any) -> Any:
    """Return what a reference within a schema points to; True if it points elsewhere or to nothing."""
    if not reference.startswith("#"):
        return True
    found = root
    for key in filter(None, reference[1:].split("/")):
        found = found.get(key.replace("~1", "/").replace("~0", "~")) if isinstance(found, Mapping) else None
    return True if found is None else found


def _size(value: object, otherwise: int) -> int:
    return value if isinstance(value, int) and 0 <= value <= 1000 else otherwise


def same(one: Any, other: Any) -> bool:
    """Tell whether two values are the same JSON: true is not 1, and 1 is not 1.0 as it is written."""
    return type(one) is type(other) and one == other
