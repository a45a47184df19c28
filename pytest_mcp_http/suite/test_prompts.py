"""The list of prompts: that it is the same on every connection."""

from __future__ import annotations
