"""A user of its own for each cluster of root's: picked once, and taken over from `nobody`, even after a kill."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest

from app.errors import StoreUnavailable
from app.store.embedded import EmbeddedPostgres, binaries, settling
from app.store.embedded.account import NOBODY, OURS, Account
from app.store.embedded.cluster import Cluster
from tests.support.embedded import query
from tests.support.users import as_root


def owners(data_dir: Path) -> set[int]:
    cluster = data_dir / "postgres/cluster"
    return {path.lstat().st_uid for path in (cluster, *cluster.rglob("*"))}


@as_root
def test_what_nobody_owns_moves_over_and_a_killed_move_is_finished(
    data_dir: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    outside = data_dir / "outside"
    outside.touch()
    (data_dir / "postgres/cluster/base/link").symlink_to(outside)
    for folder in ("cluster", "run"):
        subprocess.run(["chown", "-Rh", f"{NOBODY}:{NOBODY}", data_dir / "postgres" / folder], check=True)
    chown, calls = os.chown, 0

    def killed(*arguments: object, **options: object) -> None:
        nonlocal calls
        calls += 1
        if calls == 20:
            raise KeyboardInterrupt
        chown(*arguments, **options)  # type: ignore[arg-type]

    with monkeypatch.context() as patch:
        patch.setattr(os, "chown", killed)
        with pytest.raises(KeyboardInterrupt):
            settling.settle(Cluster.of(data_dir))
    begun = (data_dir / "postgres/cluster/PG_VERSION").stat().st_uid
    assert begun in OURS
    assert owners(data_dir) == {begun, NOBODY}

    server = EmbeddedPostgres(data_dir)
    server.start()
    try:
        assert query(server, "select 1") == 1
        assert Path(f"/proc/{server.pid}").stat().st_uid == begun
        assert owners(data_dir) == {begun}
        assert outside.stat().st_uid == 0, "no link is followed"
    finally:
        server.stop()


@as_root
def test_no_number_is_given_that_something_has(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(binaries, "_SHARED", tmp_path / "shared")
    first, second, third = (OURS[n] for n in range(3))
    monkeypatch.setattr(settling, "OURS", range(first, third + 1))
    monkeypatch.setattr(settling, "_of_processes", lambda: iter([first]))
    clusters = []
    for name in ("one", "two"):
        cluster = Cluster(tmp_path / name, Account.numbered(NOBODY))
        settling.settle(cluster)
        clusters.append(cluster)
        cluster.path.mkdir(parents=True)
        cluster.account.give(cluster.path)

    assert {cluster.account.uid for cluster in clusters} == {second, third}
    again = Cluster.of(tmp_path / "one")
    settling.settle(again)
    assert again.account.uid == clusters[0].account.uid, "it stays the same"
    with pytest.raises(StoreUnavailable, match="another user than root"):
        settling.settle(Cluster(tmp_path / "three", Account.numbered(NOBODY)))


@as_root
def test_the_creator_has_a_name_and_no_process_where_possible() -> None:
    uid = settling.named().uid

    assert uid in set(settling._entries(Path("/etc/passwd")))
    assert uid not in set(settling._of_processes()) or uid == NOBODY
