"""The settings, read by a process of its own.

The library that finds every mistake costs a quarter of a second and 12 MB, for a minute of work in
the life of a bot: so that time passes beside our own imports, and that memory goes back.
"""

from __future__ import annotations

import contextlib
import os
import pickle
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, cast

if TYPE_CHECKING:
    from bot.settings import Mistake, Settings

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
        assert self._process.stdin is not None
        # what has ended already says so in `result`
        with contextlib.suppress(BrokenPipeError), self._process.stdin as pipe:
            pipe.write(pickle.dumps(request))

    def result(self) -> Settings | list[Mistake]:
        """As `load_settings` gives it. SettingsProcessFailed when the process was ended."""
        assert self._process.stdout is not None
        with self._process.stdout as pipe:
            answer = pipe.read()
        code = self._process.wait()
        if code != 0:
            raise SettingsProcessFailed(f"reading the settings ended with {code}")
        return cast("Settings | list[Mistake]", pickle.loads(answer))  # noqa: S301 - our own process


def _own_environment() -> dict[str, str]:
    """The modules that we run are the modules that it runs."""
    own = dict(os.environ)
    own["PYTHONPATH"] = os.pathsep.join(path for path in sys.path if path)
    return own


def main() -> None:
    """The process: one request on standard input, one answer on standard output."""
    from bot.settings import load_settings

    path, environ, language = cast(_Request, pickle.load(sys.stdin.buffer))  # noqa: S301 - our own
    pickle.dump(load_settings(path, environ, language=language), sys.stdout.buffer)


if __name__ == "__main__":
    main()
