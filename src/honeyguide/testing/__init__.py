"""Suites that every implementation of a seam must pass, for use in its tests: subclass one and say what to test."""
