"""A stand-in for a Qdrant server 1.18: the REST calls this project makes, on the embedded engine.

python -m tests.standins.qdrant --folder DIR [--host ADDRESS] [--port N] [--cluster] [--api-key KEY]

Prints the port it listens on. Points are spread over several shards as a server does, so answers come from all of
them. What it keeps is on disk: a stand-in that was killed has it again. Held to recorded answers of a real server by
tests/standins/test_qdrant.py.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import threading
import time
import zlib
from collections.abc import Callable, Iterable
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import qdrant_edge as edge

VERSION = "1.18.3"
_HNSW = {"m": 16, "ef_construct": 100, "full_scan_threshold": 10_000, "max_indexing_threads": 0, "on_disk": False}
_OPTIMIZERS = {
    "deleted_threshold": 0.2,
    "vacuum_min_vector_number": 1_000,
    "default_segment_number": 0,
    "max_segment_size": None,
    "memmap_threshold": None,
    "indexing_threshold": 10_000,
    "flush_interval_sec": 5,
    "max_optimization_threads": None,
    "prevent_unoptimized": None,
}
_WAL = {"wal_capacity_mb": 32, "wal_segments_ahead": 0, "wal_retain_closed": 1}
_DISTANCES = {"Cosine": edge.Distance.Cosine, "Dot": edge.Distance.Dot, "Euclid": edge.Distance.Euclid}
_KINDS = {
    "keyword": edge.PayloadSchemaType.Keyword,
    "float": edge.PayloadSchemaType.Float,
    "integer": edge.PayloadSchemaType.Integer,
    "datetime": edge.PayloadSchemaType.Datetime,
}


class Refused(Exception):
    """An answer that is not 200."""

    def __init__(self, status: int, error: str) -> None:
        self.status, self.error = status, error


class Collection:
    """Its configuration and its shards, in a folder."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self.kept = json.loads((folder / "collection.json").read_text(encoding="utf-8"))
        self._shards: dict[str, list[Any]] = {}
        for key, count in self.kept["shards"].items():
            self._shards[key] = [edge.EdgeShard.load(str(self._path(key, number))) for number in range(count)]

    @classmethod
    def create(cls, folder: Path, config: dict[str, Any]) -> Collection:
        """Make an empty one."""
        folder.mkdir(parents=True)
        (folder / "collection.json").write_text(json.dumps({"config": config, "indexes": {}, "shards": {}}))
        collection = cls(folder)
        if config.get("sharding_method") != "custom":
            collection.add_shards("", config.get("shard_number") or 1)
        return collection

    def _path(self, key: str, number: int) -> Path:
        return self._folder / f"shard-{key}-{number}"

    def save(self) -> None:
        """Keep the configuration."""
        temporary = self._folder / "collection.new"
        temporary.write_text(json.dumps(self.kept))
        temporary.replace(self._folder / "collection.json")

    def add_shards(self, key: str, count: int) -> None:
        """Make the shards of a key; "" is that of a collection without shard keys."""
        config = self.kept["config"]
        vectors = {
            name: edge.EdgeVectorParams(one["size"], _DISTANCES[one["distance"]])
            for name, one in (config.get("vectors") or {}).items()
        }
        # The idf modifier, which this project leaves off, would count otherwise than a real server's shards do.
        sparse = {name: edge.EdgeSparseVectorParams() for name in config.get("sparse_vectors") or {}}
        self._shards[key] = []
        for number in range(count):
            path = self._path(key, number)
            path.mkdir()
            self._shards[key].append(edge.EdgeShard.create(str(path), edge.EdgeConfig(vectors, sparse)))
        self.kept["shards"][key] = count
        self.save()

    def index(self, field: str, schema: Any) -> None:
        """Index a field of the payload."""
        kind = schema if isinstance(schema, str) else schema["type"]
        for shard in self.shards(None):
            shard.update(edge.UpdateOperation.create_field_index(field, _KINDS[kind]))
        self.kept["indexes"][field] = schema
        self.save()

    def shards(self, keys: Any) -> list[Any]:
        """Return the shards under a key, several keys, or all."""
        if keys is None:
            return [shard for shards in self._shards.values() for shard in shards]
        for key in keys if isinstance(keys, list) else [keys]:
            if key not in self._shards:
                raise Refused(400, f'Bad request: Shard key "{key}" not found')
        return [shard for key in (keys if isinstance(keys, list) else [keys]) for shard in self._shards[key]]

    def points_by_shard(self) -> list[tuple[str, int]]:
        """Return each shard's key and how many points it has."""
        request = edge.CountRequest(exact=True)
        return [(key, shard.count(request)) for key, shards in self._shards.items() for shard in shards]

    def shards_to_write(self, keys: Any) -> list[Any]:
        """Return the shards a write goes to; with custom sharding it must say which."""
        if keys is None and self.kept["config"].get("sharding_method") == "custom":
            raise Refused(400, "Wrong input: Shard key not specified")
        try:
            return self.shards(keys)
        except Refused as refused:
            raise Refused(400, refused.error.replace("Bad request", "Wrong input")) from None

    def upsert(self, body: dict[str, Any]) -> None:
        """Write points, each to its shard."""
        shards = self.shards_to_write(body.get("shard_key"))
        points = [(_id(one["id"]), self._vectors(one["vector"]), one.get("payload")) for one in body["points"]]
        by_shard: dict[int, list[Any]] = {}
        for id_, vectors, payload in points:
            number = zlib.crc32(str(id_).encode()) % len(shards)
            by_shard.setdefault(number, []).append(edge.Point(id_, vectors, payload))
        for number, its in by_shard.items():
            shards[number].update(edge.UpdateOperation.upsert_points(its))

    def _vectors(self, given: dict[str, Any]) -> dict[str, Any]:
        config = self.kept["config"]
        dense, sparse = config.get("vectors") or {}, config.get("sparse_vectors") or {}
        vectors = {}
        for name, vector in given.items():
            if name in sparse:
                vectors[name] = edge.SparseVector(vector["indices"], vector["values"])
            elif name not in dense:
                raise Refused(400, f"Wrong input: Not existing vector name error: {name}")
            elif len(vector) != dense[name]["size"]:
                sizes = f"expected dim: {dense[name]['size']}, got {len(vector)} for vector '{name}'"
                raise Refused(400, f"Wrong input: Vector dimension error: {sizes}")
            else:
                vectors[name] = vector
        return vectors

    def delete(self, body: dict[str, Any]) -> None:
        """Delete points by id or by filter."""
        for shard in self.shards_to_write(body.get("shard_key")):
            if "points" in body:
                shard.update(edge.UpdateOperation.delete_points([_id(one) for one in body["points"]]))
            else:
                shard.update(edge.UpdateOperation.delete_points_by_filter(_filter(body["filter"])))

    def query(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return the nearest points of all shards, best first."""
        if "prefetch" in body:
            raise Refused(501, "the stand-in has no prefetch")
        limit, query = body.get("limit", 10), body["query"]
        name = body["using"]
        vector = query.get("nearest", query) if isinstance(query, dict) else query
        request = edge.QueryRequest(
            query=edge.Query.Nearest(self._queried(name, vector), using=name),
            filter=_filter(body.get("filter")),
            limit=limit,
            with_payload=body.get("with_payload", False),
            score_threshold=body.get("score_threshold"),
            params=edge.SearchParams(exact=bool((body.get("params") or {}).get("exact"))),
        )
        found = [point for shard in self.shards(body.get("shard_key")) for point in shard.query(request)]
        found.sort(key=lambda point: -point.score)
        shown = [_shown(point, body) for point in found[:limit]]
        if isinstance(body.get("shard_key"), str):
            shown = [{**point, "shard_key": body["shard_key"]} for point in shown]
        return {"points": shown}

    def _queried(self, name: str, vector: Any) -> Any:
        config = self.kept["config"]
        if name in (config.get("sparse_vectors") or {}):
            return edge.SparseVector(vector["indices"], [float(value) for value in vector["values"]])
        dense = (config.get("vectors") or {}).get(name)
        if dense is None:
            raise Refused(400, f"Wrong input: Not existing vector name error: {name}")
        if len(vector) != dense["size"]:
            sizes = f"expected dim: {dense['size']}, got {len(vector)}"
            raise Refused(400, f"Wrong input: Vector dimension error: {sizes}")
        return vector

    def scroll(self, body: dict[str, Any]) -> dict[str, Any]:
        """Return points in the order of their ids."""
        limit, offset = body.get("limit", 10), body.get("offset")
        request = edge.ScrollRequest(
            offset=_id(offset) if offset is not None else None,
            limit=limit + 1,
            filter=_filter(body.get("filter")),
            with_payload=body.get("with_payload", True),
            with_vector=body.get("with_vector", False),
        )
        found = [point for shard in self.shards(body.get("shard_key")) for point in shard.scroll(request)[0]]
        found.sort(key=lambda point: str(point.id))
        points = [{"id": str(point.id), "payload": point.payload} for point in found[:limit]]
        return {"points": points, "next_page_offset": str(found[limit].id) if len(found) > limit else None}

    def count(self, body: dict[str, Any]) -> int:
        """Count points."""
        request = edge.CountRequest(filter=_filter(body.get("filter")), exact=body.get("exact", True))
        return sum(shard.count(request) for shard in self.shards(body.get("shard_key")))

    def info(self) -> dict[str, Any]:
        """Return what GET /collections/NAME says."""
        config = self.kept["config"]
        points = self.count({})
        names = ("vectors", "shard_number", "sharding_method", "replication_factor", "write_consistency_factor")
        params = {name: config[name] for name in (*names, "on_disk_payload", "sparse_vectors") if config.get(name)}
        return {
            "status": "green",
            "optimizer_status": "ok",
            "indexed_vectors_count": points,
            "points_count": points,
            "segments_count": len(self.shards(None)),
            "config": {
                "params": params,
                "hnsw_config": _HNSW,
                "optimizer_config": _OPTIMIZERS | (config.get("optimizers_config") or {}),
                "wal_config": _WAL,
                "quantization_config": config.get("quantization_config"),
            },
            "payload_schema": {field: self._indexed(field, schema) for field, schema in self.kept["indexes"].items()},
            "update_queue": {"length": 0},
        }

    def _indexed(self, field: str, schema: Any) -> dict[str, Any]:
        without: list[Any] = [edge.IsEmptyCondition(field)]
        request = edge.CountRequest(filter=edge.Filter(must_not=without), exact=True)
        points = sum(shard.count(request) for shard in self.shards(None))
        kind = {"data_type": schema} if isinstance(schema, str) else {"data_type": schema["type"], "params": schema}
        return {**kind, "points": points}

    def close(self) -> None:
        """Flush and close all shards."""
        for shard in self.shards(None):
            shard.close()

    def drop(self) -> None:
        """Close and delete everything."""
        self.close()
        shutil.rmtree(self._folder)


class Node:
    """A server: its collections and aliases. One call at a time."""

    def __init__(self, folder: Path, cluster: bool) -> None:
        self._folder, self.cluster = folder, cluster
        folder.mkdir(parents=True, exist_ok=True)
        self._aliases_file = folder / "aliases.json"
        self._aliases = json.loads(self._aliases_file.read_text()) if self._aliases_file.exists() else {}
        self._collections = {path.parent.name: Collection(path.parent) for path in folder.glob("*/collection.json")}
        self._operations = 0
        self.lock = threading.Lock()

    def close(self) -> None:
        """Flush everything."""
        with self.lock:
            for collection in self._collections.values():
                collection.close()

    def answer(self, method: str, path: str, body: Any) -> Any:
        """Return the result of a call. Raises Refused."""
        for known, pattern, call in _ROUTES:
            match = re.fullmatch(pattern, path)
            if known == method and match:
                with self.lock:
                    return call(self, *match.groups(), **({"body": body} if body is not None else {}))
        raise Refused(404, "")

    def collection(self, name: str) -> Collection:
        """Return a collection by its name or an alias."""
        found = self._collections.get(self._aliases.get(name, name))
        if found is None:
            raise Refused(404, f"Not found: Collection `{name}` doesn't exist!")
        return found

    def names(self) -> dict[str, Any]:
        return {"collections": [{"name": name} for name in self._collections]}

    def exists(self, name: str) -> dict[str, bool]:
        return {"exists": name in self._collections or name in self._aliases}

    def create(self, name: str, body: dict[str, Any]) -> bool:
        if name in self._collections or name in self._aliases:
            raise Refused(409, f"Wrong input: Collection `{name}` already exists!")
        for one in (body.get("vectors") or {}).values():
            if one["distance"] not in _DISTANCES or one["size"] < 1:
                what = "data did not match any variant of untagged enum VectorsConfig at line 1 column 55"
                raise Refused(400, f"Format error in JSON body: {what}")
        self._collections[name] = Collection.create(self._folder / name, body)
        return True

    def patch(self, name: str, body: dict[str, Any]) -> bool:
        collection = self.collection(name)
        collection.kept["config"].update(body)
        collection.save()
        return True

    def delete(self, name: str) -> bool:
        collection = self._collections.pop(name, None)
        if collection is None:
            return False
        self._aliases = {alias: meant for alias, meant in self._aliases.items() if meant != name}
        self._save_aliases()
        collection.drop()
        return True

    def shard_key(self, name: str, body: dict[str, Any]) -> bool:
        if not self.cluster:
            raise Refused(400, "Bad request: Distributed mode disabled")
        self.collection(name).add_shards(body["shard_key"], body.get("shards_number") or 1)
        return True

    def index(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        self.collection(name).index(body["field_name"], body["field_schema"])
        return self._done()

    def upsert(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        self.collection(name).upsert(body)
        return self._done()

    def delete_points(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        self.collection(name).delete(body)
        return self._done()

    def batch(self, name: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        return [
            self.upsert(name, one["upsert"]) if "upsert" in one else self.delete_points(name, one["delete"])
            for one in body["operations"]
        ]

    def _done(self) -> dict[str, Any]:
        self._operations += 1
        return {"operation_id": self._operations, "status": "completed"}

    def query(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.collection(name).query(body)

    def query_batch(self, name: str, body: dict[str, Any]) -> list[dict[str, Any]]:
        return [self.collection(name).query(one) for one in body["searches"]]

    def scroll(self, name: str, body: dict[str, Any]) -> dict[str, Any]:
        return self.collection(name).scroll(body)

    def count(self, name: str, body: dict[str, Any]) -> dict[str, int]:
        return {"count": self.collection(name).count(body)}

    def info(self, name: str) -> dict[str, Any]:
        return self.collection(name).info()

    def change_aliases(self, body: dict[str, Any]) -> bool:
        aliases = dict(self._aliases)
        for action in body["actions"]:
            if "delete_alias" in action:
                aliases.pop(action["delete_alias"]["alias_name"], None)
            else:
                self.collection(action["create_alias"]["collection_name"])
                aliases[action["create_alias"]["alias_name"]] = action["create_alias"]["collection_name"]
        self._aliases = aliases
        self._save_aliases()
        return True

    def _save_aliases(self) -> None:
        self._aliases_file.write_text(json.dumps(self._aliases))

    def aliases(self, name: str | None = None) -> dict[str, Any]:
        return {
            "aliases": [
                {"alias_name": alias, "collection_name": meant}
                for alias, meant in self._aliases.items()
                if name in (None, meant)
            ]
        }

    def cluster_state(self) -> dict[str, Any]:
        if not self.cluster:
            return {"status": "disabled"}
        raft = {"term": 1, "commit": 9, "pending_operations": 0, "leader": 1, "role": "Leader", "is_voter": True}
        return {
            "status": "enabled",
            "peer_id": 1,
            "peers": {"1": {"uri": "http://127.0.0.1:6335/"}},
            "raft_info": raft,
            "consensus_thread_status": {
                "consensus_thread_status": "working",
                "last_update": "2026-11-21T10:27:53.420403327Z",
            },
            "message_send_failures": {},
        }

    def cluster_of(self, name: str) -> dict[str, Any]:
        shards = [
            {"shard_id": number, "points_count": points, "state": "Active"} | ({"shard_key": key} if key else {})
            for number, (key, points) in enumerate(self.collection(name).points_by_shard())
        ]
        return {
            "peer_id": 1,
            "shard_count": len(shards),
            "local_shards": shards,
            "remote_shards": [],
            "shard_transfers": [],
        }


_NAME = "/collections/([^/]+)"
_ROUTES: list[tuple[str, str, Callable[..., Any]]] = [
    ("GET", "/collections", Node.names),
    ("POST", "/collections/aliases", Node.change_aliases),
    ("GET", "/aliases", Node.aliases),
    ("GET", "/cluster", Node.cluster_state),
    ("GET", _NAME, Node.info),
    ("PUT", _NAME, Node.create),
    ("PATCH", _NAME, Node.patch),
    ("DELETE", _NAME, Node.delete),
    ("GET", f"{_NAME}/exists", Node.exists),
    ("GET", f"{_NAME}/aliases", Node.aliases),
    ("GET", f"{_NAME}/cluster", Node.cluster_of),
    ("PUT", f"{_NAME}/shards", Node.shard_key),
    ("PUT", f"{_NAME}/index", Node.index),
    ("PUT", f"{_NAME}/points", Node.upsert),
    ("POST", f"{_NAME}/points/delete", Node.delete_points),
    ("POST", f"{_NAME}/points/batch", Node.batch),
    ("POST", f"{_NAME}/points/query", Node.query),
    ("POST", f"{_NAME}/points/query/batch", Node.query_batch),
    ("POST", f"{_NAME}/points/scroll", Node.scroll),
    ("POST", f"{_NAME}/points/count", Node.count),
]
_TEXTS = {
    "/healthz": "healthz check passed",
    "/livez": "healthz check passed",
    "/readyz": "all shards are ready",
}


def _id(value: Any) -> Any:
    try:
        return value if isinstance(value, int) else UUID(value)
    except ValueError:
        takes = "valid values are either an unsigned integer or a UUID"
        raise Refused(400, f"Format error in JSON body: value {value} is not a valid point ID, {takes}") from None


def _shown(point: Any, body: dict[str, Any]) -> dict[str, Any]:
    shown = {"id": str(point.id), "version": point.version, "score": point.score}
    if body.get("with_payload"):
        shown["payload"] = point.payload
    return shown


def _filter(given: dict[str, Any] | None) -> Any:
    if given is None:
        return None
    parts: dict[str, Any] = {
        name: [_condition(one) for one in given[name]] for name in ("must", "should", "must_not") if given.get(name)
    }
    return edge.Filter(**parts)


def _condition(given: dict[str, Any]) -> Any:
    if "has_id" in given:
        return edge.HasIdCondition({_id(one) for one in given["has_id"]})
    match, within = given.get("match"), given.get("range")
    if match is not None:
        value = edge.MatchValue(match["value"]) if "value" in match else edge.MatchAny(match["any"])
        return edge.FieldCondition(given["key"], match=value)
    bounds = {name: bound for name, bound in (within or {}).items() if bound is not None}
    if any(isinstance(bound, str) for bound in bounds.values()):
        return edge.FieldCondition(given["key"], range=edge.RangeDateTime(**bounds))
    return edge.FieldCondition(given["key"], range=edge.RangeFloat(**bounds))


class Handler(BaseHTTPRequestHandler):
    """Reads a call, answers as Qdrant does."""

    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    wbufsize = -1

    def __init__(self, node: Node, key: str | None, *args: Any) -> None:
        self.node, self.key = node, key
        super().__init__(*args)

    def handle_one_call(self) -> None:
        started = time.perf_counter()
        size = int(self.headers.get("Content-Length") or 0)
        content = self.rfile.read(size)
        if len(content) < size:  # the client was killed in the middle of its request
            self.close_connection = True
            return
        path, waits = urlsplit(self.path).path, "wait=true" in self.path
        if path in _TEXTS:
            self.reply(200, _TEXTS[path].encode(), "text/plain; charset=utf-8")
            return
        bearer = (self.headers.get("Authorization") or "").removeprefix("Bearer ")
        if self.key is not None and self.key not in (self.headers.get("api-key"), bearer):
            self.reply(401, b"Must provide an API key or an Authorization bearer token", "text/plain")
            return
        if path == "/metrics":
            self.reply(200, b"# TYPE collections_total gauge\ncollections_total 1\n", "text/plain")
            return
        if path == "/":
            self.reply(200, json.dumps({"title": "qdrant - vector search engine", "version": VERSION}).encode())
            return
        try:
            result = self.node.answer(self.command, path, json.loads(content) if content else None)
            if isinstance(result, dict) and "operation_id" in result and not waits:
                result["status"] = "acknowledged"
            status, body = 200, {"result": result, "status": "ok"}
        except Refused as refused:
            status, body = refused.status, {"status": {"error": refused.error}}
        body["time"] = time.perf_counter() - started
        self.reply(status, json.dumps(body).encode())

    do_GET = do_PUT = do_POST = do_PATCH = do_DELETE = handle_one_call

    def reply(self, status: int, body: bytes, kind: str = "application/json") -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args: object) -> None:
        """Say nothing."""


class Server(ThreadingHTTPServer):
    """Answers until it is closed."""

    daemon_threads = True
    request_queue_size = 128

    def __init__(
        self, folder: Path, port: int = 0, cluster: bool = False, key: str | None = None, host: str = "127.0.0.1"
    ) -> None:
        self.node = Node(folder, cluster)
        super().__init__((host, port), partial(Handler, self.node, key))

    @property
    def url(self) -> str:
        """Where it answers."""
        return f"http://127.0.0.1:{self.server_port}"


def main(arguments: Iterable[str] | None = None) -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=0)
    parser.add_argument("--cluster", action="store_true")
    parser.add_argument("--api-key")
    args = parser.parse_args(None if arguments is None else list(arguments))
    server = Server(args.folder, args.port, args.cluster, args.api_key, args.host)
    print(server.server_port, flush=True)
    try:
        server.serve_forever()
    except KeyboardInterrupt:
        pass
    finally:
        server.node.close()


if __name__ == "__main__":
    main()
