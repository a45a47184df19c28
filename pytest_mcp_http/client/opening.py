"""How a client begins: which revision it speaks, and whether the server took it."""

from __future__ import annotations

from typing import Any

from pytest_mcp_http.client.core import Core
from pytest_mcp_http.spec.error_codes import MODERN_ERRORS
from pytest_mcp_http.spec.revisions import HANDSHAKE_REVISIONS, MODERN_REVISIONS
from pytest_mcp_http.wire.exchange import Exchange


class Opening(Core):
    """Open a client for calls."""

    async def connect(self) -> None:
        """Complete the opening; look at `negotiated` and `opening` for the outcome.

        A client without a revision asks for the newest modern one first, and falls back to the handshake if
        the answer is none of a modern server.

        Source: https://modelcontextprotocol.io/specification/2026-07-28/basic/versioning
        """
        speaker = self.speaker
        if speaker.negotiates:
            speaker.speak(MODERN_REVISIONS[-1])
            exchange = await self.discover()
            if _is_modern(exchange):
                await self._choose(exchange)
                return
            speaker.speak(HANDSHAKE_REVISIONS[-1])
        if (await self.open()).result is not None and speaker.dialect.sessions:
            if speaker.negotiates and speaker.negotiated in HANDSHAKE_REVISIONS:
                # The offer of a server that does not speak the newest one.
                speaker.speak(speaker.negotiated)
            await self.initialized()

    async def _choose(self, exchange: Exchange) -> None:
        """Take the newest modern revision that a server lists, and open again if that is another one."""
        listed = _listed(exchange)
        common = [revision for revision in MODERN_REVISIONS if revision in listed]
        if common and self.speaker.negotiated is None:
            self.speaker.speak(common[-1])
            await self.discover()

    async def enter(self) -> None:
        """Connect, and make sure that it succeeded.

        Raises:
            CallError: If the server cannot be spoken to.
        """
        await self.connect()
        self._require_open()

    def _require_open(self) -> None:
        self.speaker.opened_with()


def _listed(exchange: Exchange) -> list[Any]:
    """Return the versions that a modern server lists, in its result or its refusal."""
    result = exchange.result
    data = (exchange.error or {}).get("data")
    if isinstance(result, dict):
        listed = result.get("supportedVersions")
    else:
        listed = data.get("supported") if isinstance(data, dict) else None
    return listed if isinstance(listed, list) else []


def _is_modern(exchange: Exchange) -> bool:
    """Return whether only a modern server answers like this, one that has a modern version to offer."""
    if exchange.error_code in MODERN_ERRORS or isinstance(exchange.result, dict):
        listed = _listed(exchange)
        newer = any(isinstance(each, str) and each > HANDSHAKE_REVISIONS[-1] for each in listed)
        return newer or (not listed and exchange.error_code in MODERN_ERRORS)
    return False
