"""Values of the common shapes, judged as columns; what fits none of them is left to be judged one by one.

A shape is narrower than what `indicator.normalised` takes, and where a value has one the outcome is the same; tests compare
both.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pyarrow as pa
import pyarrow.compute as pc

from dwell.hunt.indicators.indicator import EXTENSIONS, KINDS, VALUE_CHARS_MAX

__all__ = [
    "AGENT_CHARS",
    "UNDECIDED",
    "Bools",
    "Numbers",
    "judged_together",
    "met",
    "plain_agents",
    "plain_urls",
    "refanged_together",
    "url_shaped",
]

Bools = npt.NDArray[np.bool_]
Numbers = npt.NDArray[np.int64]
UNDECIDED = -1

_OCTET = r"(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9]?[0-9])"
_V4 = rf"(?:{_OCTET}\.){{3}}{_OCTET}"
_NAME = r"(?:[a-z0-9_](?:[a-z0-9_-]{0,61}[a-z0-9_])?\.)+[a-z][a-z0-9-]{0,61}[a-z0-9]"
_PORT = r"(?::[1-9][0-9]{0,3})?"
_CHARS = r"[a-z0-9._~!$&*+,;=:@|/-]"
_QUERY = r"(?:\?[a-z0-9._~!$&*+,;=:@|/?-]+)?"
_ADDRESS = rf"\A{_V4}\z"
_NETWORK = rf"\A{_V4}/(?:[89]|[12][0-9]|3[0-2])\z"
_HASH = r"\A(?:[0-9a-f]{32}|[0-9a-f]{40}|[0-9a-f]{64})\z"
_LINK = rf"\Ahttps?://(?:{_NAME}|{_V4}){_PORT}(?:/{_CHARS}*)?{_QUERY}\z"
_PAGE = rf"\A{_NAME}{_PORT}/{_CHARS}*{_QUERY}\z"
_URL = rf"\A(?:https?://)?(?:{_NAME}|{_V4}){_PORT}(?:/{_CHARS}*)?{_QUERY}\z"
_EMAIL = r"\A[a-z0-9._%+=&~!$-]+@(?:[a-z0-9-]+\.)+[a-z0-9-]+\z"
_PATH = r"\A(?:[a-z]:\\|\\\\[a-z0-9_]|/)[ !-#&-)+->@-~]*[a-z0-9_][ !-#&-)+->@-~]*\z"
_NO_PATH = r"\A[ !-#&-)+-.0->@-\[\]-~]*[a-z0-9_][ !-#&-)+-.0->@-\[\]-~]*\z"
"""Paths and names without what may stand for a wildcard, a query or a variable: those are judged one by one."""
_DOMAIN = rf"\A{_NAME}\z"
_BELOW = rf"\A(?:\*\.)?{_NAME}\z"
_FILE = rf"\.(?:{'|'.join(sorted(EXTENSIONS))})\z"
_AGENT = r"\A[a-z0-9_-]+/[!-\[\]-~][ -\[\]-~]*\z"
_SOME = r"[a-z0-9_]"
AGENT_CHARS = r"\A[ -~]*\z"
"""What an agent may hold for its form to be had from `plain_agents`."""

_FANGED = r"[\[\](){}<>]|\A[hH](?:[xX*]|[tT][xX])|\A[fF][xX]"
_HALF_FANGED = r"\[\.|\.\]"
_FANGS = (
    (r"(?i)[\[({<]\s*(?:\.|dot)\s*[\])}>]", "."),
    (r"(?i)[\[({<]\s*(?:@|at)\s*[\])}>]", "@"),
    (r"[\[({<]\s*:\s*//\s*[\])}>](?://)?", "://"),
    (r"[\[({<]\s*:\s*[\])}>]", ":"),
    (r"(?i)\Ah(?:xx|\*\*|xt|tx)p(s?):", r"http\1:"),
    (r"(?i)\A(f)xp(s?):", r"\1tp\2:"),
)
"""As in `indicator.refanged`, for plain ASCII; what needs a look around is left."""


def met(values: pa.StringArray, pattern: str) -> Bools:
    """Say which texts an RE2 expression meets."""
    found: Bools = pc.match_substring_regex(values, pattern).to_numpy(zero_copy_only=False)
    return found


def refanged_together(values: pa.StringArray) -> tuple[pa.StringArray, Bools]:
    """Undo in printable ASCII what keeps indicators from being clicked.

    Returns:
        The texts, and which of them have to be done one by one.
    """
    out = values
    for marks in (" ", "\"'", " "):
        out = pc.ascii_trim(out, characters=marks)
    fanged = met(out, _FANGED)
    left = np.zeros(len(out), np.bool_)
    if not fanged.any():
        return out, left
    some = out.filter(pa.array(fanged))
    for at, (pattern, plain) in enumerate(_FANGS):
        some = pc.replace_substring_regex(some, pattern, plain)
        if at == 0:
            left[fanged] = met(some, _HALF_FANGED)
    return pc.replace_with_mask(out, pa.array(fanged), some), left


class _Judging:
    """Values that are told one shape after the other.

    Attributes:
        kinds: of each value, as an index into `KINDS`.
    """

    def __init__(self, values: pa.StringArray) -> None:
        self._lower = pc.ascii_lower(values)
        self.kinds = np.full(len(values), UNDECIDED, np.int8)
        short = pc.less_equal(pc.binary_length(values), VALUE_CHARS_MAX).to_numpy(zero_copy_only=False)
        self._open = np.flatnonzero(short)
        self._rows: list[Numbers] = []
        self._normal: list[pa.StringArray] = []

    def settle(
        self,
        pattern: str,
        kind: str,
        form: Callable[[pa.StringArray], pa.StringArray] | None = None,
        *,
        other: tuple[str, str] | None = None,
    ) -> None:
        """Settle what has a shape.

        Args:
            pattern: the shape, in lower case.
            kind: what it is.
            form: gives the form that matching uses; the lower case alone where not given. An empty text leaves it open.
            other: an expression over that form, and the kind of what meets it.
        """
        if not len(self._open):
            return
        held = self._lower.take(pa.array(self._open))
        fits = met(held, pattern)
        if not fits.any():
            return
        chosen = held.filter(pa.array(fits))
        normal = form(chosen) if form is not None else chosen
        rows = self._open[fits]
        kept = pc.not_equal(normal, "").to_numpy(zero_copy_only=False)
        if not kept.all():
            normal, rows = normal.filter(pa.array(kept)), rows[kept]
            fits[np.flatnonzero(fits)[~kept]] = False
        self.kinds[rows] = KINDS.index(kind)
        if other is not None:
            self.kinds[rows[met(normal, other[0])]] = KINDS.index(other[1])
        self._rows.append(rows)
        self._normal.append(normal)
        self._open = self._open[~fits]

    def normal(self) -> pa.StringArray:
        """Give the forms that matching uses; nothing stands for what is undecided."""
        place = np.full(len(self.kinds), -1, np.int64)
        rows = np.concatenate([np.zeros(0, np.int64), *self._rows])
        place[rows] = np.arange(len(rows))
        whole = pa.concat_arrays([pa.array([], pa.string()), *self._normal])
        return whole.take(pa.array(place, mask=place < 0)).fill_null("")


def _specified(values: pa.StringArray) -> pa.StringArray:
    return pc.if_else(pc.equal(values, "0.0.0.0"), "", values)  # noqa: S104 — compared, not bound


def _network(values: pa.StringArray) -> pa.StringArray:
    """Give networks without the bits below them; nothing for the unspecified one."""
    cut = pc.list_flatten(pc.split_pattern_regex(values, r"[./]")).cast(pa.int64()).to_numpy().reshape(-1, 5)
    length = cut[:, 4]
    number = cut[:, :4] @ np.array([1 << 24, 1 << 16, 1 << 8, 1], np.int64)
    number &= -(np.int64(1) << (32 - length))
    octets = [pa.array(number >> shift & 255).cast(pa.string()) for shift in (24, 16, 8, 0)]
    plain = pc.binary_join_element_wise(*octets, ".")
    whole = pc.binary_join_element_wise(plain, pa.array(length).cast(pa.string()), "/")
    return pc.if_else(pa.array(number == 0), "", pc.if_else(pa.array(length == 32), plain, whole))


def url_shaped(lower: pa.StringArray) -> Bools:
    """Say which texts in lower case are URLs of a common shape with at least one slash, and so no `host:port`."""
    return met(lower, _URL) & met(lower, "/")


def plain_urls(values: pa.StringArray) -> pa.StringArray:
    """Give URLs of the common shape in the compared form, as `indicator.plain_url` takes them apart."""
    out = values
    for begin, port in (("http://", "80"), ("https://", "443"), ("", "80|443")):
        out = pc.replace_substring_regex(out, rf"\A({begin}[^/?:]*):(?:{port})(/|\?|\z)", r"\1\2")
    out = pc.replace_substring_regex(out, r"\Ahttps?://", "")
    return pc.replace_substring_regex(out, r"\A([^/?]*)(\?|\z)", r"\1/\2")


def _path(values: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring(values, "/", "\\")


def plain_agents(values: pa.StringArray) -> pa.StringArray:
    """Give agents of printable ASCII, in lower case, in one form."""
    return pc.ascii_trim(pc.replace_substring_regex(values, "[+, ]+", " "), characters=" ")


def _name(values: pa.StringArray) -> pa.StringArray:
    return pc.replace_substring_regex(values, r"\A\*\.", "")


def judged_together(values: pa.StringArray, kind: str) -> tuple[npt.NDArray[np.int8], pa.StringArray]:
    """Tell values of the common shapes.

    Args:
        values: refanged, printable ASCII, without blanks at their ends.
        kind: what they are said to be; "" to tell by the value.

    Returns:
        The kind of each, as an index into `KINDS` or `UNDECIDED`, and the form that matching uses.
    """
    out = _Judging(values)
    guess = not kind
    if guess or kind in {"address", "network"}:
        out.settle(_ADDRESS, "address", _specified)
    if guess or kind == "hash":
        out.settle(_HASH, "hash")
    if guess or kind in {"address", "network"}:
        out.settle(_NETWORK, "network", _network, other=(_ADDRESS, "address"))
    if guess or kind == "url":
        out.settle(_LINK if guess else _URL, "url", plain_urls)
    if guess or kind == "email":
        out.settle(_EMAIL, "email")
    if guess:
        out.settle(_PATH, "path", _path)
        out.settle(_DOMAIN, "domain", other=(_FILE, "name"))
        out.settle(_PAGE, "url", plain_urls)
        out.settle(_AGENT, "agent", plain_agents)
    elif kind == "domain":
        out.settle(_BELOW, "domain", _name)
    elif kind in {"path", "name"}:
        out.settle(_PATH, "path", _path)
        out.settle(_NO_PATH, "name")
    elif kind == "agent":
        out.settle(_SOME, "agent", plain_agents)
    return out.kinds, out.normal()
