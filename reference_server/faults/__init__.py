"""The faults: named single deviations of the reference server, each breaking one requirement.

Each module of this package is one chapter and holds a tuple `FAULTS`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from types import MappingProxyType

from reference_server._catalogue import gather
from reference_server._context import REVISIONS, ASGIApp


@dataclass(frozen=True)
class Fault:
    """One deviation.

    Args:
        id: Name of the fault, `<chapter>.<what-it-does>`.
        requirements: Ids of the requirements that it breaks.
        summary: One line: what the server does wrong.
        layer: Function from the ASGI app inside to the deviating one; see `reference_server._layers`.
        modes: Modes in which it makes sense.
        options: Options of `reference_server.app.ReferenceApp` that it needs, for example
            `{"json_response": True}` or `{"era": "modern"}`.
        revisions: Revisions at which its proof is run, where it would break others as a whole.
        rig: What has to stand around the server for the fault to show, see `tests/conformance/rigs.py`.
    """

    id: str
    requirements: tuple[str, ...]
    modes: tuple[str, ...] = ("stateless", "stateful")
    summary: str = field(kw_only=True)
    layer: Callable[..., ASGIApp] = field(kw_only=True)
    options: Mapping[str, bool | float | str] = field(default_factory=dict, kw_only=True)
    revisions: tuple[str, ...] = field(default=REVISIONS, kw_only=True)
    rig: str = field(default="alone", kw_only=True)

    @property
    def name(self) -> str:
        """The id."""
        return self.id


@cache
def catalogue() -> Mapping[str, Fault]:
    """Return all faults by id.

    Raises:
        ValueError: If an id is defined twice.
    """
    return MappingProxyType(gather(__name__, __path__, "FAULTS", Fault))
