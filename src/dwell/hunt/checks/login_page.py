"""Login pages that differ from those of other servers, or were written after everything beside them."""

from __future__ import annotations

import duckdb

from dwell.hunt.checks.check import Check, Looked, blind, looked
from dwell.hunt.checks.states import FILES, SHARED_MIN

__all__ = ["CHECK"]

NEIGHBOURS_MIN = 5
"""Fewer files beside a page tell nothing of when a set-up wrote them."""
_PAGE = (
    r"^\\(frontend\\httpproxy|clientaccess)\\(owa|ecp)\\auth\\"
    r"((logon|logoff|errorfe|expiredpassword|timeoutlogoff)\.aspx|.*\\(flogon|fexppw)\.js)$"
)
_PAGES = f"SELECT *, regexp_matches(place, '{_PAGE}') AS is_page FROM files WHERE tree <> ''"  # noqa: S608 - ours
_STRAY = f"""
SELECT evidence_id FROM files WHERE evidence_id NOT IN (SELECT evidence_id FROM alike)
GROUP BY evidence_id HAVING count(*) FILTER (sha <> '' AND tree <> '' AND (is_script OR is_program)) < {SHARED_MIN}
"""  # noqa: S608 - ours
"""Lists with too few hashes to tell their build: pages without a hash are held by size against those of all."""
_FOUND = f"""
WITH every AS ({_PAGES}),
pages AS (SELECT *, sha = '' AND evidence_id IN ({_STRAY}) AS is_stray FROM every WHERE is_page),
sizes AS (
    SELECT place, size, count(DISTINCT evidence_id) AS same, count(DISTINCT evidence_id) FILTER (is_stray) AS same_stray,
           sum(count(DISTINCT evidence_id)) OVER one AS every,
           sum(count(DISTINCT evidence_id) FILTER (is_stray)) OVER one AS stray
    FROM pages WHERE size IS NOT NULL GROUP BY place, size WINDOW one AS (PARTITION BY place)
),
held AS (
    SELECT pages.*, coalesce(against.compared, 1) AS of_build, coalesce(against.same, 1) AS same_of_build, told,
           CASE WHEN is_stray THEN sizes.every - 1 ELSE sizes.stray END AS others,
           CASE WHEN is_stray THEN sizes.same - 1 ELSE sizes.same_stray END AS same_others
    FROM pages LEFT JOIN against USING (evidence_id, record_no) LEFT JOIN sizes USING (place, size)
),
beside AS (
    SELECT evidence_id, folder, max(written) AS last, count(*) AS files FROM every
    WHERE NOT is_page AND written IS NOT NULL GROUP BY evidence_id, folder
)
SELECT evidence_id, record_no, host, path, written,
       told || ' of ' || same_of_build || ' of ' || of_build || ' lists of this build' AS why
FROM held WHERE same_of_build * 2 <= of_build
UNION ALL
SELECT evidence_id, record_no, host, path, written,
       CASE WHEN of_build = 1 THEN 'its size is that of ' ELSE 'its bytes or its size are those of ' END
       || (same_others + same_of_build)::BIGINT || ' of ' || (others + of_build)::BIGINT || ' lists'
FROM held WHERE others > 0 AND (same_others + same_of_build) * 2 <= others + of_build AND same_of_build * 2 > of_build
UNION ALL
SELECT evidence_id, record_no, host, path, written,
       'written ' || date_diff('day', last, written) || ' days after everything else in its folder'
FROM pages JOIN beside USING (evidence_id, folder) WHERE files >= {NEIGHBOURS_MIN} AND written > last + INTERVAL 1 DAY
"""  # noqa: S608 - ours
_SEEN = f"""
SELECT count(DISTINCT evidence_id), count(DISTINCT evidence_id) FILTER (holding > 1), count(*), count(*) FILTER (sha = '')
FROM ({_PAGES}) LEFT JOIN against USING (evidence_id, record_no) WHERE is_page
"""  # noqa: S608 - ours


def _look(link: duckdb.DuckDBPyConnection) -> Looked:
    ((held, alike, pages, bare),) = link.execute(_SEEN).fetchall()
    if not held:
        return blind("no list of files holds a login page of Exchange. List FrontEnd\\HttpProxy of every mail server")
    reasons = []
    if alike < held:
        reasons.append(
            f"of {held - alike} of {held} lists with a login page no other list of the same build that holds one is "
            "held: there only times and sizes speak"
        )
    if bare:
        reasons.append(f"{bare} of {pages} login pages and scripts have no hash: only their times and sizes speak")
    found = f"SELECT evidence_id, record_no, host, 'Path=' || path AS what, why, written AS at_utc FROM ({_FOUND})"  # noqa: S608 - ours
    return looked(link, found, f"SELECT host FROM ({_PAGES}) WHERE is_page", reasons)  # noqa: S608 - ours


CHECK = Check(
    key="login-page",
    title="Login page that is not as it was shipped",
    description=(
        "Login pages of Outlook on the web and the control panel, and their scripts, are held against those of other lists "
        "of the same build by hash (by size where one has none), and against the times of the files beside them. "
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
