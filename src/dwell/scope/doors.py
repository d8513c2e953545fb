"""The doors to Exchange's cmdlets: who came to remote PowerShell and to the control panel, and when that would have shown.

Mail of others is sent on, exported or opened by right with cmdlets. They are run in remote PowerShell (`/powershell`, by
the management shell on the server too) or in the control panel (`/ecp`), and both are requests that the web log of the
front end has, with the account and the address. So where no log of cmdlets is held the web log still tells something: who
was not at a door has run nothing behind it.

A web log shows the doors only where it writes requests to them: an hour counts where one to remote PowerShell, by whomever,
is held of the server within a week of it. Exchange's own probes ask for it all day. And it has to be the front end's: the
back end's log, which is of the same server, knows no client's address and no page that lies on the front end.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from dwell.model.addresses import is_internal
from dwell.scope.access import Accesses
from dwell.scope.cmdlets import Label
from dwell.scope.intrusions import Held
from dwell.scope.ledger import NO_HOST, Ledger
from dwell.scope.rollup.layers import BACK, FOLDERS, FRONT
from dwell.scope.rollup.shapes import DOORS
from dwell.scope.unable import WEEK
from dwell.scope.visitors import client_of

__all__ = ["CMDLETS", "Visit", "at_doors", "came_in", "mark_doors"]

CMDLETS = "cmdlets"
"""The coming to a door, as an act that a web log can be unable to show."""
NO_DOOR = "no request to remote PowerShell, by whomever, is held within a week: this log does not show who came to it"
NO_FRONT = "only the back end's web log is held, which knows no client's address"
_DAY = 24
_IIS = "iis"


@dataclass(frozen=True, slots=True)
class Visit:
    """One hour in which somebody with a name was answered at a door of a server.

    Attributes:
        host: the server.
        hour: hours since 1970.
        user: the name, as the log writes it.
        client: from where; None where the log does not tell.
        behind: whether the log of the back end tells it: its client is a front end.
    """

    host: str
    hour: int
    user: str
    client: str | None
    behind: bool


def mark_doors(ledger: Ledger, layers: pa.Table) -> None:
    """Note in which hours web logs are held that do not show who came to a door.

    Args:
        ledger: the ledger, changed.
        layers: what each layer logged, rows in `rollup.shapes.LAYERS`.
    """
    hosts = pc.fill_null(layers["host"].cast(pa.string()), NO_HOST)
    for host, source in sorted(ledger.lines):
        if source != _IIS:
            continue
        mine, line = layers.filter(pc.equal(hosts, host)), ledger.lines[host, source]
        hour, folder = mine["hour"].to_numpy(), mine["folder"].to_numpy()
        front, back = (pc.equal(mine["layer"], one).to_numpy() for one in (FRONT, BACK))
        came = hour[front & (folder == FOLDERS.index("powershell"))]
        ledger.mark_unable((host, _IIS, CMDLETS), np.flatnonzero(~line.near(came, WEEK)), NO_DOOR)
        if back.any():
            every = np.arange(len(line.states)) + line.start
            lacks = ~np.isin(every // _DAY, hour[front] // _DAY) | np.isin(every, np.setdiff1d(hour[back], hour[front]))
            ledger.mark_unable((host, _IIS, CMDLETS), np.flatnonzero(lacks), NO_FRONT)


def came_in(table: pa.Table) -> tuple[Visit, ...]:
    """Give who was answered at a door, by hour, in order.

    Args:
        table: rows in `rollup.shapes.DOORS`.
    """
    found = {
        Visit(
            row["host"] or NO_HOST, row["hour"], row["user"], client_of(row["forwarded"], row["client"]), row["behind"]
        )
        for row in table.group_by(DOORS.names, use_threads=False).aggregate([]).to_pylist()
    }
    return tuple(sorted(found, key=lambda one: (one.hour, one.host, one.user, one.client or "", one.behind)))


def at_doors(
    held: Held, visits: Iterable[Visit], accesses: Accesses, label: Label, is_system: Callable[[str], bool]
) -> Mapping[str, Mapping[int, str]]:
    """Give by server the hours in which an intrusion may have been at a door, with who came from where.

    Who comes with an account that the intrusion used is the owner where he comes from inside alone, unless the intrusion
    is inside too. Whoever comes from an address of the intrusion's outside is taken for it, whatever his name.

    Args:
        held: the intrusion.
        visits: who was answered at a door, by hour.
        accesses: all sessions.
        label: gives the name that a user goes by.
        is_system: says whether a name is the system's own.
    """
    visits = [one for one in visits if not is_system(one.user)]
    if not visits:
        return {}
    own = {one for one in accesses.rows(held.rows, ("client",))["client"].to_pylist() if one}
    own |= {text.partition(" ")[0] for text in held.clients}
    in_front = {(one.hour, one.user.lower()) for one in visits if not one.behind}
    out: dict[str, dict[int, str]] = {}
    for one in visits:
        used = (label(one.user) or one.user) in held.accounts
        strange = one.client is None or not is_internal(one.client) or one.client in own
        if one.behind:
            # what stands in the front end's log is judged there; where that is not held, from where is not known
            told = any((one.hour + step, one.user.lower()) in in_front for step in (-1, 0, 1))
            strange = not told
        theirs = one.client in own and not is_internal(one.client)
        if (used and strange) or theirs:
            where = one.client if one.client and not one.behind else "an address that is not told"
            out.setdefault(one.host, {}).setdefault(one.hour, f"{label(one.user) or one.user} from {where}")
    return out
