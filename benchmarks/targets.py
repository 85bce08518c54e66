"""What each figure has to reach. One visible list; a figure that is not in it is only shown."""

from __future__ import annotations

from collections.abc import Mapping
from types import MappingProxyType

from benchmarks.figures import Measure, Target

#: Slack waits 3 s for an ack; twice the bare work and 25 ms leave all of it to the network.
_ACK = (Target(Measure.RATIO, 2.0), Target(Measure.P99, 25.0))

TARGETS: Mapping[str, tuple[Target, ...]] = MappingProxyType(
    {
        "click_http": _ACK,
        "click_socket": _ACK,
        "command": _ACK,
        # the same click while the consequences of earlier ones run in the same process
        "click_whole": (Target(Measure.P99, 25.0),),
        "initiate": (Target(Measure.P50, 50.0),),
        "type_ahead": (Target(Measure.P99, 50.0),),
        "ready_socket": (Target(Measure.P50, 1.0),),
        "ready_http": (Target(Measure.P50, 1.0),),
        "memory": (Target(Measure.P50, 100.0),),
        "verify": (Target(Measure.P50, 2.0),),
        # an alert is in its channel half a second after the poll that shows it
        "raised": (Target(Measure.P99, 500.0),),
        "ingest": (Target(Measure.RATIO, 2.0),),
        "storm": (Target(Measure.RATIO, 1.1),),
        "storm_click": (Target(Measure.P99, 50.0),),
        "storm_memory": (Target(Measure.P50, 150.0),),
    }
)
