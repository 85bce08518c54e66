"""Ids: one machine in three spellings, and nothing else in a URL."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender.resources import (
    InvalidResourceId,
    ResourceName,
    bare_subscription_id,
    fold,
    fold_location,
    is_virtual_machine,
)
from defender.settings import AzureSettings
from tests.defender.estate import POLICIES, SUBSCRIPTION, VM_ID


@pytest.mark.proves("C038")
@pytest.mark.parametrize(
    "text", [SUBSCRIPTION, f"/subscriptions/{SUBSCRIPTION}", f" /Subscriptions/{SUBSCRIPTION}/ "]
)
def test_a_subscription_is_taken_bare_or_with_its_prefix(text: str) -> None:
    assert bare_subscription_id(text) == SUBSCRIPTION
    assert AzureSettings(subscriptions=(text, SUBSCRIPTION)).subscriptions == (SUBSCRIPTION,)


@pytest.mark.proves("C038")
@pytest.mark.parametrize(
    "text",
    ["", "shop", f"/subscriptions//subscriptions/{SUBSCRIPTION}", f"{SUBSCRIPTION}/x", VM_ID],
)
def test_anything_else_is_refused_with_one_sentence(text: str) -> None:
    with pytest.raises(InvalidResourceId, match="is not a subscription"):
        bare_subscription_id(text)


@pytest.mark.proves("C011")
def test_three_spellings_are_one_machine() -> None:
    spellings = [VM_ID, VM_ID.upper(), VM_ID.lower() + "/", f" {VM_ID}"]
    assert len({fold(text) for text in spellings}) == 1
    assert all(is_virtual_machine(text) for text in spellings)
    name = ResourceName.parse(VM_ID.upper())
    assert (name.group, name.name) == ("RG-WEB", "WEB-01")
    assert name.is_type("Microsoft.Compute/virtualMachines")


def test_a_policys_region_stands_in_its_id() -> None:
    name = ResourceName.parse(f"{POLICIES}/iot-jit")
    assert (name.part("Locations"), name.name) == ("westeurope", "iot-jit")
    assert name.part("zones") is None


@pytest.mark.proves("C039")
def test_a_regions_display_name_is_the_region() -> None:
    assert fold_location("West Europe") == fold_location("westeurope") == "westeurope"


@given(st.text())
def test_no_text_is_an_exception_other_than_ours(text: str) -> None:
    fold(text)
    is_virtual_machine(text)
    with pytest.raises(InvalidResourceId):
        ResourceName.parse(text)


@pytest.mark.parametrize(
    "url", ["http://127.0.0.1:1", "management.azure.com", "https://", "https://u@h"]
)
def test_resource_manager_speaks_https(url: str) -> None:
    with pytest.raises(ValueError, match="https"):
        AzureSettings(resource_manager=url)
