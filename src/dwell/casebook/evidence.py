"""The evidence register, replayed from the custody log."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from dwell.casebook.custody import Act
from dwell.model.provenance import EvidenceId

__all__ = [
    "CONTAINER_MARK",
    "Container",
    "Evidence",
    "EvidencePlace",
    "Growth",
    "Unit",
    "containers_of",
    "growths_of",
    "register_of",
    "units_of",
]

CONTAINER_MARK = "!"
"""Stands between a container's path and the path inside it: `logs.zip!W3SVC1/u_ex190401.log`."""


@dataclass(frozen=True, slots=True, order=True)
class EvidencePlace:
    """Where a piece of evidence was found.

    Attributes:
        path: relative to the folder that was given, `/`-separated, containers marked with `!`.
        root: the folder that was given, absolute.
    """

    path: str
    root: str


@dataclass(frozen=True, slots=True)
class Evidence:
    """One piece of evidence as registered.

    Attributes:
        evidence_id: SHA-256 of its bytes, unpacked.
        size_bytes: unpacked.
        places: where it was found; more than one where the same bytes lie in several places.
        source: the source that reads it; None where none recognised it.
        host: from its path; "" where unknown.
        host_why: what the host was taken from.
        guesses: the two best guesses where nothing recognised it.
        acquired_utc: when it was registered.
        written_utc: when the file on disk was last written, by its folder's stamp, the earliest of its places; "" where it
            lay in a container. A copy that does not keep the stamp makes it the time of the copy.
        heads: short hashes of its first bytes, by which a longer copy of the same log is looked for (`intake.grown`).
    """

    evidence_id: EvidenceId
    size_bytes: int
    places: tuple[EvidencePlace, ...]
    source: str | None
    host: str
    host_why: str
    guesses: tuple[str, ...]
    acquired_utc: str
    written_utc: str = ""
    heads: tuple[str, ...] = ()

    @property
    def path(self) -> str:
        """Give its first path."""
        return self.places[0].path

    def as_dict(self) -> dict[str, object]:
        """Give the fields as they go into the custody log."""
        return {
            "id": self.evidence_id,
            "size": self.size_bytes,
            "places": [[place.path, place.root] for place in self.places],
            "source": self.source,
            "host": self.host,
            "host_why": self.host_why,
            "guesses": list(self.guesses),
            "written": self.written_utc,
            "heads": list(self.heads),
        }


@dataclass(frozen=True, slots=True, order=True)
class Container:
    """A container as it lay on disk; what was in it is evidence of its own.

    Attributes:
        place: where.
        sha256: of the container itself.
        size_bytes: of the container itself.
    """

    place: EvidencePlace
    sha256: str
    size_bytes: int


@dataclass(frozen=True, slots=True, order=True)
class Growth:
    """Two copies of one log: the bytes of the shorter are the first bytes of the longer.

    Attributes:
        part: the shorter.
        whole: the longer.
        size_bytes: of the shorter.
        lines: of the shorter, its last one counted, whole or not; 0 where they were not counted (UTF-16).
        cut: whether its last line goes on in the longer.
    """

    part: EvidenceId
    whole: EvidenceId
    size_bytes: int
    lines: int
    cut: bool


@dataclass(frozen=True, slots=True)
class Unit:
    """A stretch of work that is committed at once.

    Attributes:
        transaction: id made from the evidence's hashes.
        source: the source that reads it.
        evidence: the evidence in it, in reading order.
        after: of which evidence the beginning was read before, and as which evidence that was.
    """

    transaction: str
    source: str
    evidence: tuple[EvidenceId, ...]
    after: tuple[tuple[EvidenceId, EvidenceId], ...] = ()


def _one(raw: Mapping[str, Any], at: str) -> Evidence:
    return Evidence(
        EvidenceId(raw["id"]),
        int(raw["size"]),
        tuple(sorted(EvidencePlace(path, root) for path, root in raw["places"])),
        raw["source"],
        raw["host"],
        raw["host_why"],
        tuple(raw["guesses"]),
        at,
        raw.get("written", ""),
        tuple(raw.get("heads", ())),
    )


def register_of(acts: Iterable[Act]) -> dict[EvidenceId, Evidence]:
    """Give the register, by evidence id; a later registration of the same bytes replaces the earlier one's places."""
    out: dict[EvidenceId, Evidence] = {}
    for act in acts:
        if act.act == "register":
            for raw in act.details["evidence"]:  # type: ignore[attr-defined]
                item = _one(raw, act.at_utc)
                first = out.get(item.evidence_id)
                out[item.evidence_id] = item if first is None else _again(item, first)
    return out


def _again(item: Evidence, first: Evidence) -> Evidence:
    places = tuple(sorted({*item.places, *first.places}))
    return Evidence(
        item.evidence_id,
        item.size_bytes,
        places,
        item.source,
        item.host,
        item.host_why,
        item.guesses,
        first.acquired_utc,
        min((one for one in (item.written_utc, first.written_utc) if one), default=""),
        item.heads or first.heads,
    )


def containers_of(acts: Iterable[Act]) -> set[Container]:
    """Give the containers registered; a container that changed in between stands there with either hash."""
    return {
        Container(EvidencePlace(path, root), sha256, int(size))
        for act in acts
        if act.act == "register"
        for path, root, sha256, size in act.details.get("containers", ())  # type: ignore[attr-defined]
    }


def growths_of(acts: Iterable[Act]) -> dict[EvidenceId, Growth]:
    """Give what is known to have grown, by the longer copy; of several shorter ones the longest, as told last."""
    out: dict[EvidenceId, Growth] = {}
    for act in acts:
        if act.act == "grown":
            for part, whole, size, lines, cut in act.details["logs"]:  # type: ignore[attr-defined]
                out[EvidenceId(whole)] = Growth(EvidenceId(part), EvidenceId(whole), int(size), int(lines), bool(cut))
    return out


def units_of(acts: Iterable[Act]) -> list[Unit]:
    """Give the units planned, oldest first."""
    out: list[Unit] = []
    for act in acts:
        if act.act == "plan":
            out += [
                Unit(
                    raw["transaction"],
                    raw["source"],
                    tuple(EvidenceId(one) for one in raw["evidence"]),
                    tuple((EvidenceId(whole), EvidenceId(part)) for whole, part in raw.get("after", ())),
                )
                for raw in act.details["units"]  # type: ignore[attr-defined]
            ]
    return out
