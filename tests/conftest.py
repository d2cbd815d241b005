"""What all tests share."""

from __future__ import annotations

import io
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

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
