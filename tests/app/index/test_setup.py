"""A setup says what it is without loading its engine."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.support.serving import ROOT

ENGINES = sorted(file.parent.name for file in (ROOT / "app" / "index").glob("*/setup.py"))


def test_engines_are_found() -> None:
    assert {"embedded", "qdrant"} <= set(ENGINES)


@pytest.mark.parametrize("engine", ENGINES)
def test_a_setup_loads_nothing_of_its_engine(engine: str) -> None:
    module, name = f"app.index.{engine}.setup", f"{engine.capitalize()}Setup"
    program = (
        f"import sys; from {module} import {name}; from app.settings.fields import Settings\n"
        f"setup = {name}(Settings(_env_file=None)); setup.name, setup.folder, setup.remedy, setup.shared\n"
        "print([name for name in ('qdrant_client', 'httpx', 'numpy') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, text=True, check=True)

    assert done.stdout.strip() == "[]"
