"""What one reading of alerts brings: the alerts, what could not be read, whether more are there."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from defender.alert import Alert


@dataclass(frozen=True, slots=True)
class AlertBatch:
    """What was read; `bad`: one sentence for each thing that could not be."""

    alerts: tuple[Alert, ...] = ()
    bad: tuple[str, ...] = ()
    #: the answer was cut short: there are more alerts than these.
    is_cut: bool = False

    def __add__(self, other: AlertBatch) -> AlertBatch:
        return AlertBatch(
            self.alerts + other.alerts, self.bad + other.bad, self.is_cut or other.is_cut
        )


@dataclass(frozen=True, slots=True)
class KeyBatch:
    """Identities alone: of alerts whose whole bodies are not worth reading."""

    keys: tuple[str, ...] = ()
    #: there are more than these.
    is_cut: bool = False


def in_order(pages: Sequence[AlertBatch]) -> AlertBatch:
    """All pages as one, each alert once: the last that was read counts (C046), oldest first."""
    latest = {alert.key: alert for page in pages for alert in page.alerts}
    return AlertBatch(
        tuple(sorted(latest.values(), key=_age)),
        tuple(sentence for page in pages for sentence in page.bad),
        any(page.is_cut for page in pages),
    )


def _age(alert: Alert) -> tuple[float, str]:
    """Equal instants are told apart by identity (C017)."""
    at = alert.generated_at or alert.started_at
    return (at.timestamp() if at else 0.0, alert.key)
