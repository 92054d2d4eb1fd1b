"""Backups: one file that holds everything, from one moment, and proves that it is complete.

- `archive`    defines the file's format; `archive_writer` and `archive_reader` write and read it in pieces
- `key`        encrypts the file's key with the passphrase
- `places`     stores the file: in a directory, or in a bucket of an S3-compatible store
- `writing`    makes a backup; `reading` opens one; `restoring` restores one; `verifying` tries one out
- `pace`       leaves most of the machine to servers
- `retention`  decides which backups are kept, and deletes the others
"""
