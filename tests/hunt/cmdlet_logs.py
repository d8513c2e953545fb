"""One cmdlet as the four logs that tell of it write it: rows of our tables, made of what an administrator typed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping
from typing import Any

__all__ = ["LOGS", "typed"]

Row = dict[str, Any]


def typed(text: str) -> dict[str, str]:
    """Take parameters as Exchange writes them apart."""
    parts = [one.strip() for one in re.split(r"(?:\A|(?<=\s))-(?=[A-Za-z]+(?:[\s:]|\Z))", text) if one.strip()]
    cut = [re.split(r"[\s:]+", one, maxsplit=1) for one in parts]
    return {one[0]: re.sub(r"\A([\"'])(.*)\1\Z", r"\2", one[1], flags=re.DOTALL) if one[1:] else "" for one in cut}


def _management(name: str, text: str, *, failed: bool) -> Row:
    told = {"CmdletError": "not allowed"} if failed else {}
    return {
        "Channel": "MSExchange Management", "Provider": "MSExchange CmdletLogs", "EventID": 6 if failed else 1,
        "Cmdlet": name, "CmdletParameters": text, "CmdletCaller": "example.org/Admins/adm", **told,
    }  # fmt: skip


def _remote_shell(name: str, text: str, *, failed: bool) -> Row:
    result = "Error" if failed else "Success"
    return {"Cmdlet": name, "Parameters": text, "AuthenticatedUser": "GOV\\adm", "ExecutionResult": result}


def _admin_audit(name: str, text: str, *, failed: bool) -> Row:
    pairs = [{"Name": one, "Value": value} for one, value in typed(text).items()]
    return {
        "Cmdlet": name, "Caller": "example.org/Admins/adm", "Succeeded": str(not failed).lower(),
        "CmdletParameters": json.dumps(pairs, separators=(",", ":")), "Parameters": list(typed(text).items()),
    }  # fmt: skip


def _tenant(name: str, text: str, *, failed: bool) -> Row:
    pairs = [{"Name": one, "Value": value} for one, value in typed(text).items()]
    record = {"Operation": name, "UserId": "adm@example.org", "Workload": "Exchange", "ResultStatus": str(not failed)}
    return {**record, "Parameters": list(typed(text).items()), "AuditData": json.dumps({**record, "Parameters": pairs})}


LOGS: Mapping[str, Callable[..., Row]] = {
    "evtx": _management,
    "rps_cmdlet": _remote_shell,
    "admin_audit": _admin_audit,
    "ual": _tenant,
}
"""By table."""
