"""The house: data flows one way, and nothing imports downstream."""

import ast
from pathlib import Path

import pytest

import amiss

ROOT = Path(amiss.__file__).parent
SHARED = {"types", "errors", "store"}
ALLOWED = {
    "types": set(),
    "errors": set(),
    "store": {"errors"},
    "text": {"types"},
    "read": SHARED | {"text"},
    "represent": SHARED | {"text"},
    # Rules for thresholds are functions of scores: a detector of two stages cuts between them.
    "detect": SHARED | {"represent", "decide"},
    "decide": SHARED,
    "explain": SHARED,
    "present": SHARED,
    "simulate": SHARED,
    "run": SHARED | {"read", "represent", "detect", "decide", "explain", "present"},
    "testing": SHARED | {"detect", "represent", "run"},
    "cli": {"errors", "read", "run", "present", "detect", "simulate"},
}
MODULES = sorted(path for path in ROOT.rglob("*.py") if path != ROOT / "__init__.py")


def _room(path):
    first = path.relative_to(ROOT).parts[0]
    return first.removesuffix(".py")


def _imported_rooms(path):
    rooms = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        names = []
        if isinstance(node, ast.Import):
            names = [alias.name for alias in node.names]
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            names = [f"{node.module}.{alias.name}" for alias in node.names]
        for name in names:
            parts = name.split(".")
            if parts[0] == "amiss" and len(parts) > 1 and parts[1] in ALLOWED:
                rooms.add(parts[1])
    return rooms


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_room_imports_only_what_is_upstream(path):
    room = _room(path)
    assert _imported_rooms(path) - {room} <= ALLOWED[room]


@pytest.mark.parametrize("path", MODULES, ids=lambda p: str(p.relative_to(ROOT)))
def test_depth_is_at_most_two(path):
    assert len(path.relative_to(ROOT).parts) <= 2


def test_print_lives_in_the_doors_only():
    calls = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call) and getattr(node.func, "id", "") == "print"
    ]
    assert not [call for call in calls if not call.startswith(("cli", "service"))]


def test_no_module_says_nothing_by_its_name():
    empty = {"utils", "util", "common", "core", "helpers", "helper", "manager", "misc"}
    assert not [path for path in MODULES if path.stem in empty or path.parent.name in empty]
