"""The roles in deploy/azure grant what the product asks for, and nothing that changes a VM."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from defender.rights import (
    ACTIVITY_LOG,
    EARLY_CLOSE,
    NETWORK_FACTS,
    REQUIRED,
    Permission,
    missing,
)

ROLES = ("operator", "early-close", "reader")


def _role(repository: Path, name: str) -> dict[str, object]:
    file = repository / "deploy" / "azure" / f"{name}.json"
    found: dict[str, object] = json.loads(file.read_text(encoding="utf-8"))
    return found


def _actions(repository: Path, name: str) -> tuple[str, ...]:
    listed = _role(repository, name)["Actions"]
    assert isinstance(listed, list)
    return tuple(listed)


@pytest.mark.proves("M3", "O7")
def test_the_operator_may_do_what_the_check_asks_for(repository: Path) -> None:
    role = Permission(actions=_actions(repository, "operator"))
    assert missing((*REQUIRED, *NETWORK_FACTS, *ACTIVITY_LOG), [role]) == ()


def test_the_right_to_close_early_is_a_role_of_its_own(repository: Path) -> None:
    operator = Permission(actions=_actions(repository, "operator"))
    early = Permission(actions=_actions(repository, "early-close"))
    assert missing(EARLY_CLOSE, [operator]) == EARLY_CLOSE
    assert missing(EARLY_CLOSE, [early]) == ()


def test_the_right_to_write_policies_is_a_role_of_its_own(repository: Path) -> None:
    needed = {
        "Microsoft.Security/locations/jitNetworkAccessPolicies/write",
        "Microsoft.Security/locations/jitNetworkAccessPolicies/delete",
        "Microsoft.Compute/virtualMachines/write",
    }
    assert set(_actions(repository, "jit-administrator")) == needed
    assert not any(needed & set(_actions(repository, name)) for name in ROLES)


@pytest.mark.proves("O7")
def test_the_reader_changes_nothing(repository: Path) -> None:
    assert all(action.endswith("/read") for action in _actions(repository, "reader"))


@pytest.mark.parametrize("name", ROLES)
def test_no_role_can_change_a_vm_or_a_policy(repository: Path, name: str) -> None:
    for action in _actions(repository, name):
        assert not action.endswith(("/write", "*")), action
    assert _role(repository, name)["AssignableScopes"] == ["/subscriptions/SUBSCRIPTION_ID"]
