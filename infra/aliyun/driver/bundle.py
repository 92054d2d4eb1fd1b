"""`bundle`: builds what the function is created from, and shows its sizes against the service's limits."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from infra.aliyun.bundle.build import BundleOptions, build
from infra.aliyun.bundle.errors import in_mb
from infra.aliyun.driver.session import Session, add_command
from infra.command_line import Commands, add_json, print_json
from infra.stack_file import REPOSITORY
from infra.tables import print_table

_DEFAULTS = BundleOptions()


def add(commands: Commands[Any]) -> None:
    """Declare `bundle`."""
    parser = add_command(commands, "bundle", "Build the code package, and the layer, as `pulumi up` does; show sizes.")
    parser.add_argument("--python", choices=("3.11", "3.12", "3.13"), help="Version (default: the stack's, or 3.12).")
    parser.add_argument(
        "--dependencies", choices=("bundled", "layer"), help="Where they go (default: the stack's, or bundled)."
    )
    add_json(parser)
    parser.set_defaults(run=run)


def run(session: Session) -> int:
    """Build and report."""
    parts = session.stack_file.parts
    options = BundleOptions(
        python=session.args.python or str(parts.get("function", {}).get("python") or _DEFAULTS.python),
        dependencies=session.args.dependencies or parts.get("code", {}).get("dependencies") or _DEFAULTS.dependencies,
    )
    bundle = build(REPOSITORY, options, session.say)
    if session.args.json:
        print_json(
            {
                "code": asdict(bundle.code),
                "layer": asdict(bundle.layer) if bundle.layer is not None else None,
                "sizes": [asdict(size) | {"share": round(size.share, 4)} for size in bundle.sizes],
            }
        )
        return 0
    header = ("what", "size", "limit", "used")
    print_table(
        header, [(size.what, in_mb(size.bytes), in_mb(size.limit_bytes), f"{size.share:.1%}") for size in bundle.sizes]
    )
    for archive in (bundle.code, bundle.layer):
        if archive is not None:
            print(f"{archive.path}  {archive.files} files  sha256 {archive.sha256}")
    return 0
