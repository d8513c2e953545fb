"""What is known of a case's last hunt: with what it was made, so that it can be made again and compared with another."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import zstandard

from dwell.casebook.case import Case
from dwell.casebook.whole_files import written_whole
from dwell.errors import Place, UsageError
from dwell.hunt.hunting import Hunted
from dwell.hunt.sigma.loaded import Loaded

if TYPE_CHECKING:
    from dwell.hunt.yara.load import YaraRules

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
        yara: files and folders of YARA rules.
        accepted: licences of YARA rules that were accepted.
        rules_hash: names all of them; "" where there was no hunt.
    """

    rules: tuple[Path, ...] = ()
    indicators: tuple[Path, ...] = ()
    lists: tuple[Path, ...] = ()
    warning_lists: tuple[Path, ...] = ()
    yara: tuple[Path, ...] = ()
    accepted: tuple[str, ...] = ()
    rules_hash: str = ""

    @property
    def files(self) -> dict[str, tuple[Path, ...]]:
        """Give the folders and files by what they are."""
        return {
            "rules": self.rules,
            "indicators": self.indicators,
            "lists": self.lists,
            "warning_lists": self.warning_lists,
            "yara": self.yara,
        }

    def now(self, given: Mapping[str, Sequence[Path] | None], accepted: Sequence[str] | None) -> HuntedWith:
        """Give what a new hunt is made with: what is given, and where nothing is, what the last one was made with.

        Args:
            given: folders and files by what they are.
            accepted: licences of YARA rules that are accepted.

        Raises:
            UsageError: a folder or file is not there.
        """
        files = self.files | {name: tuple(some) for name, some in given.items() if some is not None}
        require(*(one for some in files.values() for one in some))
        kept = self.accepted if accepted is None else tuple(accepted)
        return replace(self, **files, accepted=kept)  # type: ignore[arg-type]

    def told(self) -> dict[str, object]:
        """Give it as the custody log keeps it."""
        told: dict[str, object] = {name: [str(one.resolve()) for one in some] for name, some in self.files.items()}
        return told | {"accepted": list(self.accepted)}


def hunted_with(case: Case) -> HuntedWith:
    """Give what the last hunt of a case was made with; nothing where there was none."""
    for act in reversed(case.acts()):
        if act.act == "hunt":
            return HuntedWith(
                **{
                    one: _paths(act.details.get(one))
                    for one in ("rules", "indicators", "lists", "warning_lists", "yara")
                },
                accepted=tuple(str(one) for one in _listed(act.details.get("accepted"))),
                rules_hash=str(act.details.get("rules_hash", "")),
            )
    return HuntedWith()


def _listed(value: object) -> list[object]:
    return value if isinstance(value, list) else []


def _paths(value: object) -> tuple[Path, ...]:
    return tuple(Path(str(one)) for one in _listed(value))


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
    """The rules of a hunt, as they were loaded; YARA's as bytes of their own, since they are seldom there."""

    rules_hash: str
    loaded: Loaded
    yara: bytes = b""


def keep_rules(case: Case, hunted: Hunted) -> bool:
    """Keep the rules of a hunt beside the case; say whether that could be done."""
    if hunted.loaded is None:
        return False
    place = case.derived_root / _KEPT
    yara = msgspec.msgpack.encode(hunted.yara) if hunted.yara is not None else b""
    data = msgspec.msgpack.encode(_Kept(hunted.rules_hash, hunted.loaded, yara))
    try:
        with written_whole(place) as unfinished:
            unfinished.write_bytes(zstandard.ZstdCompressor().compress(data))
    except OSError:
        return False
    return True


def kept_rules(case: Case) -> tuple[Loaded, YaraRules | None]:
    """Give the rules of a case's last hunt as they were then, and YARA's: their files may have changed since.

    Raises:
        UsageError: there was no hunt, or its rules were not kept by this program.
    """
    before = hunted_with(case)
    if not before.rules_hash:
        raise UsageError("there is no hunt to compare with", remedy="Hunt once, then change the rules")
    try:
        data = (case.derived_root / _KEPT).read_bytes()
        kept = msgspec.msgpack.decode(
            zstandard.ZstdDecompressor().decompress(data, max_output_size=_KEPT_BYTES_MAX), type=_Kept
        )
    except (OSError, zstandard.ZstdError, msgspec.MsgspecError, MemoryError) as fault:
        raise _not_kept(case) from fault
    if kept.rules_hash != before.rules_hash or (before.yara and not kept.yara):
        raise _not_kept(case)
    return kept.loaded, _yara(case, kept.yara) if kept.yara else None


def _yara(case: Case, data: bytes) -> YaraRules:
    # most comparisons are without, and it takes as long to load as a small hunt
    from dwell.hunt.yara.load import YaraRules

    try:
        return msgspec.msgpack.decode(data, type=YaraRules)
    except msgspec.MsgspecError as fault:
        raise _not_kept(case) from fault


def _not_kept(case: Case) -> UsageError:
    return UsageError(
        "the rules of the last hunt are not kept as they were",
        place=Place(case.derived_root / _KEPT),
        remedy="Hunt once with the old rules, then compare",
    )
