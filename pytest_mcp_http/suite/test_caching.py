"""How long and by whom a result may be kept: `ttlMs` and `cacheScope`."""

from __future__ import annotations
