"""The stream of `subscriptions/listen`: its acknowledgement, what it carries, how it ends."""

from __future__ import annotations
