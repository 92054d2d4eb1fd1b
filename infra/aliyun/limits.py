"""What Function Compute 3.0 allows a function.

Source: Alibaba Cloud's documentation (Function Compute: limits; environment variables; MCP SSE session affinity), read
in November 2026, and the checks of the provider pulumi-alicloud 4.0.0.
"""

from __future__ import annotations

VARIABLES_BYTES = 4096  # names and values of all environment variables of a function together
PLATFORMS_OWN = "FC_"  # variables with names like this are the platform's: a function that sets one is refused whole
INSTANCE_CONCURRENCY = 200
SESSIONS_PER_INSTANCE = 200
TIMEOUT_S = 86_400
MEMORY_MB = (128, 32_768)
MEMORY_STEP_MB = 64
CPU = (0.05, 16.0)
CPU_STEP = 0.05
GB_PER_CPU = (1, 4)  # how much memory a CPU may have
DISKS_MB = (512, 10_240)
RUNTIMES = ("custom", "custom.debian10", "custom.debian11", "custom.debian12")
MB_PER_GB = 1024


def variables_bytes(variables: dict[str, str]) -> int:
    """Return how many of VARIABLES_BYTES some variables take."""
    return sum(len(name.encode()) + len(value.encode()) for name, value in variables.items())
