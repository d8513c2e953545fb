"""Indicator files: what each of them is, and everything that they say together."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import msgspec

from dwell.hunt.indicators.gathering import Gathering, Indicators
from dwell.hunt.indicators.list_header import list_header, row_taken
from dwell.hunt.indicators.lists import read_list
from dwell.hunt.indicators.misp import read_events
from dwell.hunt.indicators.stix import read_stix

__all__ = ["read_indicators"]

JSON_BYTES_MAX = 1 << 30
ENDINGS = frozenset({".txt", ".csv", ".tsv", ".json", ".jsonl", ".stix", ".stix2", ".ioc", ".list"})
"""What is read of a folder; a file that is named itself is read whatever its ending."""
_MANIFEST = "manifest.json"
_HASHES = "hashes.csv"
"""Beside a feed's manifest: hashes of its values, to look events up by; they are no indicators."""


_NOTHING = msgspec.Raw(b"")


class _Whole(msgspec.Struct):
    """What tells the formats apart."""

    type: str = ""
    objects: list[msgspec.Raw] | None = None
    event: msgspec.Raw = msgspec.field(name="Event", default=_NOTHING)
    response: msgspec.Raw = _NOTHING


class _Attributes(msgspec.Struct):
    attributes: list[msgspec.Raw] = msgspec.field(name="Attribute")


_WHOLE = msgspec.json.Decoder(_Whole)
_LISTED = msgspec.json.Decoder(list[msgspec.Raw])
_FLAT = msgspec.json.Decoder(dict[str, str | int | float | bool | None])
_FOUND = msgspec.json.Decoder(_Attributes)
_FAULTS = (msgspec.MsgspecError, RecursionError)


def _files(paths: Sequence[Path], out: Gathering) -> Iterator[tuple[Path, str]]:
    """Yield the files with their names; of a folder those that can be lists, and none of a feed's own index."""
    for path in paths:
        if not path.is_dir():
            yield path, path.name
            continue
        found = sorted(one for one in path.rglob("*") if one.is_file() and not one.name.startswith("."))
        if not found:
            out.begin(path.name)
            out.count("the folder holds no list")
        feeds = {one.parent for one in found if one.name == _MANIFEST}
        for one in found:
            name = one.relative_to(path).as_posix()
            if one.name == _MANIFEST:
                out.begin(name)
                _manifest(one, out)
            elif one.name == _HASHES and one.parent in feeds:
                continue
            elif one.suffix.lower() in ENDINGS:
                yield one, name
            else:
                out.begin(name)
                out.count("not read: its ending is not that of a list; name the file itself if it is one")


def _manifest(path: Path, out: Gathering) -> None:
    """Hold a feed's manifest against the events that are there."""
    try:
        named = msgspec.json.decode(path.read_bytes(), type=dict[str, msgspec.Raw])
    except (OSError, *_FAULTS) as fault:
        out.fault(f"not a MISP manifest: {fault}")
        return
    for uuid in sorted(named):
        if not (path.parent / f"{uuid}.json").is_file():
            out.fault(f"event {uuid[:60]} is named, and its file is not there")


def _is_json(path: Path) -> bool:
    """Say whether a file begins as JSON does."""
    with path.open("rb") as handle:
        head = handle.read(4_096)
    begin = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    return begin[:1] == b"{" or (begin[:1] == b"[" and begin[1:].lstrip()[:1] in {b"{", b"]"})


def _read_json(path: Path, out: Gathering) -> None:
    if path.stat().st_size > JSON_BYTES_MAX:
        out.fault(f"larger than {JSON_BYTES_MAX} bytes")
        return
    data = path.read_bytes().removeprefix(b"\xef\xbb\xbf").strip()
    try:
        if data.startswith(b"["):
            _read_array(_LISTED.decode(data), out)
        else:
            _read_object(data, out)
    except (msgspec.ValidationError, RecursionError) as fault:
        out.fault(f"neither STIX nor MISP nor a list: {fault}")
    except msgspec.DecodeError as fault:
        lines = data.split(b"\n")
        if len(lines) > 1 and lines[0].strip() not in {b"{", b""}:
            _read_array(lines, out, lines=True)
        else:
            out.fault(f"not JSON: {fault}")


def _read_object(data: bytes | msgspec.Raw, out: Gathering) -> None:
    found = _WHOLE.decode(data)
    if found.objects is not None:
        read_stix(found.objects, out)
    elif found.event is not _NOTHING:
        read_events([found.event], out)
    elif found.response is not _NOTHING:
        _read_response(found.response, out)
    elif found.type:
        read_stix([msgspec.Raw(bytes(data))], out)
    elif b'"Attribute"' in bytes(data) or b'"Object"' in bytes(data):
        read_events([msgspec.Raw(bytes(data))], out)
    else:
        _read_flat(bytes(data), "1", out)


def _read_response(data: msgspec.Raw, out: Gathering) -> None:
    """Read what a MISP server answers to a search: events, or attributes alone."""
    if bytes(data).lstrip().startswith(b"["):
        _read_array(_LISTED.decode(data), out)
    else:
        inner = _FOUND.decode(data)
        read_events([msgspec.Raw(msgspec.json.encode({"Attribute": inner.attributes}))], out)


def _read_array(parts: Sequence[bytes | msgspec.Raw], out: Gathering, *, lines: bool = False) -> None:
    """Read objects one by one: what breaks costs itself alone."""
    objects: list[msgspec.Raw] = []
    for at, part in enumerate(parts, 1):
        place = f"{'' if lines else 'object '}{at}"
        raw = bytes(part).strip()
        if lines:
            raw = raw.rstrip(b",")
        if not raw or (lines and raw in {b"[", b"]"}):
            continue
        try:
            found = _WHOLE.decode(raw)
            if (found.type and b'"pattern"' in raw) or found.type in {"marking-definition", "observed-data"}:
                objects.append(msgspec.Raw(raw))
            elif found.objects is not None or found.event is not _NOTHING:
                _read_object(raw, out)
            else:
                _read_flat(raw, place, out)
        except _FAULTS as fault:
            out.fault(f"not JSON: {fault}", place)
    read_stix(objects, out)


def _read_flat(raw: bytes, place: str, out: Gathering) -> None:
    """Read a row of a list that was written as JSON."""
    cells = _FLAT.decode(raw)
    header = list_header(list(cells))
    if header is None:
        out.fault("no row of a list: nothing in it is called an indicator", place)
        return
    texts = ["" if one is None else str(one) for one in cells.values()]
    row_taken(out, header, texts, place)


def read_indicators(paths: Sequence[Path]) -> Indicators:
    """Read indicator files and folders; what cannot be used is named, the rest is used."""
    out = Gathering()
    for path, name in _files(paths, out):
        out.begin(name)
        try:
            if _is_json(path):
                _read_json(path, out)
            else:
                read_list(path, out)
        except OSError as fault:
            out.fault(f"cannot be read: {fault.strerror}")
        except UnicodeError as fault:
            out.fault(f"cannot be read as text: {fault}")
        if out.is_silent:
            out.count("the list holds no indicator")
    return out.done()
