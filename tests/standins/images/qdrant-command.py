"""The command line of Qdrant's image, as far as the stack uses it, for the stand-in."""

import argparse
import json
from pathlib import Path

import qdrant

parser = argparse.ArgumentParser()
parser.add_argument("--config-path", type=Path, required=True)
parser.add_argument("--disable-telemetry", action="store_true")
parser.add_argument("--uri")
parser.add_argument("--bootstrap")
args = parser.parse_args()
config = json.loads(args.config_path.read_text())
service = config["service"]
arguments = ["--folder", config["storage"]["storage_path"], "--host", service["host"]]
arguments += ["--port", str(service["http_port"]), "--api-key", service["api_key"]]
qdrant.main([*arguments, *(["--cluster"] if config["cluster"]["enabled"] else [])])
