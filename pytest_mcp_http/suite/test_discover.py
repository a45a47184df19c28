"""What a server says of itself in `server/discover`, and whether it is true."""

from __future__ import annotations
