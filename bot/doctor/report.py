"""The lines of `sekisho check`, each printed as soon as it is known."""

from __future__ import annotations

from dataclasses import dataclass

from bot.console import Console


@dataclass(slots=True)
class Report:
    """`to_mend` counts what somebody has to do."""

    console: Console
    to_mend: int = 0

    def good(self, key: str, **args: object) -> None:
        """`ok: …`"""
        self._line("ok", key, args)

    def note(self, key: str, **args: object) -> None:
        """`note: …`, worth knowing, nothing to do."""
        self._line("note", key, args)

    def mend(self, key: str, **args: object) -> None:
        """`mend: …`, what is wrong and how it is mended."""
        self.to_mend += 1
        self._line("mend", key, args)

    def _line(self, word: str, key: str, args: dict[str, object]) -> None:
        text = self.console.text(f"doctor.{key}", **args)
        self.console.write(f"{self.console.text(f'doctor.word_{word}')} {text}")
