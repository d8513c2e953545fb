"""Bytes to record batches and anomalies; one format per file; knows nothing of the archive."""
