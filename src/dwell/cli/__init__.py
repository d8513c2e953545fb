"""Parsing and output only; one file per verb."""
