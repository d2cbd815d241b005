"""What all tests share."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import pytest
from hypothesis import HealthCheck, settings

if TYPE_CHECKING:
    from collections.abc import Callable

    from amiss import Model, Sessions
    from amiss.simulate.hdfs import Simulation

# How long an example takes says what else the machine does, not whether the code is right.
settings.register_profile("amiss", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("amiss")


@pytest.fixture(scope="session")
def data_dir() -> Path:
    """Return the folder of real data, or skip."""
    default = Path(__file__).resolve().parents[1].parent / "shared" / "data"
    folder = Path(os.environ.get("AMISS_DATA", default))
    if not folder.is_dir():
        pytest.skip(f"no data in {folder}; name its folder in AMISS_DATA")
    return folder


@pytest.fixture(scope="session")
def simulation(tmp_path_factory: pytest.TempPathFactory) -> Simulation:
    """Return a small simulated log with its labels and faults."""
    from amiss import simulate_hdfs

    return simulate_hdfs(tmp_path_factory.mktemp("simulation"), lines=8000, seed=1)


@pytest.fixture(scope="session")
def simulated_sessions(simulation: Simulation) -> Sessions:
    """Return the sessions of the simulated log."""
    from amiss import read_sessions

    return read_sessions(simulation.log)


@pytest.fixture(scope="session")
def simulated_model_file(
    simulated_sessions: Sessions, tmp_path_factory: pytest.TempPathFactory
) -> Path:
    """Return the file of the default model, learnt from the simulated log: torch trains once."""
    from amiss import fit

    path = tmp_path_factory.mktemp("model") / "simulated.amiss"
    fit(simulated_sessions).save(path)
    return path


@pytest.fixture
def simulated_model(simulated_model_file: Path) -> Model:
    """Return that model as loaded anew, for a test to do with as it likes."""
    from amiss import load

    return load(simulated_model_file)


class Outcome(NamedTuple):
    """What a run of the command line left behind."""

    code: int
    out: str
    err: str


@pytest.fixture
def run_amiss(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Callable[..., Outcome]:
    """Return a function that runs the command line in this process, for its speed."""
    from amiss.cli import main

    monkeypatch.setattr(sys, "excepthook", sys.excepthook)  # typer puts its own there
    monkeypatch.setenv("COLUMNS", "100")

    def run(*arguments: object, stdin: bytes = b"") -> Outcome:
        monkeypatch.setattr(sys, "argv", ["amiss", *map(str, arguments)])
        monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(stdin)))
        capsys.readouterr()
        with pytest.raises(SystemExit) as exited:
            main()
        return Outcome(int(exited.value.code or 0), *capsys.readouterr())

    return run


@pytest.fixture(scope="session")
def small_page(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Return what the HTML page shows of a small log: three odd sessions among 150 calm ones."""
    from amiss import read_sessions, scan
    from amiss.run.page import page_content

    log = tmp_path_factory.mktemp("page") / "app.log"
    odd = {40: ["open", "disk failed on", "close"], 80: ["open"], 120: ["open", "close"] * 4}
    rows = []
    for i in range(150):
        rows += [f"{event} id={i}" for event in ("open", "close")]
        rows += [f"{event} id={900 + i // 40}" for event in odd.get(i, [])]
    stamped = [
        f"2024-05-01 10:{i // 60:02}:{i % 60:02} INFO app: {row}" for i, row in enumerate(rows)
    ]
    log.write_text("\n".join(stamped) + "\n", encoding="utf-8")
    return page_content(scan(read_sessions(log, session_key=r"id=\S+"), detector="event-counts"))


@pytest.fixture(scope="session")
def many(small_page: dict[str, Any]) -> Callable[[int], dict[str, Any]]:
    """Return a function that makes the content of a page with so many findings."""

    def content(count: int) -> dict[str, Any]:
        summary = small_page["findings"]
        few = summary["findings"]
        findings = [
            {**few[i % len(few)], "id": f"id={i}", "score": 40.0 - i / 1000} for i in range(count)
        ]
        changed = {**summary, "findings": findings, "flagged": count, "scored": 20 * count}
        return {**small_page, "findings": changed}

    return content
