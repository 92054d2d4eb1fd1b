"""Imports memories and conversations: our JSON Lines, Claude Code's transcripts, account exports of Claude and ChatGPT.

`run` does the import, `sources` opens the input, one module for each format reads it, `prepare` makes it ready to
store.
"""
