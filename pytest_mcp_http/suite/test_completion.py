"""Completion: suggestions for arguments of prompts and resource templates."""

from __future__ import annotations
