"""What ties tell besides network and agent, put together in one way for answers, for markings and for what is planted."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from dwell.scope.access import Accesses
from dwell.scope.blocks import with_blocks
from dwell.scope.clients import Clients
from dwell.scope.departures import Departures, departed_bits
from dwell.scope.kin import Kin
from dwell.scope.session_terms import Beside, with_session_terms

__all__ = ["weighed"]


def weighed(
    clients: Clients, accesses: Accesses, skip: npt.NDArray[np.bool_], beside: Beside, kin: Kin, gone: Departures
) -> Clients:
    """Put to each tie what its sessions tell, the blocks it is part of, and whether its account had gone.

    Args:
        clients: the ties.
        accesses: all sessions.
        skip: sessions that were left out of the ties: those of services.
        beside: what is known beside the sessions.
        kin: people who belong together.
        gone: who left.
    """
    found = with_blocks(with_session_terms(clients, accesses, skip, beside), accesses, kin)
    return replace(found, departed=departed_bits(gone, accesses, found.ties, found.outside))
