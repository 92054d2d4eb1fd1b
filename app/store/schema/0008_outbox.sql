-- What another service (memU) has yet to get, and what it alone has got.

-- One request to the service: a memory, or a stretch of a conversation. It is written in one transaction with its
-- memories, whose texts it does not repeat.
create table outbox (
    id bigint generated always as identity primary key,
    key uuid not null unique default gen_random_uuid(), -- another one as soon as the request would hold something else
    user_id text not null,
    conversation_id text,
    title text,
    part integer not null,
    parts integer not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'refused')),
    task_id text,
    attempts integer not null default 0,
    begun integer, -- how many texts the last request with this key held; null: there was none
    problem text,
    created_at timestamptz not null default now(),
    next_at timestamptz not null default now()
);
create index outbox_order on outbox (user_id, conversation_id, id) where state <> 'refused';
create index outbox_sent on outbox (id) where state = 'sent';

-- The rows of memories that an entry hands over, in order. version: the memory's in the last request.
create table outbox_memories (
    entry_id bigint not null references outbox (id) on delete cascade,
    place integer not null,
    user_id text not null,
    memory_id uuid not null references memories (id) on delete cascade,
    version integer,
    primary key (entry_id, place)
);
create unique index outbox_memories_memory on outbox_memories (memory_id);

-- An entry whose memories were all forgotten has nothing to hand over. For each row: where nothing waits, deleting
-- memories costs nothing more.
create function drop_emptied_entry() returns trigger language plpgsql as $$
begin
    delete from outbox where id = old.entry_id
        and not exists (select from outbox_memories where entry_id = old.entry_id);
    return null;
end
$$;
create trigger drop_emptied_entry after delete on outbox_memories
    for each row execute function drop_emptied_entry();

-- What is left here of a memory that the service alone has: enough to recognize it when it comes again.
create table receipts (
    user_id text not null,
    id uuid not null, -- the memory's; of linked pieces the first one's
    project text not null,
    kind text not null,
    conversation_id text,
    message_id text,
    position integer not null,
    content_hash bytea not null,
    bytes bigint not null,
    created_at timestamptz not null,
    delivered_at timestamptz not null default now(),
    primary key (user_id, id), -- another user may have imported a memory with the same id since
    foreign key (user_id, conversation_id) references conversations (user_id, id) on delete cascade
);
create index receipts_content on receipts (user_id, project, content_hash) where conversation_id is null;
create index receipts_message on receipts (user_id, conversation_id, message_id) where message_id is not null;
create index receipts_conversation on receipts (user_id, conversation_id, position) where conversation_id is not null;

alter table outbox enable row level security;
alter table outbox_memories enable row level security;
alter table receipts enable row level security;

create policy own_rows on outbox to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)))
    with check (user_id = (select current_setting('app.user_id', true)));
create policy own_rows on outbox_memories to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)))
    with check (user_id = (select current_setting('app.user_id', true)));
create policy own_rows on receipts to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)));

grant select, insert on outbox, outbox_memories to claude_memory_app;
grant select on receipts to claude_memory_app;
