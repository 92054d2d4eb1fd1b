-- One form for names and texts, the offset that came with a time, and a new analysis.

-- An update that changes nothing of what an index or a count has needs no entry in the log.
create or replace function log_updated() returns trigger language plpgsql as $$
begin
    insert into changes (user_id, memory_id, session_id, position, added_to, added, removed_from, removed,
                         memories, bytes)
    select n.user_id, n.id, n.session_id, n.position,
           n.project, case when n.archived_at is null then distinct_terms(n.terms) else '{}' end,
           o.project, case when o.archived_at is null then distinct_terms(o.terms) else '{}' end,
           0, octet_length(n.text) - octet_length(o.text)
    from new_rows n join old_rows o using (id)
    where (n.version, n.project, n.kind, n.tags, n.role, n.name, n.position, n.archived_at, n.terms, n.text)
          is distinct from
          (o.version, o.project, o.kind, o.tags, o.role, o.name, o.position, o.archived_at, o.terms, o.text);
    return null;
end
$$;

-- Stored names get the form in which they are compared now (NFC), and the hashes of texts the form in which the same
-- text is recognised now (NFC, without white space at the ends). Texts stay as they are: search reads both forms alike.
-- A hash that is not that of the stored text (a turn keeps that of the text that was sent) stays too.
create function pg_temp.hash_of(variadic parts text[]) returns bytea language sql immutable as $$
    select sha256(string_agg(int8send(octet_length(part)) || convert_to(part, 'UTF8'), '' order by place))
    from unnest(parts) with ordinality as given (part, place)
$$;

create temporary table one_form on commit drop as
select whole_id, normalize(project) as project, normalize(role) as role, normalize(name) as name,
       array(select normalize(tag) from unnest(tags) with ordinality as given (tag, place)
             group by normalize(tag) order by min(place)) as tags,
       case
           when conversation_id is null and content_hash = pg_temp.hash_of(whole.text)
               then pg_temp.hash_of(btrim(normalize(whole.text), spaces))
           when conversation_id is not null and content_hash = pg_temp.hash_of(role, coalesce(name, ''), at, whole.text)
               then pg_temp.hash_of(
                   normalize(role), coalesce(normalize(name), ''), at, btrim(normalize(whole.text), spaces))
           else content_hash
       end as content_hash,
       user_id, conversation_id is null and archived_at is null as is_note, created_at
from (
    -- What Python's str.strip() removes.
    select m.*, E' \t\n\r\x0b\x0c\x1c\x1d\x1e\x1f\u0085\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006'
                 '\u2007\u2008\u2009\u200a\u2028\u2029\u202f\u205f\u3000' as spaces,
           coalesce(to_char(occurred_at at time zone 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS')
                    || case when date_trunc('second', occurred_at) <> occurred_at
                            then to_char(occurred_at, '.US') else '' end || '+00:00', '') as at
    from memories m
) as memory, lateral (
    select string_agg(text, '' order by part) as text from memories p where p.whole_id = memory.whole_id
) as whole
where part = 0 and (
    memory.text <> btrim(memory.text, spaces) or memory.text is not nfc normalized
    or whole_id in (select whole_id from memories where part > 0)
    or (project || E'\n' || coalesce(role, '') || E'\n' || coalesce(name, '') || E'\n' || array_to_string(tags, E'\n'))
       is not nfc normalized
);

-- Two notes can turn out to be one: the first one stays, with the tags of all.
create temporary table twins on commit drop as
select whole_id, first_value(whole_id) over same as first, tags
from (
    select m.whole_id, m.user_id, coalesce(f.project, m.project) as project,
           coalesce(f.content_hash, m.content_hash) as content_hash, coalesce(f.tags, m.tags) as tags, m.created_at
    from memories m left join one_form f using (whole_id)
    where m.conversation_id is null and m.archived_at is null and m.part = 0
      and m.user_id in (select user_id from one_form where is_note)
) as notes
window same as (partition by user_id, project, content_hash order by created_at, whole_id);

insert into one_form (whole_id, project, role, name, tags, content_hash)
select whole_id, project, role, name, tags, content_hash from memories
where part = 0 and whole_id in (select first from twins where whole_id <> first)
  and whole_id not in (select whole_id from one_form);
update one_form set tags = (
    select array_agg(tag order by place) from (
        select tag, min(row_number) as place from (
            select tag, row_number() over (order by t.whole_id <> t.first, t.whole_id)
            from twins t, unnest(t.tags) as tag where t.first = one_form.whole_id
        ) as numbered group by tag
    ) as united
) where whole_id in (select first from twins where whole_id <> first and tags <> '{}');
delete from memories where whole_id in (select whole_id from twins where whole_id <> first);

update memories m set project = f.project, role = f.role, name = f.name, tags = f.tags, content_hash = f.content_hash
from one_form f
where m.whole_id = f.whole_id
  and (m.project, m.role, m.name, m.tags, m.content_hash)
      is distinct from (f.project, f.role, f.name, f.tags, f.content_hash);
update conversations set project = normalize(project) where project is not nfc normalized;

-- How far the place where it happened was from UTC, in minutes; null if that is unknown.
alter table memories add column occurred_offset smallint;

-- Rows that version 1 of the analysis made, for the pass that makes them again (app/store/reanalysis.py).
create index memories_earlier_analysis on memories (id) where analysis < 2;
