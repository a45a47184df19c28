"""Progress: tokens, values that grow, and the end of it."""

from __future__ import annotations
