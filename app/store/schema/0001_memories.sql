-- Memories, conversations, the change log, document frequencies, tokens.
-- Requests run as the role claude_memory_app, which row-level security binds to one user
-- (setting app.user_id); the owner of the tables migrates, follows the log and cleans up.

do $$
begin
    create role claude_memory_app nologin;
exception
    when duplicate_object or unique_violation then null; -- roles are shared by all databases of a server
end
$$;

do $$
begin
    execute format('grant claude_memory_app to %I', current_user);
end
$$;

-- Tells databases apart: an index made from another one is never used for this one.
create table instance (
    only_row boolean primary key default true check (only_row),
    database_id uuid not null default gen_random_uuid(),
    created_at timestamptz not null default now()
);
insert into instance default values;

create table conversations (
    user_id text not null,
    id text not null,
    project text not null default '',
    title text,
    messages integer not null default 0,
    last_position integer not null default -1,
    last_session uuid,
    last_session_size integer not null default 0,
    last_at timestamptz,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    primary key (user_id, id)
);

-- A row is one memory, or one linked piece of a text that is longer than one memory may be.
-- session_id is the id of the first piece or turn of the stretch whose words belong together;
-- position orders a row inside it. terms, words, asks and tells_time are derived from text
-- (app/memory/analysis.py, version in analysis) and are kept so that no text is read twice.
create table memories (
    id uuid primary key,
    user_id text not null,
    agent_id text not null default '',
    project text not null default '',
    kind text not null
        check (kind in ('note', 'fact', 'preference', 'decision', 'reference', 'summary', 'turn')),
    text text not null check (text <> ''),
    content_hash bytea not null,
    whole_id uuid not null,
    part integer not null default 0,
    tags text[] not null default '{}',
    metadata jsonb not null default '{}',
    conversation_id text,
    message_id text,
    role text,
    name text,
    session_id uuid not null,
    position integer not null default 0,
    terms integer[] not null,
    words integer not null,
    asks boolean not null,
    tells_time boolean not null,
    analysis smallint not null,
    version integer not null default 1,
    created_at timestamptz not null default now(),
    updated_at timestamptz not null default now(),
    occurred_at timestamptz,
    expires_at timestamptz,
    archived_at timestamptz,
    foreign key (user_id, conversation_id) references conversations (user_id, id) on delete cascade
);

create unique index memories_same_content on memories (user_id, project, content_hash)
    where conversation_id is null and archived_at is null and part = 0;
create unique index memories_same_message on memories (user_id, conversation_id, message_id, part)
    where message_id is not null;
create index memories_newest on memories (user_id, project, created_at desc);
create index memories_session on memories (session_id, position);
create index memories_whole on memories (whole_id);
create index memories_conversation on memories (user_id, conversation_id, position)
    where conversation_id is not null;
create index memories_speaker on memories (user_id, project, name) where name is not null;
create index memories_expiring on memories (expires_at) where expires_at is not null;

-- The change log. A follower reads on from a transaction horizon (pg_snapshot_xmin), never from seq:
-- a transaction that took its numbers early may commit late.
-- added and removed hold the distinct terms by which document frequencies change; term 0 counts memories.
create table changes (
    seq bigint generated always as identity primary key,
    xid xid8 not null default pg_current_xact_id(),
    at timestamptz not null default clock_timestamp(),
    user_id text not null,
    memory_id uuid not null,
    session_id uuid not null,
    position integer not null,
    added_to text not null,
    added integer[] not null,
    removed_from text not null,
    removed integer[] not null
);
create index changes_xid on changes (xid);

-- How many live memories of a user and project hold a term; exact together with the changes from xid on.
create table term_counts (
    user_id text not null,
    project text not null,
    term integer not null,
    memories integer not null,
    primary key (user_id, term, project)
) with (fillfactor = 70);

create table log_positions (
    name text primary key,
    xid xid8 not null
);
insert into log_positions values
    ('term_counts', '0'), -- folded into term_counts below this
    ('pruned', '0');      -- the log is gone below this

create function distinct_terms(terms integer[]) returns integer[]
    language sql immutable parallel safe
    return array(select 0 union select unnest(terms));

create function log_inserted() returns trigger language plpgsql as $$
begin
    insert into changes (user_id, memory_id, session_id, position, added_to, added, removed_from, removed)
    select user_id, id, session_id, position,
           project, case when archived_at is null then distinct_terms(terms) else '{}' end, project, '{}'
    from new_rows;
    return null;
end
$$;

create function log_updated() returns trigger language plpgsql as $$
begin
    insert into changes (user_id, memory_id, session_id, position, added_to, added, removed_from, removed)
    select n.user_id, n.id, n.session_id, n.position,
           n.project, case when n.archived_at is null then distinct_terms(n.terms) else '{}' end,
           o.project, case when o.archived_at is null then distinct_terms(o.terms) else '{}' end
    from new_rows n join old_rows o using (id);
    return null;
end
$$;

create function log_deleted() returns trigger language plpgsql as $$
begin
    insert into changes (user_id, memory_id, session_id, position, added_to, added, removed_from, removed)
    select user_id, id, session_id, position,
           project, '{}', project, case when archived_at is null then distinct_terms(terms) else '{}' end
    from old_rows;
    return null;
end
$$;

create trigger log_inserted after insert on memories
    referencing new table as new_rows for each statement execute function log_inserted();
create trigger log_updated after update on memories
    referencing old table as old_rows new table as new_rows for each statement execute function log_updated();
create trigger log_deleted after delete on memories
    referencing old table as old_rows for each statement execute function log_deleted();

-- Only the SHA-256 of a token is kept. Requests cannot read this table.
create table tokens (
    id text primary key,
    user_id text not null,
    digest bytea not null unique,
    scopes text[] not null,
    created_at timestamptz not null default now(),
    expires_at timestamptz,
    last_used_at timestamptz,
    revoked_at timestamptz
);

alter table conversations enable row level security;
alter table memories enable row level security;
alter table changes enable row level security;
alter table term_counts enable row level security;

-- (select …) is worked out once a statement, not once a row.
create policy own_rows on conversations to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)))
    with check (user_id = (select current_setting('app.user_id', true)));
create policy own_rows on memories to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)))
    with check (user_id = (select current_setting('app.user_id', true)));
create policy own_rows on changes to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)))
    with check (user_id = (select current_setting('app.user_id', true)));
create policy own_rows on term_counts to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)));

grant select, insert, update, delete on conversations, memories to claude_memory_app;
grant select, insert on changes to claude_memory_app;
grant select on term_counts, log_positions to claude_memory_app;
