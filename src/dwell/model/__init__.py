"""Words of the case: instants, provenance, coverage, grades, claims. No I/O."""
