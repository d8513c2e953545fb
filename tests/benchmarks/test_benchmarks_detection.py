"""The page of what rules find in recorded attacks: counts by folder, and misses with their reason."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from benchmarks.detection import Met, Sample, page, samples_of
from tests.hunt.archives import EVIDENCE, archive_of

from dwell.hunt.hunting import hunt

RIGHT = Met(
    "right", ours=False, level="high", techniques=("T1003",), tactics=frozenset({"credential-access"}), records=2
)
WRONG = Met("wrong", ours=False, level="low", techniques=("T1059",), tactics=frozenset({"execution"}), records=9)
OURS = Met("ours", ours=True, level="medium", techniques=("T1003",), tactics=frozenset({"impact"}), records=1)


def sample(name: str, *met: Met, records: int = 3, looked: int = 5, elsewhere: dict[str, int] | None = None) -> Sample:
    kinds = {"Security/4688": records} if records else {}
    return Sample("Credential Access", name, records, elsewhere or {}, kinds, looked, met)


def test_a_folder_counts_what_was_met_beside_what_was_met_in_its_tactic() -> None:
    cleared = replace(OURS, title="cleared", techniques=("T1685.005",))
    found = [
        sample("a.evtx", RIGHT, WRONG, cleared), sample("b.evtx", WRONG), sample("c.evtx", OURS), sample("d.evtx"),
        sample("e.evtx", cleared, WRONG),
    ]  # fmt: skip
    text = page(found, 3000, 100, "of a day")
    line = next(one for one in text.splitlines() if one.startswith("| Credential Access |"))
    cells = [one.strip() for one in line.strip("|").split("|")]
    # files, records, met, by published, by ours, firmly, cleared only, in its tactic, rules, techniques
    assert cells[1:] == ["5", "15", "4", "3", "3", "3", "1", "1", "4", "3"]


def test_what_nothing_met_is_listed_with_the_reason() -> None:
    found = [
        sample("met.evtx", RIGHT),
        sample("quiet.evtx"),
        sample("unruled.evtx", looked=0),
        sample("copy.evtx", records=0, elsewhere={"met.evtx": 3}),
        sample("damaged.evtx", records=0),
    ]
    text = page(found, 3000, 100, "of a day").partition("## What nothing met")[2].partition("##")[0]
    told = {line.split("`")[1]: line.split("|")[3].strip() for line in text.splitlines() if line.startswith("| `")}
    assert told == {
        "quiet.evtx": "none met: 5 rules are about such records (Security/4688)",
        "unruled.evtx": "no rule: none is about such records (Security/4688)",
        "copy.evtx": "copy: all of its records count elsewhere (3 in `met.evtx`)",
        "damaged.evtx": "no record could be read",
    }


def test_samples_are_told_with_the_rules_that_met_them(tmp_path: Path) -> None:
    rows = [
        {"Channel": "Security", "EventID": 1102, "Provider": "Microsoft-Windows-Eventlog"},
        {"Channel": "Nobody's", "EventID": 1},
    ]
    archive = archive_of(tmp_path / "archive", {"evtx": rows})
    (found,) = samples_of(archive, hunt(archive, workers=1), {EVIDENCE: ["Defense Evasion/cleared.evtx"]}, [])
    assert (found.folder, found.name, found.records) == ("Defense Evasion", "cleared.evtx", 2)
    assert found.kinds == {"Security/1102": 1, "Nobody's/1": 1}
    assert [one.title for one in found.met] == ["Security log cleared"]
    assert found.looked > 10
    assert found.met[0].techniques == ("T1685.005",)
    assert found.rightly


def test_a_tactic_that_was_parted_is_met_under_its_new_names() -> None:
    new = Met("new", ours=False, level="high", techniques=(), tactics=frozenset({"stealth"}), records=1)
    assert replace(sample("a.evtx", new), folder="Defense Evasion").rightly
    assert not replace(sample("a.evtx", RIGHT), folder="Defense Evasion").rightly
    text = page([replace(sample("a.evtx", RIGHT), folder="Other/emotet")], 3000, 100, "of a day")
    line = next(one for one in text.splitlines() if one.startswith("| Other/emotet |"))
    assert line.split("|")[9].strip() == "-"
