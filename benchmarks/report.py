"""The table, the file and the verdict of a run."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import msgspec

from benchmarks.figures import Figure, Missed, Target, missed, percentile, written

_HEAD = ("what", "unit", "floor p50", "p99", "ours p50", "p99", "ratio", "target", "")


def table(figures: Sequence[Figure], targets: Mapping[str, Sequence[Target]]) -> str:
    """One line for each figure; notes below."""
    rows = [_HEAD, *(_row(figure, targets.get(figure.name, ())) for figure in figures)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(_HEAD))]
    lines = [_line(row, widths) for row in rows]
    lines.insert(1, "  ".join("-" * width for width in widths))
    lines += [f"{figure.name}: {figure.note}" for figure in figures if figure.note]
    return "\n".join(lines)


def misses(
    figures: Sequence[Figure], targets: Mapping[str, Sequence[Target]], expected: Iterable[str]
) -> list[Missed]:
    """Every target that was not reached; an expected figure that is not there misses all of its."""
    by_name = {figure.name: figure for figure in figures}
    found: list[Missed] = []
    for name in expected:
        aims = targets.get(name, ())
        figure = by_name.get(name)
        found += missed(figure, aims) if figure else [Missed(name, aim, None) for aim in aims]
    return found


def sentence(miss: Missed) -> str:
    """`click_http: p99 is 31.2, the target is at most 25`."""
    if miss.found is None:
        return f"{miss.name}: {miss.target.measure.value} was not measured"
    limit = f"{miss.target.limit:g}"
    return (
        f"{miss.name}: {miss.target.measure.value} is {miss.found:.2f}, at most {limit} is wanted"
    )


def write(path: Path, figures: Sequence[Figure], targets: Mapping[str, Sequence[Target]]) -> None:
    """`build/bench.json`."""
    path.parent.mkdir(parents=True, exist_ok=True)
    rows = [written(figure, targets.get(figure.name, ())) for figure in figures]
    path.write_bytes(msgspec.json.format(msgspec.json.encode({"figures": rows}), indent=2) + b"\n")


def _row(figure: Figure, targets: Sequence[Target]) -> tuple[str, ...]:
    wrong = missed(figure, targets)
    verdict = "" if not targets else "misses" if wrong else "ok"
    ratio = figure.ratio
    return (
        figure.title,
        figure.unit.value,
        _number(percentile(figure.floor, 50)),
        _number(percentile(figure.floor, 99)),
        _number(percentile(figure.ours, 50)),
        _number(percentile(figure.ours, 99)),
        "" if ratio is None else f"{ratio:.2f}",
        ", ".join(f"{_short(target)} <= {target.limit:g}" for target in targets),
        verdict,
    )


def _short(target: Target) -> str:
    return target.measure.value.split()[0]


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    return "  ".join(cell.ljust(width) for cell, width in zip(row, widths, strict=True)).rstrip()
