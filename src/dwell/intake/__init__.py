"""The only place where sources and archive meet: discover, identify, unpack, plan, run, resume."""
