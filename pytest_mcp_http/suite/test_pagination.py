"""Pagination: cursors, and walks over all pages of a list."""

from __future__ import annotations
