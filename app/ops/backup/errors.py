"""Why a backup cannot be written or is not taken. Each says that nothing was changed, by being raised before it is."""

from __future__ import annotations

from app.errors import MemoryServerError


class BackupRefused(MemoryServerError):
    """The file is no whole backup that this version and this passphrase can open."""

    code = "backup_refused"
    status = 400


class PlaceUnusable(MemoryServerError):
    """The directory or the bucket cannot be read or written."""

    code = "place_unusable"
    status = 503
