"""The search index: derived from the change log, disposable, found again from PostgreSQL at any time."""
