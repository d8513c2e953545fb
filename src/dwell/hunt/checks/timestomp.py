"""Stamps of scripts and programs in web folders that no file system sets by itself."""

from __future__ import annotations

import duckdb

from dwell.hunt.checks.check import Check, Looked, blind, looked
from dwell.hunt.checks.states import FILES

__all__ = ["CHECK"]

INSTALLED_MIN = 20
"""On the first day on which so many files of a tree were made, a product was installed."""
_WEB = "(SELECT * FROM files WHERE tree <> '' AND (is_script OR is_program))"
_FOUND = f"""
WITH finely AS (SELECT evidence_id FROM files WHERE made IS NOT NULL GROUP BY evidence_id
                HAVING avg((microsecond(made) % 1000000 <> 0)::INT) > 0.5),
days AS (SELECT evidence_id, tree, date_trunc('day', made) AS day, count(*) AS files FROM files
         WHERE tree NOT IN ('', '\\inetpub\\wwwroot\\') AND made IS NOT NULL GROUP BY ALL),
installed AS (SELECT evidence_id, tree, min(day) AS day FROM days WHERE files >= {INSTALLED_MIN} GROUP BY ALL)
SELECT evidence_id, record_no, host, path, made, 'made at a whole second' AS why
FROM {_WEB} JOIN finely USING (evidence_id) WHERE microsecond(made) % 1000000 = 0
UNION ALL
SELECT evidence_id, record_no, host, path, made, 'made before the product was installed, ' || strftime(day, '%Y-%m-%d')
FROM {_WEB} JOIN installed USING (evidence_id, tree) WHERE made < day
UNION ALL
SELECT evidence_id, record_no, host, path, made, 'its stamps lie before those that programs cannot set'
FROM {_WEB} WHERE si_before_fn = 'true'
UNION ALL
SELECT evidence_id, record_no, host, path, made, 'its stamps are of whole seconds'
FROM {_WEB} WHERE whole_seconds = 'true'
"""  # noqa: S608 - ours


def _look(link: duckdb.DuckDBPyConnection) -> Looked:
    ((held, dated, marked),) = link.execute(
        f"SELECT count(DISTINCT evidence_id), count(DISTINCT evidence_id) FILTER (made IS NOT NULL), "  # noqa: S608 - ours
        f"count(DISTINCT evidence_id) FILTER (si_before_fn <> '') FROM {_WEB}"
    ).fetchall()
    if not held:
        return blind("no list of files holds a web folder of IIS or Exchange. List inetpub and the folder of Exchange")
    if not dated:
        return blind("the lists of files have no times of creation. Add CreationTimeUtc")
    reasons = [f"{held - dated} of {held} lists have no times of creation"] if dated < held else []
    if marked < held:
        reasons.append(
            f"{held - marked} of {held} lists are none of MFTECmd: stamps that programs cannot set are not in them"
        )
    found = f"SELECT evidence_id, record_no, host, 'Path=' || path AS what, why, made AS at_utc FROM ({_FOUND})"  # noqa: S608 - ours
    return looked(link, found, f"SELECT host FROM {_WEB}", reasons)  # noqa: S608 - ours


CHECK = Check(
    key="timestomp",
    title="Script or program whose times were set by hand",
    description=(
        "Times of creation of scripts and programs in web folders that are of whole seconds where others of the same list "
        "are not, that lie before the day on which the files around them were installed, or of which MFTECmd says that "
        "they lie before those that programs cannot set. A file that was made after it was last written is left alone: "
        "every copy looks so."
    ),
    catalogue=("AF-07",),
    level="medium",
    tags=("T1070.006",),
    table=FILES,
    switch_on="MFTECmd --csv of the volume with the web folders; or a list of files with CreationTimeUtc",
    falsepositives=("Files that were unpacked or restored by programs that set times", "Files of Windows' updates"),
    beside="",
    look=_look,
)
"""The catalogue's set times."""
