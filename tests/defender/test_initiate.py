"""Opening over the wire: one POST, exactly our bytes, and every outcome under its right name."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path

import pytest

from defender.clients import AzureClients
from defender.errors import (
    AzureBusy,
    AzureError,
    AzureForbidden,
    AzureLocked,
    AzureNotFound,
    AzureRefused,
    OutcomeUnknown,
)
from defender.jit import JitGateway, initiate_body
from tests.defender.estate import INITIATE, NOW, POLICY, VM_ID
from tests.defender.wire import SECRET, TOKEN, Answer, Play, Wire, drop, hang

ENDS_AT = NOW + timedelta(hours=2)


@pytest.fixture
def gateway(clients: AzureClients) -> JitGateway:
    return JitGateway(clients)


async def initiate(gateway: JitGateway, *, seconds: float = 5) -> None:
    await gateway.initiate(
        policy=POLICY,
        ports={22: ENDS_AT},
        source="203.0.113.7",
        justification="sekisho:req-0001 deploy fix",
        timeout=timedelta(seconds=seconds),
    )


def error_body(code: str, message: str) -> dict[str, object]:
    return {"error": {"code": code, "message": message}}


@pytest.mark.proves("C1", "C039", "C038")
async def test_one_post_with_source_and_end_goes_to_the_policy_by_its_own_name(
    wire: Wire, gateway: JitGateway
) -> None:
    wire.answer("POST", INITIATE, Answer({"virtualMachines": []}, 202))
    await initiate(gateway)
    (post,) = wire.calls("POST")
    assert post.path == INITIATE
    assert post.query == {"api-version": "2020-01-01"}
    assert post.headers["Content-Type"] == "application/json"
    assert post.headers["Authorization"] == f"Bearer {TOKEN}"
    assert post.body == {
        "virtualMachines": [
            {
                "id": VM_ID,
                "ports": [
                    {
                        "number": 22,
                        "allowedSourceAddressPrefix": "203.0.113.7",
                        "endTimeUtc": "2026-11-25T03:00:00.000Z",
                    }
                ],
            }
        ],
        "justification": "sekisho:req-0001 deploy fix",
    }


@pytest.mark.proves("C083")
@pytest.mark.parametrize(
    "answer",
    [
        Answer({"virtualMachines": []}, 202),
        Answer({"virtualMachines": []}, 200),
        Answer({"virtualMachines": []}, 201),
        Answer(None, 200),
        Answer(None, 202),
        Answer([], 202),
        Answer({"virtualMachines": "odd", "startTimeUtc": 7}, 202),
        Answer(None, 204),
    ],
)
async def test_any_answer_of_azure_in_the_two_hundreds_is_taken(
    wire: Wire, gateway: JitGateway, answer: Answer
) -> None:
    wire.answer("POST", INITIATE, answer)
    await initiate(gateway)
    assert len(wire.calls("POST")) == 1


REFUSALS: list[tuple[Answer, type[AzureError], str]] = [
    (
        Answer(error_body("InvalidInitiateInput", "The given access request is not a subset"), 400),
        AzureRefused,
        "InvalidInitiateInput",
    ),
    (Answer(error_body("PolicyNotFound", "gone"), 404), AzureNotFound, "PolicyNotFound"),
    (
        Answer(error_body("LinkedAuthorizationFailed", "linked subscription"), 403),
        AzureForbidden,
        "LinkedAuthorizationFailed",
    ),
    (Answer(error_body("ScopeLocked", "cannot perform write"), 409), AzureLocked, "ScopeLocked"),
    (
        Answer(error_body("RetryableErrorDueToAnotherOperation", "busy"), 409),
        AzureBusy,
        "RetryableErrorDueToAnotherOperation",
    ),
    (
        Answer(error_body("MissingSubscriptionRegistration", "not registered"), 409),
        AzureRefused,
        "MissingSubscriptionRegistration",
    ),
    (Answer(error_body("TooManyRequests", "slow down"), 429), AzureBusy, "TooManyRequests"),
    (
        Answer({"code": "OperationNotAllowed", "message": "x"}, 429),
        AzureBusy,
        "OperationNotAllowed",
    ),
    (Answer(error_body("InternalServerError", "x"), 500), OutcomeUnknown, "InternalServerError"),
    (Answer("<html>bad gateway</html>", 502), OutcomeUnknown, "HTTP502"),
    (Answer(error_body("ServerBusy", "x"), 503), OutcomeUnknown, "ServerBusy"),
    (Answer(None, 504), OutcomeUnknown, "HTTP504"),
    (Answer(None, 408), OutcomeUnknown, "HTTP408"),
    (Answer(None, 302, {"location": "https://elsewhere.example/"}), OutcomeUnknown, "HTTP302"),
    (
        Answer("<html>Service unavailable</html>", 200, {"content-type": "text/html"}),
        OutcomeUnknown,
        "NotAzure",
    ),
    (Answer('{"cut off', 202), OutcomeUnknown, "NotAzure"),
]


@pytest.mark.proves("C9", "FAULT-20", "FAULT-21", "C008", "C034")
@pytest.mark.parametrize(("answer", "kind", "code"), REFUSALS)
async def test_each_refusal_and_each_doubt_has_its_own_name_and_one_post(
    wire: Wire, gateway: JitGateway, answer: Answer, kind: type[AzureError], code: str
) -> None:
    retry = Answer(answer.body, answer.status, {**answer.headers, "retry-after": "1"})
    for play in (answer, retry):
        wire.received.clear()
        wire.answer("POST", INITIATE, play)
        with pytest.raises(AzureError) as caught:
            await initiate(gateway, seconds=8)
        assert type(caught.value) is kind
        assert caught.value.code == code
        assert caught.value.status == answer.status
        assert len(wire.calls("POST")) == 1


@pytest.mark.proves("FAULT-22")
@pytest.mark.parametrize("play", [drop, hang])
async def test_no_answer_after_it_was_taken_is_an_unknown_outcome(
    wire: Wire, gateway: JitGateway, play: Play
) -> None:
    wire.answer("POST", INITIATE, play)
    with pytest.raises(OutcomeUnknown):
        await initiate(gateway, seconds=0.7)
    assert len(wire.calls("POST")) == 1


async def test_nothing_is_sent_without_a_token(wire: Wire, gateway: JitGateway) -> None:
    wire.answer_token(Answer({"error": "invalid_client", "error_description": "wrong"}, 401))
    with pytest.raises(AzureRefused) as caught:
        await initiate(gateway)
    assert caught.value.code == "NoCredential"
    assert SECRET not in str(caught.value)
    assert wire.received == []


async def test_a_token_that_never_comes_leaves_nothing_unknown(
    wire: Wire, gateway: JitGateway
) -> None:
    wire.answer_token(hang)
    with pytest.raises(AzureBusy) as caught:
        await initiate(gateway, seconds=0.7)
    assert caught.value.code == "NotSent"
    assert wire.received == []


@pytest.fixture
async def unreachable(wire: Wire) -> AsyncIterator[AzureClients]:
    settings = wire.settings(resource_manager="https://127.0.0.1:9")
    async with AzureClients(settings) as made:
        yield made


async def test_a_refused_connection_is_proof_that_nothing_happened(
    unreachable: AzureClients,
) -> None:
    with pytest.raises(AzureBusy) as caught:
        await initiate(JitGateway(unreachable))
    assert caught.value.code == "NotConnected"


async def test_a_server_that_another_authority_vouches_for_gets_nothing(
    wire: Wire, tmp_path: Path
) -> None:
    other = tmp_path / "other"
    other.mkdir()
    stranger = Wire(other)
    await stranger.start()
    try:
        async with AzureClients(wire.settings(resource_manager=stranger.url)) as clients:
            with pytest.raises(AzureBusy):
                await initiate(JitGateway(clients))
        assert stranger.received == []
    finally:
        await stranger.stop()


@pytest.mark.proves("C100")
async def test_after_a_429_the_next_opening_waits_as_long_as_azure_asked(
    wire: Wire, gateway: JitGateway
) -> None:
    text = "exceeded the limit of '50' for time interval '00:05:00'. Please try again after '372' "
    wire.answer("POST", INITIATE, Answer(error_body("ResourceRequestsThrottled", text + "s."), 429))
    with pytest.raises(AzureBusy) as first:
        await initiate(gateway)
    with pytest.raises(AzureBusy) as second:
        await initiate(gateway)
    assert first.value.retry_after == timedelta(seconds=372)
    assert second.value.retry_after is not None
    assert timedelta(seconds=360) < second.value.retry_after <= timedelta(seconds=372)
    assert len(wire.calls("POST")) == 1


@pytest.mark.parametrize("source", ["", " ", "*"])
def test_an_opening_to_everybody_or_to_the_bot_itself_can_not_be_written(source: str) -> None:
    with pytest.raises(ValueError, match="exactly one source"):
        initiate_body(POLICY, {22: ENDS_AT}, source, "x")


def test_an_end_without_a_zone_can_not_be_written() -> None:
    with pytest.raises(ValueError, match="time zone"):
        initiate_body(POLICY, {22: ENDS_AT.replace(tzinfo=None)}, "203.0.113.7", "x")
