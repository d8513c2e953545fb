"""Where the values of a binary event record end up, learnt from the decoder by example.

Records with the same template definitions, and with values of the same types in the same places, have the same *shape*:
the same names, and under each name the same value of the record. What a definition means is not worked out here. One
record of a shape is decoded twice with other values in it, markers that tell which place each came from; whatever comes
out of the decoder where a marker went in is that place, for all records of the shape. Where this gives no clear answer
there is no shape, and the records are decoded one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from typing import Any, Final, NamedTuple

from dwell.sources.event_rows import as_text
from dwell.sources.evtx_chunks import Chunk
from dwell.sources.evtx_decoder import decode
from dwell.sources.evtx_json_shape import read_event
from dwell.sources.evtx_values import ANSI_TEXT, BINARY, FILETIME, INTEGERS, TEXT
from dwell.sources.windows_event import System

__all__ = [
    "FIELDS",
    "INNER",
    "INTEGER_FIELDS",
    "ITEM",
    "NOTHING",
    "TIME",
    "Constants",
    "Example",
    "Place",
    "Shape",
    "Shapes",
]

INNER: Final = 1 << 20
"""Added to the number of a value of the inner template."""
ITEM: Final = 1 << 21
"""Added to the number of a text of a list of texts."""
NOTHING: Final = -1
"""No value. Numbers below stand for texts that the definition holds itself."""
_MARKERS: Final = 0xE000
_MARKERS_MAX: Final = 3_000
_INTEGERS_MAX: Final = 60
_SHAPES_MAX: Final = 50_000
_BOOLEAN: Final = 0x0D

FIELDS: Final[Mapping[str, Callable[[System], object]]] = {
    "Computer": lambda one: one.Computer,
    "Channel": lambda one: one.Channel,
    "Provider": lambda one: one.provider.Name,
    "ProviderGuid": lambda one: one.provider.Guid,
    "EventSourceName": lambda one: one.provider.EventSourceName,
    "UserID": lambda one: one.security.UserID,
    "Keywords": lambda one: one.Keywords,
    "ActivityID": lambda one: one.correlation.ActivityID,
    "RelatedActivityID": lambda one: one.correlation.RelatedActivityID,
    "time_utc": lambda one: one.time.SystemTime,
    "EventID": lambda one: one.EventID,
    "Qualifiers": lambda one: one.Qualifiers,
    "EventRecordID": lambda one: one.EventRecordID,
    "Level": lambda one: one.Level,
    "ProcessID": lambda one: one.execution.ProcessID,
    "ThreadID": lambda one: one.execution.ThreadID,
    "Task": lambda one: one.Task,
    "Opcode": lambda one: one.Opcode,
    "Version": lambda one: one.Version,
}
"""The columns of the `System` block and where they stand in it."""
TIME: Final = list(FIELDS).index("time_utc")
INTEGER_FIELDS: Final = frozenset(range(TIME + 1, len(FIELDS)))


class Place(NamedTuple):
    """A value in a chunk.

    Attributes:
        number: which one it is, `INNER` or `ITEM` added.
        kind: its type.
        start: where its bytes are.
        size: how many they are, up to the first NUL of a text; 0 for one that stays as it is.
        descriptor: where its type is written; -1 for a text of a list.
    """

    number: int
    kind: int
    start: int
    size: int
    descriptor: int


class Example(NamedTuple):
    """A record to learn a shape from.

    Attributes:
        key: what the records of the shape have in common.
        unit: which unit of the chunk it is.
        places: its values.
    """

    key: Hashable
    unit: int
    places: Sequence[Place]


class Shape(NamedTuple):
    """Where the values of a record go.

    Attributes:
        system: for each of `FIELDS` the number of the value.
        names: the names of the event data, in order.
        data: the number of the value of each.
    """

    system: tuple[int, ...]
    names: tuple[int, ...]
    data: tuple[int, ...]


class Constants:
    """Texts with numbers."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self._numbers: dict[str, int] = {}

    def number(self, text: str) -> int:
        """Give the number of a text."""
        found = self._numbers.setdefault(text, len(self.texts))
        if found == len(self.texts):
            self.texts.append(text)
        return found


class Shapes:
    """The shapes met so far.

    Attributes:
        names: names of event data.
        constants: texts that definitions hold themselves.
    """

    def __init__(self) -> None:
        self.names = Constants()
        self.constants = Constants()
        self._known: dict[Hashable, Shape | None] = {}

    @property
    def full(self) -> bool:
        """Say whether so many are held that it is time to begin anew."""
        return max(len(self._known), len(self.constants.texts), len(self.names.texts)) >= _SHAPES_MAX

    def __contains__(self, key: Hashable) -> bool:
        """Say whether it is known what records with this key are, be it that they have no shape."""
        return key in self._known

    def __getitem__(self, key: Hashable) -> Shape | None:
        """Give a shape; None where the records have to be decoded one by one."""
        return self._known[key]

    def learn(self, data: bytes, chunk: Chunk, examples: Sequence[Example]) -> None:
        """Learn the shapes of some records of one chunk."""
        marked = [_marked(data, examples, turn) for turn in (0, 1)]
        # only the examples: of all records of the chunk each would be looked at for NULs
        texts = [decode(bytes(one), chunk, [each.unit for each in examples]) for one, _ in marked]
        for position, example in enumerate(examples):
            first, second = (one[position] for one in texts)
            found = self._told(first, second, [held[position] for _, held in marked], example.places)
            self._known[example.key] = found

    def _told(
        self, first: str | None, second: str | None, held: Sequence[Mapping[int, Any] | None], places: Sequence[Place]
    ) -> Shape | None:
        """Compare what came out of the two decodings."""
        if first is None or second is None or held[0] is None or held[1] is None:
            return None
        event, another_event = read_event(first), read_event(second)
        if event is None or another_event is None:
            return None
        (system, data), (other, other_data) = event, another_event
        if list(data) != list(other_data) or any(_hangs_on_value(name) for name in data):
            return None
        numbers = {(held[0][number], held[1][number]): number for number in held[0]}
        if len(numbers) != len(held[0]):
            return None
        kinds = {one.number: one.kind for one in places}
        try:
            found = [self._number(read(system), read(other), numbers) for read in FIELDS.values()]
            if not all(_fits(field, number, kinds) for field, number in enumerate(found)):
                return None
            return Shape(
                tuple(found),
                tuple(self.names.number(name) for name in data),
                tuple(
                    self._number(value, another, numbers)
                    for value, another in zip(data.values(), other_data.values(), strict=True)
                ),
            )
        except _UnclearError:
            return None

    def _number(self, first: Any, second: Any, numbers: Mapping[tuple[Any, Any], int]) -> int:  # noqa: ANN401 - JSON
        if first != second:
            found = numbers.get((first, second)) if isinstance(first, str | int) else None
            if found is None:
                raise _UnclearError
            return found
        text = as_text(first)
        return NOTHING if text is None else NOTHING - 1 - self.constants.number(text)


def _hangs_on_value(name: str) -> bool:
    """Say whether what comes out under a name depends on more than types.

    A message may hold a cmdlet (`windows_event.named`), and a part of the `System` block stands among the data where its
    value does not fit.
    """
    return name == "Message" or name.startswith("System.")


class _UnclearError(Exception):
    """A value that is neither a marker nor always the same."""


def _fits(field: int, number: int, kinds: Mapping[int, int]) -> bool:
    """Say whether a column of the `System` block can be filled from values of a type."""
    if number < 0:
        return field != TIME or number == NOTHING
    kind = kinds[number]
    if field == TIME:
        return kind == FILETIME
    return kind in INTEGERS if field in INTEGER_FIELDS else kind not in INTEGERS and kind != _BOOLEAN


def _marked(data: bytes, examples: Sequence[Example], turn: int) -> tuple[bytearray, list[dict[int, Any] | None]]:
    """Put markers into the values of some records; give what the decoder should make of each."""
    out = bytearray(data)
    return out, [_mark(out, one.places, turn) for one in examples]


def _mark(out: bytearray, places: Sequence[Place], turn: int) -> dict[int, Any] | None:
    """Put markers into the values of one record; None where there are too many."""
    markers: dict[int, Any] = {}
    small = 0
    for count, one in enumerate(place for place in places if place.size):
        if count >= _MARKERS_MAX or small >= _INTEGERS_MAX:
            return None
        if one.kind in INTEGERS or one.kind in (BINARY, ANSI_TEXT):
            small += 1
            value = small if turn else 121 - small
            if one.kind == ANSI_TEXT:
                letter = 0xA1 + small if turn else value
                raw, markers[one.number] = bytes([letter]) * one.size, chr(letter) * one.size
            elif one.kind == BINARY:
                raw, markers[one.number] = bytes([value]) * one.size, f"{value:02X}" * one.size
            else:
                raw, markers[one.number] = value.to_bytes(one.size, "little"), value
        else:
            text = chr(_MARKERS + 2 * count + turn) * (one.size // 2)
            raw, markers[one.number] = text.encode("utf-16-le"), text
            if one.descriptor >= 0:
                out[one.descriptor] = TEXT
        out[one.start : one.start + one.size] = raw
    return markers
