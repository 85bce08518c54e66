"""The pure parts of `make bench`, on made-up figures. Nothing here is timed."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path

import pytest

from benchmarks import report, typing_ahead
from benchmarks.__main__ import PLAN, verdict
from benchmarks.figures import Figure, Measure, Target, Unit, missed, percentile
from benchmarks.targets import TARGETS

AIMS: Mapping[str, tuple[Target, ...]] = {
    "click": (Target(Measure.RATIO, 2.0), Target(Measure.P99, 25.0))
}

#: Figures that the plan's rows give under other names than their own.
SEVERAL = {
    "ready": {"ready_socket", "ready_http", "memory"},
    "ingest": {"ingest", "ingest_again"},
    "storm": {"storm", "storm_click", "storm_memory"},
}


def click(ours: tuple[float, ...], floor: tuple[float, ...] = (1.0, 1.0)) -> Figure:
    return Figure("click", "click to ack", Unit.MILLISECONDS, ours, floor)


@pytest.mark.parametrize(
    ("percent", "found"), [(50, 50.0), (99, 99.0), (100, 100.0), (1, 1.0), (0, 1.0)]
)
def test_a_percentile_is_a_sample_that_was_seen(percent: int, found: float) -> None:
    assert percentile([float(n) for n in range(100, 0, -1)], percent) == found


def test_nothing_measured_has_no_percentile_and_no_ratio() -> None:
    nothing = click((), ())
    assert percentile((), 50) is None
    assert nothing.ratio is None
    assert [miss.found for miss in missed(nothing, AIMS["click"])] == [None, None]


def test_the_ratio_is_median_by_median() -> None:
    assert click((1.0, 3.0, 900.0), (1.0, 2.0, 700.0)).ratio == 1.5


def test_a_target_is_reached_at_its_limit_and_missed_above_it() -> None:
    assert not missed(click((2.0, 2.0)), AIMS["click"])
    [miss] = missed(click((1.0, 1.0, 26.0)), AIMS["click"])
    assert (miss.target.measure, miss.found) == (Measure.P99, 26.0)


def test_the_table_says_ok_misses_or_nothing() -> None:
    shown = Figure("crowd", "50 clicks at once", Unit.MILLISECONDS, (5.0,), note="two processes")
    text = report.table([click((1.0,)), click((3.0,)), shown], AIMS)
    good, bad, only_shown, note = text.splitlines()[2:]
    assert good.endswith("ok")
    assert bad.endswith("misses")
    assert only_shown.endswith("5.00")
    assert note == "crowd: two processes"


def test_a_miss_is_named_with_what_was_found() -> None:
    [miss] = report.misses([click((2.5, 2.5))], AIMS, ["click"])
    assert report.sentence(miss) == "click: ratio of the medians is 2.50, at most 2 is wanted"


def test_what_was_not_measured_is_missed() -> None:
    found = [report.sentence(miss) for miss in report.misses([], AIMS, ["click"])]
    assert found == ["click: ratio of the medians was not measured", "click: p99 was not measured"]


def test_check_ends_with_1_and_names_what_misses(capsys: pytest.CaptureFixture[str]) -> None:
    slow = Figure("verify", "audit verify", Unit.SECONDS, (2.5,))
    assert verdict([slow], ["verify"]) == 1
    assert "verify: p50 is 2.50, at most 2 is wanted" in capsys.readouterr().err
    assert verdict([Figure("verify", "audit verify", Unit.SECONDS, (1.5,))], ["verify"]) == 0


def test_the_file_holds_every_figure_with_its_targets_and_misses(tmp_path: Path) -> None:
    path = tmp_path / "build" / "bench.json"
    report.write(path, [click((1.0, 30.0))], AIMS)
    [row] = json.loads(path.read_text())["figures"]
    assert row["ours_p99"] == 30.0
    assert row["targets"] == {"ratio of the medians": 2.0, "p99": 25.0}
    assert row["misses"] == ["ratio of the medians", "p99"]


def test_every_target_belongs_to_a_figure_of_the_plan() -> None:
    planned = {name for row in PLAN for name in SEVERAL.get(row[0], {row[0]})}
    assert set(TARGETS) <= planned


def test_the_same_queries_are_typed_in_every_run() -> None:
    names = [f"web-{number:06}" for number in range(50)]
    assert typing_ahead.queries(names, 30) == typing_ahead.queries(names, 30)
