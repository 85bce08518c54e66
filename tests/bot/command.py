"""Runs `sekisho` as a person does: its own process, its own environment."""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from sandbox.azure import SandboxAzure
from sandbox.slack import SandboxSlack

REPOSITORY = Path(__file__).resolve().parents[2]

#: Any command ends long before this on two busy cores.
TIMEOUT_SECONDS = 60.0

SECRETS = {
    "SLACK_BOT_TOKEN": "xoxb-1-test-bot-token",
    "SLACK_APP_TOKEN": "xapp-1-test-app-token",
    "SEKISHO_AUDIT_KEY": "0123456789abcdef0123456789abcdef",
}


@dataclass(frozen=True, slots=True)
class Ended:
    code: int
    out: str
    err: str

    @property
    def said(self) -> str:
        return self.out + self.err


def environment(extra: Mapping[str, str] | None = None) -> dict[str, str]:
    """The test's own environment without anything that is a setting."""
    kept = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("SEKISHO_", "SLACK_", "LC_", "LANG", "HTTP", "AZURE_"))
    }
    return {**kept, "PYTHONPATH": str(REPOSITORY), **(extra or {})}


def sandbox_environment(slack: SandboxSlack, azure: SandboxAzure, folder: Path) -> dict[str, str]:
    """The variables that make bot/demo.yaml the settings of this sandbox's bot."""
    return {
        "SLACK_BOT_TOKEN": slack.bot_token,
        "SLACK_APP_TOKEN": slack.app_token,
        "SEKISHO_SLACK__API_URL": slack.url,
        "SEKISHO_AZURE__RESOURCE_MANAGER": azure.url,
        "SEKISHO_AZURE__AUTHORITY": azure.authority,
        "SEKISHO_AZURE__CA_FILE": str(azure.ca_file),
        "SEKISHO_AZURE__TENANT_ID": azure.tenant_id,
        "SEKISHO_AZURE__CLIENT_ID": azure.client_id,
        "SEKISHO_AZURE__CLIENT_SECRET": azure.client_secret,
        "SEKISHO_AZURE__INSTANCE_DISCOVERY": "false",
        "SEKISHO_REDIS__URL": f"embedded:{folder}/data",
        "SEKISHO_AUDIT_KEY": "0123456789abcdef0123456789abcdef",
    }


async def start(*words: str, env: Mapping[str, str] | None = None) -> asyncio.subprocess.Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "bot.cli", *words,
        env=environment(env),
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def sekisho(*words: str, env: Mapping[str, str] | None = None) -> Ended:
    """Run to the end."""
    process = await start(*words, env=env)
    async with asyncio.timeout(TIMEOUT_SECONDS):
        out, err = await process.communicate()
    return Ended(process.returncode or 0, out.decode(), err.decode())


def settings_file(folder: Path, *, redis: str, more: str = "", audit: str = "") -> Path:
    """A settings file with one rule; secrets come from `SECRETS`."""
    file = folder / "sekisho.yaml"
    file.write_text(
        f"""\
slack:
  teams: [T0SEKISHO]
redis: {{url: "{redis}"}}
azure: {{subscriptions: [00000000-0000-0000-0000-000000000001]}}
audit:
  keys: [{{id: k1}}]
  channel: C0AUDIT
{audit}
administrators: [U0ITO, U0SATO]
rules:
  - name: all
    scope: {{names: ["*"]}}
    askers: everyone
    approvers: [S0SECURITY]
    longest: 4h
    channel: C0OPS
{more}
""",
        encoding="utf-8",
    )
    return file
