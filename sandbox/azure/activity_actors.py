"""Who may stand in the activity log as having done something, and by which claims. Pure."""

from __future__ import annotations

from dataclasses import dataclass, field

from sandbox.azure.wire import Json

_CLAIM = "http://schemas.microsoft.com/identity/claims"
_SOAP = "http://schemas.xmlsoap.org/ws/2005/05/identity/claims"
#: The portal, by which people act.
_PORTAL = "c44b4083-3bb0-49c1-b47d-974e53cbdf3c"


@dataclass(frozen=True, slots=True)
class Actor:
    """`caller` is what Azure names: an address, or an id; "" where it names nobody."""

    caller: str
    named: tuple[tuple[str, str], ...] = field(default=())

    def claims(self, tenant_id: str) -> Json:
        """The claims of the token that was used, all of them texts."""
        return {
            "aud": "https://management.core.windows.net/",
            "iss": f"https://sts.windows.net/{tenant_id}/",
            "ver": "1.0",
            f"{_CLAIM}/tenantid": tenant_id,
            **dict(self.named),
        }


def person(address: str, name: str = "") -> Actor:
    """Somebody who is signed in to the portal."""
    if not address:
        return Actor("")
    named = (
        (f"{_SOAP}/upn", address),
        (f"{_SOAP}/name", address),
        ("name", name or address.partition("@")[0]),
        ("appid", _PORTAL),
        (f"{_CLAIM}/scope", "user_impersonation"),
    )
    return Actor(address, named)


def application(app_id: str, object_id: str = "") -> Actor:
    """A service principal: an id is all that Azure names."""
    return Actor(
        app_id,
        (("appid", app_id), ("idtyp", "app"), (f"{_CLAIM}/objectidentifier", object_id or app_id)),
    )


def managed_identity(resource_id: str, app_id: str, object_id: str) -> Actor:
    """A resource that acts for itself: Azure names its id and, in a claim, the resource."""
    named = (
        ("appid", app_id), ("idtyp", "app"), (f"{_CLAIM}/objectidentifier", object_id),
        ("xms_mirid", resource_id),
    )  # fmt: skip
    return Actor(object_id, named)


#: "Windows Azure Security Resource Provider", which writes the rules of JIT.
DEFENDER = application("8edd93e1-2103-40b4-bd70-6e34e586362d")
#: What redeploys infrastructure from its code.
PIPELINE = application("3d6cb8f4-60f6-4f8e-9c42-000000000e01")
