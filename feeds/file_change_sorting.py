"""What becomes of new changes: asked about, only counted, or announced beforehand. Pure."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from defender.file_change_decode import FileChange
from feeds.bursts import Part, group, time_of
from feeds.file_change_records import Weighed
from feeds.windows import ChangeWindow, PathMute, window_for


@dataclass(frozen=True, slots=True)
class Said:
    """What people said beforehand."""

    windows: tuple[ChangeWindow, ...]
    mutes: tuple[PathMute, ...]


def sort_out(
    weighed: list[Weighed], said: Said, now: datetime
) -> tuple[list[FileChange], list[FileChange], list[tuple[ChangeWindow, list[FileChange]]]]:
    """What is asked about, what is only counted, what was announced."""
    told: list[FileChange] = []
    quiet: list[FileChange] = []
    announced: dict[str, tuple[ChangeWindow, list[FileChange]]] = {}
    for row in weighed:
        change = row.change
        window = window_for(change.machine, time_of(change, now), said.windows)
        if row.fate:
            quiet.append(change)
        elif window is not None:
            announced.setdefault(window.id, (window, []))[1].append(change)
        else:
            told.append(change)
    return told, quiet, list(announced.values())


def by_machine(changes: list[FileChange], now: datetime) -> list[Part]:
    """One part a machine, however long it took: a window's changes are one card."""
    endless = timedelta(days=3_650)
    return group(changes, (), now=now, quiet=endless, longest=endless)
