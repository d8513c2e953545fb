"""Indicators: lists of addresses, names, hashes and paths, looked up in the lexicon."""
