"""Error codes that JSON-RPC and MCP define.

Source: https://www.jsonrpc.org/specification#error_object and
    https://modelcontextprotocol.io/specification/2026-07-28/basic#error-codes
"""

from __future__ import annotations

from typing import Final

PARSE_ERROR: Final = -32700
INVALID_REQUEST: Final = -32600
METHOD_NOT_FOUND: Final = -32601
INVALID_PARAMS: Final = -32602

HEADER_MISMATCH: Final = -32020
MISSING_CAPABILITY: Final = -32021
UNSUPPORTED_VERSION: Final = -32022
MODERN_ERRORS: Final = frozenset({HEADER_MISMATCH, MISSING_CAPABILITY, UNSUPPORTED_VERSION})
"""Codes that only the modern era defines: a server that answers with one speaks it."""
