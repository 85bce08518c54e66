"""A small https Resource Manager on loopback: it answers what a test lays out, and remembers."""

from __future__ import annotations

import asyncio
import datetime as dt
import ipaddress
import json
import ssl
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from defender.settings import AzureSettings

TENANT = "00000000-0000-0000-0000-0000000000aa"
CLIENT = "00000000-0000-0000-0000-0000000000bb"
SECRET = "made-up-secret-of-the-test"
TOKEN = "eyJmadeup.token.of-the-test"


@dataclass(frozen=True, slots=True)
class Received:
    """One request as it came in."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any


@dataclass(frozen=True, slots=True)
class Answer:
    """What to answer; `body` is sent as it is when it is text or bytes."""

    body: Any = None
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        headers = {"content-type": "application/json; charset=utf-8", **self.headers}
        if isinstance(self.body, bytes):
            content = self.body
        elif isinstance(self.body, str):
            content = self.body.encode()
        else:
            content = b"" if self.body is None else json.dumps(self.body).encode()
        return web.Response(status=self.status, headers=headers, body=content)


Play = Answer | Callable[[web.Request], Awaitable[web.StreamResponse]]


async def drop(request: web.Request) -> web.StreamResponse:
    """Take the whole request, then cut the connection without an answer."""
    assert request.transport is not None
    request.transport.abort()
    return web.Response()


async def hang(request: web.Request) -> web.StreamResponse:
    """Take the whole request and never answer."""
    await asyncio.Event().wait()
    raise AssertionError


class Wire:
    """The server. The last answer laid out for a path is repeated, earlier ones are used up."""

    def __init__(self, folder: Path) -> None:
        self.ca_file = folder / "ca.pem"
        self._certificate = folder / "server.pem"
        self._plays: dict[tuple[str, str], list[Play]] = defaultdict(list)
        self._token_plays: list[Play] = []
        self.received: list[Received] = []
        self.tokens_given = 0
        self.token_forms: list[tuple[str, str]] = []
        self._runner: web.AppRunner | None = None
        self.url = ""

    async def start(self) -> None:
        _certificates(self.ca_file, self._certificate)
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(self._certificate)
        app = web.Application()
        app.router.add_route("*", "/{path:.*}", self._handle)
        self._runner = web.AppRunner(app, shutdown_timeout=0.1)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0, ssl_context=context)
        await site.start()
        self.url = f"https://127.0.0.1:{self._runner.addresses[0][1]}"

    async def stop(self) -> None:
        assert self._runner is not None
        await self._runner.cleanup()

    def settings(self, **changes: Any) -> AzureSettings:
        """Settings of a client of this server."""
        defaults: dict[str, Any] = {
            "resource_manager": self.url,
            "authority": self.url,
            "ca_file": self.ca_file,
            "tenant_id": TENANT,
            "client_id": CLIENT,
            "client_secret": SECRET,
            "disable_instance_discovery": True,
        }
        return AzureSettings(**{**defaults, **changes})

    def answer(self, method: str, path: str, *plays: Play) -> None:
        """Lay out answers for a path (compared without case), in order."""
        self._plays[method, path.lower()] = list(plays)

    def answer_token(self, *plays: Play) -> None:
        self._token_plays = list(plays)

    def calls(self, method: str) -> list[Received]:
        return [call for call in self.received if call.method == method]

    async def _handle(self, request: web.Request) -> web.StreamResponse:
        text = await request.text()
        if request.path.endswith("/oauth2/v2.0/token"):
            return await self._token(request)
        body = json.loads(text) if text else None
        self.received.append(
            Received(request.method, request.path, dict(request.query), dict(request.headers), body)
        )
        plays = self._plays.get((request.method, request.path.lower()))
        if not plays:
            unknown = {"error": {"code": "NotLaidOut", "message": request.path}}
            return Answer(unknown, 404).response()
        play = plays.pop(0) if len(plays) > 1 else plays[0]
        return play.response() if isinstance(play, Answer) else await play(request)

    async def _token(self, request: web.Request) -> web.StreamResponse:
        if self._token_plays:
            play = self._token_plays[0]
            return play.response() if isinstance(play, Answer) else await play(request)
        self.tokens_given += 1
        form = await request.post()
        self.token_forms.append((str(form["client_id"]), str(form["scope"])))
        return Answer(
            {"token_type": "Bearer", "expires_in": 3599, "access_token": TOKEN}
        ).response()


def _certificates(ca_file: Path, server_file: Path) -> None:
    now = dt.datetime.now(dt.UTC)
    ca_key = ec.generate_private_key(ec.SECP256R1())
    ca_name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "Test CA")])
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])

    def builder(subject: x509.Name, public_key: ec.EllipticCurvePublicKey) -> Any:
        return (
            x509.CertificateBuilder()
            .subject_name(subject)
            .issuer_name(ca_name)
            .public_key(public_key)
            .serial_number(x509.random_serial_number())
            .not_valid_before(now - dt.timedelta(minutes=5))
            .not_valid_after(now + dt.timedelta(days=1))
        )

    ca = (
        builder(ca_name, ca_key.public_key())
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(ca_key, hashes.SHA256())
    )
    names = x509.SubjectAlternativeName(
        [x509.IPAddress(ipaddress.ip_address("127.0.0.1")), x509.DNSName("localhost")]
    )
    server = (
        builder(name, key.public_key())
        .add_extension(names, critical=False)
        .sign(ca_key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    ca_file.write_bytes(ca.public_bytes(pem))
    server_file.write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
        + server.public_bytes(pem)
    )
