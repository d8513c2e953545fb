"""Checks: what is asked of states (lists of files, configurations), and no rule on one record can answer."""
