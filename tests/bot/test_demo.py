"""`sekisho demo`: the whole product as its own processes, played and ended."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import urllib.request
from pathlib import Path

import pytest

from tests.bot.command import environment, sekisho

pytestmark = pytest.mark.proves("M1")

START_SECONDS = 60.0


def _children(folder: Path, named: bytes = b"") -> list[int]:
    """Processes whose command or environment names this temporary folder: all of the demo's."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            words = command + (process / "environ").read_bytes()
        except (OSError, ProcessLookupError):
            continue
        if os.fsencode(folder) in words and named in command and int(process.name) != os.getpid():
            found.append(int(process.name))
    return found


async def _start(folder: Path, *words: str) -> tuple[asyncio.subprocess.Process, str]:
    """The demo, and what it said up to its last line."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.cli", "demo", *words,
        env=environment({"TMPDIR": str(folder)}), stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdout is not None
    said = ""
    async with asyncio.timeout(START_SECONDS):
        while "Ctrl-C" not in said:
            line = await process.stdout.readline()
            assert line, said + (await process.communicate())[1].decode()
            said += line.decode()
    return process, said


@pytest.mark.proves("A1", "B1", "B4", "C1", "C3")
async def test_the_script_plays_the_main_job_and_everything_is_as_it_should_be() -> None:
    ended = await sekisho("demo", "--script")
    assert ended.code == 0, ended.said
    assert "The audit log is good" in ended.out
    assert ended.out.count("/initiate 202") == 3


async def test_ctrl_c_ends_everything_and_leaves_nothing_behind(tmp_path: Path) -> None:
    process, said = await _start(tmp_path)
    url = next(word for word in said.split() if word.startswith("http://"))
    with await asyncio.to_thread(urllib.request.urlopen, url) as page:
        assert page.status == 200
    assert all(f"  {number}. " in said for number in (1, 2, 3))
    process.send_signal(signal.SIGINT)
    async with asyncio.timeout(START_SECONDS):
        await process.communicate()
    assert process.returncode == 0
    assert _children(tmp_path) == []
    assert os.listdir(tmp_path) == []


async def test_a_child_that_dies_ends_the_demo_with_its_log(tmp_path: Path) -> None:
    process, _ = await _start(tmp_path, "--language", "en")
    (bot,) = _children(tmp_path, b"bot.cli\0run")
    os.kill(bot, signal.SIGKILL)
    async with asyncio.timeout(START_SECONDS):
        _, errors = await process.communicate()
    assert process.returncode == 1
    assert "bot did not run on" in errors.decode()
    assert _children(tmp_path) == []
