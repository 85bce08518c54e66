"""Fixtures of the edge for tests of faults: the sandbox's Slack, a deliverer, its queues."""

from __future__ import annotations

from tests.delivery.conftest import desk, outbox, slack

__all__ = ["desk", "outbox", "slack"]
