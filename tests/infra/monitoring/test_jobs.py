"""Scrape jobs: the names that rules and credentials go by."""

from __future__ import annotations

import re

from infra.monitoring.jobs import CREDENTIALS, JOBS
from infra.monitoring.rules import RULES


def test_a_rule_names_only_jobs_that_exist() -> None:
    named = {
        job
        for rule in RULES
        for jobs_of_matcher in re.findall(r'job(?:=|=~|!~)"([^"]+)"', rule.expression)
        for job in jobs_of_matcher.split("|")
    }

    assert named
    assert named <= JOBS


def test_credentials_are_of_jobs_that_exist_each_in_a_file_of_its_own() -> None:
    assert set(CREDENTIALS) <= JOBS
    assert len(set(CREDENTIALS.values())) == len(CREDENTIALS)
