"""The estate: which subscriptions and machines there are."""

from __future__ import annotations

from defender.records import Machine, Subscription

__all__ = ["Machine", "Subscription"]
