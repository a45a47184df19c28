"""Keeps the last output of a server that was started here, and tells what came since a mark."""

from __future__ import annotations

import threading
from collections import deque
from typing import Final

LOG_BYTES: Final = 64 * 1024
"""Bytes of a server's output that are kept, the last ones."""


class Output:
    """The last bytes of an output, which threads may add to and read."""

    def __init__(self) -> None:
        self._pieces: deque[bytes] = deque()
        self._size = 0
        self._written = 0
        self._lock = threading.Lock()

    @property
    def written(self) -> int:
        """Bytes that were ever added: a mark for `text`."""
        return self._written

    def add(self, data: bytes) -> None:
        """Add bytes; the oldest go when there are too many."""
        with self._lock:
            self._pieces.append(data)
            self._size += len(data)
            self._written += len(data)
            while self._size - len(self._pieces[0]) >= LOG_BYTES:
                self._size -= len(self._pieces.popleft())

    def text(self, since: int = 0) -> str:
        """Return what was added after a mark, as far as it is kept, fit to be printed.

        Args:
            since: What `written` was at the mark.
        """
        with self._lock:
            length = min(LOG_BYTES, self._written - since)
            data = b"".join(self._pieces)[-length:] if length > 0 else b""
        text = data.decode("utf-8", "replace")
        return "".join(c if c.isprintable() or c in "\n\t" else "?" for c in text.replace("\r\n", "\n"))
