"""Background work: housekeeping, schedules, and the process `claude-memory worker`."""
