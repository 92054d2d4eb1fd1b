"""Why a backup cannot be written or read. Each is raised before anything is changed."""

from __future__ import annotations

from app.errors import MemoryServerError


class BackupRefused(MemoryServerError):
    """The file is not a complete backup that this version and this passphrase can open."""

    code = "backup_refused"
    status = 400


class PlaceUnusable(MemoryServerError):
    """The directory or the bucket cannot be read or written."""

    code = "place_unusable"
    status = 503
