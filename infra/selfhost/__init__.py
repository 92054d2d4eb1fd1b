"""The whole system on your own Docker hosts."""
