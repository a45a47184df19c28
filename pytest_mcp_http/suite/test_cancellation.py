"""What a closed stream does to the request behind it, and late cancellations."""

from __future__ import annotations
