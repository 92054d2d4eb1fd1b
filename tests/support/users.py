"""Processes of other users, which only root can start."""

from __future__ import annotations

import os

import pytest

NOBODY = 65_534  # the user and the group of that name
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="another user's process takes root to start")
