"""What all assertion helpers share: taking any response, and failing in one form."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from functools import wraps
from typing import Any, NoReturn, ParamSpec, Protocol, TypeVar, runtime_checkable

from pytest_mcp_http.errors import RequirementViolated
from pytest_mcp_http.wire.exchange import Chunk, Exchange, Request
from pytest_mcp_http.wire.headers import Headers

__tracebackhide__ = True  # a failure is about the response, not about this code


@runtime_checkable
class Response(Protocol):
    """A response of httpx, requests or Starlette's TestClient, as far as the helpers read it."""

    @property
    def status_code(self) -> int:
        """HTTP status code."""

    @property
    def headers(self) -> Any:
        """Response headers."""

    @property
    def content(self) -> bytes:
        """The whole body."""


@runtime_checkable
class HasExchange(Protocol):
    """What an exchange belongs to: an open stream, a typed result, a failure."""

    @property
    def exchange(self) -> Exchange:
        """The exchange, as far as it has come."""


Judged = Exchange | HasExchange | Response

P = ParamSpec("P")
T = TypeVar("T")


def judges(*ids: str) -> Callable[[Callable[P, T]], Callable[P, T]]:
    """Name the requirements that a helper judges, so that its failures name them too.

    Args:
        ids: Ids in the registry. A failure that names requirements already keeps its own.

    Returns:
        A decorator that sets the attribute `mcp_requirements`.
    """

    def mark(helper: Callable[P, T]) -> Callable[P, T]:
        @wraps(helper)
        def judge(*args: P.args, **kwargs: P.kwargs) -> T:
            try:
                return helper(*args, **kwargs)
            except RequirementViolated as violation:
                violation.requirements = violation.requirements or ids
                raise

        judge.mcp_requirements = ids  # type: ignore[attr-defined]
        return judge

    return mark


def as_exchange(response: Judged) -> Exchange:
    """Return an exchange for any response, so that one set of helpers serves all clients.

    Args:
        response: An `Exchange`, an object with an attribute `exchange`, or a response object with
            `status_code`, `headers` and `content`.

    Returns:
        The exchange itself, or one made from the response; times are then all zero.

    Raises:
        TypeError: If the object is no response, or its body was not read.
    """
    if isinstance(response, Exchange):
        return response
    owned = getattr(response, "exchange", None)
    if isinstance(owned, Exchange):
        return owned
    try:
        known = isinstance(response, Response)
        content = response.content if known else b""  # type: ignore[union-attr]
    except RuntimeError as error:  # httpx: a stream that nobody read
        raise TypeError(
            f"the body of this {type(response).__name__} was not read: call its read() first"
        ) from error
    if not isinstance(response, Response):
        raise TypeError(f"not a response: {type(response).__name__} has no status_code, headers and content")
    try:
        sent = getattr(response, "request", None)
    except RuntimeError:  # httpx: a response that no request was made for
        sent = None
    body = getattr(sent, "content", None) or getattr(sent, "body", None) or b""
    raw = getattr(response.headers, "raw", None)
    return Exchange(
        request=Request(
            str(getattr(sent, "method", "") or ""),
            str(getattr(sent, "url", "") or ""),
            Headers(_pairs(getattr(sent, "headers", {}))),
            body.encode() if isinstance(body, str) else bytes(body),
        ),
        status=response.status_code,
        reason=str(getattr(response, "reason_phrase", "") or getattr(response, "reason", "") or ""),
        headers=Headers(raw if raw is not None else _pairs(response.headers)),
        chunks=(Chunk(content, 0.0),) if content else (),
        headers_at=0.0,
    )


def _pairs(headers: Any) -> Iterable[tuple[str, str]]:
    return [(str(name), str(value)) for name, value in dict(headers).items()]


def violated(
    actual: str, expected: str | Sequence[str], exchange: Exchange | None, *, note: bool = False
) -> NoReturn:
    """Raise `RequirementViolated`.

    Args:
        actual: What the server did.
        expected: The legal outcome, or all of them.
        exchange: The exchange that proves it.
        note: True for behaviour that the specification leaves open.
    """
    wanted = (expected,) if isinstance(expected, str) else tuple(expected)
    raise RequirementViolated(actual, expected=wanted, exchange=exchange, note=note)
