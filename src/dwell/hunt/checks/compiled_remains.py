"""What ASP.NET keeps of a page that it compiled, where the page itself is gone."""

from __future__ import annotations

import duckdb

from dwell.hunt.checks.check import Check, Looked, blind, looked
from dwell.hunt.checks.states import FILES
from dwell.hunt.checks.stock import COMPILED

__all__ = ["CHECK"]

_COMPILED = COMPILED.pattern.replace("'", "''")
_LIBRARY = r"\\temporary asp\.net files\\.*\\app_web_([^\\]+\.(?:aspx|ashx|asmx))\.[0-9a-f]{6,}\.[^\\]*\.?dll$"
_REMAINS = f"""
SELECT *, coalesce(nullif(regexp_extract(p, '{_COMPILED}', 1), ''), regexp_extract(p, '{_LIBRARY}', 1)) AS page
FROM files WHERE contains(p, '\\temporary asp.net files\\')
"""  # noqa: S608 - ours
_FOUND = f"""
SELECT evidence_id, record_no, host, path, made FROM ({_REMAINS}) AS one
WHERE page <> '' AND evidence_id IN (SELECT evidence_id FROM files WHERE tree <> '' AND is_script)
  AND NOT EXISTS (SELECT 1 FROM files AS other WHERE other.evidence_id = one.evidence_id AND other.file = one.page)
"""  # noqa: S608 - ours


def _look(link: duckdb.DuckDBPyConnection) -> Looked:
    ((held, without),) = link.execute(
        f"SELECT count(DISTINCT evidence_id), count(DISTINCT evidence_id) FILTER (evidence_id NOT IN "  # noqa: S608 - ours
        f"(SELECT evidence_id FROM files WHERE tree <> '' AND is_script)) FROM ({_REMAINS}) WHERE page <> ''"
    ).fetchall()
    if not held:
        return blind(
            "no list of files holds what ASP.NET compiled. List Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\"
            "Temporary ASP.NET Files"
        )
    if held == without:
        return blind("the lists that hold what ASP.NET compiled hold no web folder: which pages are gone is not known")
    reasons = [f"{without} of {held} lists hold compiled pages and no web folder"] if without else []
    found = (
        "SELECT evidence_id, record_no, host, 'Path=' || path AS what, 'compiled, and its page is gone' AS why, "  # noqa: S608 - ours
        f"made AS at_utc FROM ({_FOUND})"
    )
    return looked(link, found, f"SELECT host FROM ({_REMAINS}) WHERE page <> ''", reasons)  # noqa: S608 - ours


CHECK = Check(
    key="compiled-remains",
    title="Compiled page whose source is gone",
    description=(
        "ASP.NET compiles a page when it is first asked for, and keeps what it made when the page is deleted: a web shell "
        "that is gone leaves its name here. Pages that were compiled together, a folder at a time, do not bear names."
    ),
    catalogue=("WS-05",),
    level="high",
    tags=("T1505.003",),
    table=FILES,
    switch_on="List Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files beside the web folders",
    falsepositives=("Pages that an update took away",),
    beside="whether they are out (`files`): the same, in the latest list from after the last act",
    look=_look,
)
"""The catalogue's compiled remains."""
