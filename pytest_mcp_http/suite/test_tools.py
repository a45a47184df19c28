"""The list of tools: its order, and that it is the same for everybody."""

from __future__ import annotations
