"""What comes out of rule folders, apart from what parses them: rules that are kept are read back without a parser."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import msgspec

from dwell.hunt.correlations.plan import Correlation
from dwell.hunt.ruleset import RuleInfo, RuleSet
from dwell.model.claims import RuleOutcome, RuleStatus

__all__ = ["PACK", "Known", "KnownRule", "Loaded", "licence_of", "outcome_of"]

PACK = Path(__file__).resolve().parent.parent.parent / "rules"
"""Our own rules."""
LICENCE_LEVELS = 6
_DRL = "DRL 1.1"


@dataclass(frozen=True, slots=True)
class Loaded:
    """What came out of the rule folders.

    Attributes:
        rules: rules that can be matched.
        infos: every rule that has an id, by id.
        ended: what became of the rules that cannot be matched: invalid, unsupported, or blind whatever is held.
        faults: rule files and list files that could not be used, printable.
        correlations: what has to be worked out over the records that the rules met, each after those it rests on.
    """

    rules: RuleSet
    infos: Mapping[str, RuleInfo]
    ended: tuple[RuleOutcome, ...]
    faults: tuple[str, ...]
    correlations: tuple[Correlation, ...] = ()


class KnownRule(msgspec.Struct, frozen=True, array_like=True):
    """What a document came to that is a rule by itself: no filter, no correlation, and none of them reaches it.

    Attributes:
        id: its id, as it says itself.
        licence: its licence, as it says itself.
        name: what filters and correlations may call it.
        category: of its log source.
        product: of its log source.
        service: of its log source.
        status: how it ended that cannot be matched; None where it can.
        reason: why.
    """

    id: str
    licence: str
    name: str | None
    category: str | None
    product: str | None
    service: str | None
    status: RuleStatus | None = None
    reason: str = ""


class Known(msgspec.Struct, frozen=True):
    """Rules that were loaded before.

    Attributes:
        loaded: what came of them.
        files: by the SHA-256 of a rule file what each of its documents came to; only files all of whose documents are rules
            by themselves.
    """

    loaded: Loaded
    files: dict[bytes, tuple[KnownRule, ...]]


def outcome_of(info: RuleInfo, status: RuleStatus, reason: str = "") -> RuleOutcome:
    """Give the outcome of a rule that met no records."""
    return RuleOutcome(
        info.id, info.title, info.author, info.licence, info.level, status, reason=reason, path=info.path
    )


def licence_of(folder: Path) -> str:
    """Read the licence of rules from the file beside them or above; SigmaHQ's stands at the top of its folders."""
    here = folder.resolve()
    here = here if here.is_dir() else here.parent
    for place in (here, *list(here.parents)[:LICENCE_LEVELS]):
        if _is_drl(place):
            return _DRL
    return ""


@lru_cache(maxsize=4096)
def _is_drl(place: Path) -> bool:
    for one in sorted(place.glob("LICENSE*")) if place.is_dir() else []:
        try:
            with one.open("rb") as handle:
                if b"Detection Rule License" in handle.read(4096):
                    return True
        except OSError:
            continue
    return False
