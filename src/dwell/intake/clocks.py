"""Clocks of a case: measured at the end of an ingest, and corrected wherever its records are read.

Nothing that was written is written anew: the tables keep every instant as it stands in the evidence, and a correction is
made while rows are read (`archive.shifts`). It is worked out from what was measured and from a person's word whenever a
case is opened.
"""

from __future__ import annotations

from collections.abc import Sequence

from dwell.archive.shifts import ClockShift
from dwell.archive.store import Archive
from dwell.casebook.case import Case
from dwell.casebook.clocks import keep_offsets, kept_offsets, words_in
from dwell.casebook.settings import set_in
from dwell.intake.clock_corrections import clock_corrections
from dwell.intake.clock_offsets import clock_offsets
from dwell.intake.clock_samples import samples
from dwell.intake.tables import COPIES, FACTS, FILES, specs, table_of
from dwell.model.clocks import ClockCorrection
from dwell.model.settings import Setting
from dwell.sources.registry import SOURCES

__all__ = ["OWN_CLOCK", "as_written", "changes_clocks", "corrected", "corrections", "measure_clocks"]

OWN_CLOCK = frozenset(
    {
        "address_book", "connectivity", "cosmos_audit", "ecp_activity", "ecp_server", "evtx", "ews", "exchange_other",
        "exchange_setup", "httperr", "httpproxy", "iis", "imap4", "mapihttp", "message_tracking", "oab_generator", "owa",
        "pop3", "rpc_client_access", "rps_cmdlet", "rps_http", "smtp_receive", "smtp_send", "transport_agent",
    }
)  # fmt: skip
"""Tables of logs that a server writes itself, by its own clock. What is exported from elsewhere and lies in a server's
folder is of another clock."""
_ABOUT = (COPIES, FACTS, FILES)
_EVER = 2**62
_SECOND_US = 1_000_000


def as_written(case: Case) -> Archive:
    """Give a case's archive with every instant as it was written: for what reads evidence, and for measuring."""
    return Archive(case.archive_root, specs())


def corrected(case: Case, settings: Sequence[Setting] | None = None) -> Archive:
    """Give a case's archive with the instants of clocks corrected that are off for certain.

    Args:
        case: the case.
        settings: settings to go by; None for those in force.

    Raises:
        CustodyError: the custody log does not hold together.
    """
    return Archive(case.archive_root, specs(), [_shift(one) for one in corrections(case, settings)])


def corrections(case: Case, settings: Sequence[Setting] | None = None) -> tuple[ClockCorrection, ...]:
    """Give what is corrected in a case; arguments as for `corrected`."""
    words = words_in(set_in(case) if settings is None else settings)
    return clock_corrections(kept_offsets(case), words)


def changes_clocks(case: Case, settings: Sequence[Setting] | None) -> bool:
    """Say whether other settings than those in force would correct anything otherwise; None for those in force."""
    return corrections(case, settings) != corrections(case)


def measure_clocks(case: Case, workers: int | None = None) -> None:
    """Measure how far the clocks of a case's logs lie apart, and keep it. The caller holds the case's lock.

    Args:
        case: the case.
        workers: processes.

    Raises:
        CustodyError: a data file is not what was written.
    """
    keep_offsets(case, clock_offsets(samples(as_written(case), workers=workers, cache=case.cache("clocks"))))


def _shift(one: ClockCorrection) -> ClockShift:
    tables = one.tables or tuple(sorted(OWN_CLOCK))
    sources = tuple(sorted(each.key for each in SOURCES if table_of(each.key) in tables))
    start = -_EVER if one.from_us is None else one.from_us
    end = _EVER if one.to_us is None else one.to_us
    return ClockShift(one.host, tables, _ABOUT, sources, start, end, -one.ahead_s * _SECOND_US)
