"""Generated files match the code, and the README names what exists."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from app import docs
from app.ops.importing.names import Format
from app.serve.mcp.tools import TOOLS
from app.settings.fields import Settings

ROOT = Path(__file__).resolve().parents[2]


@pytest.mark.parametrize("file", docs.FILES)
def test_a_generated_file_is_what_the_code_says(file: str) -> None:
    assert file not in docs.stale(), "run ./dev docs"


def test_a_changed_file_is_found_stale(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for file in docs.FILES:
        (tmp_path / file).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / file).write_text(docs.FILES[file](), encoding="utf-8")
    (tmp_path / "docs/tools.md").write_text("# Tools\n", encoding="utf-8")
    (tmp_path / "app/settings/table.py").write_text("TABLE = {}\n", encoding="utf-8")
    monkeypatch.setattr(docs, "ROOT", tmp_path)

    assert docs.stale() == ["docs/tools.md", "app/settings/table.py"]


def test_the_readme_names_every_tool() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [name for name in TOOLS if f"`{name}`" not in readme] == []


def test_the_readme_names_no_setting_that_is_not_there() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    section = readme[readme.index("## Settings") : readme.index("## HTTP")]
    named = set(re.findall(r"`([A-Z][A-Z_]+[A-Z])`", section)) - {"NAME_FILE"}
    assert named - {name.upper() for name in Settings.model_fields} == set()


def test_the_readme_leads_to_every_page() -> None:
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    assert [page.name for page in (ROOT / "docs").glob("*.md") if f"](docs/{page.name})" not in readme] == []


def test_every_import_format_has_a_section_that_says_what_is_read_and_left_aside() -> None:
    page = (ROOT / "docs/importing.md").read_text(encoding="utf-8")
    sections = {name: text for name, _, text in (part.partition("\n") for part in page.split("\n## "))}

    assert [name for name in Format if not re.search(r"Read\b.*Left\s+aside", sections.get(name, ""), re.DOTALL)] == []


@pytest.mark.parametrize("page", ["architecture.md", "where-to-put-what.md"])
def test_files_that_a_page_names_exist(page: str) -> None:
    text = (ROOT / "docs" / page).read_text(encoding="utf-8")
    named = re.findall(r"`((?:app|infra|tests|docs|requirements)/[\w./-]*)`", text)
    files = [name for name in named if not re.search(r"[A-Z]{4}", name)]  # those are placeholders

    assert len(files) > 20
    assert [name for name in files if not (ROOT / name).exists()] == []


def test_tests_that_the_threats_name_exist() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    named = re.findall(r"`([\w/.]+\.py)::(\w+)`", text)

    assert len(named) > 20
    files = {file: (ROOT / "tests" / file) for file, _ in named}
    assert [file for file, path in files.items() if not path.exists()] == []
    missing = [
        f"{file}::{name}"
        for file, name in named
        if not re.search(rf"^\s*(async )?def {name}\(", files[file].read_text(encoding="utf-8"), re.MULTILINE)
    ]
    assert missing == []


def test_every_threat_says_how_it_is_held_by_which_test() -> None:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    rows = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| who")]

    assert [row for row in rows if row.count("|") != 5 or not (".py::" in row or "Not held." in row)] == []


def test_the_architecture_has_a_line_for_every_folder() -> None:
    text = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    folders = [file.parent for root in ("app", "infra") for file in (ROOT / root).glob("*/__init__.py")]

    assert [folder.name for folder in folders if f"| `{folder.relative_to(ROOT)}`" not in text] == []


@pytest.mark.parametrize("path", sorted(ROOT.glob("*.md")) + sorted((ROOT / "docs").glob("*.md")), ids=lambda p: p.name)
def test_links_between_documents_lead_somewhere(path: Path) -> None:
    text = path.read_text(encoding="utf-8")
    links = re.findall(r"\]\((?!https?://|#)([^)#\s]+)", text)
    assert [link for link in links if not (path.parent / link).exists()] == []
