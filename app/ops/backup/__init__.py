"""Backups: one file that holds everything, from one moment, and proves that it is whole.

- `archive`    the file's format: written and read in pieces, checked to the last bit
- `key`        its key, encrypted with the passphrase
- `places`     where a file lies: a directory, or a bucket of an S3-compatible store
- `writing`    takes a backup; `reading` opens one; `restoring` puts one back; `verifying` tries one out
- `pace`       leaves most of the machine to servers
- `retention`  which backups are kept, and deletes the others
"""
