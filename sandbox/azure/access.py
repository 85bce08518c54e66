"""Answers about just-in-time access: policies and requests."""

from __future__ import annotations

from datetime import timedelta

from sandbox.azure import jit, policies
from sandbox.azure.activity_log import ActivityLog
from sandbox.azure.call import Answer, Call, page_answer
from sandbox.azure.errors import unknown_api_version, unknown_group, unknown_policy
from sandbox.azure.faults import Faults
from sandbox.azure.jit import Opening
from sandbox.azure.state import AzureState
from sandbox.azure.wire import Json, fold, instant_text
from sandbox.world.model import JitPolicy

VERSIONS = ("2020-01-01", "2015-06-01-preview")


class Access:
    """One method per route; `settle` is how long Azure takes to write a rule."""

    def __init__(
        self,
        state: AzureState,
        faults: Faults,
        activity_log: ActivityLog,
        *,
        page_size: int,
        settle: timedelta,
    ) -> None:
        self._state = state
        self._faults = faults
        self._activity_log = activity_log
        self.page_size = page_size
        self.settle = settle
        #: What Azure calls the bot; in recordings it is often empty.
        self.requestor = ""

    def policies(self, call: Call) -> Answer:
        """GET the policies of a subscription, region, group or group and region."""
        _check_version(call)
        group, region = call.parts.get("group"), call.parts.get("location")
        if group is not None and (call.subscription_id, group.lower()) not in (
            self._state.resource_groups
        ):
            raise unknown_group(group)
        items = [
            policy
            for policy in self._state.policies.values()
            if policy.subscription_id.lower() == call.subscription_id
            and (group is None or policy.resource_group.lower() == group.lower())
            and (region is None or policy.location.lower() == region.lower())
            and not (group is None and self._faults.leaves_out(policies.policy_id(policy)))
        ]
        return page_answer(call, items, lambda p: self._body(p, call), size=self.page_size)

    def policy(self, call: Call) -> Answer:
        """GET one policy with its requests."""
        _check_version(call)
        policy = self._state.policies.get(fold(call.path))
        if policy is None:
            raise unknown_policy(call.parts["name"])
        return Answer(200, self._body(policy, call))

    def put_policy(self, call: Call) -> Answer:
        """PUT: the new list of machines replaces the old one."""
        _check_version(call)
        policy = policies.parse_policy(
            call.body,
            name=call.parts["name"],
            resource_group=call.parts["group"],
            subscription_id=call.parts["subscription"],
            location=call.parts["location"],
        )
        self._state.put_policy(policy, now=call.now, settle=self.settle)
        return Answer(200, self._body(policy, call))

    def delete_policy(self, call: Call) -> Answer:
        """DELETE: 200, or 204 when there was none."""
        _check_version(call)
        return Answer(200 if self._state.delete_policy(fold(call.path), now=call.now) else 204)

    def initiate(self, call: Call) -> Answer:
        """POST …/initiate: 202 with the record, which is not an operation to poll."""
        _check_version(call)
        opened = self._state.initiate(
            fold(call.path.rpartition("/")[0]),
            jit.parse_initiate(call.body),
            caller=call.caller,
            requestor=self.requestor,
            now=call.now,
            settle=self.settle,
        )
        self._activity_log.opened(opened, self._state.machines, call.now)
        return Answer(202, _record(opened, call))

    def _body(self, policy: JitPolicy, call: Call) -> Json:
        key = fold(policies.policy_id(policy))
        requests = [_record(opened, call) for opened in self._state.requests_of(key)]
        is_updating = self._state.is_updating(key, call.now)
        return policies.policy_body(policy, requests, is_updating=is_updating)


def _record(opened: list[Opening], call: Call) -> Json:
    """One request: its machines in the order they were asked for."""
    machines: dict[str, Json] = {}
    for opening in opened:
        machine = machines.setdefault(opening.vm_key, {"id": opening.asked.vm_id, "ports": []})
        end_text = instant_text(opening.asked.ends_at)
        machine["ports"].append(jit.port_record(opening, call.now, end_text=end_text))
    first = opened[0]
    record: Json = {
        "virtualMachines": list(machines.values()),
        "startTimeUtc": instant_text(first.starts_at),
        "requestor": first.requestor,
    }
    if first.justification is not None:
        record["justification"] = first.justification
    return record


def _check_version(call: Call) -> None:
    asked = call.query["api-version"]
    if asked not in VERSIONS:
        raise unknown_api_version(policies.KIND, asked, ", ".join(VERSIONS))
