"""The command line of Qdrant's image, as far as the stack uses it, for the stand-in."""

import argparse
import json
import signal
import sys
from pathlib import Path

import qdrant

# A container's first process ignores what it has no handler for, and would be killed only half a minute later.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
parser = argparse.ArgumentParser()
parser.add_argument("--config-path", type=Path, required=True)
parser.add_argument("--disable-telemetry", action="store_true")
parser.add_argument("--uri")
parser.add_argument("--bootstrap")
args = parser.parse_args()
config = json.loads(args.config_path.read_text())
service = config["service"]
(Path(config["storage"]["snapshots_path"]) / "tmp").mkdir(parents=True, exist_ok=True)  # as the server does first
arguments = ["--folder", config["storage"]["storage_path"], "--host", service["host"]]
arguments += ["--port", str(service["http_port"]), "--api-key", service["api_key"]]
qdrant.main([*arguments, *(["--cluster"] if config["cluster"]["enabled"] else [])])
