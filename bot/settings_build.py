"""What only the whole shows: settings that contradict each other; then the plain dataclasses."""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from approvals.entry import SECRET_BYTES_MIN, AuditKeys
from approvals.events import PersonId
from approvals.policy_types import ACCESS_ALONE, Policy, RuleSpec, Who
from approvals.scope import make_scope
from approvals.source import NamedNetwork
from bot.settings import (
    STDOUT,
    AuditSettings,
    HttpSettings,
    Languages,
    Proxy,
    RedisSettings,
    Settings,
    SlackSettings,
)
from bot.settings_feeds_build import build_feeds, check_feeds
from bot.settings_file import Document, Problem
from bot.settings_schema import Root, RuleSection
from defender.settings import AzureSettings

#: One more extension of the same length, unless the rule says otherwise.
_TOTAL = 2


def check(root: Root) -> list[Problem]:
    """Everything that is well-formed by itself and wrong together."""
    return [
        *_check_slack(root),
        *_check_redis(root),
        *_check_audit(root),
        *_check_people(root),
        *_check_rules(root),
        *_check_clock(root),
        *check_feeds(root),
    ]


def build(root: Root, environ: Mapping[str, str], document: Document) -> Settings:
    """The plain settings."""
    slack, azure = root.slack, root.azure
    folder = Path(document.path).parent if document.path else Path()
    secrets = (slack.signing_secret, slack.previous_signing_secret)
    return Settings(
        instance=root.instance,
        languages=Languages(
            root.language,
            root.time_zone,
            {name: (one.language, one.time_zone) for name, one in root.channels.items()},
        ),
        slack=SlackSettings(
            mode=slack.mode,
            bot_token=slack.bot_token,
            app_token=slack.app_token,
            signing_secrets=tuple(secret for secret in secrets if secret),
            api_url=slack.api_url.rstrip("/") + "/",
            teams=frozenset(slack.teams),
            enterprise=slack.enterprise,
            app_id=slack.app_id,
            fallback_channel=slack.fallback_channel,
        ),
        redis=RedisSettings(
            url=root.redis.url,
            tag=root.redis.tag,
            ca_file=_file(root.redis.ca_file, folder),
            durability_accepted=root.redis.durability_accepted,
            entra=root.redis.entra,
            user=root.redis.user,
        ),
        azure=AzureSettings(
            subscriptions=tuple(azure.subscriptions),
            resource_manager=azure.resource_manager,
            authority=azure.authority,
            credential_scopes=tuple(azure.scopes),
            ca_file=_file(azure.ca_file, folder),
            tenant_id=azure.tenant_id,
            client_id=azure.client_id,
            client_secret=azure.client_secret,
            managed_identity_client_id=azure.managed_identity_client_id,
            disable_instance_discovery=not azure.instance_discovery,
            log_analytics=azure.log_analytics,
            log_analytics_scopes=tuple(azure.log_analytics_scopes),
            graph=azure.graph,
            graph_scopes=tuple(azure.graph_scopes),
            graph_client_id=azure.graph_client_id,
            graph_client_secret=azure.graph_client_secret,
        ),
        audit=_audit(root, folder),
        policy=_policy(root, document),
        feeds=build_feeds(root, document),
        http=HttpSettings(
            root.http.host, root.http.port, root.http.health_host, root.http.health_port
        ),
        proxy=_proxy(root, environ),
        early_close=tuple(dict.fromkeys(azure.early_close)),
        clock_offset_file=Path(root.clock_offset_file) if root.clock_offset_file else None,
        file=Path(document.path) if document.path else None,
    )


# --- what contradicts -------------------------------------------------------------------------


def _check_slack(root: Root) -> Iterator[Problem]:
    slack = root.slack
    if slack.mode == "socket" and not slack.app_token:
        yield Problem(("slack", "app_token"), "socket_needs_app_token")
    if slack.mode == "http" and not slack.signing_secret:
        yield Problem(("slack", "signing_secret"), "http_needs_signing_secret")
    if slack.previous_signing_secret and not slack.signing_secret:
        yield Problem(("slack", "previous_signing_secret"), "previous_without_present")


def _check_redis(root: Root) -> Iterator[Problem]:
    redis = root.redis
    if redis.user and not redis.entra:
        yield Problem(("redis", "user"), "redis_user_without_entra")
    if not redis.entra:
        return
    parts = urlsplit(redis.url)
    if parts.username or parts.password:
        yield Problem(("redis", "url"), "entra_and_password")
    if parts.scheme != "rediss":
        yield Problem(("redis", "url"), "entra_needs_tls")


def _check_audit(root: Root) -> Iterator[Problem]:
    ids = [key.id for key in root.audit.keys]
    for index, key in enumerate(root.audit.keys):
        loc = ("audit", "keys", index)
        if len(key.secret) < SECRET_BYTES_MIN:
            yield Problem((*loc, "secret"), "audit_secret_short", {"limit": SECRET_BYTES_MIN})
        if key.id in ids[:index]:
            yield Problem((*loc, "id"), "twice")
        if key.secret in (root.slack.signing_secret, root.slack.bot_token, root.slack.app_token):
            yield Problem((*loc, "secret"), "audit_secret_is_slacks")


def _check_people(root: Root) -> Iterator[Problem]:
    seen: set[str] = set()
    for index, ids in enumerate(root.people):
        for place, person in enumerate(ids):
            if person in seen:
                yield Problem(("people", index, place), "person_twice", {"person": person})
            seen.add(person)


def _check_rules(root: Root) -> Iterator[Problem]:
    names: set[str] = set()
    for index, rule in enumerate(root.rules):
        loc = ("rules", index)
        if rule.name in names:
            yield Problem((*loc, "name"), "twice")
        names.add(rule.name)
        for place, network in enumerate(rule.networks):
            if network not in root.networks:
                yield Problem((*loc, "networks", place), "network_unknown")
        if not rule.scope.model_fields_set:
            yield Problem((*loc, "scope"), "scope_empty")
        if rule.longest_total is not None and rule.longest_total < rule.longest:
            yield Problem((*loc, "longest_total"), "total_short", {"longest": rule.longest})
        yield from _check_quorum(root, rule, index)


def _check_quorum(root: Root, rule: RuleSection, index: int) -> Iterator[Problem]:
    """A quorum that named people alone can't reach; groups are looked at by `policy check`."""
    if any(member.startswith("S") for member in rule.approvers):
        return
    policy = Policy((), _aliases(root), frozenset(), "")
    found = policy.persons(PersonId(member) for member in rule.approvers)
    if found < rule.quorum:
        args = {"quorum": rule.quorum, "found": found}
        yield Problem(("rules", index, "approvers"), "quorum_out_of_reach", args)


def _check_clock(root: Root) -> Iterator[Problem]:
    """The demo's clock must never move where anything is real."""
    if root.clock_offset_file is None:
        return
    host = urlsplit(root.azure.resource_manager).hostname or ""
    is_loopback = host == "localhost" or re.fullmatch(r"127(?:\.\d+){3}|::1", host) is not None
    if not (root.redis.url.startswith("embedded:") and is_loopback):
        yield Problem(("clock_offset_file",), "clock_offset_refused")


# --- what is built ----------------------------------------------------------------------------


def _audit(root: Root, folder: Path) -> AuditSettings:
    audit = root.audit
    secrets = {key.id: key.secret.encode() for key in audit.keys}
    return AuditSettings(
        keys=AuditKeys(audit.keys[0].id, secrets),
        channel=audit.channel,
        second_sink=STDOUT if audit.second_sink == STDOUT else _file(audit.second_sink, folder),
        retention=audit.retention,
        signing_key_file=_file(audit.signing_key_file, folder),
    )


def _policy(root: Root, document: Document) -> Policy:
    rules = tuple(
        _rule(root, rule, document.line(("rules", index))) for index, rule in enumerate(root.rules)
    )
    administrators = frozenset(PersonId(person) for person in root.administrators)
    return Policy(rules, _aliases(root), administrators, _version(root))


def _rule(root: Root, rule: RuleSection, line: int) -> RuleSpec:
    scope = rule.scope
    return RuleSpec(
        name=rule.name,
        line=line,
        scope=make_scope(
            subscriptions=scope.subscriptions,
            resource_groups=scope.resource_groups or (),
            names=scope.names or (),
            tags=scope.tags,
        ),
        askers=replace(_who(rule.askers), guests=rule.guests),
        approvers=_who(rule.approvers),
        quorum=rule.quorum,
        ports=rule.ports,
        networks=tuple(NamedNetwork(name, root.networks[name]) for name in rule.networks),
        longest=rule.longest,
        longest_total=rule.longest_total or rule.longest * _TOTAL,
        lapse_after=rule.lapse_after,
        start_within=rule.start_within,
        ticket_pattern=rule.ticket.pattern if rule.ticket else None,
        ticket_url=rule.ticket.url if rule.ticket else None,
        channel=rule.channel,
        kinds=rule.kinds,
    )


def _who(members: list[str]) -> Who:
    return Who(
        groups=tuple(dict.fromkeys(member for member in members if member.startswith("S"))),
        people=tuple(dict.fromkeys(PersonId(m) for m in members if m.startswith(("U", "W")))),
        everyone="everyone" in members,
    )


def _aliases(root: Root) -> tuple[frozenset[PersonId], ...]:
    return tuple(frozenset(PersonId(person) for person in ids) for ids in root.people)


def _version(root: Root) -> str:
    """16 hex digits of a SHA-256 over everything that decides; comments and order of keys don't."""
    said = root.model_dump(include={"rules", "networks", "people", "administrators"})
    for rule in said["rules"]:
        if rule["kinds"] == ACCESS_ALONE:
            del rule["kinds"]  # rules that do not say it have the version of ever
    text = json.dumps(said, sort_keys=True, default=_as_text, ensure_ascii=True)
    return hashlib.sha256(text.encode()).hexdigest()[:16]


def _as_text(value: object) -> object:
    if isinstance(value, frozenset):
        return sorted(value)
    if isinstance(value, timedelta):
        return value.total_seconds()
    return str(value)


def _proxy(root: Root, environ: Mapping[str, str]) -> Proxy:
    """The setting, else the variable that other programs follow; NO_PROXY holds for both."""
    url = root.proxy or _variable(environ, "HTTPS_PROXY")
    if url and "://" not in url:
        url = f"http://{url}"
    hosts = (host.strip().lower() for host in _variable(environ, "NO_PROXY").split(","))
    return Proxy(
        url or None, tuple(re.sub(r"^([^:]+):\d+$", r"\1", host) for host in hosts if host)
    )


def _variable(environ: Mapping[str, str], name: str) -> str:
    return environ.get(name) or environ.get(name.lower()) or ""


def _file(name: str | None, folder: Path) -> Path | None:
    """A path in the file is relative to the file, not to wherever the bot was started."""
    return folder / name if name else None
