"""A database of DuckDB in memory, for one step of work: what every such step has to be told is told here."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from duckdb import DuckDBPyConnection

__all__ = ["scratch"]


@contextmanager
def scratch() -> Iterator[DuckDBPyConnection]:
    """Open a database that lives in memory until the block ends.

    It works with one thread, as work is parted among processes; gives instants in UTC; and draws no bar, which it would do
    on the standard output of a program that writes its results there.
    """
    import duckdb  # it takes a tenth of a second to load

    with duckdb.connect(":memory:", config={"threads": 1}) as link:
        link.execute("SET enable_progress_bar = false")
        link.execute("SET enable_progress_bar_print = false")
        link.execute("SET TimeZone = 'UTC'")
        yield link
