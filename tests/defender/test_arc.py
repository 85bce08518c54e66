"""Machines outside Azure are listed by one query; what our identity may not read is left out."""

from __future__ import annotations

import pytest

from defender.arc import ArcInventory
from defender.clients import AzureClients
from defender.records import Subscription
from tests.defender.wire import Answer, Wire

SUBSCRIPTION = "00000000-0000-0000-0000-000000000001"
GROUP = f"/subscriptions/{SUBSCRIPTION}/resourceGroups/rg-arc/providers"
ARC = f"{GROUP}/Microsoft.HybridCompute/machines"
PATH = "/providers/Microsoft.ResourceGraph/resources"


@pytest.mark.proves("D14")
async def test_each_machine_is_read_and_odd_rows_stop_nothing(
    wire: Wire, clients: AzureClients
) -> None:
    rows = [
        {"id": f"{ARC}/aws-1", "name": "aws-1", "location": "japaneast", "os": "linux",
         "tags": {"env": "prod", "empty": None}},
        {"id": f"{ARC}/ad-1", "os": "windows", "tags": None},
        {"id": f"{ARC}/odd-1", "os": "plan9"},
        {"id": f"{GROUP}/Microsoft.Compute/virtualMachines/web-01"},
        {"id": None},
        None,
    ]  # fmt: skip
    wire.answer("POST", PATH, Answer({"totalRecords": len(rows), "data": rows}))
    found = await ArcInventory(clients).arc_machines([Subscription(SUBSCRIPTION, "Shop")])
    assert [(m.name, m.os, m.subscription_name) for m in found] == [
        ("aws-1", "Linux", "Shop"),
        ("ad-1", "Windows", "Shop"),
        ("odd-1", "", "Shop"),
    ]
    assert found[0].tags == {"env": "prod", "empty": ""}
    asked = wire.received[-1].body
    assert asked["subscriptions"] == [SUBSCRIPTION]
    assert "order by id" in asked["query"]
