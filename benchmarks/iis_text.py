"""Writes IIS access logs of an Exchange server as fast as a disk takes them: for measuring, and for tests in the small.

Fifteen fields, some thousand users with a rhythm of day and night, each with addresses and programs of their own, and a
request id that ends every query, as Exchange writes it. The same seed gives the same bytes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

__all__ = ["FIELDS", "write_iis"]

FIELDS = (
    "date time s-ip cs-method cs-uri-stem cs-uri-query s-port cs-username c-ip cs(User-Agent) cs(Referer) sc-status "
    "sc-substatus sc-win32-status time-taken"
)
_KINDS = 12
"""Kinds of request that one user makes."""
_SHAPES = (
    ("POST", "/EWS/Exchange.asmx", "&CorrelationID=<empty>;&cafeReqId={}", 30),
    ("POST", "/mapi/emsmdb/", "MailboxId={mailbox}@ministry.example&CorrelationID=<empty>;&cafeReqId={}", 35),
    ("POST", "/Microsoft-Server-ActiveSync/default.eas", ("User={user}&DeviceId={device}&DeviceType=iPhone&Cmd={cmd}"
     "&cafeReqId={}"), 20),
    ("POST", "/owa/service.svc", "action={action}&EP=1&UA=0&ID=-{number}&AC=1&CorrelationID=<empty>;&cafeReqId={}", 10),
    ("GET", "/owa/", "&CorrelationID=<empty>;&cafeReqId={}", 3),
    ("POST", "/Autodiscover/Autodiscover.xml", "&CorrelationID=<empty>;&cafeReqId={}", 2),
)  # fmt: skip
_COMMANDS = ("Sync", "Ping", "FolderSync", "ItemOperations", "SendMail", "MoveItems")
_ACTIONS = ("FindItem", "GetItem", "FindConversation", "GetConversationItems", "UpdateItem", "CreateItem", "FindFolder")
_AGENTS = tuple(
    [f"Microsoft+Office/16.0+(Windows+NT+10.0;+Microsoft+Outlook+16.0.{number};+Pro)" for number in range(12_000, 12_030)]
    + [f"Apple-iPhone{model}C{part}/180{model}.{part}" for model in range(1, 13) for part in range(1, 4)]
    + [
        f"Mozilla/5.0+(Windows+NT+10.0;+Win64;+x64)+AppleWebKit/537.36+(KHTML,+like+Gecko)+Chrome/{number}.0.0.0+Safari/537.36"
        for number in range(70, 90)
    ]
)  # fmt: skip
_HEX = np.frombuffer(b"0123456789abcdef", np.uint8)
_DASHES = (8, 13, 18, 23)


@lru_cache(maxsize=2)
def _templates(users: int) -> tuple[pa.Array, pa.Array]:
    """Give what stands before and after the request id, for each user and each of several kinds of request."""
    rng = np.random.default_rng(users)
    weights = np.array([one[3] for one in _SHAPES], float)
    shapes = rng.choice(len(_SHAPES), (users, _KINDS), p=weights / weights.sum()).tolist()
    dice = rng.integers(0, 1_000_000, (users, _KINDS)).tolist()
    heads, tails = [], []
    for user in range(users):
        address = f"10.{20 + user % 3}.{user // 200 % 250}.{user % 200 + 20}"
        for shape, die in zip(shapes[user], dice[user], strict=True):
            method, stem, query, _ = _SHAPES[shape]
            filled = query.format(
                "", mailbox=f"{user:08x}-5a1c-4c5e-9d1f-{user * 7919:012x}", user=f"MINISTRY%5Cuser{user:04}",
                device=f"AP{user * 104729:026X}", cmd=_COMMANDS[die % len(_COMMANDS)],
                action=_ACTIONS[die % len(_ACTIONS)], number=die % 200,
            )  # fmt: skip
            agent = _AGENTS[(user * 13 + die % 3) % len(_AGENTS)]
            status = ("200 0 0", "200 0 0", "200 0 0", "401 1 2148074254", "302 0 0")[die % 5]
            heads.append(f" 10.20.1.11 {method} {stem} {filled}")
            tails.append(f"; 443 MINISTRY\\user{user:04} {address} {agent} - {status} ")
    return pa.array(heads), pa.array(tails)


def _request_ids(rng: np.random.Generator, count: int) -> pa.Array:
    """Give random request ids, 36 characters each."""
    raw = rng.integers(0, 16, (count, 36), dtype=np.uint8)
    text = _HEX[raw]
    text[:, _DASHES] = ord("-")
    offsets = np.arange(0, 36 * (count + 1), 36, dtype=np.int32)
    return pa.StringArray.from_buffers(count, pa.py_buffer(offsets), pa.py_buffer(text.tobytes()))


def _seconds(rng: np.random.Generator, count: int) -> npt.NDArray[np.int64]:
    """Give seconds of a day in order, most of them in working hours."""
    hours = np.arange(24)
    weight = 0.15 + np.exp(-(((hours - 11) / 4.5) ** 2))
    hour = rng.choice(24, count, p=weight / weight.sum())
    found: npt.NDArray[np.int64] = np.sort(hour * 3_600 + rng.integers(0, 3_600, count))
    return found


def write_iis(
    path: Path,
    lines: int,
    *,
    seed: int = 1,
    users: int = 4_000,
    start: datetime = datetime(2021, 3, 1, tzinfo=UTC),
    days: int = 1,
) -> int:
    """Write one log.

    Args:
        path: the file; its folder is made.
        lines: records to write, the header not counted.
        seed: the same seed gives the same bytes.
        users: how many people there are.
        start: midnight of the first day.
        days: how many days the log covers; a day's lines are made in memory at once.

    Returns:
        Bytes written.
    """
    rng = np.random.default_rng(seed)
    heads, tails = _templates(users)
    busy = rng.zipf(1.3, users).clip(1, 200).astype(float)
    path.parent.mkdir(parents=True, exist_ok=True)
    header = (
        "#Software: Microsoft Internet Information Services 10.0",
        "#Version: 1.0",
        f"#Date: {start:%Y-%m-%d %H:%M:%S}",
    )
    with path.open("wb") as out:
        out.write("\r\n".join([*header, f"#Fields: {FIELDS}", ""]).encode())
        for day in range(days):
            count = lines * (day + 1) // days - lines * day // days
            first = int((start + timedelta(days=day)).timestamp())
            at = pa.array(_seconds(rng, count) + first, pa.int64()).cast(pa.timestamp("s"))
            user = rng.choice(users, count, p=busy / busy.sum())
            kind = pa.array(user * _KINDS + rng.integers(0, _KINDS, count))
            taken = pa.array(rng.integers(1, 900, count)).cast(pa.string())
            text = pc.binary_join_element_wise(
                pc.strftime(at, format="%Y-%m-%d %H:%M:%S"), heads.take(kind), _request_ids(rng, count),
                tails.take(kind), taken, "\r\n", "",
            )  # fmt: skip
            used = pc.sum(pc.binary_length(text)).as_py() or 0
            out.write(memoryview(text.buffers()[2])[:used])
        return out.tell()
