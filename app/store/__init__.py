"""PostgreSQL: the schema, the queries, the change log and the embedded server."""
