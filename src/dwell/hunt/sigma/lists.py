"""Lists of values for the placeholders of rules: `name: [values]` in YAML, supplied with the case."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from dwell.hunt.sigma.files import BadFileError, documents, rule_files

__all__ = ["Lists", "read_lists"]


@dataclass(frozen=True, slots=True)
class Lists:
    """What came out of the list files.

    Attributes:
        values: the values of each list, sorted, each once.
        faults: files and lists that could not be used, printable.
    """

    values: Mapping[str, tuple[str, ...]]
    faults: tuple[str, ...] = ()


def _scalar(value: object) -> str | None:
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, int | float):
        return str(value)
    return value if isinstance(value, str) and value else None


def _values(held: object) -> set[str] | None:
    """Give the values of one list; None where it is none, or holds what is no value, an empty text among them."""
    found = {_scalar(one) for one in (held if isinstance(held, list) else [held])}
    return None if None in found or not found else {one for one in found if one is not None}


def read_lists(paths: Sequence[Path]) -> Lists:
    """Read every list in some files, and in the YAML files of some folders; lists of one name are put together.

    Args:
        paths: files and folders.
    """
    found: dict[str, set[str]] = {}
    faults = [f"{top}: holds no list: none of its names ends in .yml or .yaml" for top in paths if not rule_files(top)]
    for path in [one for top in paths for one in rule_files(top)]:
        try:
            for document in documents(path):
                for name, held in document.content.items():
                    values = _values(held)
                    if values is None:
                        faults.append(f"{path}: list '{name}' has to hold texts or numbers, and none that is empty")
                    else:
                        found.setdefault(name, set()).update(values)
        except BadFileError as fault:
            faults.append(f"{path}: {fault}")
    return Lists({name: tuple(sorted(values)) for name, values in sorted(found.items())}, tuple(faults))
