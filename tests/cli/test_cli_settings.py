"""`dwell settings`: the effect first, then the question, then the custody log; and back again."""

from __future__ import annotations

import csv
import io
import json
from pathlib import Path
from typing import Any

import pytest
from tests.cli.conftest import Dwell

from dwell.answers.setting import KEYS

WHY = ("--reason", "staff rules", "--by", "a. uthor")


def run(dwell: Dwell, case: Path, *words: object) -> Any:  # noqa: ANN401 - a JSON document
    ran = dwell("settings", *words, *WHY, "-c", case, "-t", "json", "-q", "--yes", "--workers", "1")
    assert ran.code == 0, ran.err
    return json.loads(ran.out)


def acts(case: Path) -> list[str]:
    lines = (case / "custody.jsonl").read_text(encoding="utf-8").splitlines()
    return [json.loads(one)["act"] for one in lines]


def answers(dwell: Dwell, case: Path) -> str:
    return dwell("answers", "-c", case, "-t", "json", "-q", "--workers", "1").out


def told_last(summary: dict[str, Any]) -> list[str]:
    return [one["text"] for one in summary["claims"] if one["question"] == "blindspots" and one["grade"] == "assumed"]


def test_the_effect_is_shown_and_nothing_saved_where_nobody_confirms(case: Path, dwell: Dwell) -> None:
    before, answered = acts(case), answers(dwell, case)
    lead = next(one for one in json.loads(answered)["leads"] if one["intrusion"] is None)
    lan = lead["client"].partition(" ")[0]
    ran = dwell("settings", "set", "network", lan, *WHY, "-c", case, "--workers", "1")
    assert ran.code == 2
    assert "not saved" in ran.err
    assert "ties are not judged because of it" in ran.out
    assert "   then: " in ran.out
    assert acts(case) == before
    assert answers(dwell, case) == answered


def test_own_networks_are_obeyed_and_what_they_lower_is_told_and_taken_back(case: Path, dwell: Dwell) -> None:
    bare = answers(dwell, case)
    lead = next(one for one in json.loads(bare)["leads"] if one["intrusion"] is None)
    lan = lead["client"].partition(" ")[0]
    found = run(dwell, case, "set", "network", lan)
    assert (found["saved"], found["made"][0]["id"], found["leads_gone"]) == (True, "S1", found["effects"][0]["leads"])
    assert found["effects"][0]["leads"] >= 1
    summary = json.loads(answers(dwell, case))
    assert not [one for one in summary["leads"] if one["client"].startswith(f"{lan} ")]
    assert [one["id"] for one in summary["case_settings"]] == ["S1"]
    assert summary["markings"] == []
    assert any(text.startswith(f"S1: network {lan}, set by a. uthor") for text in told_last(summary))
    assert "rests on what a person set (S1)" in summary["answers"]["intrusions"]["verdict"]
    assert {"kind": "network", "name": lan} in [{k: one[k] for k in ("kind", "name")} for one in summary["learned"]]
    gone = run(dwell, case, "unset", "S1")
    assert [one["id"] for one in gone["gone"]] == ["S1"]
    assert answers(dwell, case) == bare
    assert acts(case)[-2:] == ["set", "unset"]
    (row,) = csv.DictReader(io.StringIO(dwell("settings", "-c", case, "-t", "csv").out))
    assert (row["state"], row["undone_by"]) == ("taken back", "a. uthor")
    assert "taken back" in dwell("settings", "-c", case).out


def test_an_exploit_from_an_own_network_stays_an_exploit(case: Path, dwell: Dwell) -> None:
    summary = json.loads(answers(dwell, case))
    loud = next(one for one in summary["intrusions"] if "T1190" in one["techniques"])
    for client in loud["clients"]:
        run(dwell, case, "set", "network", client.partition(" ")[0])
    then = json.loads(answers(dwell, case))
    assert [(one["id"], one["mailboxes"]) for one in then["intrusions"]] == [
        (one["id"], one["mailboxes"]) for one in summary["intrusions"]
    ]
    assert [(one["mailbox"], one["grade"]) for one in then["mailboxes"]] == [
        (one["mailbox"], one["grade"]) for one in summary["mailboxes"]
    ]


def test_vips_are_told_first_and_no_grade_changes(case: Path, dwell: Dwell) -> None:
    before = json.loads(answers(dwell, case))["mailboxes"]
    exposed = [one["mailbox"] for one in before if one["grade"] == "read"]
    quiet = [one["mailbox"] for one in before if one["grade"] == "no-sign"]
    found = run(dwell, case, "set", "vip", exposed[-1].upper(), quiet[-1], "nobody@nowhere.example")
    assert [one["mailboxes"] for one in found["effects"]] == [[exposed[-1]], [quiet[-1]], []]
    assert (found["mailboxes"], found["intrusions"]) == ([], [])
    summary = json.loads(answers(dwell, case))
    after = summary["mailboxes"]
    assert {one["mailbox"]: one["grade"] for one in after} == {one["mailbox"]: one["grade"] for one in before}
    assert next(one["mailbox"] for one in after if one["grade"] == "read") == exposed[-1]
    assert next(one["mailbox"] for one in after if one["grade"] == "no-sign") == quiet[-1]
    assert sorted(one["mailbox"] for one in after if one["vip"]) == sorted([exposed[-1], quiet[-1]])
    assert "1 VIP among them" in summary["answers"]["mailboxes"]["verdict"]
    assert any("no mailbox of that name is known" in text for text in told_last(summary))
    listed = dwell("mailboxes", "-c", case, "-q", "-t", "csv", "--workers", "1").out
    assert [one["mailbox"] for one in csv.DictReader(io.StringIO(listed)) if one["vip"] == "True"] == [
        exposed[-1],
        quiet[-1],
    ]
    page = dwell("report", "-c", case, "-q", "--workers", "1")
    assert page.code == 0
    assert "VIP" in (case / "report" / "report.html").read_text(encoding="utf-8")


def test_working_time_ranks_leads_and_grades_nothing(case: Path, dwell: Dwell, tmp_path: Path) -> None:
    before = json.loads(answers(dwell, case))
    file = tmp_path / "ministry.toml"
    file.write_text(
        'hours = "Mon-Fri 08-18"\nzone = "Europe/Brussels"\nholidays = ["BE", 2021-02-15]\n', encoding="utf-8"
    )
    found = run(dwell, case, "import", file)
    assert [one["kind"] for one in found["made"]] == ["hours", "holidays", "holidays", "zone"]
    assert found["effects"][2]["days"] == 1
    assert found["leads_moved"] + found["leads_new"] > 0
    summary = json.loads(answers(dwell, case))
    assert [(one["mailbox"], one["grade"]) for one in summary["mailboxes"]] == [
        (one["mailbox"], one["grade"]) for one in before["mailboxes"]
    ]
    assert len([text for text in told_last(summary) if "are not told that would be without" in text]) == 4
    again = run(dwell, case, "import", file)
    assert (again["made"], again["same"], again["saved"]) == ([], 4, False)
    changed = run(dwell, case, "set", "hours", "Sun-Thu", "7-15")
    assert [one["value"] for one in changed["gone"]] == ["Mon,Tue,Wed,Thu,Fri 08-18"]
    rows = json.loads(dwell("settings", "-c", case, "-t", "json").out)
    assert [one["value"] for one in rows if one["kind"] == "hours" and one["state"] == "in force"] == [
        "Mon,Tue,Wed,Thu,Sun 07-15"
    ]


def test_a_service_is_ours_where_it_is_set_and_judged_elsewhere(case: Path, dwell: Dwell) -> None:
    learned = json.loads(answers(dwell, case))["learned"]
    name = next(one["name"] for one in learned if one["kind"] == "service")
    found = run(dwell, case, "set", "service", name, "--at", "10.20.250.0/24")
    assert (found["effects"][0]["elsewhere"], found["mailboxes"]) == (0, [])
    assert found["effects"][0]["sessions"] > 0
    run(dwell, case, "unset", "S1")
    found = run(dwell, case, "set", "service", name, "--at", "192.0.2.10")
    assert (found["effects"][0]["sessions"], found["effects"][0]["elsewhere"] > 0) == (0, True)
    summary = json.loads(answers(dwell, case))
    (claim,) = [one for one in summary["claims"] if "from elsewhere (10.20.250.0/24)" in one["text"]]
    assert claim["grounds"]


def test_a_table_of_systems_is_told_beside_what_is_found_and_changes_nothing_else(
    case: Path, dwell: Dwell, tmp_path: Path
) -> None:
    before = json.loads(answers(dwell, case))
    table = tmp_path / "few.tsv"
    table.write_text(
        "100.64.0.0\t100.95.255.255\t64500\tXX\t\x1b[31mA\n100.96.0.0\t100.127.255.255\t64501\tXX\tB\n", "utf-8"
    )
    found = run(dwell, case, "set", "asn", table)
    (made,) = found["made"]
    assert (made["value"], len(made["sha256"])) == ("few.tsv", 64)
    assert (found["mailboxes"], found["intrusions"], found["leads_moved"], found["leads_gone"]) == ([], [], 0, 0)
    assert (case / "tables" / made["sha256"]).read_bytes() == table.read_bytes()
    table.unlink()
    summary = json.loads(answers(dwell, case))
    assert {one["system"] for one in summary["leads"]} <= {"AS64500 \x1b[31mA", "AS64501 B", None}
    assert any(one["system"] for one in summary["leads"])
    assert summary["intrusions"][0]["systems"]
    assert next(one["systems"] for one in summary["mailboxes"] if one["grade"] == "read")
    assert [(one["mailbox"], one["grade"]) for one in summary["mailboxes"]] == [
        (one["mailbox"], one["grade"]) for one in before["mailboxes"]
    ]
    assert [(one["rank"], one["client"], one["bits"]) for one in summary["leads"]] == [
        (one["rank"], one["client"], one["bits"]) for one in before["leads"]
    ]
    assert "\x1b" not in dwell("leads", "-c", case, "-q", "--workers", "1").out
    (case / "tables" / made["sha256"]).write_text("changed", encoding="utf-8")
    (case / "derived" / "answers.msgpack").unlink()
    assert dwell("answers", "-c", case, "-q", "--workers", "1").code == 12


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("set", "asn", "nowhere.tsv", "--reason", "x"), "no such file"),
        (("set", "network", "192.0.2.0/24", "--reason", " "), "needs a reason"),
        (("set", "network", "192.0.2.0/24", "--reason", "x", "--by", " "), "needs the name"),
        (("set", "network", "--reason", "x"), "say what is set"),
        (("set", "weather", "rain", "--reason", "x"), "say what is set"),
        (("set", "network", "0.0.0.0/0", "--reason", "x"), "cannot be read"),
        (("set", "network", "everything", "--reason", "x"), "cannot be read"),
        (("set", "network", "192.0.2.0/24", "--at", "192.0.2.1", "--reason", "x"), "takes no --at"),
        (("set", "hours", "always", "--reason", "x"), "cannot be read"),
        (("set", "holidays", "XX", "--reason", "x"), "cannot be read"),
        (("set", "zone", "Europe/Atlantis", "--reason", "x"), "cannot be read"),
        (("set", "zone", "Asia/Tokyo", "Asia/Seoul", "--reason", "x"), "given twice"),
        (("set", "vip", "a b", "--reason", "x"), "cannot be read"),
        (("set", "vip", "v" * 501, "--reason", "x"), "1 to 500"),
        (("unset", "S9", "--reason", "x"), "no setting in force"),
        (("unset", "--reason", "x"), "which settings"),
        (("import", "--reason", "x"), "say one file"),
        (("import", "nowhere.toml", "--reason", "x"), "no such file"),
        (("show", "more"), "show takes nothing"),
        (("unset", "S1", "--at", "192.0.2.1", "--reason", "x"), "belongs to a service"),
        (("set", "vip", "a", "--reason", "x", "-t", "csv"), "text or JSON"),
    ],
)
def test_what_cannot_be_set_ends_with_2_and_says_what_to_do(
    investigated: Path, dwell: Dwell, words: tuple[str, ...], said: str
) -> None:
    ran = dwell("settings", *words, "-c", investigated, "-q", "--workers", "1")
    assert ran.code == 2
    assert said in " ".join(ran.err.split())
    assert "set" not in acts(investigated)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (b"\xff\xfe", "no TOML"),
        (b"networks = [", "no TOML"),
        (b"a = " + b"[" * 50_000, "no TOML"),
        (b"network_s = []", "is no setting"),
        (b"networks = 7", "networks cannot be read"),
        (b"networks = [7]", "networks cannot be read"),
        (b"hours = []", "hours cannot be read"),
        (b'services = [{ account = "a", at = "x" }]', "services cannot be read"),
        (b'services = [{ account = "a", at = [7] }]', "services cannot be read"),
        (b'services = [{ account = "a", as = ["x"] }]', "services cannot be read"),
        (b"# " + b"x" * 1_000_000, "larger than"),
    ],
)
def test_a_file_that_is_no_list_of_settings_is_refused(
    investigated: Path, dwell: Dwell, tmp_path: Path, text: bytes, said: str
) -> None:
    file = tmp_path / "settings.toml"
    file.write_bytes(text)
    ran = dwell("settings", "import", file, *WHY, "-c", investigated, "-q", "--workers", "1")
    assert ran.code == 2
    assert said in " ".join(ran.err.split())


@pytest.mark.parametrize("key", sorted(KEYS))
def test_each_key_of_a_file_that_holds_something_else_is_refused_by_its_name(
    investigated: Path, dwell: Dwell, tmp_path: Path, key: str
) -> None:
    file = tmp_path / "settings.toml"
    for text in ("1.5", "{}", '"EX02"' if key not in {"hours", "zone", "leads_per_week"} else "[]"):
        file.write_text(f"{key} = {text}\n", encoding="utf-8")
        ran = dwell("settings", "import", file, *WHY, "-c", investigated, "-q", "--workers", "1")
        assert ran.code == 2, ran.err
        assert f"{key} cannot be read" in " ".join(ran.err.split())
        assert f"Write {key} = " in " ".join(ran.err.split())


def test_leads_per_week_holds_once_or_for_the_case(case: Path, dwell: Dwell) -> None:
    quiet = ("-c", case, "-q", "--workers", "1")
    usual = json.loads(answers(dwell, case))
    assert usual["settings"]["leads per week"] == "10"
    once = json.loads(dwell("answers", *quiet, "-t", "json", "--leads-per-week", "1").out)
    assert once["settings"]["leads per week"] == "1"
    assert len(once["leads"]) <= once["leads_budget"] < usual["leads_budget"]
    assert once["leads_expected_false"] <= usual["leads_expected_false"]
    assert json.loads(answers(dwell, case)) == usual, "said once, it holds once"
    rows = json.loads(dwell("leads", *quiet, "-t", "json", "--leads-per-week", "1").out)
    assert [one["rank"] for one in rows] == [one["rank"] for one in once["leads"]]
    found = run(dwell, case, "set", "leads-per-week", "2")
    assert found["effects"][0]["text"].startswith("the list may hold ")
    kept = json.loads(answers(dwell, case))
    assert kept["settings"]["leads per week"] == "2"
    assert once["leads_budget"] < kept["leads_budget"] < usual["leads_budget"]
    assert [one["value"] for one in kept["case_settings"]] == ["2"]
    assert dwell("settings", "set", "leads-per-week", "many", *WHY, "-c", case, "--yes").code == 2
    assert dwell("leads", "-c", case, "--leads-per-week", "0").code == 2
