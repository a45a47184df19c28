"""Assertions on elicitations, in both eras: what a server asks the user for, and how.

A response holds elicitations as requests on its event stream, or in `inputRequests`.

Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation and
    https://modelcontextprotocol.io/specification/2026-07-28/client/elicitation
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from pytest_mcp_http.assertions._base import Judged, as_exchange, judges, violated
from pytest_mcp_http.assertions.codes import URL_ELICITATION_REQUIRED
from pytest_mcp_http.assertions.input_requests import params_asked
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.jsonrpc import json_type

__tracebackhide__ = True  # a failure is about the response, not about this code

METHOD: Final = "elicitation/create"
FORMATS: Final = ("email", "uri", "date", "date-time")
MODES_SINCE: Final = "2025-11-25"
"""The first revision with modes, and with more kinds of enumerations."""

SECRETS: Final = re.compile(
    "password|passwd|passphrase|(client)?secret|secretkey|apikey|(access|refresh|bearer|auth)token|privatekey"
    "|creditcard(number)?|cardnumber|cvv|cvc"
)
"""Names of form fields, in small letters without separators, that leave no doubt."""

_LINK: Final = re.compile(r"\[[^\]]+\]\(\s*https?://|<a\s[^>]*href|<https?://", re.IGNORECASE)
_URL: Final = re.compile(r"https?://", re.IGNORECASE)
_SIMPLE: Final = ("string", "number", "integer", "boolean")


def elicitations(response: Judged) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the params of the elicitations in a response, each with the place where it stands.

    Args:
        response: The response. Params that are no object count as empty.
    """
    return params_asked(response, METHOD)


def forms(response: Judged) -> list[tuple[str, Mapping[str, Any]]]:
    """Return the params of the elicitations in form mode in a response, each with its place."""
    return [
        (place, params) for place, params in elicitations(response) if params.get("mode", "form") == "form"
    ]


@judges("mrtr.elicit-mode-supported")
def assert_elicitation_modes(response: Judged, capabilities: Mapping[str, object]) -> Exchange:
    """Assert that elicitations are of modes that the client declared.

    Args:
        response: The response.
        capabilities: What the client declared; an `elicitation` without modes means form mode.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is of another mode.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#capabilities
    """
    exchange = as_exchange(response)
    declared = capabilities.get("elicitation")
    modes = [name for name in ("form", "url") if isinstance(declared, Mapping) and name in declared]
    for place, params in elicitations(exchange):
        mode = params.get("mode", "form")
        if mode in ("form", "url") and mode not in (modes or ["form"]):
            violated(
                f"{place} is in {mode} mode",
                f"elicitations in {' or '.join(modes or ['form'])} mode, which is what the client declared",
                exchange,
            )
    return exchange


@judges("mrtr.elicit-required-params")
def assert_elicitation_params(response: Judged) -> Exchange:
    """Assert that each elicitation has a message, and a mode if it is not in form mode.

    Args:
        response: The response. The message of one in URL mode is judged by `assert_url_elicitations`.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If the message is missing or no string, or the mode is none of the two.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#elicitation-requests
    """
    exchange = as_exchange(response)
    for place, params in elicitations(exchange):
        mode = params.get("mode", "form")
        if mode not in ("form", "url"):
            violated(f"{place} has the mode {mode!r}", ["form", "url", "no mode, for form"], exchange)
        if mode == "form" and not isinstance(params.get("message"), str):
            violated(f"{place} has {_kind(params, 'message')} as message", "a string", exchange)
    return exchange


@judges("mrtr.elicit-form-schema", "mrtr.elicit-form-schema.2025-06-18")
def assert_form_schemas(response: Judged, revision: str) -> Exchange:
    """Assert that each elicitation in form mode asks for a flat object of simple properties.

    Args:
        response: The response.
        revision: The revision that is spoken; enumerations differ.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If `requestedSchema` is something else.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#requested-schema
    """
    exchange = as_exchange(response)
    for place, params in forms(exchange):
        for defect in _defects(params, revision):
            violated(
                f"{place}: {defect}",
                f"requestedSchema with properties that a form can show, as {revision} has them",
                exchange,
            )
    return exchange


def _defects(params: Mapping[str, Any], revision: str) -> Iterator[str]:
    schema = params.get("requestedSchema")
    if not isinstance(schema, dict):
        yield f"requestedSchema is {_kind(params, 'requestedSchema')}"
        return
    if schema.get("type") != "object":
        yield f"requestedSchema has the type {schema.get('type')!r}"
    properties, required = schema.get("properties"), schema.get("required", [])
    if not isinstance(required, list) or not all(isinstance(name, str) for name in required):
        yield "required is no array of names"
    if not isinstance(properties, dict):
        yield f"properties is {_kind(schema, 'properties')}"
        return
    for name, property in properties.items():
        defect = _property_defect(property, revision)
        if defect:
            yield f"property {name!r} {defect}"


def _property_defect(property: Any, revision: str) -> str:
    """Return what keeps a property from being one of a form; empty if nothing does."""
    if not isinstance(property, dict):
        return f"is a JSON {json_type(property)}"
    kind = property.get("type")
    if kind == "array" and revision >= MODES_SINCE:
        items = property.get("items")
        choices = items.get("enum", items.get("anyOf")) if isinstance(items, dict) else None
        return "" if _are_choices(choices) else "is an array of something else than choices"
    if kind not in _SIMPLE:
        return f"has the type {kind!r}"
    if kind == "string":
        if "format" in property and property["format"] not in FORMATS:
            return f"has the format {property['format']!r}"
        if "enum" in property and not _are_choices(property["enum"]):
            return "has an enum that is no array of strings"
        if revision >= MODES_SINCE and "oneOf" in property and not _are_choices(property["oneOf"]):
            return "has a oneOf that is no array of constants with titles"
    return ""


def _are_choices(value: Any) -> bool:
    return isinstance(value, list) and all(
        isinstance(each, str)
        or (
            isinstance(each, dict)
            and isinstance(each.get("const"), str)
            and isinstance(each.get("title"), str)
        )
        for each in value
    )


@judges("mrtr.elicit-no-url-in-form")
def assert_no_links_in_forms(response: Judged) -> Exchange:
    """Assert that no text of an elicitation in form mode is a link to be clicked.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: For a link in Markdown or HTML; as a note for a bare URL, which may be there to
            be read only. Values that a field may have are none of its texts.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#safe-url-handling
    """
    exchange = as_exchange(response)
    texts = [found for place, params in forms(exchange) for found in _texts(place, params)]
    for pattern, note in ((_LINK, False), (_URL, True)):
        for place, text in texts:
            if pattern.search(text):
                violated(
                    f"{place} holds {'a URL' if note else 'a link'}: {text[:80]!r}",
                    "URLs to be opened in URL mode only",
                    exchange,
                    note=note,
                )
    return exchange


def _texts(place: str, params: Mapping[str, Any]) -> Iterator[tuple[str, str]]:
    if isinstance(params.get("message"), str):
        yield f"the message of {place}", params["message"]
    for name, property in _properties(params):
        for member in ("title", "description"):
            if isinstance(property.get(member), str):
                yield f"the {member} of {name!r} in {place}", property[member]


def _properties(params: Mapping[str, Any]) -> list[tuple[str, Mapping[str, Any]]]:
    schema = params.get("requestedSchema")
    found = schema.get("properties") if isinstance(schema, dict) else None
    return (
        [(name, each) for name, each in found.items() if isinstance(each, dict)]
        if isinstance(found, dict)
        else []
    )


@judges("security.elicit-no-sensitive", "security.elicit-no-sensitive-form")
def assert_no_secrets_asked(response: Judged) -> Exchange:
    """Assert that no form asks for a secret, as far as names and formats of its fields leave no doubt.

    Args:
        response: The response.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If a text field has the format `password`, or a name such as `api_key`.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#user-interaction-model
    """
    exchange = as_exchange(response)
    for place, params in forms(exchange):
        for name, property in _properties(params):
            plain = re.sub(r"[^a-z]", "", name.lower())
            secret = SECRETS.fullmatch(plain) is not None or property.get("format") == "password"
            if secret and property.get("type", "string") == "string":
                violated(f"{place} asks for {name!r}", "secrets are not asked for in a form", exchange)
    return exchange


# -- visits to a URL that are demanded by an error ----------------------------------------------------------


def demanded_elicitations(response: Judged) -> list[tuple[str, Any]]:
    """Return what the errors -32042 in a response demand, each with its place; whatever stands there."""
    found = []
    for message in as_exchange(response).responses:
        error = message.error if isinstance(message.error, dict) else {}
        data = error.get("data")
        listed = data.get("elicitations") if isinstance(data, dict) else None
        if error.get("code") == URL_ELICITATION_REQUIRED and isinstance(listed, list):
            found += [(f"error.data.elicitations[{n}]", each) for n, each in enumerate(listed)]
    return found


@judges("mrtr.elicit-32042-data")
def assert_demanded_elicitations(response: Judged) -> Exchange:
    """Assert that each elicitation which an error -32042 demands is one in URL mode with an id.

    Args:
        response: The response. Other errors are not judged.

    Returns:
        The response as an exchange.

    Raises:
        RequirementViolated: If one is of another mode, or lacks a member.

    Source: https://modelcontextprotocol.io/specification/2025-11-25/client/elicitation#url-elicitation-required-error
    """
    exchange = as_exchange(response)
    expected = "mode url, with message, url and elicitationId"
    for place, each in demanded_elicitations(exchange):
        if not isinstance(each, dict):
            violated(f"{place} is a JSON {json_type(each)}", expected, exchange)
        if each.get("mode") != "url":
            violated(f"{place} has the mode {each.get('mode')!r}", expected, exchange)
        for name in ("message", "url", "elicitationId"):
            if not isinstance(each.get(name), str):
                violated(f"{place} has {_kind(each, name)} as {name}", expected, exchange)
    return exchange


def elicitation_ids(response: Judged) -> list[object]:
    """Return the ids of the elicitations in URL mode in a response, those that an error demands included."""
    exchange = as_exchange(response)
    found = [params for _, params in elicitations(exchange) if params.get("mode") == "url"]
    found += [each for _, each in demanded_elicitations(exchange) if isinstance(each, dict)]
    return [params["elicitationId"] for params in found if "elicitationId" in params]


def _kind(holder: Mapping[str, Any], name: str) -> str:
    return f"a JSON {json_type(holder[name])}" if name in holder else "nothing"
