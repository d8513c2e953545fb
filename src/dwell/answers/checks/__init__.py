"""The checks of whether an intruder is out: what each is about, as data, and a small function that judges it."""
