"""Takes memories and conversations in: our JSON Lines, Claude Code's transcripts, the account exports of two vendors.

`run` does it, `sources` opens what it is given, one module a format reads it, `prepare` makes it ready to store.
"""
