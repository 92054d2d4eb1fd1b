"""The write-ahead log of a PostgreSQL server in a bucket, encrypted, for a restore to any moment.

PostgreSQL puts each finished file of its log into a folder, the spool, and a container beside it puts base backups
there (`infra/selfhost/log_archive.py`). `wal ship` empties the spool into the bucket, `wal fetch` brings back what a
restore needs.

- `names`      what is in the bucket by its names, and which of it a restore needs
- `archive`    the bucket: encrypts what goes there, decrypts what comes from there
- `spool`      the folder
- `shipping`   moves files from the spool to the bucket, asks for base backups, deletes old ones
- `fetching`   brings a base backup and the log after it back
- `process`    ships until it is stopped, with its health and metrics
"""
