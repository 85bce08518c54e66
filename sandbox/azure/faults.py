"""The ways in which Azure can be wrong. A fault is armed, met by a request and used up."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TypedDict, Unpack

from sandbox.azure.wire import Json

#: Seconds; "for ever" to every client here, short enough that nothing is left behind.
FOREVER = 600.0

_TOKEN_PATH = "oauth2"  # noqa: S105 a part of a path


@dataclass(slots=True)
class Fault:
    """What happens to the next `times` requests that match (None: until it is removed).

    With `before_effect` Azure does nothing of what was asked; without, it does it and answers
    wrongly. The order is: `delay`, the effect, `hang`, then `drop` or the answer.
    """

    method: str | None = None
    path_contains: str = ""
    times: int | None = 1
    status: int | None = None
    body: Json | str | None = None
    headers: dict[str, str] = field(default_factory=dict)
    before_effect: bool = True
    delay: float = 0.0
    hang: float = 0.0
    drop: bool = False
    #: Who armed it, so that the director finds its own again.
    name: str = ""

    def matches(self, method: str, path_and_query: str) -> bool:
        """Whether this request meets the fault; one for a token only when it names that path."""
        named, path = self.path_contains.lower(), path_and_query.lower()
        return (
            (self.times is None or self.times > 0)
            and (self.method is None or self.method.upper() == method.upper())
            and named in path
            and (_TOKEN_PATH in named) == (_TOKEN_PATH in path)
        )


class Faults:
    """Those armed now, oldest first; a request meets the first that matches."""

    def __init__(self) -> None:
        self.armed: list[Fault] = []
        #: Ids (or parts of them) of policies that the subscription-wide list leaves out.
        self.left_out: set[str] = set()
        #: Scopes under a read-only lock.
        self.locks: set[str] = set()

    def add(self, fault: Fault) -> Fault:
        """Arm a fault."""
        self.armed.append(fault)
        return fault

    def remove(self, name: str) -> None:
        """Disarm the faults of that name."""
        self.armed = [fault for fault in self.armed if fault.name != name]

    def clear(self) -> None:
        """Azure works again."""
        self.armed.clear()
        self.left_out.clear()
        self.locks.clear()

    def take(self, method: str, path_and_query: str) -> Fault | None:
        """The fault that this request meets; one use of it is gone."""
        for fault in self.armed:
            if fault.matches(method, path_and_query):
                if fault.times is not None:
                    fault.times -= 1
                    self.armed = [f for f in self.armed if f.times is None or f.times > 0]
                return fault
        return None

    def leaves_out(self, policy_id: str) -> bool:
        """Whether the subscription's list hides this policy."""
        return any(part.lower() in policy_id.lower() for part in self.left_out)

    def lock_over(self, scope: str) -> str | None:
        """The locked scope that covers this one."""
        at = scope.lower()
        for lock in sorted(self.locks):
            outer = lock.rstrip("/").lower()
            if at == outer or at.startswith(f"{outer}/"):
                return lock
        return None


class Target(TypedDict, total=False):
    """Which requests a fault is for."""

    method: str | None
    path_contains: str
    times: int | None
    name: str


def refuse(status: int, code: str, message: str, **target: Unpack[Target]) -> Fault:
    """Refused before anything happened, in Resource Manager's words."""
    return Fault(status=status, body={"error": {"code": code, "message": message}}, **target)


def too_many(seconds: int = 5, **target: Unpack[Target]) -> Fault:
    """429 with Retry-After."""
    text = f"The request is being throttled. Please try again after '{seconds}' seconds."
    fault = refuse(429, "TooManyRequests", text, **target)
    fault.headers["Retry-After"] = str(seconds)
    return fault


def hang_after_accept(seconds: float = FOREVER, **target: Unpack[Target]) -> Fault:
    """Azure does it, and the answer never comes."""
    return Fault(before_effect=False, hang=seconds, drop=True, **target)


def drop_after_accept(**target: Unpack[Target]) -> Fault:
    """Azure does it, and the connection breaks."""
    return Fault(before_effect=False, drop=True, **target)


def drop_before(**target: Unpack[Target]) -> Fault:
    """The connection breaks before anything happened."""
    return Fault(drop=True, **target)


def hang_before(seconds: float = FOREVER, **target: Unpack[Target]) -> Fault:
    """Nothing happens and nothing is answered."""
    return Fault(delay=seconds, drop=True, **target)


def slow(seconds: float, **target: Unpack[Target]) -> Fault:
    """Everything is right but late."""
    return Fault(before_effect=False, delay=seconds, **target)


def odd_answer(status: int = 200, body: Json | str | None = "", **target: Unpack[Target]) -> Fault:
    """Azure does it and answers otherwise than it should."""
    return Fault(before_effect=False, status=status, body=body, **target)


def html_page(**target: Unpack[Target]) -> Fault:
    """A proxy's page with status 200; nothing reached Azure."""
    page = "<html><body>Service unavailable</body></html>"
    return Fault(status=200, body=page, headers={"Content-Type": "text/html"}, **target)
