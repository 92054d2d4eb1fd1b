-- Vectors of memories. They cost time and money to make, so they are kept here and the index gets copies.
-- One for each memory: of the model named, and of the text as it is now. vector is a unit vector in 16-bit
-- little-endian floats.

create table embeddings (
    memory_id uuid primary key references memories (id) on delete cascade,
    user_id text not null,
    model text not null,
    vector bytea not null,
    created_at timestamptz not null default now()
);
-- Such bytes do not compress, and they are read together with their row: they stay in it.
alter table embeddings alter column vector set storage external;
alter table embeddings set (toast_tuple_target = 8160);

-- A new vector changes no words; the entry makes every follower write the memory's point again.
create function log_embedded() returns trigger language plpgsql as $$
begin
    insert into changes (user_id, memory_id, session_id, position, added_to, added, removed_from, removed)
    select m.user_id, m.id, m.session_id, m.position, m.project, '{}', m.project, '{}'
    from new_rows n join memories m on m.id = n.memory_id;
    return null;
end
$$;
create trigger log_embedded after insert on embeddings
    referencing new table as new_rows for each statement execute function log_embedded();
create trigger log_embedded_again after update on embeddings
    referencing new table as new_rows for each statement execute function log_embedded();

-- The vector of a text that was replaced is worth nothing.
create function drop_embedding() returns trigger language plpgsql as $$
begin
    delete from embeddings where memory_id = new.id;
    return null;
end
$$;
create trigger drop_embedding after update of text on memories
    for each row when (old.text is distinct from new.text) execute function drop_embedding();

alter table embeddings enable row level security;
create policy own_rows on embeddings to claude_memory_app
    using (user_id = (select current_setting('app.user_id', true)));
grant select, delete on embeddings to claude_memory_app;
