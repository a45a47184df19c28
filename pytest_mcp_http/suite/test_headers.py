"""The headers that repeat parts of a message, and what a server does when they do not match."""

from __future__ import annotations
