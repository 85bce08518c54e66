"""Measures everything in one run, prints a table, writes build/bench.json.

`--check` ends with 1 and names every target that is missed; `--quick` takes few samples, to see
that all of it works.
"""

from __future__ import annotations

import argparse
import asyncio
import shutil
import signal
import sys
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path

from benchmarks import (
    clicks,
    crowd,
    ingest,
    opening,
    raised,
    report,
    starting,
    storm,
    typing_ahead,
    verifying,
)
from benchmarks.children import ChildFailed
from benchmarks.clicks import NotRecorded
from benchmarks.figures import Figure, Unit
from benchmarks.ground import Ground, ground
from benchmarks.load import NoAnswer
from benchmarks.targets import TARGETS

OUT = Path(__file__).resolve().parent.parent / "build" / "bench.json"

Measuring = Callable[[Ground, int], Awaitable[Figure | list[Figure]]]

#: What spoils one figure and not the run; --check ends with 1 for it.
FAILURES = (TimeoutError, OSError, NoAnswer, ChildFailed, NotRecorded)

#: name, how, samples, samples of a quick run.
PLAN: tuple[tuple[str, Measuring, int, int], ...] = (
    ("click_http", clicks.click_http, 400, 40),
    ("click_socket", clicks.click_socket, 400, 40),
    ("command", clicks.command, 200, 20),
    ("click_whole", clicks.click_whole, 60, 10),
    ("initiate", opening.initiate, 20, 5),
    ("type_ahead", typing_ahead.type_ahead, 600, 60),
    ("crowd", crowd.crowd, 6, 1),
    ("crowd_slow", crowd.crowd_slow, 3, 1),
    ("ready", starting.ready, 7, 2),
    ("verify", verifying.verify, 5, 1),
    ("raised", raised.raised, 8, 2),
    ("ingest", ingest.ingest, 5, 1),
    # alerts, not samples: one storm takes a minute and a half
    ("storm", storm.storm, 10_000, 600),
)


def main(arguments: Sequence[str] | None = None) -> int:
    """0; with --check, 1 when a target is missed."""
    options = _options(arguments)
    chosen = [row for row in PLAN if not options.only or row[0] in options.only]
    folder = Path(tempfile.mkdtemp(prefix="sekisho-bench-"))
    try:
        figures = asyncio.run(_measure(folder, chosen, is_quick=options.quick))
    finally:
        if not options.keep:
            shutil.rmtree(folder, ignore_errors=True)
    print(report.table(figures, TARGETS))
    report.write(OUT, figures, TARGETS)
    expected = [figure.name for figure in figures] if options.only else list(TARGETS)
    return verdict(figures, expected) if options.check else 0


def verdict(figures: Sequence[Figure], expected: Sequence[str]) -> int:
    """1 when one of the expected figures misses a target, each named."""
    found = report.misses(figures, TARGETS, expected)
    for miss in found:
        print(report.sentence(miss), file=sys.stderr)
    return 1 if found else 0


async def _measure(
    folder: Path, chosen: Sequence[tuple[str, Measuring, int, int]], *, is_quick: bool
) -> list[Figure]:
    figures: list[Figure] = []
    task = asyncio.current_task()
    assert task is not None
    # Ended from outside, the run still ends its servers.
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, task.cancel)
    async with ground(folder) as here:
        for name, measure, samples, few in chosen:
            print(f"{name} ...", file=sys.stderr, flush=True)
            try:
                found = await measure(here, few if is_quick else samples)
            except FAILURES as error:
                why = f"not measured: {type(error).__name__}: {error}"
                found = Figure(name, name, Unit.MILLISECONDS, (), note=why)
            figures += found if isinstance(found, list) else [found]
    return figures


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description=__doc__)
    parser.add_argument("--check", action="store_true", help="end with 1 when a target is missed")
    parser.add_argument("--quick", action="store_true", help="few samples")
    parser.add_argument("--keep", action="store_true", help="leave logs and data in place")
    names = [row[0] for row in PLAN]
    parser.add_argument("--only", action="append", choices=names, help="this one; may be repeated")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    sys.exit(main())
