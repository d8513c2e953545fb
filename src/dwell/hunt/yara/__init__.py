"""YARA: rules of others put to the files that are held, and to the records of the stored tables."""
