"""Stands in for app/process/healthcheck.py: servers are never ready, all else is well."""

import sys

sys.exit(sys.argv[1].endswith("/ready"))
