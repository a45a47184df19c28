"""What an app offers now, and to whom: what all get, the fixtures, what is listed at times, and the vault."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NamedTuple

from reference_server import fixtures, resources, vault
from reference_server._tool import Tool
from reference_server.extras import EXTRA_PROMPT, EXTRA_RESOURCE, EXTRA_TOOL
from reference_server.memory import Memory
from reference_server.principals import may_enter_vault
from reference_server.prompts import PROMPTS, Prompt
from reference_server.resources import RESOURCES, Content, Resource
from reference_server.tools import TOOLS
from reference_server.vault import VAULT_PROMPT, VAULT_RESOURCE, VAULT_TEMPLATE_URI, VAULT_TOOL


class Template(NamedTuple):
    """A listed template of resources, all of them JSON."""

    uri: str
    name: str
    description: str


UNITS_TEMPLATE = Template(resources.TEMPLATE_URI, resources.TEMPLATE_NAME, resources.TEMPLATE_DESCRIPTION)
DATA_TEMPLATE = Template(fixtures.TEMPLATE_URI, fixtures.TEMPLATE_NAME, fixtures.TEMPLATE_DESCRIPTION)
VAULT_TEMPLATE = Template(VAULT_TEMPLATE_URI, "vault_entry", "An entry of the vault.")


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
        extra = {EXTRA_TOOL.name: EXTRA_TOOL}
        return self._listed("tools", TOOLS, fixtures.FIXTURE_TOOLS, extra, {VAULT_TOOL.name: VAULT_TOOL})

    @property
    def prompts(self) -> Mapping[str, Prompt]:
        """The prompts by name."""
        extra, hidden = {EXTRA_PROMPT.name: EXTRA_PROMPT}, {VAULT_PROMPT.name: VAULT_PROMPT}
        return self._listed("prompts", PROMPTS, fixtures.FIXTURE_PROMPTS, extra, hidden)

    @property
    def resources(self) -> Mapping[str, Resource]:
        """The resources by URI."""
        extra, hidden = {EXTRA_RESOURCE.uri: EXTRA_RESOURCE}, {VAULT_RESOURCE.uri: VAULT_RESOURCE}
        return self._listed("resources", RESOURCES, fixtures.FIXTURE_RESOURCES, extra, hidden)

    @property
    def templates(self) -> tuple[Template, ...]:
        """The templates of resources."""
        found = (UNITS_TEMPLATE, DATA_TEMPLATE) if self.fixtures else (UNITS_TEMPLATE,)
        return (*found, VAULT_TEMPLATE) if may_enter_vault() else found

    def read(self, uri: str) -> Content | None:
        """Return the content of a resource that is listed or that a template covers, or None.

        Raises:
            BackendError: If what is behind the resource fails.
        """
        found = resources.read(uri, self.memory.changes, self.resources)
        if found is None and may_enter_vault():
            found = vault.read(uri)
        return fixtures.read(uri) if found is None and self.fixtures else found

    def has(self, uri: str) -> bool:
        """Tell whether there is a resource, whether or not it can be read."""
        return uri in self.resources or self.read(uri) is not None

    def _listed(
        self,
        kind: str,
        always: Mapping[str, Any],
        wanted: Mapping[str, Any],
        at_times: Mapping[str, Any],
        hidden: Mapping[str, Any],
    ) -> Mapping[str, Any]:
        """Return the items of a kind; most apps have no others than those they always have."""
        parts = (
            (wanted, self.fixtures),
            (at_times, kind in self.memory.extras),
            (hidden, may_enter_vault()),
        )
        added = [part for part, is_listed in parts if is_listed]
        return {name: item for part in (always, *added) for name, item in part.items()} if added else always
