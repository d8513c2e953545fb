"""Which rules hit which file of recorded attacks: the page `detection.md`, measured anew.

Takes in every log of a folder in which the folders are tactics, hunts it with published rules and with our own, and tells
for each file which rules met a record of it: the raw count, and beside it whether a rule of the folder's own tactic did.
A file that nothing met is listed with the reason.

Run it from the project's root: `python -m benchmarks.detection`, with `--write` to write the page.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import yaml

from dwell.archive.datafile import read_rows
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.hunt.hunting import Hunted, hunt
from dwell.hunt.ruleset import RuleInfo, Where
from dwell.hunt.sigma.loaded import PACK
from dwell.intake.ingest import ingest, open_archive
from dwell.model.attack import in_v19

__all__ = ["Met", "Sample", "main", "page", "samples_of"]

ROOT = Path(__file__).resolve().parent.parent
SHARED = ROOT.parent / "shared" / "data"
PAGE = ROOT / "benchmarks" / "detection.md"
NO_FOLDER = "(no folder)"
LEVELS = ("medium", "high", "critical")
"""Levels at which a rule asks to be looked at; what is below is context."""
TACTICS: Mapping[str, frozenset[str]] = {
    **{
        name: frozenset({name.lower().replace(" ", "-")})
        for name in (
            "Reconnaissance", "Resource Development", "Initial Access", "Execution", "Persistence", "Privilege Escalation",
            "Credential Access", "Discovery", "Lateral Movement", "Collection", "Command and Control", "Exfiltration",
            "Impact",
        )
    },
    "Defense Evasion": frozenset({"defense-evasion", "stealth", "defense-impairment"}),
}  # fmt: skip
"""Tactics by the names of folders; version 19 of ATT&CK has parted one of them."""
CLEARED = "T1685.005"
"""Logs cleared, as version 19 of ATT&CK has it."""
COLUMNS = (
    "Folder", "Files", "Records", "Met", "by published", "by ours", "Firmly", "Cleared only", "In its tactic", "Rules",
    "Techniques",
)  # fmt: skip
KINDS_SHOWN = 4
RULES_SHOWN = 6
TEXTS = pa.string()


@dataclass(frozen=True, slots=True)
class Met:
    """A rule that met records of a file.

    Attributes:
        title: its title.
        ours: whether it is of our own pack.
        level: Sigma's level.
        techniques: ATT&CK ids, those that version 19 changed under its own.
        tactics: ATT&CK tactics, as its tags write them.
        records: how many records it met.
    """

    title: str
    ours: bool
    level: str
    techniques: tuple[str, ...]
    tactics: frozenset[str]
    records: int


@dataclass(frozen=True, slots=True)
class Sample:
    """A file of recorded attacks.

    Attributes:
        folder: its tactic, as its folder is called.
        name: its name.
        records: records of it that count: those of which another file holds a copy count in one of the two.
        elsewhere: files in which its other records count, with their number.
        kinds: kinds of record, `channel/event id`, with their number.
        looked: how many rules are about such records.
        met: rules that met some.
    """

    folder: str
    name: str
    records: int
    elsewhere: Mapping[str, int]
    kinds: Mapping[str, int]
    looked: int
    met: tuple[Met, ...]

    @property
    def tactics(self) -> frozenset[str]:
        """Give the folder as tags of ATT&CK name a tactic, in versions 18 and 19; none where it is none."""
        return TACTICS.get(self.folder, frozenset())

    def by(self, *, ours: bool) -> list[Met]:
        """Give rules of our own that met it, or those of others."""
        return [one for one in self.met if one.ours is ours]

    @property
    def firmly(self) -> bool:
        """Say whether a rule met it that asks to be looked at."""
        return any(one.level in LEVELS for one in self.met)

    @property
    def cleared(self) -> bool:
        """Say whether all that met it firmly is about a log that was cleared, as recorders do before they begin."""
        firm = [one for one in self.met if one.level in LEVELS]
        return bool(firm) and all(CLEARED in one.techniques for one in firm)

    @property
    def rightly(self) -> bool:
        """Say whether a rule met it that names the folder's tactic, and asks to be looked at."""
        return any(self.tactics & one.tactics and one.level in LEVELS for one in self.met)

    def why(self, others: Mapping[str, Sample]) -> str:
        """Say why nothing met it."""
        if self.elsewhere:
            named = sorted(self.elsewhere.items(), key=lambda one: (-one[1], one[0]))
            told = ", ".join(
                f"{number} in `{name}`{'' if name in others and others[name].met else ', which nothing met either'}"
                for name, number in named
            )
            if not self.records:
                return f"copy: all of its records count elsewhere ({told})"
            return f"{self._kinds()}; other records of it count elsewhere ({told})"
        return self._kinds() if self.records else "no record could be read"

    def _kinds(self) -> str:
        ranked = sorted(self.kinds.items(), key=lambda one: (-one[1], one[0]))
        told = ", ".join(name for name, _ in ranked[:KINDS_SHOWN])
        more = f" and {len(ranked) - KINDS_SHOWN} more kinds" if len(ranked) > KINDS_SHOWN else ""
        if not self.looked:
            return f"no rule: none is about such records ({told}{more})"
        about = "1 rule is" if self.looked == 1 else f"{self.looked:,} rules are"
        return f"none met: {about} about such records ({told}{more})"


def _tactics(infos: Iterable[RuleInfo], folders: Sequence[Path]) -> dict[str, frozenset[str]]:
    """Read the tactics of rules off their files, where they stand among the tags."""
    out = {}
    for info in infos:
        places = [PACK] if info.pack else list(folders)
        file = next((one / info.path for one in places if (one / info.path).is_file()), None)
        documents = yaml.safe_load_all(file.read_text(encoding="utf-8")) if file is not None else ()
        tags = {str(tag) for one in documents if isinstance(one, dict) for tag in one.get("tags") or ()}
        out[info.id] = frozenset(one.removeprefix("attack.").replace("_", "-") for one in tags)
    return out


def _kinds(archive: Archive) -> dict[str, Counter[tuple[str, int]]]:
    """Count records by evidence, channel and event id."""
    out: dict[str, Counter[tuple[str, int]]] = {}
    for file in archive.files("evtx"):
        rows = read_rows(file, ("evidence_id", "Channel", "EventID"))
        rows = pa.table(
            {name: rows[name].cast(TEXTS if name != "EventID" else pa.int64()) for name in rows.column_names}
        )
        for row in rows.group_by(rows.column_names).aggregate([([], "count_all")]).to_pylist():
            kind = (row["Channel"] or "", row["EventID"] if row["EventID"] is not None else -1)
            out.setdefault(row["evidence_id"], Counter())[kind] += row["count_all"]
    return out


def _elsewhere(archive: Archive) -> dict[str, Counter[str]]:
    """Count records that were left out as copies, by the evidence they stand in and the one they count in."""
    out: dict[str, Counter[str]] = {}
    for file in archive.files("copies"):
        rows = read_rows(file, ("evidence_id", "of_evidence_id"))
        for row in rows.group_by(["evidence_id", "of_evidence_id"]).aggregate([([], "count_all")]).to_pylist():
            out.setdefault(row["evidence_id"], Counter())[row["of_evidence_id"]] += row["count_all"]
    return out


def _is_about(where: Where, kind: tuple[str, int]) -> bool:
    """Say whether a rule's kind of record takes in a channel's event."""
    channel, event = kind
    return (
        where.table == "evtx"
        and (not where.channels or channel in where.channels)
        and (not where.event_ids or event in where.event_ids)
        and event not in where.other_ids
    )


def _looking(hunted: Hunted, kinds: Iterable[tuple[str, int]]) -> int:
    """Count the rules that are about any of these kinds of record."""
    assert hunted.loaded is not None
    rules = hunted.loaded.rules
    places = {at for at, one in enumerate(rules.wheres) if any(_is_about(one, kind) for kind in kinds)}
    return sum(any(case.where in places for case in rule.cases) for rule in rules.rules)


def samples_of(
    archive: Archive, hunted: Hunted, names: Mapping[str, Sequence[str]], folders: Sequence[Path]
) -> list[Sample]:
    """Give every file with the rules that met it, in order of folder and name.

    Args:
        archive: what was taken in.
        hunted: the hunt over it.
        names: where each piece of evidence lay below the folder that was taken in, by its id.
        folders: where the rules of others lie.
    """
    tactics = _tactics(hunted.rules.values(), folders)
    summed = hunted.hits.filter(pc.equal(hunted.hits["kind"], "rule")).group_by(["evidence_id", "rule_id"])
    met: dict[str, list[Met]] = {}
    for row in summed.aggregate([("count", "sum")]).to_pylist():
        info = hunted.rules[row["rule_id"]]
        techniques = tuple(sorted({new for tag in info.tags for new in in_v19(tag) or (tag,)}))
        one = Met(info.title, info.pack, info.level, techniques, tactics[info.id], row["count_sum"])
        met.setdefault(row["evidence_id"], []).append(one)
    kinds, elsewhere = _kinds(archive), _elsewhere(archive)
    out = []
    for evidence, path in [(one, path) for one, paths in names.items() for path in paths]:
        folder, _, name = path.rpartition("/")
        held = kinds.get(evidence, Counter())
        named = {f"{channel}/{event}": number for (channel, event), number in held.items()}
        copied = {
            names[one][0].rpartition("/")[2]: number for one, number in elsewhere.get(evidence, Counter()).items()
        }
        rules = tuple(sorted(met.get(evidence, ()), key=lambda one: (not one.ours, one.title)))
        out.append(
            Sample(folder or NO_FOLDER, name, held.total(), copied, named, _looking(hunted, held), rules)
        )  # fmt: skip
    return sorted(out, key=lambda one: (one.folder, one.name))


def _row(cells: Sequence[object]) -> str:
    texts = [f"{one:,}" if isinstance(one, int) else str(one).replace("|", "\\|") for one in cells]
    return "| " + " | ".join(texts) + " |"


def _folder_row(name: str, samples: Sequence[Sample]) -> str:
    published = [one for one in samples if one.by(ours=False)]
    ours = [one for one in samples if one.by(ours=True)]
    every = [one for sample in samples for one in sample.met]
    techniques = {tag for one in every for tag in one.techniques}
    right: object = sum(one.rightly for one in samples) if any(one.tactics for one in samples) else "-"
    return _row(
        (
            name, len(samples), sum(one.records for one in samples), sum(bool(one.met) for one in samples), len(published),
            len(ours), sum(one.firmly for one in samples), sum(one.cleared for one in samples), right,
            len({one.title for one in every}), len(techniques),
        )
    )  # fmt: skip


def _techniques(samples: Sequence[Sample]) -> str:
    """Tell the techniques that rules name which ask to be looked at, each with the number of its files."""
    files = Counter(
        tag for one in samples for tag in {tag for met in one.met if met.level in LEVELS for tag in met.techniques}
    )
    return ", ".join(f"{tag} ({files[tag]})" for tag in sorted(files)) or "-"


def _titles(met: Sequence[Met]) -> str:
    told = "; ".join(one.title for one in met[:RULES_SHOWN])
    return f"{told}; and {len(met) - RULES_SHOWN} more" if len(met) > RULES_SHOWN else told or "-"


def page(samples: Sequence[Sample], rules: int, own: int, commit: str) -> str:
    """Give the page.

    Args:
        samples: every file.
        rules: how many published rules were put to them.
        own: how many of our own.
        commit: of which state of the published rules.
    """
    folders: dict[str, list[Sample]] = {}
    for one in samples:
        folders.setdefault(one.folder, []).append(one)
    by_name = {one.name: one for one in samples}
    lines = [
        "# What rules find in recorded attacks",
        "",
        "Written by `python -m benchmarks.detection --write`; figures are measured, none is set.",
        "",
        (
            f"{len(samples)} event logs of recorded attacks (sbousseaden/EVTX-ATTACK-SAMPLES), {rules:,} published rules "
            f"({commit}) and {own} of our own. *Met* is the raw count: any rule met any record of the file. A rule of "
            "level *low* or *informational* meets much of what every Windows does, so that *firmly* counts files that a "
            "rule of *medium* and above met. *Cleared only* are those of them of which such rules met nothing but that a "
            "log was cleared, as whoever records an attack does before. *In its tactic* are those where such a rule names "
            "the tactic that the folder is called by. None of these says that the rule met the very act that the sample "
            "was recorded for. A record that stands in two files counts in one of them."
        ),
        "",
        _row(COLUMNS),
        "|" + "---|" * len(COLUMNS),
        *(_folder_row(name, held) for name, held in folders.items()),
        _folder_row("**All**", samples),
        "",
        (
            "Techniques that rules of *medium* and above name which met a file of the folder, with the number of files; "
            "those that version 19 of ATT&CK changed are under its ids:"
        ),
        "",
        "| Folder | Techniques |",
        "|---|---|",
        *(_row((name, _techniques(held))) for name, held in folders.items()),
        "",
        "Our own rules are about mail servers and what is done from them; most of these samples are about neither.",
        "",
        "## What nothing met",
        "",
        "| File | Folder | Why |",
        "|---|---|---|",
        *(_row((f"`{one.name}`", one.folder, one.why(by_name))) for one in samples if not one.met),
        "",
        "## What our own rules met",
        "",
        "| File | Folder | Rules |",
        "|---|---|---|",
        *(
            _row((f"`{one.name}`", one.folder, _titles(one.by(ours=True))))
            for one in samples
            if one.by(ours=True)
        ),
        "",
        "## What published rules met",
        "",
        "These rules are under the Detection Rule License 1.1; their authors stand on every hit of `dwell hunt`.",
        "",
        "| File | Folder | Rules | Titles |",
        "|---|---|---|---|",
        *(
            _row((f"`{one.name}`", one.folder, len(met), _titles(met)))
            for one in samples
            if (met := one.by(ours=False))
        ),
        "",
    ]  # fmt: skip
    return "\n".join(lines)


def main() -> int:
    """Measure, and print or write the page."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--evidence", type=Path, default=SHARED / "evtx" / "attack-samples", help="folder of samples")
    parser.add_argument("--rules", type=Path, default=SHARED / "sigma", help="folder of published rules")
    parser.add_argument(
        "--state", default="SigmaHQ/sigma of 2026-08-05", help="which state of them it is, for the page"
    )
    parser.add_argument("--workers", type=int, default=None, help="processes")
    parser.add_argument("--write", action="store_true", help="write the page")
    arguments = parser.parse_args()
    if not arguments.evidence.is_dir() or not arguments.rules.is_dir():
        parser.error("no such folder of samples or rules; name them with --evidence and --rules")
    with tempfile.TemporaryDirectory() as folder:
        case = Case.create(Path(folder) / "case")
        with case.writing():
            ingest(case, [arguments.evidence], workers=arguments.workers)
        archive = open_archive(case)
        hunted = hunt(archive, rule_folders=[arguments.rules], workers=arguments.workers)
        names = {str(key): [place.path for place in one.places] for key, one in case.register().items()}
        samples = samples_of(archive, hunted, names, [arguments.rules])
    own = sum(one.pack for one in hunted.rules.values()) - len(hunted.checks)
    text = page(samples, len(hunted.outcomes) - own, own, arguments.state)
    if arguments.write:
        PAGE.write_text(text, encoding="utf-8")
        print(f"{PAGE} written", file=sys.stderr)
    else:
        print(text)
    return 0


if __name__ == "__main__":
    sys.exit(main())
