"""The variants: legal but unusual behaviours of the reference server; none of them may break a check.

Each module of this package holds a tuple `VARIANTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from reference_server._catalogue import gather
from reference_server._context import REVISIONS, ASGIApp


@dataclass(frozen=True)
class Variant:
    """One legal but unusual behaviour.

    Args:
        name: Name of the variant.
        modes: Modes in which it makes sense.
        summary: One line: what the server does differently, and why that is legal.
        layer: Function from the ASGI app inside to the one that behaves so; see `reference_server._layers`.
        options: Options of `reference_server.app.ReferenceApp` that it needs, for example
            `{"json_response": True}` or `{"era": "modern"}`.
        revisions: Revisions at which it is shown to break nothing, where it is illegal at others.
        rig: What has to stand around the server for it to show, see `tests/conformance/rigs.py`.
    """

    name: str
    modes: tuple[str, ...] = ("stateless", "stateful")
    summary: str = field(kw_only=True)
    layer: Callable[..., ASGIApp] = field(kw_only=True)
    options: Mapping[str, bool | float | str] = field(default_factory=dict, kw_only=True)
    revisions: tuple[str, ...] = field(default=REVISIONS, kw_only=True)
    rig: str = field(default="alone", kw_only=True)


@cache
def catalogue() -> Mapping[str, Variant]:
    """Return all variants by name.

    Raises:
        ValueError: If a name is defined twice.
    """
    return MappingProxyType(gather(__name__, __path__, "VARIANTS", Variant))
