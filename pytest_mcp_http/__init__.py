"""Conformance tests, fixtures and assertion helpers for MCP servers over Streamable HTTP."""

from __future__ import annotations

__version__ = "0.1.0"
