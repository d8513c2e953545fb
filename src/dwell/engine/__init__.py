"""Where a wide pass runs: this machine's cores."""
