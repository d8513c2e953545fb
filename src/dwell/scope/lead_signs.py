"""What can be observed of a lead: each observation in a few states, told for many leads at once.

Explanations (`explanations`) say how often each state comes up where they hold. What cannot be told of a lead, because the
account is seen nowhere else, or because no log held has it, is unknown (-1) and speaks for nothing.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import numpy.typing as npt

from dwell.scope.access import DAY_US, INSIDE, Accesses
from dwell.scope.clients import FOREIGN_BITS, Clients
from dwell.scope.kin import Kin
from dwell.scope.rollup.fold import group, paired, ranked
from dwell.scope.session_terms import met_elsewhere

__all__ = ["SIGNS", "UNKNOWN", "signs_of"]

UNKNOWN = -1
SIGNS: Mapping[str, tuple[str, ...]] = {
    "company": ("alone", "related", "few-brief", "many-brief", "few-long", "many-long"),
    "strangers": ("none", "few", "many"),
    "stay": ("one-day", "on-end", "weeks", "months-often", "months-seldom"),
    "owner": ("missed", "about"),
    "at-once": ("no", "yes"),
    "agent": ("own", "common", "outdated", "nobody's"),
    "hours": ("own", "shifted", "strange"),
    "protocol": ("phone", "browser", "program"),
    "refused": ("none", "this account", "many accounts"),
    "mailbox": ("own", "known other", "new other"),
    "place": ("foreign", "lived in"),
    "replaces": ("nothing", "device", "network"),
    "reads": ("opened", "listed", "read"),
    "departed": ("no", "yes"),
    "moves": ("stays", "moves"),
}
"""The states of each observation, in the order of their numbers."""
BRIEF_DAYS = 10.0
FEW, MANY = 2, 8
MONTH_US = 30 * DAY_US
_SECOND_US = 1_000_000
MISSED_SHARE = 0.5
USUAL_MIN = 2.0
ELSEWHERE_MIN = 10
TOGETHER_MIN = 3
"""So many accounts that come with one foreign agent from one network are company whose going elsewhere can be told."""
PHONE_SHARE = 0.5
SPRAYED_MIN = 5
TRIED_MIN = 3
STAYED_DAYS = 3
"""A client of fewer days is none that another could replace."""
_BROWSERS = ("owa", "ecp", "m365-owa", "signin", "browser")

Codes = npt.NDArray[np.int64]
Mask = npt.NDArray[np.bool_]


class _Leads:
    """The leads, their columns, and their sessions."""

    def __init__(self, accesses: Accesses, clients: Clients, rows: Codes, kin: Kin) -> None:
        self.accesses, self.clients, self.rows, self.kin = accesses, clients, rows, kin
        self.account, self.network, self.agent = (clients.column(one)[rows] for one in ("account", "network", "agent"))
        self.first, self.last = clients.column("first")[rows], clients.column("last")[rows]
        held, place = accesses.on_ties(self.network, self.agent, self.account)
        answered = accesses.ok[held]
        self.sessions, self.place = held[answered], place[answered]

    def tie(self, name: str) -> npt.NDArray[np.float64]:
        """Give a column of the ties."""
        return np.asarray(self.clients.ties[name].to_numpy()[self.rows], np.float64)

    def most(self, codes: Codes) -> Codes:
        """Give per lead the largest of its sessions' codes; unknown where it has none."""
        out = np.full(len(self.rows), UNKNOWN)
        np.maximum.at(out, self.place, codes)
        return out


def _counted(codes: Codes, few: int = FEW, many: int = MANY) -> Codes:
    return np.where(codes >= many, 2, np.where(codes >= few, 1, 0))


def _company(one: _Leads) -> tuple[Codes, Codes]:
    """Say with how many unrelated owners the network was shared and how long, and whether people are at home there."""
    ties = one.clients.ties
    size = len(one.accesses.networks)
    asked = np.zeros(size, np.bool_)
    asked[one.network] = True
    near = np.flatnonzero(asked[ties["network"].to_numpy()])
    names = ("account", "network", "first", "last", "agent_bits")
    account, network, first, last, bits = (ties[name].to_numpy()[near] for name in names)
    since, until = np.full(size, np.iinfo(np.int64).max), np.full(size, np.iinfo(np.int64).min)
    np.minimum.at(since, network, first)
    np.maximum.at(until, network, last)
    wide = max(one.kin.size, 1)

    def distinct(values: Codes, kept: Mask | None = None) -> Codes:
        key = network * wide + values if kept is None else network[kept] * wide + values[kept]
        return np.bincount(np.unique(key) // wide, minlength=size).astype(np.int64)

    owners, groups = distinct(account)[one.network], distinct(one.kin.of[account])[one.network]
    brief = (until - since)[one.network] <= BRIEF_DAYS * DAY_US
    several = np.where(groups >= MANY, np.where(brief, 3, 5), np.where(brief, 2, 4))
    company = np.where(owners <= 1, 0, np.where(groups <= 1, 1, several))
    own = bits < FOREIGN_BITS
    mine = ties["agent_bits"].to_numpy()[one.rows] < FOREIGN_BITS
    lived = distinct(account, own)[one.network] - mine
    return company, np.where(owners <= 1, UNKNOWN, (lived > 0).astype(np.int64))


def _strangers(one: _Leads) -> Codes:
    """Say to how many accounts the agent is foreign, over all outside networks."""
    ties = one.clients.ties
    agent, account = ties["agent"].to_numpy(), ties["account"].to_numpy()
    odd = one.clients.outside & (ties["agent_bits"].to_numpy() >= FOREIGN_BITS)
    wide, size = max(one.kin.size, 1), len(one.accesses.agents)
    users = np.bincount(np.unique(agent[odd] * wide + account[odd]) // wide, minlength=size)
    return _counted(np.maximum(users[one.agent], one.clients.foreign[one.rows]))


def _stay(one: _Leads) -> Codes:
    """Say how the days lie on which the client came."""
    day = one.accesses.first[one.sessions] // DAY_US
    who, when = np.unique(np.stack([one.place, day]), axis=1)
    near = (np.diff(who) == 0) & (np.diff(when) <= 1)
    beside = np.append(near, False) | np.insert(near, 0, False) if len(who) else np.zeros(0, np.bool_)
    days = np.bincount(who, minlength=len(one.rows))
    on_end = np.bincount(who, weights=beside, minlength=len(one.rows)) >= 0.5 * np.maximum(days, 1)
    span = (one.last - one.first) / DAY_US + 1.0
    months = np.where(days * 3 > span, 3, 4)
    return np.where(days <= 1, 0, np.where(span > 90, months, np.where(on_end & (span <= 31), 1, 2)))


def _owner(one: _Leads) -> Codes:
    """Say whether the owner was missed elsewhere on those days."""
    seen, usual = one.tie("meanwhile"), one.tie("usually")
    return np.where(usual < USUAL_MIN, UNKNOWN, np.where(seen < MISSED_SHARE * usual, 0, 1))


def _at_once(one: _Leads) -> Codes:
    """Say whether the account was used from another network within half an hour, phones left out."""
    accesses = one.accesses
    phones = np.zeros(len(accesses.protocols) + 1, np.bool_)
    phones[:-1] = [name in {"eas", "m365-eas"} for name in accesses.protocols]
    wanted = np.zeros(len(accesses.names) + 1, np.bool_)
    wanted[one.account] = True
    wanted[-1] = False
    rows = np.flatnonzero(wanted[accesses.account] & accesses.ok & (accesses.network >= 0) & ~phones[accesses.protocol])
    met = met_elsewhere(accesses, one.sessions, rows)
    known = one.tie("elsewhere") >= ELSEWHERE_MIN
    return np.where(known, one.most(met.astype(np.int64)), UNKNOWN)


def _agent(one: _Leads) -> Codes:
    """Say whose agent it is in those months: the account's own, others', nobody's any more, or nobody's ever."""
    accesses, ties = one.accesses, one.clients.ties
    names: dict[str, int] = {}
    base = np.array([names.setdefault(name.removesuffix(INSIDE), len(names)) for name in accesses.agents] or [0])
    inside = np.array([name.endswith(INSIDE) for name in accesses.agents] or [False])
    account, first, last = (ties[name].to_numpy() for name in ("account", "first", "last"))
    tool, bits = ties["agent"].to_numpy(), ties["agent_bits"].to_numpy()
    ordinary = (bits < FOREIGN_BITS) | inside[tool]
    family = base[tool]
    since, until = np.full(len(names) or 1, np.iinfo(np.int64).max), np.full(len(names) or 1, np.iinfo(np.int64).min)
    np.minimum.at(since, family[ordinary], first[ordinary])
    np.maximum.at(until, family[ordinary], last[ordinary])
    mine = base[one.agent]
    wide = max(one.kin.size, 1)

    def users(kept: Mask) -> Codes:
        return np.bincount(np.unique(family[kept] * wide + account[kept]) // wide, minlength=len(names) + 1)

    # who carries an agent from network to network makes it some account's own in the end: it is no common one by that
    used = (until[mine] >= since[mine]) & (users(ordinary) > users(~ordinary))[mine]
    common = used & (until[mine] >= one.first - MONTH_US) & (since[mine] <= one.last + MONTH_US)
    tall = len(names) + 1
    house = np.unique(account[inside[tool]] * tall + family[inside[tool]])
    own = (bits[one.rows] < FOREIGN_BITS) | np.isin(one.account * tall + mine, house)
    return np.where(own, 0, np.where(common, 1, np.where(used & (until[mine] < one.first), 2, 3)))


def _hours(one: _Leads) -> Codes:
    """Say how far the hours are from the account's own elsewhere."""
    bits = one.tie("away_bits")
    return np.where(one.tie("elsewhere") < ELSEWHERE_MIN, UNKNOWN, np.where(bits >= 2, 2, np.where(bits >= 0.75, 1, 0)))


def _protocol(one: _Leads) -> Codes:
    """Say whether it is a phone's, a browser's or a program's."""
    browser = np.array([*(name in _BROWSERS for name in one.accesses.protocols), False])
    seen = one.most(browser[one.accesses.protocol[one.sessions]].astype(np.int64))
    return np.where(one.tie("phone") >= PHONE_SHARE, 0, np.where(seen > 0, 1, 2))


def _refused(one: _Leads) -> Codes:
    """Say whether sign-ins were refused before: of this account elsewhere, or of many accounts from that network."""
    accesses = one.accesses
    bad = np.flatnonzero(accesses.refused & (accesses.account >= 0) & (accesses.network >= 0) & ~accesses.internal)
    if not len(bad):
        return np.full(len(one.rows), UNKNOWN)
    account, network, at = accesses.account[bad], accesses.network[bad], accesses.first[bad]
    wide = max(one.kin.size, 1)
    size = len(accesses.networks)
    tried = np.bincount(np.unique(paired(network, wide, account)) // wide, minlength=size)
    # the order of time within each account: how many were refused in the month before
    span = int(max(at.max(), one.last.max())) + 1
    step = span // 1_000_000 + 1
    held = np.sort(paired(account, step, at // 1_000_000))
    end = one.account * step + one.first // 1_000_000
    begin = one.account * step + np.maximum(one.first - MONTH_US, 0) // 1_000_000
    before = np.searchsorted(held, end) - np.searchsorted(held, begin)
    return np.where(tried[one.network] >= SPRAYED_MIN, 2, np.where(before >= TRIED_MIN, 1, 0))


def _mailbox(one: _Leads) -> Codes:
    """Say whether the account opened its own mailbox, that of somebody it opens by its work, or of others."""
    accesses = one.accesses
    account, mailbox = accesses.account[one.sessions], accesses.mailbox[one.sessions]
    known = np.isin(paired(account, max(one.kin.size, 1), mailbox), one.kin.opens)
    other = (mailbox >= 0) & (mailbox != account)
    return one.most(np.where(other, np.where(known, 1, 2), 0))


def _replaces(one: _Leads) -> Codes:
    """Say whether another client of the account ended when this one began: another device's, or another network's.

    It was used on some days, for the last time in the month before this one began or the two weeks after.
    """
    ties = one.clients.ties
    phone = (ties["phone"].to_numpy() >= PHONE_SHARE).astype(np.int64)
    head = ties["account"].to_numpy() * 2 + phone
    days, last = ties["days"].to_numpy(), ties["last"].to_numpy()
    mine = head[one.rows] << 32

    def ended(place: Codes) -> Mask:
        client = ranked(group([head, place]))
        size = int(client.max(initial=-1)) + 1
        until, of = np.zeros(size, np.int64), np.zeros(size, np.int64)
        np.maximum.at(until, client, last)
        of[client] = head
        usual = np.bincount(client, weights=days, minlength=size) >= STAYED_DAYS
        held = np.sort((of[usual] << 32) + until[usual] // _SECOND_US)
        low = mine + (one.first - MONTH_US) // _SECOND_US
        high = mine + (one.first + MONTH_US // 2) // _SECOND_US
        found = np.searchsorted(held, high, side="right") - np.searchsorted(held, low)
        itself = until[client[one.rows]]
        soon = (itself >= one.first - MONTH_US) & (itself <= one.first + MONTH_US // 2) & usual[client[one.rows]]
        return np.asarray(found > soon)

    stays = one.last - one.first > 14 * DAY_US
    device, lan = ended(ties["agent"].to_numpy()), ended(ties["network"].to_numpy())
    fixed = phone[one.rows] == 0
    return np.where(stays & lan & fixed, 2, np.where(stays & device, 1, 0))


def _reads(one: _Leads) -> Codes:
    """Say how far it went: opened, listed, or read."""
    picked = one.accesses.rows(one.sessions, ("listed", "read", "synced", "named"))
    listed, read, synced, named = (picked[name].to_numpy() for name in picked.column_names)
    return one.most(np.where(read + synced + named > 0, 2, np.where(listed > 0, 1, 0)))


def _moves(one: _Leads) -> Codes:
    """Say whether the accounts that an agent is foreign to come with it from one network only, or from another as well.

    A kiosk, a hall and a training room stay where they are. Unknown where fewer than three such accounts are there.
    """
    ties = one.clients.ties
    odd = np.flatnonzero(one.clients.outside & (ties["agent_bits"].to_numpy() >= FOREIGN_BITS))
    agent, network, account = (ties[name].to_numpy()[odd] for name in ("agent", "network", "account"))
    out = np.full(len(one.rows), UNKNOWN)
    for tool in np.unique(one.agent).tolist():
        lan, who = np.unique(np.stack([network, account])[:, agent == tool], axis=1)
        for place in np.flatnonzero(one.agent == tool).tolist():
            here = lan == one.network[place]
            if np.count_nonzero(here) >= TOGETHER_MIN:
                elsewhere = lan[~here & np.isin(who, who[here])]
                most = int(np.unique(elsewhere, return_counts=True)[1].max(initial=0))
                out[place] = int(most >= TOGETHER_MIN)
    return out


def signs_of(accesses: Accesses, clients: Clients, rows: Codes, kin: Kin) -> dict[str, Codes]:
    """Give the state of every observation of some ties, as number into `SIGNS`; `UNKNOWN` where it cannot be told.

    Args:
        accesses: all sessions.
        clients: the ties.
        rows: the ties asked about.
        kin: who belongs together.
    """
    one = _Leads(accesses, clients, rows, kin)
    company, place = _company(one)
    gone = clients.departed
    return {
        "company": company,
        "strangers": _strangers(one),
        "stay": _stay(one),
        "owner": _owner(one),
        "at-once": _at_once(one),
        "agent": _agent(one),
        "hours": _hours(one),
        "protocol": _protocol(one),
        "refused": _refused(one),
        "mailbox": _mailbox(one),
        "place": place,
        "replaces": _replaces(one),
        "reads": _reads(one),
        "departed": np.full(len(rows), UNKNOWN) if gone is None else (gone[rows] > 0).astype(np.int64),
        "moves": _moves(one),
    }
