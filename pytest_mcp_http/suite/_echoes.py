"""Requests whose answers repeat something of them, by which an answer can be told from that to another one.

The best is a tool of the role `echo`. Without one, errors often name what was not found.
"""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from typing import Any

from pytest_mcp_http._roles import Role, missing
from pytest_mcp_http.assertions.isolation import texts_in
from pytest_mcp_http.client import McpClient
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.suite._probes import refused_by_others
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.visit import UNKNOWN_METHOD, UNKNOWN_NAME, UNKNOWN_URI
from pytest_mcp_http.wire.exchange import Exchange
from pytest_mcp_http.wire.http import Limits


@dataclass(frozen=True)
class Echo:
    """A request whose answer repeats a text of it.

    Attributes:
        what: How it is called in reports.
        method: Its method, with `$NONCE` for the text.
        params: Returns its params for a text.
    """

    what: str
    method: str
    params: Callable[[str], dict[str, Any]]

    def send(
        self, client: McpClient, nonce: str, id: object = None, limits: Limits | None = None
    ) -> Exchange:
        """Send it with a text in it."""
        method = self.method.replace("$NONCE", nonce)
        id = client.next_id() if id is None else id
        return client.request(method, self.params(nonce), id=id, limits=limits)


def new_nonce() -> str:
    """Return a text that stands nowhere else."""
    return secrets.token_hex(8)


def echo_of(tour: Tour) -> Echo:
    """Return a request whose answer repeats a text of it, as was seen once.

    Raises:
        NotVerified: If there is none; the sentence says what the user can add.
    """

    def probe() -> Echo:
        for candidate in _candidates(tour):
            nonce = new_nonce()
            answer = candidate.send(tour.client, nonce)
            refused_by_others(answer)
            if texts_in(answer, (nonce,)):
                return candidate
        raise NotVerified(f"no answer repeats anything of its request, and {missing('echo')}")

    return tour.memo("echo", probe)


def _candidates(tour: Tour) -> Iterator[Echo]:
    with suppress(NotVerified):
        for role in tour.roles("echo"):
            yield Echo(f"the tool {role.tool}", "tools/call", partial(_call, role))
    if "resources" in tour.capabilities:
        yield Echo("a missing resource", "resources/read", lambda nonce: {"uri": f"{UNKNOWN_URI}-{nonce}"})
    if "prompts" in tour.capabilities:
        yield Echo("a missing prompt", "prompts/get", lambda nonce: {"name": f"{UNKNOWN_NAME}-{nonce}"})
    if "tools" in tour.capabilities:
        yield Echo("a missing tool", "tools/call", lambda nonce: {"name": f"{UNKNOWN_NAME}-{nonce}"})
    yield Echo("a missing method", f"{UNKNOWN_METHOD}-$NONCE", lambda nonce: {})


def _call(role: Role, nonce: str) -> dict[str, Any]:
    return role.params(nonce=nonce)
