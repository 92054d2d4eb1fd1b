"""Counts for ranking: how many live memories of the searched projects contain a term, and who speaks in them.

`term_counts` has the counts up to a transaction horizon; a read adds the changes since. So a count is exact, and
transactions do not contend for a row.
"""

from __future__ import annotations

from collections.abc import Sequence

from app.memory.types import Corpus, Scope
from app.store.database import Database

SPEAKERS_LIMIT = 200  # more names than that distinguish no one
COUNT_TERM = 0  # a term in every live memory: its count is the number of memories
FOLD_LOCK = 0x636C7465726D  # "clterm": one process folds at a time

# A loose index scan: one step of the index for each distinct name, however many rows there are.
_SPEAKERS_ANYWHERE = """
with recursive pairs as (
    (select project, name from memories where user_id = $1 and name is not null order by project, name limit 1)
    union all
    select next.project, next.name from pairs, lateral (
        select project, name from memories
        where user_id = $1 and name is not null and (project, name) > (pairs.project, pairs.name)
        order by project, name limit 1
    ) as next
)
select distinct name from (select name from pairs limit $4) as first_pairs
"""
_SPEAKERS_IN = """
select distinct name from unnest($3::text[]) as wanted, lateral (
    with recursive names as (
        (select name from memories where user_id = $1 and project = wanted and name is not null
         order by name limit 1)
        union all
        select next.name from names, lateral (
            select name from memories
            where user_id = $1 and project = wanted and name is not null and name > names.name
            order by name limit 1
        ) as next
    )
    select name from names limit $4
) as of_project limit $4
"""

# Folded counts plus those of the changes since; the {within…} limit them to projects.
_COUNTS = """
select term, sum(memories)::bigint from (
    select term, memories::bigint from term_counts
    where user_id = $1 and term = any($2::integer[]) {within_folded}
    union all
    select delta.term, delta.memories from changes, lateral (
        select term, 1 from unnest(added) as term where term = any($2::integer[]) {within_added}
        union all
        select term, -1 from unnest(removed) as term where term = any($2::integer[]) {within_removed}
    ) as delta (term, memories)
    where user_id = $1 and xid >= (select xid from log_positions where name = 'term_counts')
) as counted (term, memories) group by term
"""

_COLLECTION = (
    "select array(select row(term, memories) from ({counts}) as c (term, memories)) as counts, array({speakers})"
)
_ANYWHERE = _COLLECTION.format(
    counts=_COUNTS.format(within_folded="and $3::text[] is null", within_added="", within_removed=""),
    speakers=_SPEAKERS_ANYWHERE,
)
_IN_PROJECTS = _COLLECTION.format(
    counts=_COUNTS.format(
        within_folded="and project = any($3)",
        within_added="and added_to = any($3)",
        within_removed="and removed_from = any($3)",
    ),
    speakers=_SPEAKERS_IN,
)

# The number of live memories is the document frequency of the term that all of them contain.
LIVE_MEMORIES = f"""
select (select coalesce(sum(memories), 0) from term_counts where term = {COUNT_TERM})::bigint
     + (select count(*) filter (where {COUNT_TERM} = any(added)) - count(*) filter (where {COUNT_TERM} = any(removed))
        from changes where xid >= (select xid from log_positions where name = 'term_counts'))
"""

# Folds about $1 changes, up to the end of a transaction; returns whether there are more.
_FOLD = """
with starts as (
    select terms.xid as first, usage.xid as first_used, pg_snapshot_xmin(pg_current_snapshot()) as settled
    from log_positions terms, log_positions usage where terms.name = 'term_counts' and usage.name = 'usage'
), bounds as (
    select first, first_used, settled, least(settled, (
        select xid from changes where xid > (
            select xid from changes where xid >= greatest(first, first_used) order by xid offset $1 limit 1
        ) order by xid limit 1
    )) as horizon
    from starts
), deltas as (
    select user_id, added_to as project, term, 1 as delta from changes, bounds, unnest(added) as term
    where xid >= first and xid < horizon
    union all
    select user_id, removed_from, term, -1 from changes, bounds, unnest(removed) as term
    where xid >= first and xid < horizon
), folded as (
    insert into term_counts as counted (user_id, project, term, memories)
    select user_id, project, term, sum(delta) from deltas group by user_id, project, term having sum(delta) <> 0
    on conflict (user_id, term, project) do update set memories = counted.memories + excluded.memories
), used as (
    insert into usage as kept (user_id, memories, bytes)
    select user_id, sum(memories), sum(bytes) from changes, bounds
    where xid >= first_used and xid < horizon and (memories <> 0 or bytes <> 0) group by user_id
    on conflict (user_id) do update
        set memories = kept.memories + excluded.memories, bytes = kept.bytes + excluded.bytes
)
update log_positions set xid = horizon from bounds where name in ('term_counts', 'usage') returning horizon < settled
"""
_FOLD_AT_ONCE = 20_000  # changes per statement: some seconds of work
_FOLD_LIMIT_S = 600.0  # for one transaction with very many changes, as only someone at psql makes

# Recount everything from the memories: statements for one transaction.
COUNT_ALL = (
    "delete from changes",
    "delete from term_counts",
    "delete from usage",
    "insert into term_counts (user_id, project, term, memories)"
    " select user_id, project, term, count(*) from memories, unnest(distinct_terms(terms)) as term"
    " where archived_at is null group by user_id, project, term",
    "insert into usage (user_id, memories, bytes)"
    " select user_id, count(*), sum(octet_length(text)) from memories group by user_id",
)


class Terms:
    """The part of the store that counts terms."""

    db: Database

    async def corpus(self, scope: Scope, projects: Sequence[str] | None, terms: Sequence[int]) -> Corpus:
        wanted = None if projects is None else list(projects)
        async with self.db.as_user(scope.user, writes=False) as connection:
            sql = _ANYWHERE if wanted is None else _IN_PROJECTS
            row = await connection.fetchrow(sql, scope.user, [COUNT_TERM, *terms], wanted, SPEAKERS_LIMIT)
        counts = dict(row[0])
        return Corpus(memories=counts.pop(COUNT_TERM, 0), holding=counts, speakers=tuple(row[1]))

    async def fold_term_counts(self) -> None:
        """Fold settled changes into `term_counts` and `usage`; do nothing while another process folds."""
        while await self._fold_some():
            pass

    async def _fold_some(self) -> bool:
        """Fold some changes; return whether there are more."""
        # _FOLD is one statement, so horizon, changes and position are from one snapshot, taken after the lock. With
        # repeatable read it would be taken before, and miss what another process folded in between.
        async with self.db.as_service() as connection, connection.transaction(isolation="read_committed"):
            if not await connection.fetchval("select pg_try_advisory_xact_lock($1)", FOLD_LOCK):
                return False
            return bool(await connection.fetchval(_FOLD, _FOLD_AT_ONCE, timeout=_FOLD_LIMIT_S))
