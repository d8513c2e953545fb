"""The states that checks look at, as tables of one database: files of all lists, elements of all configurations.

A list is one file of evidence. Two lists are held against each other where they are of the same build: where most of
the scripts and programs of web folders that both hold have the same bytes; folder by folder, and apart for scripts,
programs and all else, a list is held against one that holds half of its files there or more, so that a list of few files,
or of libraries only, makes no full one look odd. Of two files of one place the hashes are compared, or the sizes where
one of them has no hash. Of what build a list is stands in none.
"""

from __future__ import annotations

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive

__all__ = ["FILES", "SETTINGS", "SHARED_MIN", "opened"]

FILES, SETTINGS = "inventory", "configuration"
_OF_FILES = ("evidence_id", "record_no", "host", "Path", "SHA256", "Size", "CreationTimeUtc", "LastWriteTimeUtc")
_OF_SETTINGS = (
    "evidence_id", "record_no", "host", "section", "location", "element", "name", "type", "path", "image", "physicalPath",
    "dontLog", "enabled", "directory",
)  # fmt: skip
_MARKS = ("SI<FN", "uSecZeros")
"""What MFTECmd says of the stamps of an entry: set before those that programs cannot set, and of whole seconds."""
_KEYS = ("scriptProcessor", "validationKey")
_TREES = ("\\frontend\\httpproxy\\", "\\clientaccess\\", "\\inetpub\\wwwroot\\")
"""Folders out of which the web server hands out pages; a file is known again by its place in one of them."""
_PATH = "replace(lower(coalesce(Path, '')), '/', '\\')"
_POSSIBLE = "BETWEEN '1601-01-01 00:00:00+00' AND '9998-12-31 00:00:00+00'"
"""An instant outside of this is none that a file system holds, and days cannot be added to it."""
_WHICH = " ".join(f"WHEN contains(p, '{one}') THEN '{one}'" for one in _TREES)
_VIEWS = f"""
CREATE TABLE files AS
WITH plain AS (SELECT *, {_PATH} AS p FROM inventory),
placed AS (SELECT *, CASE {_WHICH} ELSE '' END AS tree FROM plain)
SELECT evidence_id, record_no, coalesce(host, '') AS host, Path AS path, p, tree,
       CASE WHEN tree = '' THEN '' ELSE substr(p, strpos(p, tree)) END AS place,
       regexp_extract(p, '^(.*)\\\\[^\\\\]*$', 1) AS folder, regexp_extract(p, '([^\\\\]*)$', 1) AS file,
       regexp_matches(p, '\\.(aspx|asp|ashx|asmx|ascx|svc|cshtml|php|jsp)$') AS is_script,
       regexp_matches(p, '\\.(dll|exe)$') AS is_program,
       lower(coalesce(SHA256, '')) AS sha, Size AS size,
       CASE WHEN CreationTimeUtc {_POSSIBLE} THEN CreationTimeUtc END AS made,
       CASE WHEN LastWriteTimeUtc {_POSSIBLE} THEN LastWriteTimeUtc END AS written,
       coalesce(lower("SI<FN"), '') AS si_before_fn, coalesce(lower(uSecZeros), '') AS whole_seconds
FROM placed
"""  # noqa: S608 - our own text
SHARED_MIN = 20
"""Two lists that share fewer scripts and programs tell nothing of each other's build."""
PARTNERS_MAX = 8
"""A list is held against so many others of its build, those most like it first."""
_ALIKE = f"""
CREATE TABLE alike AS
WITH held AS (
    SELECT DISTINCT evidence_id, place, sha FROM files WHERE tree <> '' AND (is_script OR is_program) AND sha <> ''
)
SELECT one.evidence_id, two.evidence_id AS other FROM held AS one JOIN held AS two USING (place)
WHERE one.evidence_id <> two.evidence_id
GROUP BY one.evidence_id, two.evidence_id HAVING avg((one.sha = two.sha)::INT) > 0.5 AND count(*) >= {SHARED_MIN}
QUALIFY row_number() OVER (
    PARTITION BY one.evidence_id ORDER BY avg((one.sha = two.sha)::INT) DESC, count(*) DESC, two.evidence_id
) <= {PARTNERS_MAX}
"""  # noqa: S608 - ours
_AGAINST = """
CREATE TABLE against AS
WITH web AS (
    SELECT evidence_id, record_no, tree, place, sha, size,
           CASE WHEN is_script THEN 'script' WHEN is_program THEN 'program' ELSE '' END AS kind
    FROM files WHERE tree <> ''
),
places AS (
    SELECT evidence_id AS other, place, count(*) AS files, list(DISTINCT sha) FILTER (sha <> '') AS shas,
           list(DISTINCT size) FILTER (size IS NOT NULL) AS sizes
    FROM web GROUP BY evidence_id, place
),
covering AS (
    SELECT evidence_id, other, tree, kind
    FROM web JOIN alike USING (evidence_id) LEFT JOIN places USING (other, place)
    GROUP BY ALL HAVING avg((files IS NOT NULL)::INT) >= 0.5
),
lists AS (SELECT evidence_id, tree, kind, count(*) + 1 AS lists FROM covering GROUP BY ALL),
pairs AS (
    SELECT evidence_id, record_no, sha <> '' AND shas IS NOT NULL AS hashed,
           CASE WHEN sha <> '' AND shas IS NOT NULL THEN list_contains(shas, sha)
                WHEN size IS NOT NULL AND sizes IS NOT NULL THEN list_contains(sizes, size) END AS is_same
    FROM web JOIN covering USING (evidence_id, tree, kind) JOIN places USING (other, place)
),
met AS (
    SELECT evidence_id, record_no, count(*) AS holding, count(is_same) AS compared,
           count(*) FILTER (is_same) AS same, count(is_same) FILTER (hashed) AS hashed
    FROM pairs GROUP BY ALL
)
SELECT web.evidence_id, record_no, lists, coalesce(holding, 0) + 1 AS holding, coalesce(compared, 0) + 1 AS compared,
       coalesce(same, 0) + 1 AS same,
       CASE hashed WHEN compared THEN 'its bytes are those' WHEN 0 THEN 'its size is that'
                   ELSE 'its bytes or its size are those' END AS told
FROM web JOIN lists USING (evidence_id, tree, kind) LEFT JOIN met USING (evidence_id, record_no)
"""


def _read(archive: Archive, table: str, columns: tuple[str, ...], marks: tuple[str, ...]) -> pa.Table | None:
    """Read columns of a table, and keys of its map as columns of their own; None where nothing is held."""
    parts = []
    for file in archive.files(table):
        rows = read_rows(file, (*columns, "extra"))
        extra = rows["extra"].combine_chunks()
        for one in marks:
            rows = rows.append_column(one, pc.map_lookup(extra, pa.scalar(one), "first").cast(pa.string()))
        parts.append(rows.drop(["extra"]))
    return pa.concat_tables([one.cast(parts[0].schema) for one in parts]) if parts else None


def opened(archive: Archive, link: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Put the states into a database; give the archive's tables of which anything is held.

    `files` has a row for each file of each list, `alike` the pairs of lists that are of one build, `against` a row for
    each file of a web folder whose list has such a partner (`lists` of its build that hold files of its kind in its
    tree, those `holding` it, those `compared` by hash or size, those that hold the `same`, its own among them, and what
    is `told` of them), `settings` a row for each element of each configuration that is no comment.

    Raises:
        CustodyError: a data file is not what was written.
    """
    held = []
    inventory = _read(archive, FILES, _OF_FILES, _MARKS)
    if inventory is not None:
        link.register("inventory", inventory)
        link.execute(_VIEWS)
        link.execute(_ALIKE)
        link.execute(_AGAINST)
        held.append(FILES)
    settings = _read(archive, SETTINGS, _OF_SETTINGS, _KEYS)
    if settings is not None:
        link.register("configuration", settings)
        link.execute("CREATE VIEW settings AS SELECT * FROM configuration WHERE element <> '#comment'")
        held.append(SETTINGS)
    return frozenset(held)
