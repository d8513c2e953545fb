"""Every check: its words from `checks.toml`, its function from the tuple here, in the order in which they are told."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cache
from importlib import resources

from dwell.answers.checks import auditing, clients, file_lists, logged, mail, rights, secrets, servers, standing
from dwell.answers.checks.scene import Check

__all__ = ["CHECKS", "Told", "words"]

CHECKS: Mapping[str, Check] = {
    "left-behind": standing.left_behind,
    "patched": standing.patched,
    "passwords": secrets.passwords,
    "krbtgt": secrets.krbtgt,
    "restore-points": standing.restore_points,
    "quiet": standing.quiet,
    "vulnerable": standing.vulnerable,
    "inbox-rules": mail.inbox_rules,
    "forwarding": mail.forwarding,
    "transport-rules": mail.transport_rules,
    "mailbox-permissions": rights.mailbox_permissions,
    "folder-permissions": rights.folder_permissions,
    "role-assignments": rights.role_assignments,
    "applications": clients.applications,
    "devices": clients.devices,
    "sign-in-methods": clients.sign_in_methods,
    "iis-modules": servers.iis_modules,
    "virtual-directories": servers.virtual_directories,
    "machine-keys": servers.machine_keys,
    "transport-agents": servers.transport_agents,
    "files": file_lists.files,
    "scheduled-tasks": logged.scheduled_tasks,
    "services": logged.services,
    "accounts": logged.accounts,
    "auditing": auditing.auditing,
    "audit-bypass": auditing.audit_bypass,
    "sessions": auditing.sessions,
    "federation-keys": auditing.federation_keys,
}


@dataclass(frozen=True, slots=True)
class Told:
    """What a check is about, in words.

    Attributes:
        title: what is checked.
        decides: which evidence decides it.
        export: how to make that evidence.
    """

    title: str
    decides: str
    export: str


@cache
def words() -> Mapping[str, Told]:
    """Give the words of every check, by its key."""
    text = resources.files("dwell.answers.checks").joinpath("checks.toml").read_text("utf-8")
    return {key: Told(one["title"], one["decides"], one["export"]) for key, one in tomllib.loads(text).items()}
