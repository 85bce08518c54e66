"""What changes on machines: bursts that belong together, harmless ones and others."""

from __future__ import annotations

from dataclasses import dataclass

from sandbox.azure.file_tables import Act
from sandbox.world.model import OsType

_RUN = "HKEY_LOCAL_MACHINE\\SOFTWARE\\Microsoft\\Windows\\CurrentVersion\\Run"


@dataclass(frozen=True, slots=True)
class FileStep:
    """One change; a registry value where `value_name` is given."""

    path: str
    act: Act = "Modified"
    value_name: str | None = None
    value: str = ""
    old_value: str = ""


@dataclass(frozen=True, slots=True)
class FileStory:
    """A burst; by `account`, or by whoever is signed in where it is empty."""

    key: str
    os_type: OsType
    process: str
    steps: tuple[FileStep, ...]
    account: str = ""


UPGRADE = FileStory(
    "upgrade", "Linux", "dpkg",
    tuple(
        FileStep(f"/usr/bin/{name}")
        for name in ("curl", "openssl", "ssh", "scp", "sftp", "ssh-keygen", "sudo", "tar", "xz")
    ),
    account="root",
)  # fmt: skip

NGINX = FileStory(
    "nginx", "Linux", "vim",
    (FileStep("/etc/nginx/nginx.conf"), FileStep("/etc/nginx/conf.d/shop.conf")),
)  # fmt: skip

BACKDOOR = FileStory(
    "backdoor", "Linux", "bash",
    (FileStep("/etc/passwd"), FileStep("/etc/sudoers.d/90-cloud"),
     FileStep("/etc/cron.d/sysupdate", "Created"), FileStep("/usr/sbin/sshd"),
     FileStep("/etc/ld.so.preload", "Created")),
)  # fmt: skip

RUN_KEY = FileStory(
    "run_key", "Windows", "reg.exe",
    (FileStep(_RUN, "Modified", "Updater", "C:\\Temp\\u.exe", "C:\\Program Files\\U\\u.exe"),
     FileStep("C:\\Windows\\System32\\drivers\\etc\\hosts")),
)  # fmt: skip

DEPLOY = FileStory(
    "deploy", "Windows", "msdeploy.exe",
    (FileStep("C:\\inetpub\\shop\\bin\\Shop.Web.dll"), FileStep("C:\\inetpub\\shop\\web.config"),
     FileStep("C:\\inetpub\\shop\\bin\\Shop.Old.dll", "Deleted")),
    account="svc-deploy",
)  # fmt: skip

FILE_STORIES = {story.key: story for story in (UPGRADE, NGINX, BACKDOOR, RUN_KEY, DEPLOY)}


def file_stories_for(os_type: OsType) -> tuple[FileStory, ...]:
    """What may happen on such a machine."""
    return tuple(story for story in FILE_STORIES.values() if story.os_type == os_type)
