"""The generated references in docs/ are what the code says, and the README names what there is."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import docs
from app.serve.mcp.tools import TOOLS
from app.settings.fields import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("page", docs.PAGES)
def test_a_generated_page_is_what_the_code_says(page: str) -> None:
    assert page not in docs.stale(), "run ./dev docs"


def test_a_changed_page_is_found_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for page in docs.PAGES:
        (tmp_path / page).write_text((docs.DOCS / page).read_text(encoding="utf-8"), encoding="utf-8")
    (tmp_path / "tools.md").write_text("# Tools\n", encoding="utf-8")
    monkeypatch.setattr(docs, "DOCS", tmp_path)

    assert docs.stale() == ["tools.md"]


def test_the_readme_names_every_tool() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in TOOLS if f"`{name}`" not in readme] == []


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Settings") : readme.index("## HTTP")]
    named = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])`", section)) - {"NAME_FILE"}
    assert named - {name.upper() for name in Settings.model_fields} == set()


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
    assert [link for link in links if not (path.parent / link).exists()] == []
