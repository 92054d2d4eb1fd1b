"""For each alert rule what Prometheus sees, and which alerts fire when; test_rules.py asks promtool.

A case of each rule shows the step from quiet to firing, within one evaluation; another shows what must not fire.
"""

from __future__ import annotations

from collections.abc import Mapping

from tests.infra.monitoring.alerting_cases import ALERTING_CASES
from tests.infra.monitoring.archive_cases import ARCHIVE_CASES
from tests.infra.monitoring.host_cases import HOST_CASES
from tests.infra.monitoring.outage_cases import OUTAGE_CASES
from tests.infra.monitoring.overdue_cases import OVERDUE_CASES
from tests.infra.monitoring.series import Case
from tests.infra.monitoring.standby_cases import STANDBY_CASES
from tests.infra.monitoring.threshold_cases import THRESHOLD_CASES

CASES: Mapping[str, list[Case]] = {
    **OUTAGE_CASES,
    **OVERDUE_CASES,
    **ARCHIVE_CASES,
    **HOST_CASES,
    **STANDBY_CASES,
    **ALERTING_CASES,
    **THRESHOLD_CASES,
}
