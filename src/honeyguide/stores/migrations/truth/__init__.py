"""Versions of the one database that all else is derived from, oldest first: `v0001`, `v0002`, and so on."""
