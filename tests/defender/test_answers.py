"""Error bodies, waits and rights: what Azure's words mean."""

from __future__ import annotations

from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from defender.answers import MESSAGE_MAX, WAIT_MAX, error_text, failure, wait_of
from defender.clients import AzureClients
from defender.errors import AzureBusy, AzureError, AzureForbidden
from defender.rights import EARLY_CLOSE, REQUIRED, Permission, Rights, missing
from tests.defender.estate import SUBSCRIPTION
from tests.defender.wire import Answer, Wire


@pytest.mark.proves("C100")
@pytest.mark.parametrize(
    ("headers", "message", "seconds"),
    [
        ({"Retry-After": "17"}, "", 17),
        ({"retry-after-ms": "1500", "Retry-After": "2"}, "", 1.5),
        ({"x-ms-retry-after-ms": "250"}, "", 0.25),
        ({"x-ms-ratelimit-microsoft.security-retry-after": "40"}, "", 40),
        ({}, "exceeded the limit. Please try again after '372' seconds.", 372),
        ({}, "Please try again after 10 seconds.", 10),
        ({"Retry-After": "nonsense"}, "Please try again after '9' seconds.", 9),
        ({"Retry-After": "-5"}, "", None),
        ({"Retry-After": "inf"}, "", None),
        ({"Retry-After": "999999999"}, "", WAIT_MAX.total_seconds()),
        (
            {
                "Retry-After": "Wed, 25 Nov 2026 01:00:30 GMT",
                "Date": "Wed, 25 Nov 2026 01:00:00 GMT",
            },
            "",
            30,
        ),
        ({"Retry-After": "Wed, 25 Nov 2026 01:00:30 GMT"}, "", None),
        ({"x-ms-ratelimit-remaining-subscription-reads": "249"}, "", None),
        ({}, "after all, no number", None),
    ],
)
def test_the_wait_is_taken_from_header_or_words(
    headers: dict[str, str], message: str, seconds: float | None
) -> None:
    expected = None if seconds is None else timedelta(seconds=seconds)
    assert wait_of(headers, message) == expected


@given(st.integers(400, 599), st.binary(), st.booleans())
def test_any_answer_has_a_meaning(status: int, body: bytes, is_write: bool) -> None:
    error = failure(status, {}, body, is_write=is_write)
    assert isinstance(error, AzureError)
    assert error.status == status
    assert len(error.message) <= MESSAGE_MAX


@pytest.mark.parametrize(
    ("body", "code", "message"),
    [
        (b'{"error":{"code":"A","message":"b"}}', "A", "b"),
        (b'{"code":"A","message":"b","details":[{"code":"C"}]}', "A", "b"),
        (b'{"error":"invalid_client"}', "invalid_client", ""),
        (b'{"error":{"code":null}}', "HTTP500", ""),
        (b"<html><body>long page</body></html>", "HTTP500", ""),
        (b"plain text", "HTTP500", "plain text"),
        (b"", "HTTP500", ""),
    ],
)
def test_both_shapes_of_an_error_are_read(body: bytes, code: str, message: str) -> None:
    assert error_text(body, status=500) == (code, message)


@pytest.mark.proves("C108")
def test_a_plan_that_is_wanted_is_told_apart_from_a_missing_right() -> None:
    plan = b'{"error":{"code":"Forbidden","message":"Upgrade your subscription to use JIT"}}'
    error = failure(403, {}, plan, is_write=True)
    assert isinstance(error, AzureForbidden)
    assert error.is_plan


def test_a_wish_to_wait_is_kept_with_a_busy_conflict() -> None:
    body = b'{"error":{"code":"RetryableErrorDueToAnotherOperation","message":"x"}}'
    error = failure(409, {"Retry-After": "3"}, body, is_write=True)
    assert isinstance(error, AzureBusy)
    assert error.retry_after == timedelta(seconds=3)


def test_rights_are_granted_by_wildcards_and_taken_away_by_not_actions() -> None:
    reader = Permission(actions=("*/read",))
    operator = Permission(
        actions=("microsoft.security/*",), not_actions=("Microsoft.Security/*/delete",)
    )
    initiate = "Microsoft.Security/locations/jitNetworkAccessPolicies/initiate/action"
    delete = "Microsoft.Security/locations/jitNetworkAccessPolicies/delete"
    assert missing(REQUIRED, [reader]) == (initiate,)
    assert missing([*REQUIRED, delete], [reader, operator]) == (delete,)
    assert missing(EARLY_CLOSE, []) == EARLY_CLOSE
    assert missing(REQUIRED, [Permission()]) == REQUIRED


@pytest.mark.proves("C108", "M3")
async def test_missing_rights_are_read_at_the_scope_that_is_asked_about(
    wire: Wire, clients: AzureClients
) -> None:
    scope = f"/subscriptions/{SUBSCRIPTION}"
    tail = "/providers/Microsoft.Authorization/permissions"
    wire.answer("GET", scope + tail, Answer({"value": [{"actions": ["*/read"]}]}))
    group = f"{scope}/resourceGroups/rg-web"
    wire.answer("GET", group + tail, Answer({"value": [{"actions": ["*"], "notActions": []}]}))
    rights = Rights(clients)
    assert len(await rights.missing_rights(scope, REQUIRED)) == 1
    assert await rights.missing_rights(SUBSCRIPTION, REQUIRED, group="rg-web") == ()
