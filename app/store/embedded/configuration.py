"""The embedded server's configuration files: little memory when idle, durable writes, no contents in the log."""

from __future__ import annotations

import sys

PORT = 5432  # only part of the socket's name
USER = DATABASE = "claude_memory"

# The app's role owns its database but is not a superuser, as on a managed server: row-level security applies, and
# what works here works there. It may create roles, as the schema does.
FIRST_STATEMENTS = f"""\
CREATE ROLE {USER} LOGIN CREATEROLE;

ALTER DATABASE postgres RENAME TO {DATABASE};

ALTER DATABASE {DATABASE} OWNER TO {USER};

"""

# macOS acknowledges a plain fsync before the disk has the data.
_SYNC_METHOD = "fsync_writethrough" if sys.platform == "darwin" else "fdatasync"
# A start after a crash first syncs all files: one call on Linux, else a thousand (70 ms against 190).
_RECOVERY_SYNC_METHOD = "syncfs" if sys.platform == "linux" else "fsync"

_SETTINGS = f"""\
# Written by claude-memory at every start: changes are lost. To tune a server, run one and set DATABASE_URL.
listen_addresses = ''
unix_socket_permissions = 0700
port = {PORT}
max_connections = 40

# a laptop: little memory when idle; nothing acknowledged is ever lost
shared_buffers = 8MB # the system's cache holds the rest
huge_pages = off
effective_cache_size = 512MB
random_page_cost = 1.1
maintenance_work_mem = 32MB
fsync = on
synchronous_commit = on
full_page_writes = on
wal_sync_method = {_SYNC_METHOD}
recovery_init_sync_method = {_RECOVERY_SYNC_METHOD}
wal_level = replica
max_wal_senders = 0
max_replication_slots = 0
min_wal_size = 32MB
max_wal_size = 512MB
jit = off
timezone = 'UTC'

# few processes: postmaster, checkpointer, two writers, autovacuum
io_method = sync
autovacuum = on
autovacuum_max_workers = 1
autovacuum_worker_slots = 1
max_worker_processes = 2
max_parallel_workers = 2
max_parallel_workers_per_gather = 0
max_parallel_maintenance_workers = 1
max_logical_replication_workers = 0

# statements and values are memories: neither gets into the log
log_min_error_statement = panic
log_error_verbosity = terse
log_checkpoints = off
log_timezone = 'UTC'
log_line_prefix = '%m [%p] '
lc_messages = 'C'
"""


def files(sockets: str, login: str | None) -> dict[str, str]:
    """Return the text of each file by name.

    sockets: folder of the socket, relative to the cluster or absolute.
    login: the only system user who may connect, checked by the kernel (peer). None if it has no name: then only the
    socket's folder (mode 0700) protects the server.
    """
    access = "peer map=owner" if login else "trust"
    return {
        "postgresql.conf": f"{_SETTINGS}unix_socket_directories = '{sockets}'\n",
        "pg_hba.conf": f"local all {USER},postgres {access}\n",
        "pg_ident.conf": "".join(f'owner "{login}" {role}\n' for role in (USER, "postgres") if login),
    }
