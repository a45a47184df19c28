"""Legal messages with more, or less, than most servers send."""

from __future__ import annotations

from typing import Any

from reference_server._context import SERVER_INFO_KEY, RequestContext
from reference_server._layers import rewrite_message
from reference_server.faults.schema import ICON, before_result_of, result_of
from reference_server.variants import Variant

_ITEMS = ("tools", "prompts", "resources", "resourceTemplates")


def _items(result: dict[str, Any]) -> list[dict[str, Any]]:
    return [item for name in _ITEMS for item in result.get(name, ())]


def _with_icons(message: Any, context: RequestContext) -> Any:
    result = message.get("result")
    if not isinstance(result, dict) or (context.revision or "") < "2025-11-25":
        return message
    own = f"{context.scheme}://{context.header('host')}/icon.svg"
    icons = [ICON, {"src": own, "sizes": ["any"], "theme": "dark"}, {"src": own, "sizes": ["48x48", "96x96"]}]
    own_info = [result.get("serverInfo"), result.get("_meta", {}).get(SERVER_INFO_KEY)]
    for holder in [*_items(result), *filter(None, own_info)]:
        holder["icons"] = icons
    return {**message, "result": dict(result)}


def _with_more(message: Any, context: RequestContext) -> Any:
    result = message.get("result")
    if not isinstance(result, dict) or context.rpc_method == "ping":
        return message
    result = {**result, "x-vendor": {"any": None}}
    for name in _ITEMS:
        if name in result:
            result[name] = [{**item, "x-vendor": None, "tags": ["a"]} for item in result[name]]
    if "serverInfo" in result:
        result["serverInfo"] = {**result["serverInfo"], "homepage": 1}
    return {**message, "result": result}


def _without_descriptions(message: Any, context: RequestContext) -> Any:
    result = message.get("result")
    if not isinstance(result, dict):
        return message
    result = {name: member for name, member in result.items() if name not in ("description", "instructions")}
    for name in _ITEMS:
        if name in result:
            result[name] = [
                {
                    key: value
                    for key, value in item.items()
                    if key not in ("description", "annotations", "size")
                }
                for item in result[name]
            ]
    return {**message, "result": result}


def _as_fraction(result: dict[str, Any]) -> None:
    for resource in result["resources"]:
        if "size" in resource:
            resource["size"] = float(resource["size"])


VARIANTS = (
    Variant(
        "icons",
        summary="icons on everything, embedded or at the server's own origin",
        layer=rewrite_message(_with_icons),
    ),
    Variant(
        "extra-members",
        summary="members that no schema knows; every object is open",
        layer=rewrite_message(_with_more),
    ),
    Variant(
        "bare-lists",
        summary="no description, annotation, size or instructions; all are optional",
        layer=rewrite_message(_without_descriptions),
    ),
    Variant(
        "vendor-notification",
        summary="a notification of a vendor ahead of a result",
        layer=before_result_of(
            "tools/list", {"method": "notifications/com.example/progress", "params": {"done": 1}}
        ),
        options={"json_response": False},
    ),
    Variant(
        "sizes-with-fraction",
        summary="sizes written as numbers with a fraction of zero; a number is a number",
        layer=result_of("resources/list", _as_fraction),
    ),
)
