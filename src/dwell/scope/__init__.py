"""What the records allow us to say: identities, accesses, clients, sessions, coverage, builds."""
