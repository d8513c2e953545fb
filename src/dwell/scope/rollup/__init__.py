"""The wide pass: every record of every log, folded once per data file into small tables."""
