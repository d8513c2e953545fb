"""Scenarios: what the quiet intruder does, from where, with what, when, and what is left of the evidence. Data, not code.

Each named scenario of `scenarios.toml` changes a few traits of the default one.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from functools import cache
from importlib import resources
from typing import Any

__all__ = ["DEFAULT", "Scenario", "scenario", "scenarios"]

_MODES = frozenset(
    {"owa", "ews", "eas", "mapi", "delegate", "impersonation", "imap", "forged", "export", "forwarding", "app",
     "app-only", "forward"}
)  # fmt: skip
_CHOICES: Mapping[str, frozenset[str]] = {
    "mode": _MODES,
    "entry": frozenset({"password", "spray", "relay", "proxylogon", "proxyshell", "administrator"}),
    "network": frozenset({"changing", "one", "residential", "vpn", "server", "relay"}),
    "agent": frozenset({"old", "current", "owner", "tool"}),
    "hours": frozenset({"foreign", "office", "night"}),
    "audit": frozenset(
        {"on", "mailboxes-off", "ingestion-off", "bypass", "unlicensed", "licence-dropped", "throttled"}
    ),
}
_BYSTANDERS = frozenset(
    {"calendar-service", "connector", "duty-room", "helpdesk", "journal", "kiosk", "migration", "night-desk",
     "night-sessions", "partner-office", "room-booking", "training-room"}
)  # fmt: skip
_OCCASIONS = frozenset(
    {"assistant-abroad", "mailbox-moves", "penetration-test", "renumbering", "shared-mailbox", "shared-range"}
)  # fmt: skip
_TENANT = frozenset({"backup-app", "calendar-app", "desk-app", "forwarders", "secretaries", "travel-app"})
_KEPT = frozenset({"ews", "httpproxy", "imap4", "mapihttp", "owa", "rps"})
_ENTRIES_OF: Mapping[str, frozenset[str]] = {
    "forged": frozenset({"proxylogon"}),
    "export": frozenset({"proxyshell", "administrator"}),
}
"""Modes that only some entries open."""
_SOURCES = frozenset({"iis", "iis-front", "httpproxy", "ews", "evtx", "ual", "directory", "inventory", "backups",
                      "imap4", "rps"})  # fmt: skip
_SETS: Mapping[str, frozenset[str]] = {
    "without": _SOURCES,
    "bystanders": _BYSTANDERS,
    "occasions": _OCCASIONS,
    "tenant": _TENANT,
    "kept": _KEPT,
    "tidy": frozenset({"security-log", "audit"}),
    "states": frozenset({"before", "after"}),
}
"""Traits of several values."""


@dataclass(frozen=True, slots=True)
class Scenario:
    """What is planted, and what evidence is left.

    Attributes:
        name: its name.
        about: one sentence for the reader.
        quiet: whether the quiet intruder is there.
        loud: whether the loud one is there.
        mode: how mail is read: `owa`, `ews`, `eas`, `mapi` with the owner's password, `delegate` through one account that
            may open the others, `impersonation` through a service account, `imap`, calls to EWS `forged` through the
            front end, `export` of whole mailboxes by cmdlet, `forwarding` set up from a browser; in the tenant also `app`
            (an application to which the owners consent), `app-only` (one that a stolen administrator lets read everybody)
            and `forward` (a rule or a setting that sends mail on).
        entry: how he came in: the owners' `password`, which he has; a `spray` of one, which some have; a `relay` of what
            their computers sign in with; `proxylogon` without a file; `proxyshell`; an `administrator`'s password.
        network: `changing` hosting ranges, `one` range, `residential` (an address of its own for each mailbox), `vpn`
            (the house's own range), `server` (the mail server itself), `relay` (one machine inside the house).
        agent: an `old` browser, a `current` one, the `owner`'s own, or a scripting `tool`.
        hours: office hours of a `foreign` zone, the house's `office` hours, or `night`.
        victims: mailboxes read; 0 for the default share of all.
        visits: visits a mailbox.
        pause: share of the time, from and to, in which he is away; equal where he never is.
        deleted: share of his own lines that he takes out of the IIS logs.
        without: sources that are not handed over; `iis-front` leaves the back end's IIS logs.
        states: sets of exports of states that are handed over: `before` the first act, `after` the last.
        cleaned: whether what the intruders changed is gone, and passwords and keys are new, in the later set.
        exported: share of the mailboxes that the later set asked.
        damage: whether a week is missing, a log cut and a log cleared.
        handed_over: whether a server hands calls to EWS over to the other where the mailbox is of that one.
        service_logs: whether Outlook on the web and ActiveSync log what they do behind the front end; not together with
            `handed_over`.
        bystanders: innocents that look like intruders (`bystanders.py`).
        occasions: things that happen once, or to one mailbox, and look like an intruder (`occasions.py`).
        kept: services whose own logs a collector kept over the whole time; the servers keep a month of `httpproxy`, `ews`
            and `rps` (remote PowerShell), and of `imap4`, `mapihttp` and `owa` they write none.
        imap_share: share of the people who read their mail by IMAP at home too, where its log is kept.
        clerks: whether administrators export mailboxes of people who left, and people have mail forwarded, as they do.
        tidy: what the intruder clears away at the end: the `security-log`, and `audit` of mailboxes and administrators.
        cloud: whether the mailboxes lie in the cloud and its audit export covers the whole time; else some do, and it is
            of the last month.
        tenant: innocents of the tenant (`tenant_life.py`); where there are none, and no way in the tenant is used,
            nothing is written of it but the audit export.
        rights: whether a stolen administrator gives the delegate's account its rights, in the tenant.
        sprayed: whether he came by the passwords through guessing: a few tried on everybody, in the tenant's sign-ins.
        audit: what he does to the tenant's audit: `mailboxes-off` and `licence-dropped` for half of the mailboxes that he
            reads, `unlicensed` for which it never was, `ingestion-off` for two months, `bypass` for the account that he
            reads with, `throttled` where he reads too much.
        clock_ahead_s: by how many seconds the clock of the second server is ahead, in all its logs.
    """

    name: str = "default"
    about: str = "the owners' passwords, changing hosting ranges, one old browser, over two years"
    quiet: bool = True
    loud: bool = True
    mode: str = "owa"
    entry: str = "password"
    network: str = "changing"
    agent: str = "old"
    hours: str = "foreign"
    victims: int = 0
    visits: int = 18
    pause: tuple[float, float] = (0.0, 0.0)
    deleted: float = 0.0
    without: tuple[str, ...] = ()
    states: tuple[str, ...] = ()
    cleaned: bool = False
    exported: float = 1.0
    damage: bool = True
    handed_over: bool = False
    service_logs: bool = False
    clock_ahead_s: int = 0
    bystanders: tuple[str, ...] = ()
    occasions: tuple[str, ...] = ()
    kept: tuple[str, ...] = ()
    imap_share: float = 0.0
    clerks: bool = False
    tidy: tuple[str, ...] = ()
    cloud: bool = False
    tenant: tuple[str, ...] = ()
    rights: bool = False
    sprayed: bool = False
    audit: str = "on"

    def __post_init__(self) -> None:
        """Refuse a trait that no writer knows.

        Raises:
            ValueError: a trait has an unknown value.
        """
        for trait, known in _CHOICES.items():
            if getattr(self, trait) not in known:
                raise ValueError(f"scenario {self.name}: {trait} is one of {', '.join(sorted(known))}")
        for trait, known in _SETS.items():
            if unknown := set(getattr(self, trait)) - known:
                raise ValueError(f"scenario {self.name}: {trait} cannot be {', '.join(sorted(unknown))}")
        tenant = self.mode in {"app", "app-only", "forward"} or self.tenant or self.rights or self.sprayed
        if (tenant or self.audit != "on") and not self.cloud:
            raise ValueError(f"scenario {self.name}: what is done in the tenant needs mailboxes in the cloud")
        if self.quiet and self.entry not in _ENTRIES_OF.get(self.mode, {self.entry}):
            raise ValueError(f"scenario {self.name}: nobody comes to {self.mode} by {self.entry}")
        shares = (self.deleted, self.exported, self.imap_share)
        if not 0 <= self.pause[0] <= self.pause[1] <= 1 or not all(0 <= one <= 1 for one in shares):
            raise ValueError(f"scenario {self.name}: shares lie between 0 and 1")


DEFAULT = Scenario()


def _made(name: str, traits: Mapping[str, Any]) -> Scenario:
    known = {one.name for one in fields(Scenario)}
    unknown = set(traits) - known
    if unknown:
        raise ValueError(f"scenario {name}: unknown trait {', '.join(sorted(unknown))}")
    tupled: dict[str, Any] = {key: tuple(value) if isinstance(value, list) else value for key, value in traits.items()}
    return replace(DEFAULT, name=name, **tupled)


@cache
def scenarios() -> Mapping[str, Scenario]:
    """Give all named scenarios, in the order of the file.

    Raises:
        ValueError: the file holds a trait that no writer knows.
    """
    text = resources.files("dwell.drill").joinpath("scenarios.toml").read_text("utf-8")
    return {name: _made(name, traits) for name, traits in tomllib.loads(text).items()}


def scenario(name: str) -> Scenario:
    """Give one scenario.

    Raises:
        KeyError: there is none of that name.
    """
    return scenarios()[name]
