"""Receipts: what is left here of memories that another service alone has, so that none is taken for new again."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any
from uuid import UUID

# A long text has one receipt, which grows with each of its linked pieces.
_KEEP = """
insert into receipts (id, user_id, project, kind, conversation_id, message_id, position, content_hash, bytes,
                      created_at)
select whole_id, user_id, project, kind, conversation_id, message_id, min(position - part), content_hash,
       sum(octet_length(text)), min(created_at)
from memories where id = any($1::uuid[])
group by whole_id, user_id, project, kind, conversation_id, message_id, content_hash
on conflict (user_id, id) do update set bytes = receipts.bytes + excluded.bytes
"""
# `limit` forces one lookup each: as a join, a new database without statistics reads everything.
_FOUND = """
select new.id, receipt.id as receipt
from unnest($2::uuid[], $3::text[], $4::bytea[]) as new (id, project, content_hash) cross join lateral (
    select id from receipts r where r.user_id = $1 and r.id = new.id
    union all
    select id from receipts r where r.user_id = $1 and r.project = new.project and r.content_hash = new.content_hash
        and r.conversation_id is null
    limit 1
) as receipt
"""


async def keep_receipts(connection: Any, ids: Sequence[UUID]) -> None:
    """Write the receipts of memories, before they are deleted."""
    await connection.execute(_KEEP, ids)


async def receipts_of(connection: Any, user: str, memories: Sequence[tuple[UUID, str, bytes]]) -> dict[UUID, UUID]:
    """Return which of the memories (id, project, hash), none of them a turn, have a receipt, and under which id.

    It may have the memory's own id, if that was given, or be of another memory with the same content.
    """
    if not memories:
        return {}
    rows = await connection.fetch(_FOUND, user, *(list(column) for column in zip(*memories, strict=True)))
    return {UUID(bytes=row["id"].bytes): UUID(bytes=row["receipt"].bytes) for row in rows}
