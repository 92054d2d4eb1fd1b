-- Users: what each keeps, how much each may keep, and users whose deletion has begun.

-- Nobody writes until this is committed, so that the first counts are exact and no write goes uncounted.
lock table memories in share row exclusive mode;

-- What an operator has set for a user; null: the setting (QUOTA_MEMORIES, QUOTA_BYTES), 0: no quota.
create table quotas (
    user_id text primary key,
    memories bigint check (memories >= 0),
    bytes bigint check (bytes >= 0)
);

-- What a user keeps, archived memories included; exact together with the changes from the position 'usage' on.
create table usage (
    user_id text primary key,
    memories bigint not null,
    bytes bigint not null
) with (fillfactor = 70);
insert into usage select user_id, count(*), sum(octet_length(text)) from memories group by user_id;
-- A position of its own: a process of an older version that still runs folds term counts, and knows nothing of this.
insert into log_positions select 'usage', xid from log_positions where name = 'term_counts';

-- Users whose deletion has begun: nothing more is stored for them.
create table deletions (
    user_id text primary key,
    begun_at timestamptz not null default now()
);

-- By how much a change makes its user's memories and bytes of text more or less.
alter table changes add column memories smallint not null default 0;
alter table changes add column bytes integer not null default 0;

create or replace function log_inserted() returns trigger language plpgsql as $$
begin
    insert into changes (user_id, memory_id, session_id, position, added_to, added, removed_from, removed,
                         memories, bytes)
    select user_id, id, session_id, position,
           project, case when archived_at is null then distinct_terms(terms) else '{}' end, project, '{}',
           1, octet_length(text)
    from new_rows;
    return null;
end
$$;

create or replace function log_updated() returns trigger language plpgsql as $$
begin
    insert into changes (user_id, memory_id, session_id, position, added_to, added, removed_from, removed,
                         memories, bytes)
    select n.user_id, n.id, n.session_id, n.position,
           n.project, case when n.archived_at is null then distinct_terms(n.terms) else '{}' end,
           o.project, case when o.archived_at is null then distinct_terms(o.terms) else '{}' end,
           0, octet_length(n.text) - octet_length(o.text)
    from new_rows n join old_rows o using (id);
    return null;
end
$$;

create or replace function log_deleted() returns trigger language plpgsql as $$
begin
    insert into changes (user_id, memory_id, session_id, position, added_to, added, removed_from, removed,
                         memories, bytes)
    select user_id, id, session_id, position,
           project, '{}', project, case when archived_at is null then distinct_terms(terms) else '{}' end,
           -1, -octet_length(text)
    from old_rows;
    return null;
end
$$;

create function used_by(who text, out memories bigint, out bytes bigint) language sql stable as $$
    select coalesce(sum(counted.memories), 0)::bigint, coalesce(sum(counted.bytes), 0)::bigint from (
        select usage.memories, usage.bytes from usage where user_id = who
        union all
        select changes.memories, changes.bytes from changes
        where user_id = who and xid >= (select xid from log_positions where name = 'usage')
    ) as counted
$$;

-- Refuses what a request (whoever has set app.user_id) would store for a user who is being deleted or over a quota.
-- A lock of the user's own, kept to the end of the transaction, is shared by writers and taken alone by a deletion
-- when it begins. With a quota a writer takes it alone too: then what it adds up is exact.
create function check_user() returns trigger language plpgsql as $$
declare
    writer text := current_setting('app.user_id', true);
    most_memories bigint;
    most_bytes bigint;
    used record;
begin
    if writer is null then
        return null;
    end if;
    if tg_table_name = 'memories' then
        if not exists (select from new_rows) then
            return null;
        end if;
        if tg_op = 'UPDATE' then
            if (select sum(octet_length(text)) from new_rows) <= (select sum(octet_length(text)) from old_rows) then
                return null;
            end if;
        end if;
    end if;
    select coalesce(own.memories, nullif(current_setting('app.quota_memories', true), '')::bigint, 0),
           coalesce(own.bytes, nullif(current_setting('app.quota_bytes', true), '')::bigint, 0)
    into most_memories, most_bytes
    from (values (1)) as one left join quotas own on own.user_id = writer;
    if most_memories = 0 and most_bytes = 0 then
        perform pg_advisory_xact_lock_shared(x'75736572'::integer, hashtext(writer)); -- 'user'
    else
        perform pg_advisory_xact_lock(x'75736572'::integer, hashtext(writer));
    end if;
    if exists (select from deletions where user_id = writer) then
        raise exception 'the user is being deleted' using errcode = 'QUSER';
    end if;
    if tg_table_name = 'memories' and (most_memories > 0 or most_bytes > 0) then
        select * into used from used_by(writer);
        if most_memories > 0 and used.memories > most_memories then
            raise exception 'over quota' using errcode = 'QUOTA',
                detail = format('memories %s %s', most_memories, used.memories);
        end if;
        if most_bytes > 0 and used.bytes > most_bytes then
            raise exception 'over quota' using errcode = 'QUOTA',
                detail = format('bytes %s %s', most_bytes, used.bytes);
        end if;
    end if;
    return null;
end
$$;

-- Triggers of one event fire by name: these after log_inserted and log_updated, whose entries they add up.
create trigger user_checked after insert on memories
    referencing new table as new_rows for each statement execute function check_user();
create trigger user_checked_again after update on memories
    referencing old table as old_rows new table as new_rows for each statement execute function check_user();
create trigger user_checked before insert on conversations
    for each statement execute function check_user();

alter table quotas enable row level security;
alter table usage enable row level security;
alter table deletions enable row level security;

create policy own_rows on quotas to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)));
create policy own_rows on usage to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)));
create policy own_rows on deletions to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)));

grant select on quotas, usage, deletions to claude_memory_app;
