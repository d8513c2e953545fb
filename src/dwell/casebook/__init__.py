"""The case folder: custody log, evidence register, settings, lock."""
