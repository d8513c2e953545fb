"""Modules, filters, handlers, virtual directories, logging and keys of IIS that are not as the products set them."""

from __future__ import annotations

import re

import duckdb

from dwell.hunt.checks.check import Check, Looked, looked
from dwell.hunt.checks.states import SETTINGS
from dwell.hunt.checks.stock import is_stock_folder, is_stock_image, is_stock_program, is_stock_type, plain_path

__all__ = ["CHECK"]

_SHIPPED_KEY = "sha256:6d60845874ad370b4c0e1906237bb25eaf3490e22abd71b9c8423f81664e8fe3"
"""SHA-256 of the key that CVE-2020-0688 rests on, as intake keeps keys; the key itself has been published."""
_PAGE_CLASSES = frozenset(
    {
        "system.web.ui.pagehandlerfactory", "system.web.ui.simplehandlerfactory",
        "system.web.script.services.scripthandlerfactory", "system.web.services.protocols.webservicehandlerfactory",
    }
)  # fmt: skip
"""Classes of .NET that compile a file and run it, whatever its name."""
_PAGE_PROGRAMS = frozenset({"aspnet_isapi.dll", "asp.dll", "php-cgi.exe", "cgi.exe"})
"""Programs that do so."""
_PAGES = re.compile(
    r"(?:^|/)\*$|\.(?:aspx|ashx|asmx|asp|axd|aspq|svc|rem|soap|rules|xoml|xamlx|cshtml?|vbhtml?|php)$|\.$",
    re.IGNORECASE,
)
"""Names that .NET, IIS and PHP have for pages; `*` is every name, and `*.` those without an ending."""
NAMES_MAX = 8
"""So many servers are named in a reason; the rest are counted."""
_SERVERS = """
SELECT coalesce(host, '') AS server, bool_or(coalesce(section, '') LIKE '%globalModules')
FROM settings GROUP BY server ORDER BY server
"""
"""Each server with configurations, and whether its applicationHost.config is among them."""
_FOUND = f"""
WITH told AS (SELECT *, regexp_extract(coalesce(section, ''), '([^/]*)$', 1) AS part,
                     coalesce(location, '(everywhere)') AS place FROM settings)
SELECT evidence_id, record_no, host, 'image=' || image AS what,
       'module ' || coalesce(name, '') || ' is none that IIS or Exchange brings' AS why
FROM told WHERE part = 'globalModules' AND element = 'add' AND image <> '' AND NOT stock_image(image)
UNION ALL
SELECT evidence_id, record_no, host, 'path=' || path,
       'filter ' || coalesce(name, '') || ' is none that IIS or Exchange brings'
FROM told WHERE part = 'isapiFilters' AND element = 'filter' AND path <> '' AND NOT stock_image(path)
UNION ALL
SELECT evidence_id, record_no, host, 'type=' || type,
       part || ': ' || coalesce(name, '') || ' is of a class that neither .NET nor Exchange brings, for ' || place
FROM told WHERE part IN ('modules', 'handlers') AND element = 'add' AND type <> '' AND NOT own_type(type)
UNION ALL
SELECT evidence_id, record_no, host, 'scriptProcessor=' || scriptProcessor,
       'handler ' || coalesce(name, '') || ' runs a program that is none of Windows, for ' || place
FROM told WHERE part = 'handlers' AND element = 'add' AND scriptProcessor <> '' AND NOT stock_program(scriptProcessor)
UNION ALL
SELECT evidence_id, record_no, host, 'path=' || path,
       'handler ' || coalesce(name, '') || ' runs files of this kind as pages, for ' || place
FROM told WHERE part = 'handlers' AND element = 'add' AND path <> ''
  AND runs_pages(coalesce(type, ''), coalesce(scriptProcessor, '')) AND NOT stock_pages(path)
  AND NOT (lower(path) = '*.xml' AND lower(coalesce(location, '')) LIKE '%/autodiscover')
UNION ALL
SELECT evidence_id, record_no, host, 'physicalPath=' || physicalPath,
       'virtual directory ' || coalesce(path, '') || ' lies in no folder in which IIS, Windows or Exchange keep pages'
FROM told WHERE element = 'virtualDirectory' AND physicalPath <> '' AND NOT stock_folder(physicalPath)
UNION ALL
SELECT evidence_id, record_no, host, 'dontLog=' || dontLog, 'requests are not logged, for ' || place
FROM told WHERE element = 'httpLogging' AND lower(dontLog) = 'true'
UNION ALL
SELECT evidence_id, record_no, host, 'enabled=' || enabled, 'the log of a site is switched off'
FROM told WHERE element = 'logFile' AND lower(enabled) = 'false'
UNION ALL
SELECT evidence_id, record_no, host, 'validationKey=' || validationKey,
       'the machine key is the one that every server once had'
FROM told WHERE element = 'machineKey' AND validationKey = '{_SHIPPED_KEY}'
"""  # noqa: S608 - ours


def _own_type(name: str) -> bool:
    """Say whether a class is one of .NET or Exchange, by its name and the library that it names."""
    kind, _, library = name.lower().partition(",")
    own = ("system.", "microsoft.exchange.")
    return is_stock_type(kind) or (kind.startswith(own) and (not library or library.strip().startswith(own)))


def _runs_pages(kind: str, program: str) -> bool:
    """Say whether a handler runs what lies in a file as code: by its class, or by the program that it hands it to."""
    name = kind.partition(",")[0].strip().lower()
    return name in _PAGE_CLASSES or plain_path(program).rpartition("\\")[2].strip('"') in _PAGE_PROGRAMS


def _stock_pages(path: str) -> bool:
    """Say whether all that a handler is put to are names that pages have; what is put to every name says nothing."""
    return all(_PAGES.search(one.strip()) is not None for one in path.split(","))


def _look(link: duckdb.DuckDBPyConnection) -> Looked:
    for name, function in (
        ("stock_image", is_stock_image),
        ("stock_folder", is_stock_folder),
        ("stock_program", is_stock_program),
        ("own_type", _own_type),
        ("stock_pages", _stock_pages),
    ):
        link.create_function(name, function, ["VARCHAR"], "BOOLEAN")
    link.create_function("runs_pages", _runs_pages, ["VARCHAR", "VARCHAR"], "BOOLEAN")
    servers = link.execute(_SERVERS).fetchall()
    parts = [str(host) for host, is_whole in servers if not is_whole]
    reasons = []
    if len(parts) == len(servers):
        reasons = ["no applicationHost.config is held: only single web.config files were looked at"]
    elif parts:
        named = ", ".join(one or "servers without a name" for one in parts[:NAMES_MAX])
        more = f" and {len(parts) - NAMES_MAX} more" if len(parts) > NAMES_MAX else ""
        reasons = [
            f"no applicationHost.config of {named}{more} is held: there only single web.config files were looked at"
        ]
    found = f"SELECT *, NULL::TIMESTAMPTZ AS at_utc FROM ({_FOUND})"  # noqa: S608 - ours
    return looked(link, found, "SELECT host FROM settings", reasons)


CHECK = Check(
    key="iis-configuration",
    title="Setting of IIS that the products do not make",
    description=(
        "In applicationHost.config and web.config: modules, filters and handlers that neither IIS, .NET nor Exchange "
        "brings, handlers that run pictures or other files as pages, "
        "virtual directories outside their folders, requests that are not logged, and the machine key that "
        "every server had before the fixes of February 2020. By names and folders only."
    ),
    catalogue=("IM-01", "IM-02", "IM-03", "AF-03", "EX-09"),
    level="high",
    tags=("T1505.003", "T1505.004", "T1562.002"),
    table=SETTINGS,
    switch_on="copy %windir%\\System32\\inetsrv\\config\\applicationHost.config and web.config of every mail server",
    falsepositives=("Modules of security and monitoring programs", "Sites of other programs on the mail server"),
    beside=(
        "whether they are out (`iis-modules`, `virtual-directories`, `machine-keys`): configurations from before the first "
        "act are held against those from after the last"
    ),
    look=_look,
)
"""The catalogue's settings of IIS."""
