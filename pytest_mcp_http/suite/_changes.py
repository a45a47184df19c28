"""Changes that tools with the role `change` make, and what the server announces of them, to whom.

Each of these tools is called twice: once while a client listens to everything, once after it has unsubscribed
from the resources. What they changed is seen by comparing lists and contents, so a tool that changes nothing,
or a server whose lists change by themselves, proves nothing.
"""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from dataclasses import dataclass, field
from typing import Any, Final

from pytest_mcp_http._roles import Role
from pytest_mcp_http.assertions.changes import concerns, updated_uris
from pytest_mcp_http.assertions.resources import contents_in
from pytest_mcp_http.assertions.subscriptions import acknowledgement
from pytest_mcp_http.client import McpClient, McpStream
from pytest_mcp_http.dialect import ALL_CHANGES
from pytest_mcp_http.errors import NotApplicable, NotVerified
from pytest_mcp_http.suite._lists import KEYS, whole
from pytest_mcp_http.suite._resources import read
from pytest_mcp_http.tour import Tour
from pytest_mcp_http.wire.exchange import Exchange

MAX_WATCHED: Final = 2
"""Resources that are watched."""

ARRIVAL: Final = 5.0
"""Seconds that an announcement may take."""

QUIET: Final = 0.05
"""Seconds that a stream is watched for what may not come."""


@dataclass(frozen=True)
class Changes:
    """What was changed, and what came of it.

    Attributes:
        stream: The stream of the client that listened to everything and made the changes.
        calls: Its calls, on whose streams announcements may come as well.
        beside: The stream of a client that listened to another resource; None if there is no such stream.
        lists: The lists that changed.
        watched: The resources that the first client listened to.
        updated: Those of them that changed.
        beside_watched: The resource that the other client listened to.
        later: What came on the first stream after its client unsubscribed from all resources.
        later_calls: The calls that it made then.
        updated_later: The resources that changed then.
    """

    stream: Exchange
    calls: tuple[Exchange, ...]
    beside: Exchange | None
    lists: frozenset[str]
    watched: tuple[str, ...]
    updated: tuple[str, ...]
    beside_watched: tuple[str, ...]
    later: tuple[str, ...] = ()
    later_calls: tuple[Exchange, ...] = ()
    updated_later: tuple[str, ...] = ()

    @property
    def heard(self) -> tuple[Exchange, ...]:
        """Where the first client may have been told: its stream, and those of its calls."""
        return (self.stream, *self.calls)


def offers(tour: Tour, capability: str, flag: str) -> bool:
    """Tell whether a flag of a capability is declared."""
    found = tour.capabilities.get(capability)
    return isinstance(found, dict) and found.get(flag) is True


def changed_list(tour: Tour, kind: str) -> Changes:
    """Return the changes, if they changed a list and the server is to announce that.

    Args:
        tour: The tour.
        kind: The list: `tools`, `prompts` or `resources`.

    Raises:
        NotApplicable: If the server declares no `listChanged` for it.
        NotVerified: If the list was not changed, or there is no stream on which it could be announced.
    """
    if not offers(tour, kind, "listChanged"):
        raise NotApplicable(f"the server does not declare {kind}.listChanged")
    found = changes(tour)
    if kind not in found.lists:
        raise NotVerified(f"no tool with the role change changed the list of {kind}")
    return found


def changed_resources(tour: Tour) -> Changes:
    """Return the changes, if they changed a resource to which a client can subscribe.

    Raises:
        NotApplicable: If the server declares no `subscribe`.
        NotVerified: If no resource was changed, or there is no stream on which it could be announced.
    """
    if not offers(tour, "resources", "subscribe"):
        raise NotApplicable("the server does not declare resources.subscribe")
    found = changes(tour)
    if not found.updated:
        raise NotVerified("no tool with the role change changed a resource that was watched")
    return found


def announced_resources(tour: Tour) -> Changes:
    """Return the changes, if a client was told of a resource: the control of what another may not be told.

    Raises:
        NotApplicable: If the server declares no `subscribe`.
        NotVerified: If no resource was changed, or nobody was told.
    """
    found = changed_resources(tour)
    if not any(concerns(uri, found.updated) for each in found.heard for uri in updated_uris(each)):
        raise NotVerified("the client that had asked for it was not told of the change")
    return found


def changes(tour: Tour) -> Changes:
    """Return what the tools with the role `change` changed, and what was announced.

    Raises:
        NotVerified: If there is no such tool, or no stream on which a change could be announced.
    """
    return tour.memo("changes", lambda: _Watch(tour).run())


@dataclass
class _Seen:
    """Lists by name or URI, and contents by URI, at one moment."""

    lists: dict[str, frozenset[str]] = field(default_factory=dict)
    contents: dict[str, Any] = field(default_factory=dict)

    def lists_unlike(self, other: _Seen) -> frozenset[str]:
        """Return which lists are others."""
        return frozenset(kind for kind, items in self.lists.items() if other.lists.get(kind) != items)

    def contents_unlike(self, other: _Seen) -> tuple[str, ...]:
        """Return which contents are others."""
        return tuple(uri for uri, found in self.contents.items() if other.contents.get(uri) != found)


class _Watch:
    """One run of the probe."""

    def __init__(self, tour: Tour) -> None:
        self._tour = tour
        self._roles: tuple[Role, ...] = tour.roles("change")
        if tour.held_up is not None:
            raise NotVerified("the server answers no request while a stream is open")
        self._kinds = [kind for kind in KEYS if offers(tour, kind, "listChanged")]
        self._watched, self._others = self._choose()

    def _choose(self) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Return the resources to watch, those that the tools are called with first, and another one."""
        if not offers(self._tour, "resources", "subscribe"):
            return (), ()
        listed = [item.get("uri") for item in self._tour.items("resources/list", "resources")]
        uris = [uri for uri in listed if isinstance(uri, str)]
        named = [
            uri for uri in uris if any(uri in _texts(role.params()["arguments"]) for role in self._roles)
        ]
        chosen = tuple(dict.fromkeys([*named, *uris]))
        watched = tuple(named[:MAX_WATCHED]) or chosen[:MAX_WATCHED]
        return watched, tuple(uri for uri in chosen if not concerns(uri, watched))[:1]

    def run(self) -> Changes:
        with self._tour.session() as client, self._tour.session() as other, ExitStack() as stack:
            first = self._look(client)
            # What is another one the second time already changes by itself.
            restless = first.contents_unlike(self._look(client, lists=False))
            stream = stack.enter_context(self._listen(client, self._watched, ALL_CHANGES))
            if not _is_open(stream):
                raise NotVerified(f"there is no stream for announcements: {stream.exchange.summary}")
            beside = stack.enter_context(self._listen(other, self._others, {})) if self._others else None
            if not _is_open(stream):
                raise NotVerified("the stream for announcements ended, before there was anything to announce")
            watched = self._subscribe(client, "resources/subscribe", self._watched)
            self._subscribe(other, "resources/subscribe", self._others)
            calls = self._call(client)
            second = self._look(client)
            lists = first.lists_unlike(second)
            updated = tuple(uri for uri in first.contents_unlike(second) if uri not in restless)
            came = stream.wait(lambda found: self._all_came(found, calls, lists, updated), ARRIVAL)
            heard = stream.exchange
            if not came and not stream.alive:
                raise NotVerified(f"the stream for announcements ended meanwhile: {heard.summary}")
            self._subscribe(client, "resources/unsubscribe", watched)
            later_calls = self._call(client)
            third = self._look(client, lists=False)
            stream.wait(lambda _: False, QUIET)
            uris = tuple(updated_uris(stream.close()))[len(tuple(updated_uris(heard))) :]
            later = tuple(uri for uri in second.contents_unlike(third) if uri not in restless)
            return Changes(
                stream=heard,
                calls=calls,
                beside=beside.close() if beside is not None and _is_open(beside) else None,
                lists=lists,
                watched=watched,
                updated=tuple(uri for uri in updated if uri in watched),
                beside_watched=self._others,
                later=uris,
                later_calls=later_calls,
                updated_later=later,
            )

    def _look(self, client: McpClient, *, lists: bool = True) -> _Seen:
        seen = _Seen()
        if lists:
            seen.lists = {kind: frozenset(whole(client, kind, "meanwhile").items) for kind in self._kinds}
        for uri in self._watched:
            seen.contents[uri] = contents_in(read(client, uri))
        return seen

    def _listen(self, client: McpClient, uris: tuple[str, ...], lists: Mapping[str, object]) -> McpStream:
        wanted = {**lists, **({"resourceSubscriptions": list(uris)} if uris else {})}
        stream = client.listen(notifications=wanted)
        if not self._tour.dialect.sessions:
            stream.wait(lambda e: acknowledgement(e) is not None or bool(e.responses), ARRIVAL)
        return stream

    def _subscribe(self, client: McpClient, method: str, uris: tuple[str, ...]) -> tuple[str, ...]:
        """Subscribe where that is a request of its own, and return to what."""
        if not self._tour.dialect.sessions:
            return uris
        return tuple(uri for uri in uris if client.request(method, {"uri": uri}).result is not None)

    def _call(self, client: McpClient) -> tuple[Exchange, ...]:
        client.schemas.update(self._tour.client.schemas)
        found = []
        for role in self._roles:
            exchange = client.request("tools/call", role.params())
            result = exchange.result
            if not isinstance(result, dict) or result.get("isError") is True:
                raise NotVerified(f"the tool {role.tool} of the role change got {exchange.summary}")
            found.append(exchange)
        return tuple(found)

    def _all_came(
        self, stream: Exchange, calls: tuple[Exchange, ...], lists: frozenset[str], updated: tuple[str, ...]
    ) -> bool:
        exchanges = (stream, *calls)
        methods = {message.method for each in exchanges for message in each.notifications}
        uris = {uri for each in exchanges for uri in updated_uris(each)}
        return {f"notifications/{kind}/list_changed" for kind in lists} <= methods and all(
            any(concerns(uri, [each]) for uri in uris) for each in updated
        )


def _is_open(stream: McpStream) -> bool:
    return stream.alive and stream.exchange.ok and stream.exchange.is_sse


def _texts(value: object) -> list[str]:
    """Return all texts in the arguments of a call."""
    if isinstance(value, dict):
        return [text for each in value.values() for text in _texts(each)]
    if isinstance(value, list):
        return [text for each in value for text in _texts(each)]
    return [value] if isinstance(value, str) else []
