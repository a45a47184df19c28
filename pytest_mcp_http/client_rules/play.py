"""What a client did while a script was played to it, in the views that the rules read.

It must not know requirements, processes or pytest.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from pytest_mcp_http.dialect import PROTOCOL_VERSION
from pytest_mcp_http.errors import NotVerified
from pytest_mcp_http.mock.script import Script
from pytest_mcp_http.mock.server import SESSION_HEADER, is_modern
from pytest_mcp_http.mock.socket_server import Recorded
from pytest_mcp_http.spec.revisions import era_of
from pytest_mcp_http.wire.jsonrpc import Kind, Message


@dataclass(frozen=True)
class Sent:
    """One JSON-RPC message of the client.

    Attributes:
        record: The request that carried it, alone or in a batch.
        message: The message.
    """

    record: Recorded
    message: Message

    @property
    def params(self) -> Mapping[str, Any]:
        """The params, empty if there are none."""
        return self.message.params if isinstance(self.message.params, dict) else {}

    @property
    def meta(self) -> Mapping[str, Any]:
        """The `_meta` of the params, empty if there is none."""
        meta = self.params.get("_meta")
        return meta if isinstance(meta, dict) else {}

    @property
    def result(self) -> Mapping[str, Any] | None:
        """The result that it got, or None."""
        response = self.record.exchange.response_to(self.message.id)
        return response.result if response is not None and isinstance(response.result, dict) else None


@dataclass(frozen=True)
class Play:
    """The requests of one client, and what they were answered.

    Attributes:
        script: The script.
        revision: The revision that the server spoke.
        records: Every request for the endpoint, in the order in which they came.
        elsewhere: Requests for other addresses of the server.
        contract: Whether the client was told what to do: to list the tools, to call each of them, to end its
            session. Without that, a request that is missing proves nothing.
        ended_at: When the client had ended or was made to, in seconds since the server started; a connection
            that closes later tells nothing. None if it has not ended.
        timeout: Seconds after which the client was told to give a request up.
    """

    script: Script
    revision: str
    records: tuple[Recorded, ...]
    elsewhere: tuple[Recorded, ...] = ()
    contract: bool = False
    ended_at: float | None = None
    timeout: float = 0.0

    @property
    def modern(self) -> bool:
        """Whether the revision has no handshake."""
        return era_of(self.revision) == "modern"

    @cached_property
    def requests(self) -> tuple[Recorded, ...]:
        """The requests that belong to the revision.

        A client of both eras may try the other one first; those requests are not judged here.
        """
        modern = [record.number for record in self.records if is_modern(record.exchange.request)]
        if not self.modern:
            return tuple(record for record in self.records if record.number not in modern)
        legacy = [record.number for record in self.records if _opens(record)]
        end = min((number for number in legacy if modern and number > modern[0]), default=None)
        return tuple(
            record
            for record in self.records
            if modern and record.number not in legacy and (end is None or record.number < end)
        )

    @cached_property
    def posts(self) -> tuple[Recorded, ...]:
        """The POST requests among them.

        Raises:
            NotVerified: If there is none.
        """
        found = tuple(record for record in self.requests if record.exchange.request.method == "POST")
        return self.need(found, f"the client sent nothing of {self.revision}")

    def need(self, found: Iterable[Any], reason: str) -> tuple[Any, ...]:
        """Return what was found.

        Raises:
            NotVerified: With the reason, if it is nothing.
        """
        found = tuple(found)
        if not found:
            raise NotVerified(reason)
        return found

    @cached_property
    def messages(self) -> tuple[Sent, ...]:
        """Every message, members of batches one by one."""
        found: list[Sent] = []
        for record in self.posts:
            message = record.exchange.request.message
            if message is not None:
                members = message.members if message.kind is Kind.BATCH else (message,)
                found += [Sent(record, member) for member in members]
        return tuple(found)

    def calls(self, *methods: str) -> tuple[Sent, ...]:
        """Return the JSON-RPC requests with one of these methods, or all."""
        return tuple(
            sent
            for sent in self.messages
            if sent.message.kind is Kind.REQUEST and (not methods or sent.message.method in methods)
        )

    def notifications(self, method: str) -> tuple[Sent, ...]:
        """Return the notifications with a method."""
        return tuple(
            sent
            for sent in self.messages
            if sent.message.kind in (Kind.NOTIFICATION, Kind.REQUEST) and sent.message.method == method
        )

    @cached_property
    def openings(self) -> tuple[Sent, ...]:
        """The `initialize` requests that were answered with a result.

        Raises:
            NotVerified: If there is none.
        """
        found = [
            sent for sent in self.calls("initialize") if sent.result and sent.record.answered_at is not None
        ]
        return self.need(found, "initialize was never answered with a result")

    @cached_property
    def sessions(self) -> tuple[tuple[float, str], ...]:
        """When each session id was assigned, and the id.

        Raises:
            NotVerified: If there is none.
        """
        found = [
            (sent.record.answered_at, id)
            for sent in self.openings
            if (id := sent.record.exchange.headers.get(SESSION_HEADER)) is not None
        ]
        return self.need(found, "no session id was assigned")

    def after(self, at: float | None) -> tuple[Recorded, ...]:
        """Return the requests of the revision that were complete after a time; none if there is no time."""
        return tuple(record for record in self.requests if at is not None and record.at > at)

    def left(self, record: Recorded) -> bool:
        """Return whether the client closed the connection while the answer was not complete."""
        return record.left_at is not None and (self.ended_at is None or record.left_at <= self.ended_at)


def _opens(record: Recorded) -> bool:
    message = record.exchange.request.message
    return message is not None and message.method == "initialize"


def version_of(sent: Sent) -> object:
    """Return the protocol version in the `_meta` of a message, or None."""
    return sent.meta.get(PROTOCOL_VERSION)


def show(sent: Sent) -> str:
    """Name a message for a report."""
    return f"{sent.message.method or sent.message.kind.value} with the id {sent.message.id!r}"
