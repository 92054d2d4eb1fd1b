-- Which collection of a Qdrant server answers, and up to which transaction horizon it is complete.

-- Requests look for one user's changes from a horizon on, however many other users have.
create index changes_of_user on changes (user_id, xid);

create sequence index_collection_numbers;

-- A search reads the live row and its user's changes from its position on in one statement, so it knows what the
-- collection may lack. database_id: a restored copy of this table names collections of another database; their
-- positions are transactions of another server, and mean nothing here.
create table index_collections (
    name text primary key,
    database_id uuid not null,
    state text not null default 'filling' check (state in ('filling', 'live', 'retired')),
    shape jsonb not null,                       -- what it was created with (app/index/qdrant/server.py)
    position xid8,                              -- complete below this; null until it was filled once
    seen pg_snapshot,                           -- has what this shows too: an open transaction holds up the position
    points bigint not null default 0,           -- written while it was filled
    rebuild_asked boolean not null default false,
    created_at timestamptz not null default now(),
    retired_at timestamptz
);
create unique index index_collections_live on index_collections (database_id) where state = 'live';

grant select on index_collections, instance to claude_memory_app;
