"""Where the metadata of a protected resource and of an authorization server are, by their URLs.

Source: https://www.rfc-editor.org/rfc/rfc9728#section-3.1 and
    https://modelcontextprotocol.io/specification/2025-11-25/basic/authorization#authorization-server-metadata-discovery
"""

from __future__ import annotations

import ipaddress
from typing import Final
from urllib.parse import urlsplit

RESOURCE: Final = "oauth-protected-resource"
SERVER: Final = "oauth-authorization-server"
OPENID: Final = "openid-configuration"


def origin(url: str) -> str:
    """Return scheme, host and port of a URL."""
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def is_loopback(url: str) -> bool:
    """Tell whether a URL names this machine."""
    try:
        host = (urlsplit(url).hostname or "").rstrip(".")
        return host == "localhost" or host.endswith(".localhost") or ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def is_safe(url: str) -> bool:
    """Tell whether a URL has TLS, or names this machine."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return False
    secure = parts.scheme == "https" and bool(parts.hostname)
    return secure or (parts.scheme == "http" and is_loopback(url))


def inserted(url: str, name: str) -> str:
    """Return the place of a document between the host and the path of a URL."""
    return f"{origin(url)}/.well-known/{name}{urlsplit(url).path.rstrip('/')}"


def at_root(url: str, name: str) -> str:
    """Return the place of a document at the root of the host of a URL."""
    return f"{origin(url)}/.well-known/{name}"


def appended(url: str, name: str) -> str:
    """Return the place of a document behind the path of a URL."""
    return f"{origin(url)}{urlsplit(url).path.rstrip('/')}/.well-known/{name}"


def resource_places(url: str) -> tuple[str, ...]:
    """Return where the metadata of an MCP server may be, in the order in which clients look."""
    return tuple(dict.fromkeys((inserted(url, RESOURCE), at_root(url, RESOURCE))))


def server_places(issuer: str) -> tuple[str, ...]:
    """Return where the metadata of an authorization server may be, in the order in which clients look."""
    places = (inserted(issuer, SERVER), inserted(issuer, OPENID), appended(issuer, OPENID))
    return tuple(dict.fromkeys(places))
