"""Columnar tables (Delta Lake) and their lexicon: append exactly once, scan with pruning; knows nothing of formats."""
