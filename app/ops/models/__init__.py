"""Adds models that run on this machine, removes them, and reports on them."""
