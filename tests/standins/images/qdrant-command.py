"""The command line and the environment of Qdrant's image, as far as stacks use them, for the stand-in."""

import argparse
import json
import os
import signal
import sys
from pathlib import Path

import qdrant

# A container's first process ignores what it has no handler for, and would be killed only half a minute later.
signal.signal(signal.SIGTERM, lambda *_: sys.exit(0))
parser = argparse.ArgumentParser()
parser.add_argument("--config-path", type=Path)
parser.add_argument("--disable-telemetry", action="store_true")
parser.add_argument("--uri")
parser.add_argument("--bootstrap")
args = parser.parse_args()
if args.config_path is None:
    # What the image's own configuration has, under what the environment says.
    config = {
        "service": {"host": "0.0.0.0", "http_port": 6333, "api_key": ""},
        "storage": {"storage_path": "./storage", "snapshots_path": "./snapshots"},
        "cluster": {"enabled": False},
    }
    for name, value in os.environ.items():
        parts = name.lower().split("__")
        if parts[0] == "qdrant" and len(parts) == 3 and parts[2] in config.get(parts[1], {}):
            config[parts[1]][parts[2]] = value
else:
    config = json.loads(args.config_path.read_text())
service = config["service"]
(Path(config["storage"]["snapshots_path"]) / "tmp").mkdir(parents=True, exist_ok=True)  # as the server does first
arguments = ["--folder", config["storage"]["storage_path"], "--host", service["host"]]
arguments += ["--port", str(service["http_port"]), "--api-key", service["api_key"]]
qdrant.main([*arguments, *(["--cluster"] if config["cluster"]["enabled"] else [])])
