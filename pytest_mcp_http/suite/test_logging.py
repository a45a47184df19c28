"""Logging: levels, filters, and what log messages hold."""

from __future__ import annotations
