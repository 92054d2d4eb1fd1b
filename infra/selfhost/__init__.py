"""The target `selfhost`: the whole system on your own Docker hosts."""
