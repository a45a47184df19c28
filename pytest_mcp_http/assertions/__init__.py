"""Assertion helpers for tests of MCP servers over HTTP; the bundled suite calls the same ones.

They take an `Exchange` of ours or any response object with `status_code`, `headers` and `content`. They are
plain functions: each fails with `RequirementViolated`, which says what was expected, what came, and where.
"""

from __future__ import annotations
