"""Ports as people write them: `22`, `ssh`, `winrm`, `５９８６`, `22/tcp`."""

from __future__ import annotations

import difflib
import re
import unicodedata
from collections.abc import Collection

from approvals.verdict import Code, Field, Refusal

#: Name → numbers, the usual one first. Names that Azure's portal and people use for VMs.
SERVICES: dict[str, tuple[int, ...]] = {
    "ssh": (22,),
    "sftp": (22,),
    "rdp": (3389,),
    "winrm": (5985, 5986),
    "winrm-http": (5985,),
    "winrm-https": (5986,),
    "http": (80,),
    "https": (443,),
    "smb": (445,),
    "mssql": (1433,),
    "oracle": (1521,),
    "mysql": (3306,),
    "postgres": (5432,),
    "postgresql": (5432,),
    "vnc": (5900,),
    "redis": (6379,),
    "kubernetes": (6443,),
    "elasticsearch": (9200,),
    "mongodb": (27017,),
}

_LABELS = {
    22: "SSH",
    80: "HTTP",
    443: "HTTPS",
    445: "SMB",
    1433: "SQL Server",
    1521: "Oracle",
    3306: "MySQL",
    3389: "RDP",
    5432: "PostgreSQL",
    5900: "VNC",
    5985: "WinRM",
    5986: "WinRM HTTPS",
    6379: "Redis",
    6443: "Kubernetes",
    9200: "Elasticsearch",
    27017: "MongoDB",
}

_PORT_MAX = 65535
#: More than any VM's policy has; bounds what one form or line can make us look at.
_PORTS_MAX = 32
_NUMBER = re.compile(r"(\d{1,5})(?:/(?:tcp|udp))?", re.ASCII)
_BETWEEN = re.compile(r"[\s,、，;・+&/]+|(?<=\d)と|と(?=\d)", re.UNICODE)


def parse_port(text: str, offered: Collection[int] = ()) -> int | Refusal:
    """One port. A name with several numbers means the one that is `offered`, else the usual."""
    word = unicodedata.normalize("NFKC", text).strip().casefold()
    if not word:
        return Refusal(Code.PORT_MISSING, Field.PORTS, {"allowed": tuple(sorted(offered))})
    if number := _NUMBER.fullmatch(word):
        port = int(number[1])
        if 1 <= port <= _PORT_MAX:
            return port
    if numbers := SERVICES.get(word):
        return next((port for port in numbers if port in offered), numbers[0])
    near = difflib.get_close_matches(word[:32], SERVICES, n=1, cutoff=0.6)
    return Refusal(Code.PORT_INVALID, Field.PORTS, {"typed": text}, near[0] if near else None)


def parse_ports(text: str, offered: Collection[int] = ()) -> tuple[int, ...] | Refusal:
    """Several ports with commas, spaces, `、` or `と` between them; sorted, each once."""
    folded = unicodedata.normalize("NFKC", text)
    folded = re.sub(r"/(tcp|udp)\b", "", folded, flags=re.IGNORECASE)
    words = [word for word in _BETWEEN.split(folded) if word]
    if not words or len(words) > _PORTS_MAX:
        code = Code.PORT_INVALID if words else Code.PORT_MISSING
        args: dict[str, object] = {"typed": text} if words else {"allowed": tuple(sorted(offered))}
        return Refusal(code, Field.PORTS, args)
    found: set[int] = set()
    for word in words:
        port = parse_port(word, offered)
        if isinstance(port, Refusal):
            return port
        found.add(port)
    return tuple(sorted(found))


def port_label(port: int) -> str:
    """`22 (SSH)`, or the bare number where the port has no well-known use."""
    name = _LABELS.get(port)
    return f"{port} ({name})" if name else str(port)


def port_word(port: int) -> str:
    """The shortest thing to type for it: `ssh`, else the number."""
    for name in ("ssh", "rdp"):
        if SERVICES[name] == (port,):
            return name
    return str(port)
