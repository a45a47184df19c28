"""Assertions on the JSON Schemas of tools, and on values that have to fit them, each in its dialect.

Nothing is ever fetched: a reference that leads elsewhere makes a schema unjudgeable. Formats are not judged,
since their meaning differs between implementations. Regular expressions come from servers, so each has a time
limit.
Source: https://modelcontextprotocol.io/specification/2025-11-25/basic#json-schema-usage
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from functools import cache, lru_cache, partial
from typing import TYPE_CHECKING, Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.tools import tools_in
from pytest_mcp_http.wire.exchange import Exchange

if TYPE_CHECKING:
    from jsonschema.exceptions import ValidationError
    from jsonschema.protocols import Validator
    from referencing import Resource
    from referencing._core import Resolver

__tracebackhide__ = True  # a failure is about the response, not about this code

DEFAULT_DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
DRAFT_7: Final = "http://json-schema.org/draft-07/schema#"
DEFAULT_SINCE: Final = "2025-11-25"
"""The first revision that says which dialect a schema without `$schema` has."""

PATTERN_SECONDS: Final = 0.5
"""How long one regular expression may look at one text."""

MEMBERS: Final = ("inputSchema", "outputSchema")

_MAX_SHOWN: Final = 160
_TOO_DEEP: Final = "the schema is nested too deeply"

_LIBRARY_ERRORS: Final = (ArithmeticError, AttributeError, LookupError, TypeError, ValueError)
"""What validators and resolvers raise for legal but absurd schemas, such as a pointer into a number."""


class UnjudgeableSchemaError(ValueError):
    """A schema in a dialect that we do not know, one that is invalid, or one that leads elsewhere."""


@cache
def _dialects() -> Mapping[str, type[Validator]]:
    from jsonschema import validators

    known = (
        validators.Draft202012Validator,
        validators.Draft201909Validator,
        validators.Draft7Validator,
        validators.Draft6Validator,
        validators.Draft4Validator,
        validators.Draft3Validator,
    )
    return {_bare(_id(each.META_SCHEMA)): _with_limits(each) for each in known}


def _with_limits(judge: type[Validator]) -> type[Validator]:
    """Return a validator whose regular expressions have a time limit."""
    from jsonschema import validators

    unsafe = {
        name: _without_patterns(judge.VALIDATORS[name])
        for name in ("additionalProperties", "unevaluatedProperties")
        if name in judge.VALIDATORS
    }
    own = {"pattern": _pattern, "patternProperties": _pattern_properties, **unsafe}
    extended: type[Validator] = validators.extend(judge, validators=own)  # type: ignore[no-untyped-call]
    return extended


def _pattern(validator: Validator, pattern: str, value: Any, _: Any) -> Iterator[ValidationError]:
    from jsonschema.exceptions import ValidationError

    if validator.is_type(value, "string") and not _matches(pattern, value):
        yield ValidationError(f"{value!r} does not match {pattern!r}")


def _pattern_properties(
    validator: Any, patterns: Mapping[str, Any], value: Any, _: Any
) -> Iterator[ValidationError]:
    for pattern, inner in patterns.items() if validator.is_type(value, "object") else ():
        for name, member in value.items():
            if _matches(pattern, name):
                yield from validator.descend(member, inner, path=name, schema_path=pattern)


def _without_patterns(judge: Callable[..., Iterator[ValidationError]]) -> Callable[..., Any]:
    """Return a keyword of the library that would use patterns beside it, for schemas that have none."""

    def limited(validator: Validator, value: Any, instance: Any, schema: Any) -> Any:
        if "patternProperties" in schema:
            raise UnjudgeableSchemaError("patternProperties decides which members are additional")
        return judge(validator, value, instance, schema)

    return limited


def _matches(pattern: str, text: str) -> bool:
    import regex

    try:
        return regex.search(pattern, text, timeout=PATTERN_SECONDS) is not None
    except TimeoutError:
        shown = pattern[:_MAX_SHOWN]
        raise UnjudgeableSchemaError(f"the regular expression {shown!r} takes too long") from None
    except regex.error:
        raise UnjudgeableSchemaError("a regular expression of the schema is not one of Python") from None


def _id(schema: Any) -> str:
    return str(schema.get("$id") or schema.get("id"))


def _bare(dialect: str) -> str:
    """Return the URI of a dialect without what nobody writes the same way."""
    return dialect.rstrip("#").partition("://")[2]


def _dialect(schema: Mapping[str, Any], dialect: str | None) -> type[Validator]:
    stated = dialect or schema.get("$schema", DEFAULT_DIALECT)
    found = _dialects().get(_bare(stated)) if isinstance(stated, str) else None
    if found is None:
        raise UnjudgeableSchemaError(f"the dialect {str(stated)[:_MAX_SHOWN]!r} is not known here")
    return found


def _validator(judge: type[Validator], schema: Any) -> Validator:
    """Return a validator that knows the dialects themselves, and fetches nothing."""
    from jsonschema_specifications import REGISTRY  # type: ignore[import-untyped]

    return judge(schema, registry=REGISTRY)


def schema_error(schema: Mapping[str, Any], dialect: str | None = None) -> str | None:
    """Return what makes a schema invalid in its dialect, and where; None if nothing does.

    Args:
        schema: A JSON Schema that is an object.
        dialect: URI of the dialect; default that of `$schema`, else 2020-12.

    Raises:
        UnjudgeableSchemaError: If the dialect is not known, or the schema is nested too deeply.
    """
    judge = _dialect(schema, dialect)
    try:
        text = json.dumps(schema)
    except RecursionError:
        raise UnjudgeableSchemaError(_TOO_DEEP) from None
    return _schema_error(text, judge)


@lru_cache(maxsize=256)
def _schema_error(text: str, judge: type[Validator]) -> str | None:
    """Judge a schema once, since a run meets it in every list."""
    return _first_error(_validator(judge, judge.META_SCHEMA).iter_errors(json.loads(text)))


def _first_error(errors: Iterator[ValidationError]) -> str | None:
    from jsonschema.exceptions import best_match

    try:
        error = best_match(errors)
    except RecursionError:
        raise UnjudgeableSchemaError(_TOO_DEEP) from None
    if error is None:
        return None
    place = "".join(f"[{part}]" if isinstance(part, int) else f".{part}" for part in error.absolute_path)
    text = f"{place.lstrip('.')}: {error.message}" if place else str(error.message)
    return text if len(text) <= _MAX_SHOWN else text[: _MAX_SHOWN - 3] + "..."


def misfit(value: object, schema: Mapping[str, Any], revision: str) -> str | None:
    """Return what makes a value not fit a schema, and where; None if it fits.

    Args:
        value: A JSON value.
        schema: A JSON Schema that is an object.
        revision: The revision. Where it leaves open which dialect a schema without `$schema` has, a value
            that fits in draft 7 fits.

    Raises:
        UnjudgeableSchemaError: If the schema cannot be judged.
    """
    open_dialect = "$schema" not in schema and revision < DEFAULT_SINCE
    dialects = (DEFAULT_DIALECT, DRAFT_7) if open_dialect else (None,)
    outcomes = [_outcome(partial(_misfit, value, schema, each)) for each in dialects]
    found = [each for each in outcomes if not isinstance(each, UnjudgeableSchemaError)]
    if not found:
        raise next(each for each in outcomes if isinstance(each, UnjudgeableSchemaError))
    return None if None in found else found[0]


def _misfit(value: object, schema: Mapping[str, Any], dialect: str | None) -> str | None:
    return _first_error(iter(validation_errors(value, schema, dialect)))


def _outcome(judge: Callable[[], str | None]) -> str | UnjudgeableSchemaError | None:
    try:
        return judge()
    except UnjudgeableSchemaError as error:
        return error


def validation_errors(
    value: Any, schema: Mapping[str, Any], dialect: str | None = None
) -> list[ValidationError]:
    """Return the errors of a value by a schema, as the library jsonschema has them.

    Args:
        value: A JSON value.
        schema: A JSON Schema that is an object.
        dialect: URI of the dialect; default that of `$schema`, else 2020-12.

    Raises:
        UnjudgeableSchemaError: If the schema cannot be judged.
    """
    from referencing.exceptions import Unresolvable

    if (wrong := schema_error(schema, dialect)) is not None:
        raise UnjudgeableSchemaError(f"the schema is invalid: {wrong}")
    try:
        return list(_validator(_dialect(schema, dialect), schema).iter_errors(value))
    except Unresolvable as error:
        raise UnjudgeableSchemaError(f"the reference {error.ref!r} leads nowhere here") from None
    except UnjudgeableSchemaError:
        raise
    except RecursionError:
        raise UnjudgeableSchemaError(_TOO_DEEP) from None
    except _LIBRARY_ERRORS as error:
        raise UnjudgeableSchemaError(f"the schema is beyond the library: {error}") from None


def dangling_references(schema: Mapping[str, Any]) -> list[str]:
    """Return each `$ref` of a valid schema of 2020-12 that points into the schema itself, and at nothing."""
    from referencing import Registry
    from referencing.jsonschema import DRAFT202012

    resource = DRAFT202012.create_resource(schema)
    registry: Registry[Any] = Registry()
    return list(_dangling(resource, registry.resolver_with_root(resource)))


def _dangling(resource: Resource[Any], resolver: Resolver[Any]) -> Iterator[str]:
    from referencing.exceptions import Unresolvable

    contents = resource.contents
    reference = contents.get("$ref") if isinstance(contents, dict) else None
    if isinstance(reference, str) and reference.startswith("#"):
        try:
            resolver.lookup(reference)
        except (Unresolvable, *_LIBRARY_ERRORS):
            yield reference
    for inner in resource.subresources():
        yield from _dangling(inner, resolver.in_subresource(inner))


def schemas_in(response: Judged) -> Iterator[tuple[str, dict[str, Any]]]:
    """Yield the schemas of the tools in a response to `tools/list`, each with its place.

    Args:
        response: The response. What is no object is left out.
    """
    for tool in tools_in(response):
        for member in MEMBERS:
            if isinstance(tool.get(member), dict):
                yield f"{member} of {str(tool.get('name'))[:_MAX_SHOWN]!r}", tool[member]


@judges("tools.schemas-valid-in-dialect")
def assert_schemas_valid(response: Judged) -> Exchange:
    """Assert that the schemas of all listed tools are valid in their dialect, 2020-12 if none is stated.

    Args:
        response: The response to `tools/list`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For the first that is not.
        UnjudgeableSchemaError: If all that can be judged are valid, and one cannot.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic#schema-validation
    """
    exchange = as_exchange(response)
    unjudged: list[str] = []
    for place, schema in schemas_in(exchange):
        wrong = _outcome(partial(schema_error, schema))
        if isinstance(wrong, UnjudgeableSchemaError):
            unjudged.append(f"{place}: {wrong}")
        elif wrong is not None:
            dialect = schema.get("$schema", DEFAULT_DIALECT)
            violated(f"{place}: {wrong}", f"a schema that is valid by {dialect}", exchange)
    if unjudged:
        raise UnjudgeableSchemaError("; ".join(unjudged[:3]))
    return exchange


@judges("tools.schema-2020-12-keywords")
def assert_references_resolve(response: Judged) -> Exchange:
    """Assert that every `$ref` of a tool's schema that points into the schema itself finds something.

    Args:
        response: The response to `tools/list`. Judged are valid schemas of 2020-12.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For the first that does not.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/basic#implementation-requirements
    """
    exchange = as_exchange(response)
    for place, schema in schemas_in(exchange):
        if not is_default_dialect(schema) or _outcome(partial(schema_error, schema)) is not None:
            continue
        for reference in dangling_references(schema):
            violated(f"{place}: {reference!r} points at nothing", "references that resolve", exchange)
    return exchange


def is_default_dialect(schema: Mapping[str, Any]) -> bool:
    """Tell whether a schema has the dialect 2020-12, by its `$schema` or for want of one."""
    stated = schema.get("$schema", DEFAULT_DIALECT)
    return isinstance(stated, str) and _bare(stated) == _bare(DEFAULT_DIALECT)
