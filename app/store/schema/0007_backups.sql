-- Every backup that was written and not deleted since. Read by metrics, by the retention of backups, and by whoever
-- must know which of them still hold a user's data. Requests cannot read it.
create table backups (
    place text primary key, -- absolute path, or s3://bucket/key
    taken_at timestamptz not null, -- the moment whose data it holds
    bytes bigint not null,
    rows bigint not null,
    sha256 bytea not null, -- of the whole file
    encrypted boolean not null,
    verified_at timestamptz
);
