"""What calls of a client return: small frozen values, read strictly; `raw` holds all that the server sent."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from pytest_mcp_http.client.reading import Reader
from pytest_mcp_http.wire.exchange import Exchange

Json = Mapping[str, Any]


@dataclass(frozen=True)
class Implementation:
    """Name and version of a server."""

    name: str
    version: str
    title: str | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> Implementation:
        """Read one."""
        return cls(
            value.child("name").text(),
            value.child("version").text(),
            value.optional_text("title"),
            value.mapping(),
        )


@dataclass(frozen=True)
class Tool:
    """A tool of a list."""

    name: str
    input_schema: Json
    title: str | None = None
    description: str | None = None
    output_schema: Json | None = None
    annotations: Json | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> Tool:
        """Read one."""
        return cls(
            value.child("name").text(),
            value.child("inputSchema").mapping(),
            value.optional_text("title"),
            value.optional_text("description"),
            value.optional_mapping("outputSchema"),
            value.optional_mapping("annotations"),
            value.mapping(),
        )


@dataclass(frozen=True)
class Resource:
    """A resource of a list."""

    uri: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    size: int | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> Resource:
        """Read one."""
        return cls(
            value.child("uri").text(),
            value.child("name").text(),
            value.optional_text("title"),
            value.optional_text("description"),
            value.optional_text("mimeType"),
            value.optional("size", Reader.integer),
            value.mapping(),
        )


@dataclass(frozen=True)
class ResourceTemplate:
    """A template of a list."""

    uri_template: str
    name: str
    title: str | None = None
    description: str | None = None
    mime_type: str | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> ResourceTemplate:
        """Read one."""
        return cls(
            value.child("uriTemplate").text(),
            value.child("name").text(),
            value.optional_text("title"),
            value.optional_text("description"),
            value.optional_text("mimeType"),
            value.mapping(),
        )


@dataclass(frozen=True)
class PromptArgument:
    """An argument of a prompt."""

    name: str
    title: str | None = None
    description: str | None = None
    required: bool = False
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> PromptArgument:
        """Read one."""
        return cls(
            value.child("name").text(),
            value.optional_text("title"),
            value.optional_text("description"),
            value.optional("required", Reader.boolean) or False,
            value.mapping(),
        )


@dataclass(frozen=True)
class Prompt:
    """A prompt of a list."""

    name: str
    title: str | None = None
    description: str | None = None
    arguments: tuple[PromptArgument, ...] = ()
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> Prompt:
        """Read one."""
        return cls(
            value.child("name").text(),
            value.optional_text("title"),
            value.optional_text("description"),
            value.each("arguments", PromptArgument.read) if value.has("arguments") else (),
            value.mapping(),
        )


@dataclass(frozen=True)
class ResourceContents:
    """Contents of a resource: a text or bytes, the other is None."""

    uri: str
    mime_type: str | None = None
    text: str | None = None
    blob: bytes | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> ResourceContents:
        """Read one."""
        text = value.optional_text("text")
        blob = value.optional("blob", Reader.data)
        if (text is None) == (blob is None):
            raise value.fail("either text or blob")
        return cls(value.child("uri").text(), value.optional_text("mimeType"), text, blob, value.mapping())


@dataclass(frozen=True)
class Content:
    """A block of content.

    Attributes:
        type: `text`, `image`, `audio`, `resource_link`, `resource`, or what the server says.
        text: The text of `text`, else None.
        data: The bytes of `image` and `audio`, else None.
        mime_type: The media type of `image`, `audio` and `resource_link`, else None.
        uri: Where `resource_link` leads, else None.
        resource: The contents of `resource`, else None.
        raw: The block as it came.
    """

    type: str
    text: str | None = None
    data: bytes | None = field(default=None, repr=False)
    mime_type: str | None = None
    uri: str | None = None
    resource: ResourceContents | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> Content:
        """Read one; of an unknown type only the type is read."""
        type = value.child("type").text()
        media = type in ("image", "audio")
        link = type == "resource_link"
        return cls(
            type,
            value.child("text").text() if type == "text" else None,
            value.child("data").data() if media else None,
            value.child("mimeType").text() if media else value.optional_text("mimeType") if link else None,
            value.child("uri").text() if link else None,
            ResourceContents.read(value.child("resource")) if type == "resource" else None,
            value.mapping(),
        )


@dataclass(frozen=True)
class Progress:
    """How far a call has come."""

    progress: float
    total: float | None = None
    message: str | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> Progress:
        """Read one."""
        return cls(
            value.child("progress").number(),
            value.optional("total", Reader.number),
            value.optional_text("message"),
            value.mapping(),
        )


@dataclass(frozen=True)
class LogMessage:
    """A log message of the server."""

    level: str
    data: Any
    logger: str | None = None
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> LogMessage:
        """Read one."""
        if not value.has("data"):
            raise value.child("data").fail("a value")
        return cls(
            value.child("level").text(), value.raw["data"], value.optional_text("logger"), value.mapping()
        )


@dataclass(frozen=True)
class Result:
    """The result of any request.

    Attributes:
        raw: The `result` as it came.
        exchange: The exchange that brought it.
        progress: What was told meanwhile, in order, if it was asked for.
        logs: Log messages that came with it, in order.
    """

    raw: Json = field(repr=False)
    exchange: Exchange = field(repr=False)
    progress: tuple[Progress, ...] = ()
    logs: tuple[LogMessage, ...] = ()


@dataclass(frozen=True)
class ToolResult(Result):
    """What a tool returned.

    Attributes:
        content: The blocks of content.
        structured: `structuredContent`, or None.
        is_error: Whether the tool says that it failed.
    """

    content: tuple[Content, ...] = ()
    structured: Any = None
    is_error: bool = False

    @property
    def text(self) -> str:
        """The texts of the content, one after the other, with a line break between."""
        return "\n".join(block.text for block in self.content if block.text is not None)


@dataclass(frozen=True)
class ResourceResult(Result):
    """What reading a resource brought.

    Attributes:
        contents: The contents; several for a resource with parts.
    """

    contents: tuple[ResourceContents, ...] = ()

    @property
    def text(self) -> str:
        """The texts of the contents, one after the other, with a line break between."""
        return "\n".join(each.text for each in self.contents if each.text is not None)


@dataclass(frozen=True)
class PromptMessage:
    """A message of a prompt."""

    role: str
    content: Content
    raw: Json = field(default_factory=dict, repr=False)

    @classmethod
    def read(cls, value: Reader) -> PromptMessage:
        """Read one."""
        return cls(value.child("role").text(), Content.read(value.child("content")), value.mapping())


@dataclass(frozen=True)
class PromptResult(Result):
    """A prompt with its arguments filled in."""

    description: str | None = None
    messages: tuple[PromptMessage, ...] = ()


@dataclass(frozen=True)
class Completion(Result):
    """What an argument may be completed to."""

    values: tuple[str, ...] = ()
    total: int | None = None
    has_more: bool = False
