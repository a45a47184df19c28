"""What an app offers now: what it always has, the fixtures if they are on, and what is listed at times."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from reference_server import fixtures, resources
from reference_server._tool import Tool
from reference_server.extras import EXTRA_PROMPT, EXTRA_RESOURCE, EXTRA_TOOL
from reference_server.memory import Memory
from reference_server.prompts import PROMPTS, Prompt
from reference_server.resources import RESOURCES, Content, Resource
from reference_server.tools import TOOLS


class Template(NamedTuple):
    """A listed template of resources, all of them JSON."""

    uri: str
    name: str
    description: str


UNITS_TEMPLATE = Template(resources.TEMPLATE_URI, resources.TEMPLATE_NAME, resources.TEMPLATE_DESCRIPTION)
DATA_TEMPLATE = Template(fixtures.TEMPLATE_URI, fixtures.TEMPLATE_NAME, fixtures.TEMPLATE_DESCRIPTION)


@dataclass(frozen=True, slots=True)
class Offers:
    """What one app offers.

    Args:
        memory: What the app remembers.
        fixtures: Whether it has what the official conformance suite asks for.
    """

    memory: Memory
    fixtures: bool = False

    @property
    def tools(self) -> Mapping[str, Tool]:
        """The tools by name."""
        return self._listed("tools", TOOLS, fixtures.FIXTURE_TOOLS, {EXTRA_TOOL.name: EXTRA_TOOL})

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        """The prompts by name."""
        return self._listed("prompts", PROMPTS, fixtures.FIXTURE_PROMPTS, {EXTRA_PROMPT.name: EXTRA_PROMPT})

    @property
    def resources(self) -> Mapping[str, Resource]:
        """The resources by URI."""
        extra = {EXTRA_RESOURCE.uri: EXTRA_RESOURCE}
        return self._listed("resources", RESOURCES, fixtures.FIXTURE_RESOURCES, extra)

    @property
    def templates(self) -> tuple[Template, ...]:
        """The templates of resources."""
        return (UNITS_TEMPLATE, DATA_TEMPLATE) if self.fixtures else (UNITS_TEMPLATE,)

    def read(self, uri: str) -> Content | None:
        """Return the content of a resource that is listed or that a template covers, or None.

        Raises:
            BackendError: If what is behind the resource fails.
        """
        found = resources.read(uri, self.memory.changes, self.resources)
        return fixtures.read(uri) if found is None and self.fixtures else found

    def has(self, uri: str) -> bool:
        """Tell whether there is a resource, whether or not it can be read."""
        return uri in self.resources or self.read(uri) is not None

    def _listed(
        self, kind: str, always: Mapping[str, Any], wanted: Mapping[str, Any], at_times: Mapping[str, Any]
    ) -> Mapping[str, Any]:
        """Return the items of a kind; most apps have no others than those they always have."""
        extra = kind in self.memory.extras
        if not self.fixtures and not extra:
            return always
        return {**always, **(wanted if self.fixtures else {}), **(at_times if extra else {})}
