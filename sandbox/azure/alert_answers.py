"""Answers about alerts: lists, one alert, its states and Defender's samples."""

from __future__ import annotations

from datetime import timedelta

import msgspec

from sandbox.azure.alerts import HOME, AlertStore, SandboxAlert, Status
from sandbox.azure.call import Answer, Call, Handler, page_answer
from sandbox.azure.errors import ArmError, unknown_api_version, unknown_resource, unreadable
from sandbox.azure.wire import fold
from sandbox.world.model import VirtualMachine, resource_id

KIND = "Microsoft.Security/locations/alerts"
VERSIONS = ("2022-01-01", "2021-11-01", "2021-01-01")
PAGE_SIZE = 100
#: The last word of the path, and the state it leads to.
STATES: dict[str, Status] = {
    "dismiss": "Dismissed",
    "resolve": "Resolved",
    "activate": "Active",
    "inProgress": "InProgress",
}
BUNDLES = frozenset(
    {"AppServices", "DNS", "KeyVaults", "KubernetesService", "ResourceManager", "SqlServers",
     "StorageAccounts", "VirtualMachines", "CosmosDbs"}
)  # fmt: skip


class _Simulation(msgspec.Struct, frozen=True):
    kind: str = ""
    bundles: tuple[str, ...] = ()


class _Asked(msgspec.Struct):
    properties: _Simulation = _Simulation()


class AlertAnswers:
    """One method per route."""

    def __init__(self, store: AlertStore) -> None:
        self._store = store
        self.page_size = PAGE_SIZE

    def alerts(self, call: Call) -> Answer:
        """GET the alerts of a subscription, group or region: all 90 days of them, in no order."""
        _check_version(call)
        group, region = call.parts.get("group"), call.parts.get("location")
        items = [
            alert
            for alert in self._store.visible(call.now)
            if alert.subscription_id.lower() == call.subscription_id
            and (group is None or alert.resource_group.lower() == group.lower())
            and (region is None or alert.location.lower() == region.lower())
        ]
        faults = self._store.faults
        items = faults.disordered(items)[: faults.cut_after]
        answer = page_answer(call, items, SandboxAlert.body, size=self.page_size)
        is_first = not any(name.lower() == "$skiptoken" for name in call.query)
        if is_first and isinstance(answer.body, dict):
            answer.body["value"] = [*self._store.raw_items, *answer.body["value"]]
        return broken(self._store, answer)

    def alert(self, call: Call) -> Answer:
        """GET one alert, by its own route alone."""
        _check_version(call)
        return Answer(200, self._found(call, call.path).body())

    def to_state(self, verb: str) -> Handler:
        """POST …/dismiss and its sisters: 204 and no body."""

        def answer(call: Call) -> Answer:
            _check_version(call)
            alert = self._found(call, call.path.rpartition("/")[0])
            self._store.set_status(alert, STATES[verb], call.now)
            return Answer(204)

        return answer

    def simulate(self, call: Call) -> Answer:
        """POST …/alerts/default/simulate: 202, and samples a while later."""
        _check_version(call)
        try:
            asked = msgspec.json.decode(call.body, type=_Asked).properties
        except msgspec.MsgspecError as error:
            raise unreadable(str(error)) from error
        if asked.kind != "Bundles" or not asked.bundles or not BUNDLES.issuperset(asked.bundles):
            raise ArmError(400, "BadRequest", "The bundles of the simulation are not known.")
        if "VirtualMachines" in asked.bundles:
            self._store.raise_(
                _sample_machine(call.parts["subscription"]), call.now, story="reverse_shell",
                is_sample=True, product="Microsoft Defender for Cloud",
                delay=self._store.simulate_delay, started_ago=timedelta(seconds=1),
            )  # fmt: skip
        return Answer(202)

    def _found(self, call: Call, path: str) -> SandboxAlert:
        alert = self._store.find(fold(path))
        if alert is None or fold(alert.id) != fold(path) or alert.visible_at > call.now:
            group = call.parts.get("group", "")
            raise unknown_resource(KIND, call.parts["name"], group)
        return alert


def broken(store: AlertStore, answer: Answer) -> Answer:
    """The page, or what is left of it when it is to break off."""
    if store.faults.broken_pages <= 0:
        return answer
    store.faults.broken_pages -= 1
    text = msgspec.json.encode(answer.body).decode()
    return Answer(answer.status, text[: len(text) * 2 // 3], answer.headers)


def _sample_machine(subscription_id: str) -> VirtualMachine:
    """The machine that samples are about; it is in nobody's list."""
    vm_id = resource_id(
        subscription_id, "Sample-RG", "Microsoft.Compute/virtualMachines", "Sample-VM"
    )
    shouted = vm_id.replace("/subscriptions/", "/SUBSCRIPTIONS/")
    return VirtualMachine(
        id=shouted.replace("/resourceGroups/", "/RESOURCEGROUPS/"),
        name="Sample-VM", resource_group="Sample-RG", subscription_id=subscription_id,
        location=HOME, os_type="Linux", private_ip="10.255.255.1", nic_id="", subnet_id="",
    )  # fmt: skip


def _check_version(call: Call) -> None:
    asked = call.query["api-version"]
    if asked not in VERSIONS:
        raise unknown_api_version(KIND, asked, ", ".join(VERSIONS))
