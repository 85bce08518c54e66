"""A single machine's state by azure-mgmt-compute.

Imported by `defender.inventory` on first use, in a thread: its models cost 20 MB and 0.2 s.
"""

from __future__ import annotations

from azure.mgmt.compute.aio import ComputeManagementClient

from defender.sdk import Sdk
from defender.witness import Witness

#: `PowerState/running`, beside `ProvisioningState/succeeded`.
_PREFIX = "powerstate/"
#: What `power_state` answers for a machine that Azure gives no state.
UNSTATED = ""


async def power_state(
    sdk: Sdk, subscription_id: str, group: str, name: str, *, witness: Witness
) -> str:
    """`running`, `deallocated`, …; "" where Azure names none (a fresh VM)."""
    client = ComputeManagementClient(sdk.credential, subscription_id, **sdk.client_options())
    machine = await client.virtual_machines.get(group, name, expand="instanceView", witness=witness)
    view = machine.instance_view
    for status in (view.statuses if view else None) or []:
        code = str(status.code or "")
        if code.lower().startswith(_PREFIX):
            return code[len(_PREFIX) :].lower()
    return UNSTATED
