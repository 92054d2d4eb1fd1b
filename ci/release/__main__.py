"""`./dev release`: prepares a version, builds what is published, writes server.json."""

from __future__ import annotations

import argparse
import datetime
import json
import shutil
import sys
import tempfile
from pathlib import Path

from ci.errors import CiError, exit_code
from ci.release import changelog, distributions, server_json
from ci.release.identity import ROOT, check_origin, identity
from ci.release.prepare import prepare
from ci.release.sbom import sbom


def main() -> int:
    """Do what the arguments say."""
    parser = argparse.ArgumentParser(
        prog="./dev release", description="Prepare the release of a version; or `build` what a tag publishes."
    )
    parser.add_argument(
        "what", metavar="X.Y.Z | build | server | check", help="a version to prepare; what to make of this one"
    )
    parser.add_argument("--tag", help="build: the tag that is published, vX.Y.Z")
    parser.add_argument("--repository", help="build: where it is published from, OWNER/NAME")
    parser.add_argument("--out", type=Path, default=Path("build/release"), help="build: an empty or new folder")
    args = parser.parse_args()
    if args.what == "build":
        return _build(args.out, args.tag, args.repository)
    if args.what == "server":
        print(f"wrote {server_json.write().name}")
        return 0
    if args.what == "check":
        _check_server_json()
        return 0
    for file in prepare(ROOT, args.what, datetime.datetime.now(datetime.UTC).date()):
        print(f"wrote {file}")
    print(f"Look at them, commit, merge; then: git tag v{args.what} && git push origin v{args.what}")
    return 0


def _build(out: Path, tag: str | None, repository: str | None) -> int:
    """Build all that is published; with a tag and a repository, only what they may publish."""
    found = identity()
    if tag is not None or repository is not None:
        check_origin(found, tag or "", repository or "")
    if out.exists() and any(out.iterdir()):
        raise CiError(f"{out} is not empty; name a new folder with --out")
    (out / "dist").mkdir(parents=True)
    with tempfile.TemporaryDirectory() as work:
        files = distributions.build(out / "dist", Path(work))
    distributions.check(files, found)
    (out / "sbom.cdx.json").write_text(json.dumps(sbom(found), indent=2) + "\n", encoding="utf-8")
    shutil.copy(ROOT / server_json.FILE, out / server_json.FILE)
    _check_server_json()
    changes = (ROOT / "CHANGELOG.md").read_text(encoding="utf-8")
    (out / "notes.md").write_text(changelog.section(changes, found.version if tag else "Unreleased"), encoding="utf-8")
    for path in sorted(path for path in out.rglob("*") if path.is_file()):
        print(path)
    return 0


def _check_server_json() -> None:
    if (ROOT / server_json.FILE).read_text(encoding="utf-8") != server_json.server_json(identity()):
        raise CiError("server.json is out of date; run `./dev release server` and commit it")


if __name__ == "__main__":
    sys.exit(exit_code(main))
