"""PostgreSQL: schema, queries, the change log, and the embedded server."""
