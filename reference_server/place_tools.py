"""A tool whose input schema is put together from others, by keywords that JSON Schema 2020-12 has."""

from __future__ import annotations

import json
from typing import Final

from reference_server._tool import Tool

SCHEMA: Final = {
    "type": "object",
    "properties": {
        "place": {
            "description": "Name of the place, or its position.",
            "anyOf": [{"type": "string"}, {"$ref": "#/$defs/position"}],
        },
        "country": {"type": "string", "description": "Country, if the name alone may be ambiguous."},
    },
    "required": ["place"],
    "additionalProperties": False,
    "$defs": {
        "position": {
            "type": "object",
            "properties": {
                "latitude": {"type": "number", "minimum": -90, "maximum": 90},
                "longitude": {"type": "number", "minimum": -180, "maximum": 180},
            },
            "required": ["latitude", "longitude"],
        }
    },
}


async def describe_place(place: object, country: str = "") -> str:
    """Tell where a place is: the same as was asked for."""
    return json.dumps({"place": place, "country": country}, ensure_ascii=False)


PLACE_TOOLS: Final = (
    Tool("describe_place", "Describe a place by its name or its position.", describe_place, schema=SCHEMA),
)
