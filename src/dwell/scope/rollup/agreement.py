"""Whether records of one request id can be one request: they name one caller, one mailbox, one protocol and one client.

An id proves nothing: clients can send one, and where no server appends its own that is what is written. So it joins only
records that do not contradict each other. What is not joined loses nothing: each record counts by itself.

Names are compared by the account they lead to, where directory exports say so of any time (`Identities.settled`): a SID, a
GUID or a legacy DN and an address are one then, and two accounts are two, however alike their names. What no export
knows is compared by its alias, and a SID or a GUID then with its like only.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from dwell.scope.rollup.fold import Codes
from dwell.scope.rollup.layers import BACK, ECP_ACTIVITY, ECP_SERVER, EWS, FRONT, MAPI, OWA, PROXY
from dwell.scope.words import BROWSER, Name, name_of

__all__ = ["LAYERS", "agreed", "aliases_of"]

LAYERS = (FRONT, BACK, PROXY, EWS, MAPI, OWA, ECP_SERVER, ECP_ACTIVITY)
_SERVICES = (LAYERS.index(EWS), LAYERS.index(MAPI), LAYERS.index(OWA))
_BACK = LAYERS.index(BACK)

Flags = npt.NDArray[np.bool_]


def _alias(text: str, known: Mapping[str, str]) -> str:
    r"""Give what stays the same of an account's name in its usual forms: `GOV\anna`, `anna@gov.example`, `Smtp~anna@…`."""
    name = name_of(text)
    if name is None:
        return text.lower()
    return known.get(name.key) or _bare(name)


def _bare(name: Name) -> str:
    return name.value.partition("@")[0] if name.kind in {"sam", "smtp"} else name.key


def aliases_of(settled: Mapping[str, str]) -> dict[str, str]:
    """Give by the key of each name the alias of the account that it leads to, or all of its name where others have that.

    Args:
        settled: what each name leads to (`Identities.settled`).
    """
    labels = sorted(set(settled.values()))
    bare = {label: _bare(name) if (name := name_of(label)) is not None else label.lower() for label in labels}
    held = Counter(bare.values())
    return {key: label.lower() if held[bare[label]] > 1 else bare[label] for key, label in settled.items()}


def _one(values: Codes, starts: Codes) -> tuple[Flags, Codes]:
    """Say of each request whether its records have one value at most, -1 for none, and give it."""
    high = np.maximum.reduceat(values, starts)
    low = np.minimum.reduceat(np.where(values >= 0, values, np.iinfo(np.int64).max), starts)
    return np.asarray((high < 0) | (low == high)), high


def _names(texts: Mapping[str, Sequence[str]], aliases: Mapping[str, str]) -> dict[str, Codes]:
    """Give the codes of the aliases of callers and mailboxes, over their texts and one more for none."""
    known: dict[str, int] = {}
    return {
        column: np.array([*(known.setdefault(_alias(one, aliases), len(known)) for one in texts[column]), -1], np.int64)
        for column in ("actor", "mailbox")
    }


def agreed(
    arrays: Mapping[str, npt.NDArray[Any]],
    texts: Mapping[str, Sequence[str]],
    inside: Flags,
    rows: Codes,
    starts: Codes,
    aliases: Mapping[str, str],
) -> Flags:
    """Say of each request whether its records can be of one.

    They may leave out what others tell. A service that names a mailbox (impersonation) and others that take the caller's
    own agree; any other two mailboxes do not. Addresses from inside agree with any: they are a balancer's, or a server's.
    So does a browser's cookie, which is no address.

    Args:
        arrays: the records, column by column.
        texts: the texts of their columns.
        inside: which texts of `client` are addresses of hops of our own, and False for none.
        rows: the records, request by request.
        starts: where in `rows` each request starts.
        aliases: of names whose account is known (`aliases_of`).
    """
    layer, taken = arrays["layer"][rows], {name: arrays[name][rows].astype(np.int64) for name in texts}
    names = _names(texts, aliases)
    machine = np.array([*(one.endswith("$") for one in texts["actor"]), False])
    # the back end writes the front end's own account where that handed the request over
    caller = np.where((layer == _BACK) & machine[taken["actor"]], -1, names["actor"][taken["actor"]])
    opened = np.where(taken["mailbox"] >= 0, names["mailbox"][taken["mailbox"]], caller)
    outside = ~inside & np.array([*(not one.startswith(BROWSER) for one in texts["client"]), False])
    client = np.where(outside[taken["client"]], taken["client"], -1)
    one_caller, its = _one(caller, starts)
    one_mailbox, _ = _one(opened, starts)
    sizes = np.diff(np.append(starts, len(rows)))
    explicit = np.array([*(one.startswith("explicit") for one in texts["basis"]), False])
    named = np.isin(layer, _SERVICES) & (taken["mailbox"] >= 0) & explicit[taken["basis"]]
    by_service = np.repeat(np.maximum.reduceat(np.where(named, opened, -1), starts), sizes)
    fits = (opened < 0) | (opened == by_service) | (opened == np.repeat(its, sizes))
    impersonated = np.logical_and.reduceat((by_service >= 0) & fits, starts)
    found: Flags = (
        one_caller & (one_mailbox | impersonated) & _one(client, starts)[0] & _one(taken["protocol"], starts)[0]
    )
    return found
