"""Faults of what users are asked for, in both eras."""

from __future__ import annotations

from typing import Any, Final

from reference_server._calls import Call, push_to_get_streams
from reference_server._context import HANDSHAKE_REVISIONS, Layer, Message, RequestContext
from reference_server._layers import combine, handle, rewrite_message, rewrite_request_body
from reference_server.faults._asking import (
    Json,
    answered,
    asked,
    believing,
    both,
    fault,
    is_ask,
    with_params,
)

COMPLETE: Final = "notifications/elicitation/complete"
OLD: Final = HANDSHAKE_REVISIONS
FIRST_FORMS: Final = ("2025-06-18",)
WITH_IDS: Final = ("2025-11-25",)
JSON_ANSWERS: Final[dict[str, bool | str]] = {"json_response": True}


def _form(change: Any) -> Layer:
    """Change the params of forms."""
    return asked(lambda request: change(request["params"]), "elicitation")


def _url(change: Any) -> Layer:
    """Change the params of visits to a URL."""
    return asked(lambda request: change(request["params"]), "url")


def _field(name: str, schema: Json) -> Layer:
    """Ask for one more field, which may be left out."""
    return _form(lambda params: params["requestedSchema"]["properties"].update({name: schema}))


def _completion(change: Any) -> Layer:
    """Change the params of notifications that an elicitation is complete."""

    def changed(message: Any, context: RequestContext) -> Any:
        if message.get("method") != COMPLETE:
            return message
        params = dict(message["params"])
        change(params)
        return {**message, "params": params}

    return rewrite_message(changed)


def _without_completion(message: Any, context: RequestContext) -> Any:
    return None if message.get("method") == COMPLETE else message


def _same_id(message: Any, context: RequestContext) -> Any:
    if "elicitationId" not in message.get("params", {}):
        return message
    return {**message, "params": {**message["params"], "elicitationId": "elicitation"}}


def _demanded(change: Any) -> Layer:
    """Change the first elicitation that an error demands."""

    def changed(message: Any, context: RequestContext) -> Any:
        data = message.get("error", {}).get("data")
        if not isinstance(data, dict) or "elicitations" not in data:
            return message
        elicitation = dict(data["elicitations"][0])
        change(elicitation)
        return {**message, "error": {**message["error"], "data": {"elicitations": [elicitation]}}}

    return rewrite_message(changed)


async def _to_everybody(call: Call) -> None:
    """Tell all sessions that an elicitation is complete."""

    async def send(message: Message) -> None:
        if COMPLETE.encode() in message.get("body", b""):
            await push_to_get_streams(call.context.facts, message["body"])
        await call.send(message)

    await call.forward(send=send)


def _to_text(answer: Json) -> None:
    """Take numbers in a form for text."""
    content = answer.get("content") if "action" in answer else None
    if isinstance(content, dict) and not isinstance(content.get("text", ""), str):
        content["text"] = str(content["text"])


def _as_accepted(context: RequestContext) -> bytes | None:
    """Take a user who declines for one who accepts."""
    responses = context.params.get("inputResponses")
    if not is_ask("elicitation")(context) or responses != {"answer": {"action": "decline"}}:
        return None
    accepted = {"answer": {"action": "accept", "content": {"text": "mcp-http-check"}}}
    return with_params(context, inputResponses=accepted).body


def _add_form(declared: Json) -> None:
    declared.setdefault("elicitation", {"form": {}})


def _add_url(declared: Json) -> None:
    if declared.get("elicitation") == {}:
        declared["elicitation"] = {"form": {}, "url": {}}


def _add_form_to_url(declared: Json) -> None:
    if declared.get("elicitation") == {"url": {}}:
        declared["elicitation"] = {"form": {}, "url": {}}


def _with_roots(message: Any, context: RequestContext) -> Any:
    """Ask for roots beside a form."""
    result = message.get("result", {})
    if not is_ask("elicitation")(context) or "inputRequests" not in result:
        return message
    requests = {**result["inputRequests"], "roots": {"method": "roots/list"}}
    return {**message, "result": {**result, "inputRequests": requests}}


FAULTS = (
    both(
        "form-undeclared",
        "elicit-capability",
        "a client that did not declare elicitation is asked to fill in a form",
        believing(_add_form),
        revisions=OLD,
    ),
    both(
        "url-mode-undeclared",
        "elicit-mode-supported",
        "a client with form mode only is asked to open a URL",
        believing(_add_url),
    ),
    both(
        "form-mode-undeclared",
        "elicit-mode-supported",
        "a client with URL mode only is asked to fill in a form",
        believing(_add_form_to_url),
    ),
    both(
        "form-without-message",
        "elicit-required-params",
        "a form has no message",
        _form(lambda params: params.pop("message")),
    ),
    both(
        "unknown-mode",
        "elicit-required-params",
        "an elicitation has the mode dialog",
        _form(lambda params: params.update(mode="dialog")),
    ),
    both(
        "nested-form",
        "elicit-form-schema",
        "a form has an object as property",
        _field("address", {"type": "object", "properties": {"street": {"type": "string"}}}),
    ),
    both(
        "form-with-odd-array",
        "elicit-form-schema",
        "a form has an array of free texts as property",
        _field("names", {"type": "array", "items": {"type": "string"}}),
    ),
    both(
        "form-with-untyped-field",
        "elicit-form-schema",
        "a form has a property without type",
        _field("note", {"anyOf": [{"type": "string"}, {"type": "null"}]}),
    ),
    both(
        "form-with-array",
        "elicit-form-schema.2025-06-18",
        "a form has an array of choices as property, which later revisions have",
        _field("colours", {"type": "array", "items": {"type": "string", "enum": ["red", "blue"]}}),
        revisions=FIRST_FORMS,
    ),
    both(
        "form-without-schema",
        "elicit-form-schema.2025-06-18",
        "a form has no schema",
        _form(lambda params: params.pop("requestedSchema")),
        revisions=FIRST_FORMS,
    ),
    both(
        "visit-without-id",
        "elicit-url-params.2025-11-25",
        "a visit to a URL has no elicitationId",
        combine(_url(lambda params: params.pop("elicitationId", None)), rewrite_message(_without_completion)),
        revisions=WITH_IDS,
    ),
    both(
        "visit-without-url",
        "elicit-url-params.2025-11-25",
        "a visit to a URL has no URL",
        _url(lambda params: params.pop("url")),
        revisions=WITH_IDS,
    ),
    both(
        "same-elicitation-id",
        "elicit-id-unique",
        "all visits to a URL have the same elicitationId",
        rewrite_message(_same_id),
        revisions=WITH_IDS,
    ),
    both(
        "relative-url",
        "elicit-url-valid",
        "the URL to open is relative",
        _url(lambda params: params.update(url="/confirm")),
    ),
    both(
        "url-without-host",
        "elicit-url-valid",
        "the URL to open has no host",
        _url(lambda params: params.update(url="https://")),
    ),
    both(
        "plain-http-url",
        "elicit-url-https",
        "the URL to open is one of HTTP",
        _url(lambda params: params.update(url="http://example.com/confirm")),
    ),
    both(
        "link-in-form",
        "elicit-no-url-in-form",
        "the message of a form holds a link",
        _form(lambda params: params.update(message="Look [here](https://example.com/) and tell.")),
    ),
    both(
        "url-in-form",
        "elicit-no-url-in-form",
        "the description of a field holds a URL",
        _field("code", {"type": "string", "description": "The code shown at https://example.com/code"}),
    ),
    both(
        "completion-of-another",
        "elicit-complete-id",
        "the completion of a visit names an elicitation that never was",
        _completion(lambda params: params.update(elicitationId="another")),
        revisions=WITH_IDS,
    ),
    both(
        "completion-without-id",
        "elicit-complete-id",
        "the completion of a visit names no elicitation",
        _completion(lambda params: params.pop("elicitationId")),
        revisions=WITH_IDS,
    ),
    both(
        "completion-to-everybody",
        "elicit-complete-recipient",
        "all sessions are told that a visit is complete",
        handle(_to_everybody),
        revisions=WITH_IDS,
    ),
    both(
        "demand-without-id",
        "elicit-32042-data",
        "a demanded elicitation has no elicitationId",
        _demanded(lambda elicitation: elicitation.pop("elicitationId")),
        revisions=WITH_IDS,
        options=JSON_ANSWERS,
    ),
    both(
        "demand-of-form",
        "elicit-32042-data",
        "a demanded elicitation is a form",
        _demanded(lambda elicitation: elicitation.update(mode="form")),
        revisions=WITH_IDS,
        options=JSON_ANSWERS,
    ),
    both(
        "form-not-validated",
        "elicit-validate-received",
        "a number is taken for the text that a form asks for",
        answered(_to_text),
    ),
    fault(
        "decline-ignored",
        "elicit-success-not-assumed",
        "a user who declines is taken for one who accepts",
        rewrite_request_body(_as_accepted),
    ),
    both(
        "form-asks-password",
        "elicit-no-sensitive",
        "a form asks for a password",
        _field("password", {"type": "string"}),
        revisions=FIRST_FORMS,
        chapter="security",
    ),
    both(
        "form-asks-api-key",
        "elicit-no-sensitive-form",
        "a form asks for an API key",
        _field("api_key", {"type": "string", "title": "API key"}),
        chapter="security",
    ),
    both(
        "credentials-in-url",
        "elicit-url-no-pii",
        "the URL to open has a user and a password",
        _url(lambda params: params.update(url="https://anna:wonderland@example.com/confirm")),
        chapter="security",
    ),
    both(
        "email-in-url",
        "elicit-url-no-pii",
        "the URL to open has an email address",
        _url(lambda params: params.update(url="https://example.com/confirm?user=anna%40example.com")),
        chapter="security",
    ),
    both(
        "token-in-url",
        "elicit-url-not-preauth",
        "the URL to open has an access token",
        _url(lambda params: params.update(url="https://example.com/confirm?access_token=dGVzdA")),
        chapter="security",
    ),
    fault(
        "second-thing-deprecated",
        "deprecated-not-adopted",
        "a form comes with a request for roots",
        rewrite_message(_with_roots),
    ),
)
