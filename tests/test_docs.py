"""The documentation says what the results say."""

import re
from pathlib import Path

from benchmarks import tables

ROOT = Path(__file__).parents[1]


def test_tables_are_those_of_the_results(monkeypatch):
    monkeypatch.setattr("sys.argv", ["tables", "--check"])
    assert tables.main() == 0


def test_every_command_of_the_readme_exists():
    from typer.main import get_command

    from amiss.cli import app

    known = set(get_command(app).commands)
    page = (ROOT / "README.md").read_text(encoding="utf-8")
    named = set(re.findall(r"(?:`|\$ )amiss ([a-z]+)", page))
    assert named
    assert named <= known


def test_every_room_is_in_the_architecture_page():
    page = (ROOT / "docs" / "architecture.md").read_text(encoding="utf-8")
    rooms = {p.parent.name for p in (ROOT / "src" / "amiss").glob("*/__init__.py")}
    assert not [room for room in rooms if f"`{room}/`" not in page]


def test_links_between_pages_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!https?:)([^)#]+)\)", page.read_text(encoding="utf-8")):
            assert (page.parent / target).exists(), f"{page.name}: {target}"
