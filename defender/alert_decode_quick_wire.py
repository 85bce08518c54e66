"""The fields of an alert as Azure documents them, for the quick reader. Anything else is refused.

What repeats from alert to alert stays as bytes here.
"""

from __future__ import annotations

import msgspec


class Link(msgspec.Struct, rename={"target": "$ref"}, forbid_unknown_fields=True, gc=False):
    target: str


class Hash(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    algorithm: str
    value: str
    type: str | None = None
    id: str | None = msgspec.field(default=None, name="$id")


class Image(msgspec.Struct, forbid_unknown_fields=True, gc=False):
    target: str | None = msgspec.field(default=None, name="$ref")
    id: str | None = msgspec.field(default=None, name="$id")
    name: str | None = None
    directory: str | None = None
    type: str | None = None
    file_hashes: list[Hash] | None = msgspec.field(default=None, name="fileHashes")


class Place(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    country_code: str | None = None
    country_name: str | None = None
    state: str | None = None
    city: str | None = None
    longitude: float | None = None
    latitude: float | None = None
    asn: int | None = None
    carrier: str | None = None
    organization: str | None = None


class QuickEntity(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    """All fields of the kinds that are read here."""

    type: str
    id: str | None = msgspec.field(default=None, name="$id")
    host_name: str | None = None
    net_bios_name: str | None = None
    azure_id: str | None = msgspec.field(default=None, name="azureID")
    oms_agent_id: str | None = msgspec.field(default=None, name="omsAgentID")
    os_family: str | None = None
    os_version: str | None = None
    dns_domain: str | None = None
    nt_domain: str | None = None
    is_domain_joined: bool | None = None
    asset: bool | None = None
    is_valid: bool | None = None
    name: str | None = None
    directory: str | None = None
    file_hashes: list[Hash] | None = None
    sid: str | None = None
    logon_id: str | None = None
    aad_user_id: str | None = None
    process_id: str | None = None
    command_line: str | None = None
    creation_time_utc: str | None = None
    elevation_token: str | None = None
    image_file: Image | None = None
    account: Link | None = None
    host: Link | None = None
    parent_process: Link | None = None
    address: str | None = None
    location: Place | None = None
    resource_id: str | None = None


class Identifier(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    type: str | None = None
    id: str | int | None = msgspec.field(default=None, name="$id")
    azure_resource_id: str | None = None
    azure_resource_tenant_id: str | None = None
    aad_tenant_id: str | None = None
    workspace_id: str | None = None
    workspace_subscription_id: str | None = None
    workspace_resource_group: str | None = None
    workspace_tenant_id: str | None = None
    agent_id: str | None = None


class Properties(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    system_alert_id: str
    alert_display_name: str
    severity: str
    status: str
    time_generated_utc: str
    resource_identifiers: msgspec.Raw
    entities: list[msgspec.Raw]
    version: str | None = None
    alert_type: str | None = None
    product_component_name: str | None = None
    description: str | None = None
    intent: str | None = None
    start_time_utc: str | None = None
    end_time_utc: str | None = None
    processing_end_time_utc: str | None = None
    remediation_steps: msgspec.Raw = msgspec.Raw(b"null")
    vendor_name: str | None = None
    product_name: str | None = None
    extended_links: msgspec.Raw = msgspec.Raw()
    supporting_evidence: msgspec.Raw = msgspec.Raw()
    alert_uri: str | None = None
    is_incident: bool | None = None
    correlation_key: str | None = None
    extended_properties: dict[str, str] | None = None
    compromised_entity: str | None = None
    techniques: msgspec.Raw = msgspec.Raw(b"null")
    sub_techniques: msgspec.Raw = msgspec.Raw(b"null")


class Item(msgspec.Struct, rename="camel", forbid_unknown_fields=True, gc=False):
    id: str
    properties: Properties
    name: str | None = None
    type: str | None = None
    subscription_id: str | None = None
    resource_group: str | None = None
    location: str | None = None
