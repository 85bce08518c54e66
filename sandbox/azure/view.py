"""Azure as the page shows it: open ports, rules, what was asked last."""

from __future__ import annotations

from sandbox.azure.alerts import SandboxAlert
from sandbox.azure.exchange import Exchange
from sandbox.azure.service import SandboxAzure
from sandbox.azure.wire import Json, fold
from sandbox.world.model import SecurityRule

#: Lines of the log, groups and alerts that the page can show at once.
LOG_LINES, GROUPS_MAX, ALERTS_MAX = 50, 100, 8
#: Exchanges among which those lines are.
LOOKED_AT = 500


def azure_view(azure: SandboxAzure) -> Json:
    """What `GET /sandbox/azure` answers."""
    return {
        "open": [
            {
                "vm": port.vm,
                "resource_group": port.resource_group,
                "port": port.port,
                "source": port.source,
                "ends_at": port.ends_at.isoformat(),
                "justification": port.justification,
            }
            for port in azure.open_ports()
        ],
        "nsgs": _groups(azure),
        "alerts": [_alert(alert) for alert in list(azure.alerts)[: -ALERTS_MAX - 1 : -1]],
        "alerts_total": len(azure.alerts),
        "log": [_line(exchange) for exchange in _shown(azure)],
    }


def _groups(azure: SandboxAzure) -> list[Json]:
    """The groups in which a port is open first, so that a cut list never hides one."""
    state, now = azure.state, azure.clock.now()
    vm_keys = [opening.vm_key for opening in state.open_now(now)]
    opened = [fold(vm.nsg_id) for key in vm_keys if (vm := state.machines[key]).nsg_id]
    keys = list(dict.fromkeys([*opened, *state.groups]))[:GROUPS_MAX]
    return [
        {
            "name": state.groups[key].name,
            "vm": ", ".join(vm.name for vm in state.guarded_by(key)),
            "rules": [_rule(rule) for rule in state.rules(key, now=now)],
        }
        for key in keys
    ]


def _alert(alert: SandboxAlert) -> Json:
    return {
        "name": alert.name,
        "title": alert.title,
        "severity": alert.severity,
        "status": alert.status,
        "vm": alert.machine.name,
        "at": alert.changes[0][0].isoformat(),
    }


def _rule(rule: SecurityRule) -> Json:
    return {
        "priority": rule.priority,
        "name": rule.name,
        "access": rule.access,
        "port": rule.port,
        "source": ", ".join(rule.sources),
        "description": rule.description,
    }


def _shown(azure: SandboxAzure) -> list[Exchange]:
    """The newest ones. Polls that only look come every few seconds and would hide all else."""
    shown = (found for found in azure.received[-LOOKED_AT:] if not _is_poll(found))
    return list(shown)[-LOG_LINES:]


def _is_poll(exchange: Exchange) -> bool:
    path = exchange.path.lower()
    return path.endswith(("/microsoft.resourcegraph/resources", "/query"))


def _line(exchange: Exchange) -> Json:
    return {
        "at": exchange.at.isoformat(),
        "method": exchange.method,
        "path": exchange.path,
        "status": "…" if exchange.status is None else exchange.status,
    }
