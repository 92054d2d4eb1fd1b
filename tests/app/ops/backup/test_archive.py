"""The file of a backup: what is written comes back."""

from __future__ import annotations

import pytest

from tests.support.archives import ENCRYPTED, PASSPHRASE, PLAIN, ROWS, read


@pytest.mark.parametrize("step", [1, 511, 512, 1 << 20])
@pytest.mark.parametrize("passphrase", [None, PASSPHRASE])
async def test_what_is_written_comes_back(passphrase: str | None, step: int) -> None:
    data = PLAIN if passphrase is None else ENCRYPTED

    rows, whole = await read(data, passphrase, step)

    assert rows == {table: b"".join(pieces) for table, pieces in ROWS.items()}
    assert whole.bytes == len(data)
    assert [(one.table, one.rows) for one in whole.tables] == [("first", 2), ("empty", 0), ("last", 1)]
