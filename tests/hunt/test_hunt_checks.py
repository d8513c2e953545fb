"""Checks of states: each meets what it should, leaves its neighbours alone, and says where it could not look."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest
from tests.hunt.archives import archive_of

from dwell.archive.store import Archive
from dwell.hunt.checks.registry import CHECKS, put_checks
from dwell.hunt.hits import HITS
from dwell.hunt.hunting import hunt
from dwell.intake.tables import specs
from dwell.model.attack import CHANGED, UNCHANGED
from dwell.model.claims import RuleStatus

RAN, PARTLY, BLIND = RuleStatus.RAN, RuleStatus.PARTLY_BLIND, RuleStatus.BLIND
OWA = "C:\\Program Files\\Microsoft\\Exchange Server\\V15\\FrontEnd\\HttpProxy\\owa\\auth"
TEMPORARY = "C:\\Windows\\Microsoft.NET\\Framework64\\v4.0.30319\\Temporary ASP.NET Files\\owa\\8e05b027\\e164d61b"
SET_UP = datetime(2019, 2, 12, 20, 0, 0, 417_000, UTC)
KEY = "CB2721ABDAF8E9DC516D621D8B8BF13A2C9E8689A25303BF"


def sha(text: str) -> str:
    return sha256(text.encode()).hexdigest()


def entry(path: str, made: datetime = SET_UP, **more: object) -> dict[str, Any]:
    """Make a row of a list: its bytes follow from its path unless they are given."""
    plain = {"Path": path, "SHA256": sha256(path.encode()).hexdigest(), "Size": 1000, "CreationTimeUtc": made}
    return {**plain, "LastWriteTimeUtc": made, **more}


def shipped(count: int = 60) -> list[dict[str, Any]]:
    """Make what a set-up writes: libraries, the login page and what lies beside it."""
    library = OWA.replace("owa\\auth", "bin")
    rows = [
        entry(f"{library}\\Microsoft.Exchange.{at}.dll", SET_UP + timedelta(milliseconds=3 * at)) for at in range(count)
    ]
    beside = [entry(f"{OWA}\\{name}") for name in ("a.css", "b.css", "c.gif", "d.gif", "e.htm", "errorFE.aspx")]
    return [*rows, *beside, entry(f"{OWA}\\logon.aspx")]


def lists(root: Path, *each: Sequence[Mapping[str, Any]], table: str = "inventory") -> Archive:
    """Put lists into an archive, each a piece of evidence and a server of its own."""
    archive = Archive(root, specs())
    for at, rows in enumerate(each, 1):
        named = [{"host": f"EX0{at}", **row} for row in rows]
        archive = archive_of(root, {table: named}, name=f"part{at}", evidence=f"{at:02}" * 32)
    return archive


def met(archive: Archive, key: str) -> tuple[RuleStatus, set[tuple[str, str, str]]]:
    """Give how a check ended, and what it met: host, the last part of what it is about, why."""
    found = put_checks(archive)
    assert found.hits.schema == HITS
    outcome = next(one for one in found.outcomes if one.rule_id == f"check:{key}")
    rows = [one for one in found.hits.to_pylist() if one["rule_id"] == f"check:{key}"]
    assert outcome.hits == len(rows)
    told = {(one["host"], one["matched"][0].rpartition("\\")[2], one["matched"][1].strip("()")) for one in rows}
    return outcome.status, told


def reason(archive: Archive, key: str) -> str:
    """Give why a check could not look everywhere."""
    return next(one.reason for one in put_checks(archive).outcomes if one.rule_id == f"check:{key}")


def test_without_states_every_check_is_blind_and_says_what_would_open_its_eyes(tmp_path: Path) -> None:
    found = put_checks(Archive(tmp_path / "archive", specs()))
    assert [one.rule_id for one in found.outcomes] == [one.id for one in CHECKS]
    assert {one.status for one in found.outcomes} == {BLIND}
    assert all(check.switch_on in one.reason for check, one in zip(CHECKS, found.outcomes, strict=True))
    assert found.hits.num_rows == 0


def test_every_check_says_what_it_means_in_words_that_the_map_of_techniques_knows() -> None:
    assert sorted(one.key for one in CHECKS) == [one.key for one in CHECKS]
    for one in CHECKS:
        assert one.catalogue
        assert one.description
        assert one.falsepositives
        assert set(one.tags) <= CHANGED.keys() | UNCHANGED


def test_two_servers_as_they_were_set_up_have_nothing_that_stands_out(tmp_path: Path) -> None:
    archive = lists(tmp_path / "archive", shipped(), shipped())
    assert met(archive, "file-baseline") == (RAN, set())
    assert met(archive, "login-page") == (RAN, set())
    assert met(archive, "timestomp") == (PARTLY, set())


def test_what_one_server_has_and_the_other_has_not_stands_out(tmp_path: Path) -> None:
    odd = entry(f"{OWA.replace('auth', 'bin')}\\Extra.dll")
    changed = entry(f"{OWA.replace('owa', 'ecp')}\\timeoutlogoff.aspx", SHA256="00" * 32)
    other = {**changed, "SHA256": "11" * 32}
    status, told = met(lists(tmp_path / "archive", [*shipped(), odd, changed], [*shipped(), other]), "file-baseline")
    assert status is RAN
    assert told == {
        ("EX01", "Extra.dll", "in 1 of 2 lists of this build"),
        ("EX01", "timeoutlogoff.aspx", "its bytes are those of 1 of 2 lists of this build"),
        ("EX02", "timeoutlogoff.aspx", "its bytes are those of 1 of 2 lists of this build"),
    }


def test_lists_of_other_builds_are_not_held_against_each_other(tmp_path: Path) -> None:
    newer = [{**one, "SHA256": sha256(f"new {one['Path']}".encode()).hexdigest()} for one in shipped()]
    extra = [*newer, entry(f"{OWA.replace('auth', 'bin')}\\New.dll")]
    assert met(lists(tmp_path / "archive", shipped(), extra), "file-baseline") == (PARTLY, set())


def test_a_list_of_few_files_makes_no_full_one_look_odd(tmp_path: Path) -> None:
    full = shipped()
    some = [*full[:29], entry(f"{OWA.replace('auth', 'bin')}\\Extra.dll")]
    archive = lists(tmp_path / "archive", full, some)
    assert met(archive, "file-baseline") == (PARTLY, {("EX02", "Extra.dll", "in 1 of 2 lists of this build")})
    assert reason(archive, "file-baseline").startswith("scripts or programs of 1 of 2 lists lie in folders of which no")
    assert met(lists(tmp_path / "fewer", full, full[:5]), "file-baseline") == (PARTLY, set())


def test_a_list_of_libraries_makes_no_page_of_a_full_one_look_odd(tmp_path: Path) -> None:
    full = [*shipped(), entry(f"{OWA.replace('auth', 'bin')}\\Extra.dll")]
    archive = lists(tmp_path / "archive", full, [one for one in shipped() if one["Path"].endswith(".dll")])
    assert met(archive, "file-baseline") == (PARTLY, {("EX01", "Extra.dll", "in 1 of 2 lists of this build")})
    assert met(archive, "login-page") == (PARTLY, set())
    assert "of 1 of 1 lists with a login page no other list of the same build" in reason(archive, "login-page")


def test_a_hash_that_is_missing_is_no_other_hash(tmp_path: Path) -> None:
    some = [{**one, "SHA256": None} if at < 25 or at == 66 else one for at, one in enumerate(shipped())]
    archive = lists(tmp_path / "archive", shipped(), some)
    assert met(archive, "file-baseline") == (PARTLY, set())
    assert reason(archive, "file-baseline") == (
        "26 of 124 scripts and programs have no hash in lists that have hashes: only their sizes speak"
    )
    assert met(archive, "login-page") == (PARTLY, set())
    assert (
        reason(archive, "login-page") == "1 of 4 login pages and scripts have no hash: only their times and sizes speak"
    )


def test_where_a_page_has_a_hash_in_some_lists_those_speak_and_sizes_for_the_rest(tmp_path: Path) -> None:
    page = shipped()[-1]
    bare, grown = {**page, "SHA256": None}, {**page, "SHA256": None, "Size": 1777}
    unknown = {**page, "SHA256": None, "Size": None}
    each = [page, page, bare, grown, unknown]
    archive = lists(tmp_path / "archive", *([*shipped()[:-1], one] for one in each))
    told = {("EX04", "logon.aspx", "its size is that of 1 of 4 lists of this build")}
    assert met(archive, "login-page") == (PARTLY, told)
    assert met(archive, "file-baseline") == (PARTLY, told)
    changed = {**page, "SHA256": "00" * 32}
    archive = lists(tmp_path / "changed", *([*shipped()[:-1], one] for one in [changed, page, bare, page]))
    told = {("EX01", "logon.aspx", "its bytes or its size are those of 2 of 4 lists of this build")}
    assert met(archive, "login-page") == (PARTLY, told)


def test_a_login_page_in_a_list_without_hashes_is_held_against_the_sizes_of_all(tmp_path: Path) -> None:
    bare = [{**one, "SHA256": None} for one in shipped()]
    grown = [*bare[:-1], {**bare[-1], "Size": 1777}]
    told = {("EX03", "logon.aspx", "its size is that of 1 of 3 lists")}
    assert met(lists(tmp_path / "archive", shipped(), shipped(), grown), "login-page") == (PARTLY, told)
    assert met(lists(tmp_path / "sound", shipped(), shipped(), bare), "login-page") == (PARTLY, set())
    odd = [*shipped()[:-1], {**shipped()[-1], "Size": 1777}]
    told = {("EX01", "logon.aspx", "its size is that of 1 of 3 lists")}
    assert met(lists(tmp_path / "alone", odd, bare, bare), "login-page") == (PARTLY, told)
    assert met(lists(tmp_path / "few", odd[-7:], shipped()[-7:], shipped()), "login-page") == (PARTLY, set())


def test_of_many_lists_one_that_is_odd_is_told_against_those_most_like_it(tmp_path: Path) -> None:
    odd = entry(f"{OWA.replace('auth', 'bin')}\\Extra.dll")
    status, told = met(lists(tmp_path / "archive", [*shipped(), odd], *[shipped()] * 11), "file-baseline")
    assert (status, told) == (RAN, {("EX01", "Extra.dll", "in 1 of 9 lists of this build")})


def test_pages_nobody_ships_and_what_was_made_alone_stand_out_in_one_list(tmp_path: Path) -> None:
    rows = [
        *shipped(),
        entry(f"{OWA}\\supp0rt.aspx", SET_UP),
        entry("C:\\inetpub\\wwwroot\\aspnet_client\\system_web\\x.aspx", SET_UP),
        entry("C:\\inetpub\\wwwroot\\default.aspx", SET_UP),
        entry(f"{OWA.replace('auth', 'bin')}\\late.dll", SET_UP + timedelta(days=400)),
    ]
    status, told = met(lists(tmp_path / "archive", rows), "file-baseline")
    assert status is PARTLY
    assert told == {
        ("EX01", "supp0rt.aspx", "no page of this name is shipped beside the login page"),
        ("EX01", "x.aspx", "scripts do not belong below aspnet_client"),
        ("EX01", "late.dll", "made when hardly anything else of its tree was"),
    }


def test_a_login_page_that_was_written_later_or_has_other_bytes_stands_out(tmp_path: Path) -> None:
    page = entry(f"{OWA}\\logon.aspx", LastWriteTimeUtc=SET_UP + timedelta(days=30), SHA256="00" * 32)
    status, told = met(lists(tmp_path / "archive", [*shipped()[:-1], page], shipped(), shipped()), "login-page")
    assert status is RAN
    assert told == {
        ("EX01", "logon.aspx", "written 30 days after everything else in its folder"),
        ("EX01", "logon.aspx", "its bytes are those of 1 of 3 lists of this build"),
    }


def test_where_no_list_has_hashes_sizes_of_login_pages_speak(tmp_path: Path) -> None:
    bare = [{**one, "SHA256": None} for one in shipped()]
    grown = [*bare[:-1], {**bare[-1], "Size": 1400}]
    status, told = met(lists(tmp_path / "archive", grown, bare, bare), "login-page")
    assert (status, told) == (PARTLY, {("EX01", "logon.aspx", "its size is that of 1 of 3 lists")})


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("shell.aspx.cdcab7d2.compiled", True),
        ("App_Web_shell.aspx.cdcab7d2.fbrlbzrf.dll", True),
        ("logon.aspx.cdcab7d2.compiled", False),
        ("App_Web_fbrlbzrf.dll", False),
    ],
)
def test_a_compiled_page_without_its_source_is_met(tmp_path: Path, name: str, expected: bool) -> None:
    status, told = met(lists(tmp_path / "archive", [*shipped(), entry(f"{TEMPORARY}\\{name}")]), "compiled-remains")
    assert {one[1] for one in told} == ({name} if expected else set())
    assert status is (BLIND if name == "App_Web_fbrlbzrf.dll" else RAN)


def test_compiled_pages_without_a_web_folder_beside_them_tell_nothing(tmp_path: Path) -> None:
    archive = lists(tmp_path / "archive", [entry(f"{TEMPORARY}\\shell.aspx.cdcab7d2.compiled")])
    assert met(archive, "compiled-remains") == (BLIND, set())


def test_times_that_no_file_system_sets_are_met(tmp_path: Path) -> None:
    marked = {"SI<FN": "True", "uSecZeros": "True"}
    rows = [
        *shipped(),
        entry(f"{OWA}\\a.aspx", datetime(2019, 2, 12, 21, tzinfo=UTC)),
        entry(f"{OWA}\\b.aspx", SET_UP - timedelta(days=900)),
        entry(f"{OWA}\\c.aspx", extra=list(marked.items())),
        entry("C:\\Windows\\System32\\d.dll", datetime(2009, 7, 14, 1, tzinfo=UTC), extra=list(marked.items())),
    ]
    status, told = met(lists(tmp_path / "archive", rows), "timestomp")
    assert status is RAN
    assert told == {
        ("EX01", "a.aspx", "made at a whole second"),
        ("EX01", "b.aspx", "made before the product was installed, 2019-02-12"),
        ("EX01", "c.aspx", "its stamps lie before those that programs cannot set"),
        ("EX01", "c.aspx", "its stamps are of whole seconds"),
    }


def test_a_list_of_whole_seconds_only_tells_nothing_of_whole_seconds(tmp_path: Path) -> None:
    rows = [{**one, "CreationTimeUtc": SET_UP.replace(microsecond=0)} for one in shipped()]
    assert met(lists(tmp_path / "archive", rows), "timestomp")[1] == set()


def test_instants_and_names_that_cannot_be_end_no_hunt(tmp_path: Path) -> None:
    odd = datetime(9999, 12, 31, 23, 59, tzinfo=UTC)
    rows = [*shipped(), entry(f"{OWA}\\z\0\u202e.aspx", odd), entry(f"{OWA}\\(a[.aspx", datetime(1, 1, 1, tzinfo=UTC))]
    status, told = met(lists(tmp_path / "archive", [*rows, {"Path": None}]), "file-baseline")
    assert status is PARTLY
    assert {one[1] for one in told} == {"z\0\u202e.aspx", "(a[.aspx"}


def test_what_is_kept_is_taken_as_long_as_the_states_are_the_same(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept = tmp_path / "kept"
    kept.mkdir()
    odd = entry(f"{OWA}\\odd.aspx")
    first = put_checks(lists(tmp_path / "archive", [*shipped(), odd]), kept)
    with monkeypatch.context() as patch:
        patch.setattr("dwell.hunt.checks.registry.opened", lambda *_: pytest.fail("the states were read again"))
        again = put_checks(Archive(tmp_path / "archive", specs()), kept)
    assert (again.outcomes, again.infos) == (first.outcomes, first.infos)
    assert again.hits.equals(first.hits)
    (place,) = kept.iterdir()
    place.write_bytes(b"broken")
    assert put_checks(Archive(tmp_path / "archive", specs()), kept).hits.equals(first.hits)
    more = archive_of(tmp_path / "archive", {"inventory": [odd]}, name="more", evidence="77" * 32)
    assert put_checks(more, kept).hits.num_rows == first.hits.num_rows + 1


def test_a_server_that_logs_name_and_of_which_no_state_is_held_is_told(tmp_path: Path) -> None:
    root, kept = tmp_path / "archive", tmp_path / "kept"
    kept.mkdir()
    lists(root, shipped(), shipped())
    for host, name in (("EX09", "log"), ("EX02", "more"), ("EX10", "later")):
        archive = archive_of(root, {"iis": [{"host": host, "cs-uri-stem": "/owa/"}]}, name=name, evidence=sha(name))
        found = hunt(archive, workers=1, cache=kept)
        by_name = {one.rule_id: one for one in found.checks}
        page = by_name["check:login-page"]
        expected = ("EX09", "EX10") if host == "EX10" else ("EX09",)
        assert (page.hosts, page.hosts_without, page.hosts_without_total) == (("EX01", "EX02"), expected, len(expected))
        assert by_name["check:iis-configuration"].hosts_without == ()


def setting(section: str, element: str, **more: object) -> dict[str, Any]:
    return {"section": f"configuration/{section}", "element": element, **more}


MODULES, HANDLERS = "system.webServer/globalModules", "location/system.webServer/handlers"
SITE = "system.applicationHost/sites/site/application"
STOCK = [
    setting(MODULES, "add", name="HttpLoggingModule", image="%windir%\\System32\\inetsrv\\loghttp.dll"),
    setting(HANDLERS, "add", name="Page", type="System.Web.UI.PageHandlerFactory", path="*.aspx"),
    setting(HANDLERS, "add", name="Every", type="System.Web.UI.SimpleHandlerFactory", path="*"),
    setting(HANDLERS, "add", name="Picture", type="System.Web.StaticFileHandler", path="*.gif"),
    setting(
        HANDLERS,
        "add",
        name="AboMapperCustom-1",
        type="System.Web.UI.SimpleHandlerFactory",
        path="*.xml",
        location="Default Web Site/Autodiscover",
    ),
    setting(
        HANDLERS, "add", name="Ecp", type="Microsoft.Exchange.Management.ControlPanel.Handler, Microsoft.Exchange.X"
    ),
    setting(SITE, "virtualDirectory", path="/", physicalPath="%SystemDrive%\\inetpub\\wwwroot"),
    setting("system.webServer", "httpLogging", dontLog="false"),
    setting(MODULES, "#comment", name="Old", image="C:\\old.dll"),
]


@pytest.mark.parametrize(
    ("row", "what"),
    [
        (setting(MODULES, "add", name="Hrm", image="C:\\ProgramData\\hrm.dll"), "image=C:\\ProgramData\\hrm.dll"),
        (setting(MODULES, "add", name="Hrm", image="C:\\x\\loghttp.dll"), "image=C:\\x\\loghttp.dll"),
        (setting("system.webServer/isapiFilters", "filter", name="F", path="C:\\x\\f.dll"), "path=C:\\x\\f.dll"),
        (setting("location/system.webServer/modules", "add", name="M", type="Ext.Mod, Ext"), "type=Ext.Mod, Ext"),
        (setting(HANDLERS, "add", name="H", type="System.Evil.Page, Evil"), "type=System.Evil.Page, Evil"),
        (
            setting(HANDLERS, "add", name="H", extra=[("scriptProcessor", "C:\\x\\php.exe")]),
            "scriptProcessor=C:\\x\\php.exe",
        ),
        (setting(HANDLERS, "add", name="G", type="System.Web.UI.PageHandlerFactory", path="*.gif"), "path=*.gif"),
        (setting(HANDLERS, "add", name="X", type="System.Web.UI.PageHandlerFactory", path="*.xml"), "path=*.xml"),
        (
            setting(
                HANDLERS, "add", name="J", path="*.aspx,*.jpg",
                extra=[("scriptProcessor", "%windir%\\Microsoft.NET\\Framework64\\v4.0.30319\\aspnet_isapi.dll")],
            ),
            "path=*.aspx,*.jpg",
        ),
        (
            setting(SITE, "virtualDirectory", path="/a", physicalPath="C:\\ProgramData\\COM"),
            "physicalPath=C:\\ProgramData\\COM",
        ),
        (setting("system.webServer", "httpLogging", dontLog="True"), "dontLog=True"),
        (setting("system.applicationHost/sites/site", "logFile", enabled="false"), "enabled=false"),
        (
            setting("system.web", "machineKey", extra=[("validationKey", f"sha256:{sha256(KEY.encode()).hexdigest()}")]),
            f"validationKey=sha256:{sha256(KEY.encode()).hexdigest()}",
        ),
    ],
)  # fmt: skip
def test_a_setting_that_no_product_makes_is_met_and_no_other(tmp_path: Path, row: dict[str, Any], what: str) -> None:
    found = put_checks(lists(tmp_path / "archive", [*STOCK, row], table="configuration"))
    told = [one for one in found.hits.to_pylist() if one["rule_id"] == "check:iis-configuration"]
    assert [(one["matched"][0], one["record_no"]) for one in told] == [(what, len(STOCK) + 1)]


def test_a_single_web_config_is_looked_at_in_part(tmp_path: Path) -> None:
    assert met(lists(tmp_path / "archive", [STOCK[1]], table="configuration"), "iis-configuration") == (PARTLY, set())


def test_a_server_with_single_web_configs_beside_one_with_all_is_looked_at_in_part(tmp_path: Path) -> None:
    archive = lists(tmp_path / "archive", STOCK, [STOCK[1]], table="configuration")
    assert met(archive, "iis-configuration") == (PARTLY, set())
    assert reason(archive, "iis-configuration") == (
        "no applicationHost.config of EX02 is held: there only single web.config files were looked at"
    )
    assert met(lists(tmp_path / "both", STOCK, STOCK, table="configuration"), "iis-configuration") == (RAN, set())
    together = archive_of(
        tmp_path / "both", {"configuration": [{**STOCK[1], "host": "EX01"}]}, name="web", evidence="77" * 32
    )
    assert met(together, "iis-configuration") == (RAN, set())
    many = lists(tmp_path / "many", STOCK, *[[STOCK[1]]] * 9, [{**STOCK[1], "host": None}], table="configuration")
    assert "of servers without a name, EX010, EX02, " in reason(many, "iis-configuration")
    assert " and 2 more is held" in reason(many, "iis-configuration")
