"""What `claude-memory` can be told: a module a group of commands; `app.cli` puts them together."""
