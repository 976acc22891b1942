"""Versions of the file of served slates, oldest first: `v0001`, `v0002`, and so on."""
