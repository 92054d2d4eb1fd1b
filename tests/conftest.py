"""The database and the index for every test: one real PostgreSQL a run, a fresh database and shard a test."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import AsyncIterator, Iterator
from itertools import count
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

import pytest
from hypothesis import HealthCheck, settings

# Each example of a property shares the test's database, and cleans up or uses a user of its own.
settings.register_profile(
    "tests", deadline=None, max_examples=40, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
settings.load_profile("tests")

# Days are those of the machine's time zone: everywhere the same in tests, and in the processes they start.
os.environ["TZ"] = "UTC"
time.tzset()

# A run that was started in a shell's background ignores SIGINT, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

if TYPE_CHECKING:
    from app.index.embedded.engine import EmbeddedEngine
    from app.index.follower import Follower
    from app.memory.ports import Domain
    from app.memory.types import Scope
    from app.runtime.runtime import Runtime
    from app.settings.fields import Settings
    from app.store.change_log import PostgresChangeLog
    from app.store.database import Database
    from app.store.postgres import PostgresStore
    from tests.support.postgres import TestServer
    from tests.support.postgres_server import PostgresServer


# Files whose tests need the Docker engine of the run.
ON_DOCKER = frozenset(
    f"tests/e2e/{file.name}"
    for file in Path(__file__).parent.joinpath("e2e").glob("test_*.py")
    if "engine: DockerEngine" in file.read_text(encoding="utf-8")
)


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the stacks on Docker, which take longest, so that everything else runs beside them."""
    items.sort(key=lambda item: item.nodeid.partition("::")[0] not in ON_DOCKER)


@pytest.hookimpl(optionalhook=True)  # of pytest-xdist, for its controller
def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> Any:
    """Run the tests of a file in one process, and those of all files on Docker, which share the engine."""
    from xdist.scheduler import LoadFileScheduling

    class OneForDocker(LoadFileScheduling):  # type: ignore[misc]
        def _split_scope(self, nodeid: str) -> str:
            file = str(super()._split_scope(nodeid))
            return "docker" if file in ON_DOCKER else file

    return OneForDocker(config, log)


@pytest.fixture(scope="session")
def run_folder() -> Iterator[Path]:
    """A folder for the whole run, quick and reachable for every user."""
    from tests.support.postgres import temporary_folder

    folder = temporary_folder()
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture(scope="session", autouse=True)
def runtime_folders() -> Iterator[Iterator[Path]]:
    """Folders for registers of running servers; the first one is for servers that several tests share."""
    with TemporaryDirectory(prefix="runtime-") as root, pytest.MonkeyPatch.context() as patch:
        folders = (Path(root, str(number)) for number in count())
        shared = next(folders)
        shared.mkdir()
        patch.setenv("XDG_RUNTIME_DIR", str(shared))
        yield folders


@pytest.fixture(autouse=True)
def own_register(runtime_folders: Iterator[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    """Let each test know the servers that it starts itself, and no others."""
    folder = next(runtime_folders)
    folder.mkdir()
    monkeypatch.setenv("XDG_RUNTIME_DIR", str(folder))


@pytest.fixture(scope="session")
def postgres(run_folder: Path) -> Iterator[TestServer]:
    """The PostgreSQL of this run."""
    from tests.support.postgres import TestServer

    server = TestServer(run_folder / "data")
    try:
        server.start()
        yield server
    finally:
        server.stop()


@pytest.fixture
async def connect_arguments(postgres: TestServer) -> AsyncIterator[dict[str, Any]]:
    """How to connect to a database of this test's own, with our schema."""
    async with postgres.migrated() as arguments:
        yield arguments


@pytest.fixture(scope="session")
def postgres_server() -> Iterator[PostgresServer]:
    """Debian's PostgreSQL server over TCP, for tests that leave it running."""
    from tests.support.postgres_server import binaries, postgres_server

    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed; apt-get install postgresql-15")
    with postgres_server() as server:
        yield server


@pytest.fixture
def own_postgres_server() -> Iterator[PostgresServer]:
    """Another one, for a test that stops it or kills it."""
    from tests.support.postgres_server import binaries, postgres_server

    if binaries() is None:
        pytest.skip("no PostgreSQL server is installed; apt-get install postgresql-15")
    with postgres_server() as server:
        yield server


@pytest.fixture
async def server_url(postgres_server: PostgresServer) -> AsyncIterator[str]:
    """DATABASE_URL of an empty database on the server."""
    async with postgres_server.database() as url:
        yield url


@pytest.fixture
async def database(connect_arguments: dict[str, Any]) -> AsyncIterator[Database]:
    """An open database."""
    from app.store.database import Database

    database = Database(connect_arguments)
    await database.open()
    try:
        yield database
    finally:
        await database.close()


@pytest.fixture
def store(database: Database) -> PostgresStore:
    """The store on the test's database."""
    from app.store.postgres import PostgresStore

    return PostgresStore(database)


@pytest.fixture
def log(database: Database) -> PostgresChangeLog:
    """The change log of the test's database."""
    from app.store.change_log import PostgresChangeLog

    return PostgresChangeLog(database)


@pytest.fixture
def index_folder(run_folder: Path, request: pytest.FixtureRequest) -> Iterator[Path]:
    """A folder for a shard."""
    folder = run_folder / f"index-{abs(hash(request.node.nodeid))}"
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
async def follower(log: PostgresChangeLog, index_folder: Path) -> AsyncIterator[Follower]:
    """A running follower with an embedded engine, filled."""
    from app.index.embedded.engine import EmbeddedEngine
    from app.index.follower import Follower

    async def open_engine(database_id: Any, space: Any) -> EmbeddedEngine:
        return await EmbeddedEngine.open(index_folder, database_id, space)

    follower = Follower(log, open_engine)
    await follower.start()
    try:
        await follower.wait_filled(10)
        yield follower
    finally:
        await follower.stop()


@pytest.fixture
def domain(store: PostgresStore, follower: Follower) -> Domain:
    """What the domain works on: the real store and the real index."""
    from tests.support.domain import domain_on

    return domain_on(store, follower)


@pytest.fixture
def alice() -> Scope:
    """A user."""
    from app.memory.types import Scope

    return Scope("alice", "claude")


@pytest.fixture
def bob() -> Scope:
    """Another user."""
    from app.memory.types import Scope

    return Scope("bob", "claude")


@pytest.fixture
def plain_settings(monkeypatch: pytest.MonkeyPatch, index_folder: Path) -> Settings:
    """Settings that no environment and no `.env` touches."""
    from app.settings.fields import Settings

    for name in Settings.model_fields:
        monkeypatch.delenv(name.upper(), raising=False)
        monkeypatch.delenv(f"{name.upper()}_FILE", raising=False)
    return Settings(_env_file=None, memory_data_dir=index_folder)


@pytest.fixture
async def runtime(plain_settings: Settings, connect_arguments: dict[str, Any]) -> AsyncIterator[Runtime]:
    """The whole app behind HTTP, ready, on the test's database."""
    from tests.support.mcp import running

    async with running(plain_settings, connect_arguments) as runtime:
        yield runtime
