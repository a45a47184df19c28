"""Property-based probing: valid requests with one node changed, and what must hold whatever the node holds.

Only a run with `--mcp-fuzz` imports the rest of this package, which needs the extra `fuzz`.
"""

from __future__ import annotations

from dataclasses import dataclass
from importlib.util import find_spec
from typing import Final

INSTALL: Final = 'pip install "pytest-mcp-http[fuzz]"'


@dataclass(frozen=True)
class Plan:
    """How much is probed.

    Attributes:
        examples: Requests per revision and source: requests of the protocol, calls of tools.
        seed: Decides which requests these are.
    """

    examples: int
    seed: int


def is_installed() -> bool:
    """Tell, without importing it, whether the extra is installed."""
    return all(find_spec(name) is not None for name in ("hypothesis", "hypothesis_jsonschema"))
