"""Legal but unusual prompts and completions."""

from __future__ import annotations

from typing import Any

from reference_server._context import MODERN_REVISIONS, Layer
from reference_server._jsonrpc import INTERNAL_ERROR, INVALID_PARAMS
from reference_server._layers import answer_instead
from reference_server.faults.completion import IS_LONG, OF_PAGE, completion
from reference_server.faults.prompts import (
    HAS_NUMBER,
    IS_STATUS,
    LACKS_TEXT,
    TEXT,
    answers,
    block,
    embedded,
    fails,
    gets,
)
from reference_server.faults.schema import result_of
from reference_server.variants import Variant

IS_MADE_UP = gets(lambda _, arguments: "conformance" in str(arguments.get("text")))


def bare(found: dict[str, Any]) -> None:
    """Suggest nothing, and leave out what is optional."""
    found.clear()
    found["values"] = []


def without_arguments(result: dict[str, Any]) -> None:
    """List prompts without arguments and without descriptions."""
    result["prompts"] = [{"name": prompt["name"]} for prompt in result["prompts"]]


def variant(name: str, summary: str, layer: Layer, **options: Any) -> Variant:
    """Build a variant; nothing here depends on the mode."""
    return Variant(name, ("stateless",), summary=summary, layer=layer, **options)


VARIANTS = (
    variant(
        "prompts-fail",
        "a prompt cannot be rendered at the moment, and gets -32603",
        fails(IS_STATUS, INTERNAL_ERROR, "The backend is down"),
    ),
    variant(
        "prompts-check-values",
        "a prompt takes certain values of its argument only",
        fails(IS_MADE_UP, INVALID_PARAMS, "There is no such text"),
    ),
    variant(
        "prompts-ask-back",
        "a prompt without its argument asks for more",
        answers(LACKS_TEXT, {"resultType": "input_required", "requestState": "s"}),
        revisions=MODERN_REVISIONS,
    ),
    variant(
        "prompts-take-numbers",
        "a number as argument of a prompt is taken for its digits",
        answers(HAS_NUMBER, {"messages": [TEXT]}),
    ),
    variant("prompts-none", "no prompt is listed", result_of("prompts/list", lambda r: r.update(prompts=[]))),
    variant("prompts-bare", "prompts have a name only", result_of("prompts/list", without_arguments)),
    variant(
        "prompts-silent",
        "prompts have no messages",
        result_of("prompts/get", lambda r: r.update(messages=[])),
    ),
    variant(
        "prompts-odd-types",
        "MIME types have parameters and capitals, and are vendors' own",
        block("audio", lambda b: b.update(mimeType='Audio/vnd.example+x; codecs="1, 2"')),
    ),
    variant(
        "prompts-odd-uris",
        "embedded resources have URNs, and data URIs",
        embedded(lambda r: r.update(uri="urn:example:greeting" if "text" in r else "data:,x%20y")),
    ),
    variant("completes-nothing", "no completion suggests anything, nor counts", completion(bare)),
    variant(
        "completion-fails",
        "a completion fails at the moment, and gets -32603",
        fails(OF_PAGE, INTERNAL_ERROR, "The backend is down"),
    ),
    variant(
        "completion-limited",
        "a completion of a very long value is refused by HTTP",
        answer_instead(IS_LONG, 413),
    ),
)
