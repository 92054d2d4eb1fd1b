"""The domain: what a memory is, and how it is remembered, found, changed and forgotten. Imports no driver."""
