"""List prices of Function Compute 3.0, and what it counts.

Source: Alibaba Cloud's documentation, "Function Compute: Pay-as-you-go" (international site, US dollars), in force from
August 27, 2024 on, without the discount that ended on August 27, 2025. Written down in November 2026, and not checked
against a bill. The Chinese site has prices of its own in CNY.
"""

from __future__ import annotations

AS_OF = "November 2026, unchecked"
CURRENCY = "USD"
# Tiers of compute units (CU) a month: up to how many, and the price of one.
TIERS: tuple[tuple[float, float], ...] = ((100e6, 0.000020), (500e6, 0.000017), (float("inf"), 0.000014))
CU_PER_REQUEST = 75 / 10_000
CU_PER_CPU_S = 1.0  # of an instance that answers, or that is never idle
CU_PER_IDLE_CPU_S = 0.0  # of a provisioned instance between requests
CU_PER_GB_S = 0.15  # of memory, as long as an instance exists and is billed
CU_PER_DISK_GB_S = 0.05  # of the disk beyond what is free
FREE_DISK_GB = 0.5
