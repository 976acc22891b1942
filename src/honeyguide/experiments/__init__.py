"""EXPERIMENTS: who is in which arm, and what the outcomes say. The statistics are a library of pure functions."""
