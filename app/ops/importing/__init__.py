"""Imports memories and conversations: our JSON Lines, and what other programs have written down.

`run` does the import, `sources` opens the input, one module for each format reads it, `prepare` makes it ready to
store.
"""
