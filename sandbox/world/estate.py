"""The estates: one to show, one to measure with."""

from __future__ import annotations

from sandbox.world.building import HTTPS_RULE, EstateBuilder, jit_ports
from sandbox.world.model import (
    ArcMachine,
    Estate,
    JitEntry,
    JitPolicy,
    JitPort,
    SecurityGroup,
    SecurityRule,
    Subscription,
    VirtualMachine,
)

__all__ = [
    "DATA",
    "PROD",
    "STAGING",
    "ArcMachine",
    "Estate",
    "JitEntry",
    "JitPolicy",
    "JitPort",
    "SecurityGroup",
    "SecurityRule",
    "Subscription",
    "VirtualMachine",
    "big_estate",
    "demo_estate",
]

PROD = Subscription("00000000-0000-0000-0000-000000000001", "Shop production")
STAGING = Subscription("00000000-0000-0000-0000-000000000002", "Shop staging")
DATA = Subscription("00000000-0000-0000-0000-000000000003", "Data platform")

_SSH = jit_ports(22)
_WEB = jit_ports(22, 8443)
_DATABASE = jit_ports(22, 5432, hours=2)
_WINDOWS = jit_ports(3389, 5985, 5986)
#: Azure's longest.
_DAY = jit_ports(22, hours=24)
#: Where the Azure Firewall in front of gw-01 answers.
_FIREWALL_IP = "198.51.100.250"
#: The only network from which jump-01 may be asked for.
_OFFICE = ("203.0.113.0/24",)


def demo_estate() -> Estate:
    """Three subscriptions and about sixty machines, odd ones among them."""
    build = EstateBuilder((PROD, STAGING, DATA))
    _production(build)
    _production_odd(build)
    _staging(build)
    _data(build)
    return build.estate()


def big_estate(machines: int) -> Estate:
    """As many machines as asked for, 500 to a group, nine of ten with JIT."""
    build = EstateBuilder((PROD, STAGING, DATA))
    subscriptions = (PROD.id, STAGING.id, DATA.id)
    roles = ("web", "app", "db", "cache", "batch", "worker", "queue", "search")
    for number in range(machines):
        block = number // 500
        windows = number % 4 == 1
        build.machine(
            subscriptions[block % 3],
            f"rg-team-{block:03}",
            ("japaneast", "japanwest", "westeurope")[block // 3 % 3],
            f"{roles[number % 8]}-{number:06}",
            os_type="Windows" if windows else "Linux",
            ports=() if number % 10 == 9 else _WINDOWS if windows else _SSH,
            tags={"env": ("prod", "test")[number % 2], "owner": f"team-{block:03}"},
        )
    return build.estate()


def _production(build: EstateBuilder) -> None:
    shop = (PROD.id, "rg-shop-prod", "japaneast")
    tags = {"env": "prod", "owner": "shop"}
    for number in range(1, 9):
        build.machine(
            *shop,
            f"web-{number:02}",
            ports=_WEB,
            tags=tags,
            is_public=number <= 2,
            power_state="deallocated" if number == 8 else "running",
            rules=(HTTPS_RULE,),
        )
    for number in (1, 2):
        # Azure spells the second one in capitals in its policy, as it does in life.
        build.machine(
            *shop, f"db-{number:02}", ports=_DATABASE, tags={**tags, "tier": "data"},
            shouted_in_policy=number == 2,
        )  # fmt: skip
    for number in (11, 12):
        build.machine(
            *shop, f"app-{number:02}", os_type="Windows", ports=_WINDOWS, tags=tags
        )  # fmt: skip
    build.machine(*shop, "gw-01", ports=_SSH, tags=tags, firewall_ip=_FIREWALL_IP)
    for number in range(1, 4):
        build.machine(*shop, f"cache-{number:02}", ports=_SSH, tags=tags)
    for number in range(1, 5):
        build.machine(
            PROD.id, "rg-batch", "japanwest", f"batch-{number:02}", ports=_DAY,
            tags={"env": "prod", "owner": "billing"},
        )  # fmt: skip


def _production_odd(build: EstateBuilder) -> None:
    """Machines that JIT treats in another way, or not at all."""
    ops = (PROD.id, "rg-ops", "japaneast")
    tags = {"env": "prod", "owner": "ops"}
    build.machine(*ops, "bastion-01", ports=_SSH, policy="jit-bastion", tags=tags, is_public=True)
    build.machine(
        *ops, "jump-01", os_type="Windows", ports=jit_ports(3389, hours=1, sources=_OFFICE),
        tags=tags,
    )  # fmt: skip
    build.machine(*ops, "fresh-01", ports=_SSH, tags=tags, power_state=None)
    build.machine(*ops, "monitor-01", tags=tags)
    build.machine(*ops, "dns-01", tags=tags)
    legacy = (PROD.id, "rg-legacy", "japanwest")
    build.machine(*legacy, "erp-01", os_type="Windows", tags={"owner": "finance"}, has_nsg=False)
    build.machine(*legacy, "fax-01", tags={"owner": "office"}, power_state="stopped")
    arc = (PROD.id, "rg-arc", "japaneast")
    build.arc(*arc, "arc-tokyo-1", "AWS", tags=tags)
    build.arc(*arc, "gcp-mail-1", "GCP")
    build.arc(*arc, "office-ad-1", "N/A", os_type="Windows", tags={"owner": "office"})


def _staging(build: EstateBuilder) -> None:
    test = (STAGING.id, "rg-shop-test", "japaneast")
    tags = {"env": "test", "owner": "shop"}
    for number in range(1, 5):
        build.machine(*test, f"stg-web-{number:02}", ports=_WEB, tags=tags)
    build.machine(*test, "stg-db-01", ports=_DATABASE, tags=tags)
    for number in (1, 2):
        build.machine(
            *test, f"stg-app-{number:02}", os_type="Windows", ports=_WINDOWS, tags=tags
        )  # fmt: skip
    # The same name as one in production: a person must say which.
    build.machine(*test, "batch-01", ports=_DAY, tags=tags)
    for number in range(1, 7):
        build.machine(
            STAGING.id, "rg-qa", "westeurope", f"qa-{number:02}",
            ports=_SSH if number <= 4 else (), tags={"env": "test", "owner": "qa"},
        )  # fmt: skip


def _data(build: EstateBuilder) -> None:
    """Machines that share their subnet's security group."""
    data = (DATA.id, "rg-data-prod", "westeurope")
    tags = {"env": "prod", "owner": "data"}
    shared = "data-subnet-nsg"
    for number in range(1, 5):
        build.machine(*data, f"dwh-{number:02}", ports=_DATABASE, tags=tags, shared_nsg=shared)
    for number in range(1, 9):
        build.machine(*data, f"spark-{number:02}", ports=_SSH, tags=tags, shared_nsg=shared)
    japan = (DATA.id, "rg-data-jp", "japaneast")
    build.machine(
        *japan, "etl-01", ports=_SSH,
        tags={"env": "prod", "owner": "data", "用途": "売上集計", "担当": "データ基盤チーム"},
    )  # fmt: skip
    build.machine(*japan, "report-01", os_type="Windows", ports=_WINDOWS, tags=tags)
    for number in (1, 2, 3):
        build.machine(*japan, f"gpu-{number:02}", ports=_DAY if number == 1 else (), tags=tags)
