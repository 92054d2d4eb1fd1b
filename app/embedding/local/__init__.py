"""A model on this machine: what there is to add, where it is kept, and the processes that run it."""
