"""Login pages that differ from those of other servers, or were written after everything beside them."""

from __future__ import annotations

import duckdb

from dwell.hunt.checks.check import Check, Looked, blind, looked
from dwell.hunt.checks.states import FILES

__all__ = ["CHECK"]

NEIGHBOURS_MIN = 5
"""Fewer files beside a page tell nothing of when a set-up wrote them."""
_PAGE = (
    r"^\\(frontend\\httpproxy|clientaccess)\\(owa|ecp)\\auth\\"
    r"((logon|logoff|errorfe|expiredpassword|timeoutlogoff)\.aspx|.*\\(flogon|fexppw)\.js)$"
)
_PAGES = f"SELECT *, regexp_matches(place, '{_PAGE}') AS is_page FROM files WHERE tree <> ''"  # noqa: S608 - ours
_FOUND = f"""
WITH every AS ({_PAGES}),
pages AS (SELECT * FROM every WHERE is_page),
sizes AS (
    SELECT place, size, count(DISTINCT evidence_id) AS same,
           sum(count(DISTINCT evidence_id)) OVER (PARTITION BY place) AS holding
    FROM pages WHERE size IS NOT NULL AND sha = '' GROUP BY place, size
),
beside AS (
    SELECT evidence_id, folder, max(written) AS last, count(*) AS files FROM every
    WHERE NOT is_page AND written IS NOT NULL GROUP BY evidence_id, folder
)
SELECT evidence_id, record_no, host, path, written, 'its bytes are those of ' || same || ' of ' || holding
       || ' lists of this build' AS why
FROM pages JOIN against USING (evidence_id, record_no) WHERE sha <> '' AND same * 2 <= holding
UNION ALL
SELECT evidence_id, record_no, host, path, written, 'its size is that of ' || same || ' of ' || holding || ' lists'
FROM pages JOIN sizes USING (place, size) WHERE sha = '' AND holding > 1 AND same * 2 <= holding
UNION ALL
SELECT evidence_id, record_no, host, path, written,
       'written ' || date_diff('day', last, written) || ' days after everything else in its folder'
FROM pages JOIN beside USING (evidence_id, folder) WHERE files >= {NEIGHBOURS_MIN} AND written > last + INTERVAL 1 DAY
"""  # noqa: S608 - ours


def _look(link: duckdb.DuckDBPyConnection) -> Looked:
    ((held, alike),) = link.execute(
        "SELECT count(DISTINCT evidence_id), "  # noqa: S608 - ours
        "count(DISTINCT evidence_id) FILTER (evidence_id IN (SELECT evidence_id FROM alike)) "
        f"FROM ({_PAGES}) WHERE is_page"
    ).fetchall()
    if not held:
        return blind("no list of files holds a login page of Exchange. List FrontEnd\\HttpProxy of every mail server")
    reasons = []
    if alike < held:
        reasons.append(
            f"of {held - alike} of {held} lists with a login page no other list of the same build is held: there only "
            "times and sizes speak"
        )
    found = f"SELECT evidence_id, record_no, host, 'Path=' || path AS what, why, written AS at_utc FROM ({_FOUND})"  # noqa: S608 - ours
    return looked(link, found, f"SELECT host FROM ({_PAGES}) WHERE is_page", reasons)  # noqa: S608 - ours


CHECK = Check(
    key="login-page",
    title="Login page that is not as it was shipped",
    description=(
        "Login pages of Outlook on the web and the control panel, and their scripts, are held against those of other lists "
        "of the same build by hash (by size where there is none), and against the times of the files beside them. "
        "Whoever changes such a page reads the passwords that are typed into it."
    ),
    catalogue=("WS-06",),
    level="high",
    tags=("T1056.003",),
    table=FILES,
    switch_on="Get-ChildItem -Recurse -File with Get-FileHash, to CSV: Path,SHA256,Size,CreationTimeUtc,LastWriteTimeUtc",
    falsepositives=("Branding", "Updates that were interrupted"),
    beside="whether they are out (`files`): a page that changed after the first act is told there as well",
    look=_look,
)
"""The catalogue's altered login page."""
