"""The settings, read by a process of its own.

The library that finds every mistake costs a quarter of a second and 12 MB, for a minute of work in
the life of a bot: so that time passes beside our own imports, and that memory goes back.
"""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import cast

from bot.settings import Mistake, Settings, load_settings

_Request = tuple[Path | None, dict[str, str], str]


class SettingsProcessFailed(Exception):
    """It ended without an answer; what went wrong stands on standard error."""


class Reading:
    """A reading that is under way. What comes by a pipe of our own may be unpickled."""

    def __init__(
        self, path: Path | None, environ: Mapping[str, str], *, language: str = "en"
    ) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-P", "-m", "bot.settings_process"],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            env=_own_environment(),
        )
        request: _Request = (path, dict(environ), language)
        self._request = pickle.dumps(request)

    def result(self) -> Settings | list[Mistake]:
        """As `load_settings` gives it. SettingsProcessFailed when the process was ended."""
        answer, _ = self._process.communicate(self._request)
        if self._process.returncode != 0:
            raise SettingsProcessFailed(
                f"reading the settings ended with {self._process.returncode}"
            )
        return cast(Settings | list[Mistake], pickle.loads(answer))  # noqa: S301 - our own process


def _own_environment() -> dict[str, str]:
    """The modules that we run are the modules that it runs."""
    own = dict(os.environ)
    own["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return own


def main() -> None:
    """The process: one request on standard input, one answer on standard output."""
    asked = sys.stdin.buffer.read()
    if not asked:
        sys.exit(1)  # who started us ended before it asked, and has said why
    path, environ, language = cast(_Request, pickle.loads(asked))  # noqa: S301 - our own process
    pickle.dump(load_settings(path, environ, language=language), sys.stdout.buffer)


if __name__ == "__main__":
    main()
