"""What the demo's processes tell each other: the sandbox's addresses, the bot's environment."""

from __future__ import annotations

import secrets
from collections.abc import Mapping
from pathlib import Path

import msgspec

#: Variables of the person who runs the demo; none of them may reach its bot.
_FOREIGN = ("SEKISHO_", "SLACK_", "AZURE_", "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")

CONFIG = Path(__file__).resolve().parent.parent / "demo.yaml"


class SlackAddresses(msgspec.Struct, frozen=True):
    """The sandbox's workspace."""

    url: str
    page_url: str
    bot_token: str
    app_token: str


class AzureAddresses(msgspec.Struct, frozen=True):
    """The sandbox's Azure."""

    url: str
    authority: str
    log_analytics_url: str
    graph_url: str
    ca_file: str
    tenant_id: str
    client_id: str
    client_secret: str


class Addresses(msgspec.Struct, frozen=True):
    """The line that `python -m sandbox` prints when it is ready."""

    slack: SlackAddresses
    azure: AzureAddresses
    clock_offset_file: str


def bot_environment(
    addresses: Addresses, folder: Path, *, health_port: int, environ: Mapping[str, str]
) -> dict[str, str]:
    """The environment of the demo's bot and of every command that looks at its ledger."""
    slack, azure = addresses.slack, addresses.azure
    kept = {name: value for name, value in environ.items() if not name.upper().startswith(_FOREIGN)}
    program = environ.get("SEKISHO_VALKEY_SERVER")
    return {
        **kept,
        **({"SEKISHO_VALKEY_SERVER": program} if program else {}),
        "SEKISHO_CONFIG": str(CONFIG),
        "SEKISHO_SLACK__BOT_TOKEN": slack.bot_token,
        "SEKISHO_SLACK__APP_TOKEN": slack.app_token,
        "SEKISHO_SLACK__API_URL": slack.url,
        "SEKISHO_AZURE__RESOURCE_MANAGER": azure.url,
        "SEKISHO_AZURE__AUTHORITY": azure.authority,
        "SEKISHO_AZURE__LOG_ANALYTICS": azure.log_analytics_url,
        "SEKISHO_AZURE__GRAPH": azure.graph_url,
        "SEKISHO_AZURE__CA_FILE": azure.ca_file,
        "SEKISHO_AZURE__TENANT_ID": azure.tenant_id,
        "SEKISHO_AZURE__CLIENT_ID": azure.client_id,
        "SEKISHO_AZURE__CLIENT_SECRET": azure.client_secret,
        "SEKISHO_AZURE__INSTANCE_DISCOVERY": "false",
        "SEKISHO_REDIS__URL": f"embedded:{valkey_folder(folder)}",
        "SEKISHO_AUDIT_KEY": secrets.token_hex(32),
        "SEKISHO_AUDIT__SECOND_SINK": str(folder / "audit.jsonl"),
        "SEKISHO_AUDIT__SIGNING_KEY_FILE": str(folder / "signing.pem"),
        "SEKISHO_CLOCK_OFFSET_FILE": addresses.clock_offset_file,
        "SEKISHO_HTTP__HEALTH_PORT": str(health_port),
    }


def valkey_folder(folder: Path) -> Path:
    """Where the demo's ledger lives, for as long as the demo does."""
    return folder / "valkey"
