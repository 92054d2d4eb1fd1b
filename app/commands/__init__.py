"""The commands of `claude-memory`, one module for each or for a group; `app.cli` puts them together."""
