"""Whatever is asked for and whenever it is read: a request's life only goes forward."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from sandbox.azure.jit import Initiate, InitiateMachine, InitiatePort, is_open, status_of
from sandbox.azure.policies import policy_id
from sandbox.azure.state import AzureState
from sandbox.azure.wire import fold, instant_text
from sandbox.world.building import EstateBuilder, jit_ports
from sandbox.world.estate import DATA

START = datetime(2026, 11, 25, tzinfo=UTC)
RANK = {"Initiating": 0, "Initiated": 1, "Revoked": 2}
NAMES = ("a-01", "a-02")
PORTS = (22, 8443)

#: Seconds since the step before, machine, port, minutes of access, seconds until the rule stands.
steps = st.lists(
    st.tuples(
        st.integers(0, 4_000),
        st.sampled_from(NAMES),
        st.sampled_from(PORTS),
        st.integers(1, 170),
        st.integers(0, 60),
    ),
    max_size=12,
)


def small_state() -> AzureState:
    """Two machines behind one security group."""
    build = EstateBuilder((DATA,))
    for name in NAMES:
        build.machine(
            DATA.id, "rg", "japaneast", name, ports=jit_ports(*PORTS), shared_nsg="shared-nsg"
        )
    return AzureState(build.estate())


@settings(max_examples=60, deadline=None)
@given(steps)
def test_a_life_goes_forward_and_one_request_holds_a_port(
    asked: list[tuple[int, str, int, int, int]],
) -> None:
    state = small_state()
    (policy,) = state.policies.values()
    (nsg_key,) = state.groups
    now, seen = START, dict[int, int]()
    for wait, name, port, minutes, settle in asked:
        now += timedelta(seconds=wait)
        (vm,) = state.machines_named(name)
        wanted = InitiatePort(
            port,
            end_time_utc=instant_text(now + timedelta(minutes=minutes)),
            allowed_source_address_prefix="203.0.113.7",
        )
        state.initiate(
            fold(policy_id(policy)),
            Initiate((InitiateMachine(vm.id, (wanted,)),)),
            caller="127.0.0.1",
            requestor="",
            now=now,
            settle=timedelta(seconds=settle),
        )
        _check(state, nsg_key, now, seen)
    _check(state, nsg_key, now + timedelta(hours=3), seen)
    assert state.open_now(now + timedelta(hours=3)) == []


def _check(state: AzureState, nsg_key: str, now: datetime, seen: dict[int, int]) -> None:
    living = [o for o in state.openings if status_of(o, now)[0] != "Revoked"]
    places = [(o.vm_key, o.asked.number) for o in living]
    rules = state.rules(nsg_key, now=now)

    assert len(places) == len(set(places))
    assert len({rule.priority for rule in rules}) == len(rules)
    assert sum(r.access == "Allow" for r in rules) == sum(is_open(o, now) for o in state.openings)
    for opening in state.openings:
        rank = RANK[status_of(opening, now)[0]]
        assert rank >= seen.get(opening.number, 0)
        seen[opening.number] = rank
