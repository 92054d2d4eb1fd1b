"""The embedded PostgreSQL server: this package creates, starts, supervises and stops it, with binaries from a wheel.

It is imported at boot before anything heavy: it uses the standard library only, and never imports the wheel's package.

- `account`   which operating system user runs the server; `settling` gives a cluster of root's one of its own
- `binaries`  where its programs are, with a copy where that user can run them
- `cluster`   where its files are, and in which state
- `creation`, `configuration`   how the files are made, and the settings in them
- `ownership` which process may run the server
- `processes` child processes that end with us, and leftovers of a killed process
- `reserve`   space that is kept for when the disk is full
- `server`    EmbeddedPostgres, which uses all of these and keeps the server running
"""

from app.store.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
