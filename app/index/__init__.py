"""The search index: derived from the change log, disposable, and rebuilt from PostgreSQL at any time."""
