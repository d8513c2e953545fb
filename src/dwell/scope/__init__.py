"""Everything that the records allow us to say: accesses, clients, sessions, identities, coverage, intrusions, reach."""
