"""dwell: who has been reading an organisation's mail, and what that statement rests on."""

__all__ = ["__version__"]

__version__ = "0.1.0"
