"""IMAP commands to sessions."""

from __future__ import annotations

import pyarrow as pa

from dwell.scope.rollup.mail_sessions import COLUMNS, DICTIONARY, NEEDS, folded

__all__ = ["COLUMNS", "DICTIONARY", "NEEDS", "fold_file"]


def fold_file(table: pa.Table) -> dict[str, pa.Table]:
    """Fold one data file."""
    return folded(table, "imap4", "imap")
