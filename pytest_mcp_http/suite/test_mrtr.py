"""Requests that take several round trips: what a server asks back, and the state that it hands out."""

from __future__ import annotations
