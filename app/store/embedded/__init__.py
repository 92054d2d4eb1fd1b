"""A real PostgreSQL of our own: binaries from a wheel, made, started, watched and stopped by this package.

Imported at boot before anything heavy: standard library only, and the wheel's own package is never imported.

- `account`   which operating system user runs the server
- `binaries`  where its programs are, and a copy of them where that user can run them
- `cluster`   the files: where they are, what state they are in
- `creation`, `configuration`   how they come to be, what they say
- `ownership` which process may run it
- `processes` children that end with us, and left-overs of those who did not
- `server`    EmbeddedPostgres: owns all that and keeps it running
"""

from app.store.embedded.server import EmbeddedPostgres

__all__ = ["EmbeddedPostgres"]
