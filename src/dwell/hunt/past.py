"""What is known of a case's last hunt: with what it was made, so that it can be made again and compared with another."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import msgspec
import zstandard

from dwell.casebook.case import Case
from dwell.errors import Place, UsageError
from dwell.hunt.hunting import Hunted
from dwell.hunt.sigma.load import Loaded

__all__ = ["HuntedWith", "hunted_with", "keep_rules", "kept_rules", "require"]

_KEPT = "last-hunt-rules.zst"
_KEPT_BYTES_MAX = 1 << 30


@dataclass(frozen=True, slots=True)
class HuntedWith:
    """What a hunt was made with.

    Attributes:
        rules: folders of rules beside our own.
        indicators: lists of indicators.
        lists: values for the placeholders of rules.
        warning_lists: warning lists for indicators.
        rules_hash: names all of them; "" where there was no hunt.
    """

    rules: tuple[Path, ...] = ()
    indicators: tuple[Path, ...] = ()
    lists: tuple[Path, ...] = ()
    warning_lists: tuple[Path, ...] = ()
    rules_hash: str = ""

    @property
    def files(self) -> dict[str, tuple[Path, ...]]:
        """Give the folders and files by what they are."""
        return {
            "rules": self.rules,
            "indicators": self.indicators,
            "lists": self.lists,
            "warning_lists": self.warning_lists,
        }


def hunted_with(case: Case) -> HuntedWith:
    """Give what the last hunt of a case was made with; nothing where there was none."""
    for act in reversed(case.acts()):
        if act.act == "hunt":
            return HuntedWith(
                **{one: _paths(act.details.get(one)) for one in ("rules", "indicators", "lists", "warning_lists")},
                rules_hash=str(act.details.get("rules_hash", "")),
            )
    return HuntedWith()


def _paths(value: object) -> tuple[Path, ...]:
    return tuple(Path(str(one)) for one in value) if isinstance(value, list) else ()


def require(*named: Path) -> tuple[Path, ...]:
    """Give paths that are all there.

    Raises:
        UsageError: one of them is not.
    """
    for one in named:
        if not one.exists():
            raise UsageError(
                "there is no such file or folder of rules, indicators, lists or suppressions", place=Place(one)
            )
    return named


class _Kept(msgspec.Struct):
    """The rules of a hunt, as they were loaded."""

    rules_hash: str
    loaded: Loaded


def keep_rules(case: Case, hunted: Hunted) -> bool:
    """Keep the rules of a hunt beside the case; say whether that could be done."""
    if hunted.loaded is None:
        return False
    place = case.derived_root / _KEPT
    unfinished = place.with_suffix(".part")
    try:
        place.parent.mkdir(parents=True, exist_ok=True)
        data = msgspec.msgpack.encode(_Kept(hunted.rules_hash, hunted.loaded))
        unfinished.write_bytes(zstandard.ZstdCompressor().compress(data))
        unfinished.replace(place)
    except OSError:
        return False
    return True


def kept_rules(case: Case) -> Loaded:
    """Give the rules of a case's last hunt as they were then: their files may have changed since.

    Raises:
        UsageError: there was no hunt, or its rules were not kept by this program.
    """
    wanted = hunted_with(case).rules_hash
    if not wanted:
        raise UsageError("there is no hunt to compare with", remedy="Hunt once, then change the rules")
    try:
        data = (case.derived_root / _KEPT).read_bytes()
        kept = msgspec.msgpack.decode(
            zstandard.ZstdDecompressor().decompress(data, max_output_size=_KEPT_BYTES_MAX), type=_Kept
        )
    except (OSError, zstandard.ZstdError, msgspec.MsgspecError, MemoryError) as fault:
        raise _not_kept(case) from fault
    if kept.rules_hash != wanted:
        raise _not_kept(case)
    return kept.loaded


def _not_kept(case: Case) -> UsageError:
    return UsageError(
        "the rules of the last hunt are not kept as they were",
        place=Place(case.derived_root / _KEPT),
        remedy="Hunt once with the old rules, then compare",
    )
