"""The domain: what a memory is, and how to remember, find, change and forget one. It imports no driver."""
