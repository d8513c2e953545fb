"""Scripts and libraries in web folders that are not where, or not what, those beside them are."""

from __future__ import annotations

import duckdb

from dwell.hunt.checks.check import Check, Looked, blind, looked
from dwell.hunt.checks.states import FILES
from dwell.hunt.checks.stock import LOGIN_PAGES

__all__ = ["CHECK"]

ALONE_MAX = 3
"""So many files of a tree and fewer, made within a day of each other, were not made by a set-up."""
TREE_MIN = 50
"""A tree of fewer files tells nothing of what set-ups made."""
_PAGES = ", ".join(f"'{one}'" for one in sorted(LOGIN_PAGES))
_FOUND = f"""
WITH web AS (SELECT *, (is_script OR is_program) AS counts FROM files WHERE tree <> ''),
days AS (
    SELECT evidence_id, record_no, count(*) OVER one AS near, count(*) OVER (PARTITION BY evidence_id, tree) AS whole
    FROM web WHERE made IS NOT NULL
    WINDOW one AS (PARTITION BY evidence_id, tree ORDER BY made
                   RANGE BETWEEN INTERVAL 1 DAY PRECEDING AND INTERVAL 1 DAY FOLLOWING)
)
SELECT evidence_id, record_no, host, path, made, 'scripts do not belong below aspnet_client' AS why
FROM files WHERE is_script AND contains(p, '\\aspnet_client\\')
UNION ALL
SELECT evidence_id, record_no, host, path, made, 'no page of this name is shipped beside the login page'
FROM web WHERE is_script AND regexp_matches(place, '^\\\\frontend\\\\httpproxy\\\\(owa|ecp)\\\\auth\\\\[^\\\\]+$')
           AND file NOT IN ({_PAGES})
UNION ALL
SELECT evidence_id, record_no, host, path, made, 'in ' || holding || ' of ' || lists || ' lists of this build'
FROM web JOIN against USING (evidence_id, record_no) WHERE counts AND holding * 2 <= lists
UNION ALL
SELECT evidence_id, record_no, host, path, made, told || ' of ' || same || ' of ' || compared || ' lists of this build'
FROM web JOIN against USING (evidence_id, record_no) WHERE counts AND same * 2 <= compared
UNION ALL
SELECT evidence_id, record_no, host, path, made, 'made when hardly anything else of its tree was'
FROM web JOIN days USING (evidence_id, record_no)
WHERE counts AND tree <> '\\inetpub\\wwwroot\\' AND whole >= {TREE_MIN} AND near <= {ALONE_MAX}
"""  # noqa: S608 - ours


def _look(link: duckdb.DuckDBPyConnection) -> Looked:
    ((held, alike, bare),) = link.execute(
        "SELECT count(DISTINCT evidence_id), "
        "count(DISTINCT evidence_id) FILTER (evidence_id IN (SELECT evidence_id FROM alike)), "
        "count(DISTINCT evidence_id) FILTER (evidence_id NOT IN (SELECT evidence_id FROM files WHERE sha <> '')) "
        "FROM files WHERE tree <> ''"
    ).fetchall()
    ((every, unhashed, alone),) = link.execute(
        "SELECT count(*), count(*) FILTER (sha = '' AND evidence_id IN (SELECT evidence_id FROM files WHERE sha <> '')), "
        "count(DISTINCT evidence_id) FILTER (lists IS NULL AND evidence_id IN (SELECT evidence_id FROM alike)) "
        "FROM files LEFT JOIN against USING (evidence_id, record_no) WHERE tree <> '' AND (is_script OR is_program)"
    ).fetchall()
    if not held:
        return blind("no list of files holds a web folder of IIS or Exchange. List inetpub and the folder of Exchange")
    reasons = []
    if alike < held:
        reasons.append(
            f"{held - alike} of {held} lists could not be held against another of the same build. List the files of "
            "another server of that build, or of an older backup"
        )
    if alone:
        reasons.append(
            f"scripts or programs of {alone} of {alike} lists lie in folders of which no other list of the same build "
            "holds half: there only names and times speak"
        )
    if bare:
        reasons.append(f"{bare} of {held} lists have no hashes")
    if unhashed:
        reasons.append(
            f"{unhashed} of {every} scripts and programs have no hash in lists that have hashes: only their sizes speak"
        )
    found = f"SELECT evidence_id, record_no, host, 'Path=' || path AS what, why, made AS at_utc FROM ({_FOUND})"  # noqa: S608 - ours
    return looked(link, found, "SELECT host FROM files WHERE tree <> '' AND (is_script OR is_program)", reasons)


CHECK = Check(
    key="file-baseline",
    title="Script or library that stands out from those beside it",
    description=(
        "Scripts and libraries below FrontEnd\\HttpProxy, ClientAccess and inetpub\\wwwroot are held against the pages "
        "that Exchange ships, against other lists of files of the same build, and against the days on which set-ups made "
        "the files around them. No list of a build's files is shipped with dwell."
    ),
    catalogue=("WS-01", "WS-02"),
    level="medium",
    tags=("T1505.003",),
    table=FILES,
    switch_on="Get-ChildItem -Recurse -File with Get-FileHash, to CSV: Path,SHA256,Size,CreationTimeUtc,LastWriteTimeUtc",
    falsepositives=("Branding", "Residues of updates", "Programs of other vendors below inetpub"),
    beside="whether they are out (`files`): lists from before the first act are held against those from after the last",
    look=_look,
)
"""The catalogue's file baseline."""
