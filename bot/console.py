"""What a command of the command line needs: its language, its texts, the settings.

The settings are imported by what asks for them: `--help` and a start do without.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

from bot.locales import LANGUAGES, load

if TYPE_CHECKING:
    from bot.settings import Mistake, Settings

#: The command did what it should, and what it looked at is good.
GOOD = 0
#: Something is to be mended: a bad entry, a missing right, a start that failed.
BAD = 1
#: The settings or the command line are wrong; nothing was tried.
WRONG = 2

#: In the order in which POSIX reads them.
_LANGUAGE_VARIABLES = ("LC_ALL", "LC_MESSAGES", "LANG")


@dataclass(frozen=True, slots=True)
class Console:
    """Prints texts of the catalogue; one per run of the command."""

    language: str
    config: Path | None = None
    environ: Mapping[str, str] = field(default_factory=lambda: os.environ, repr=False)
    stdout: TextIO = field(default_factory=lambda: sys.stdout)
    stderr: TextIO = field(default_factory=lambda: sys.stderr)

    def text(self, key: str, **args: object) -> str:
        """The text of `key`. KeyError for an unknown key or a missing argument."""
        template = load(self.language)[key]
        if not isinstance(template, str):
            raise KeyError(f"{key} has plural forms")
        return template.format_map(args)

    def say(self, key: str, **args: object) -> None:
        """One line on standard output."""
        self.write(self.text(key, **args))

    def write(self, line: str) -> None:
        print(line, file=self.stdout, flush=True)

    def complain(self, key: str, **args: object) -> None:
        """One line on standard error."""
        print(self.text(key, **args), file=self.stderr, flush=True)

    def settings(self) -> Settings:
        """The settings; with mistakes, one sentence each on standard error and exit code 2."""
        from bot.settings import load_settings

        return self.checked(load_settings(self.config, self.environ, language=self.language))

    def checked(self, found: Settings | list[Mistake]) -> Settings:
        """The settings that were found; ends the process as `settings` does."""
        if not isinstance(found, list):
            return found
        for mistake in found:
            print(mistake, file=self.stderr)
        if self.config is None and not self.environ.get("SEKISHO_CONFIG"):
            self.complain("cli.no_config")
        raise SystemExit(WRONG)


def language_of(environ: Mapping[str, str]) -> str:
    """The language of the terminal: `ja_JP.UTF-8` is Japanese, all else English."""
    named = next((environ[name] for name in _LANGUAGE_VARIABLES if environ.get(name)), "")
    primary = named.replace("-", "_").split("_")[0].split(".")[0].lower()
    return primary if primary in LANGUAGES else "en"
