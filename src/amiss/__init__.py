r"""amiss learns what normal looks like in logs and telemetry, and shows what is amiss.

>>> import amiss
>>> sessions = amiss.read_sessions("HDFS.log.gz", session_key=r"blk_-?\d+")  # doctest: +SKIP
>>> model = amiss.fit(sessions)  # doctest: +SKIP
>>> findings = model.detect(sessions)  # doctest: +SKIP
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

__version__ = "0.1.0"

if TYPE_CHECKING:
    from amiss.read.datasets import load_cifar10, load_kdd99
    from amiss.read.images import read_images
    from amiss.read.labels import read_labels
    from amiss.read.rows import read_table
    from amiss.read.series import read_series
    from amiss.represent.activity import Activity
    from amiss.represent.sessions import Sessions
    from amiss.represent.windows import window_frame
    from amiss.run.card import model_card
    from amiss.run.diff import diff_logs
    from amiss.run.entity_ingest import read_activity
    from amiss.run.experiment import Experiment, run_experiment
    from amiss.run.feedback import confirm, mute
    from amiss.run.findings import Findings
    from amiss.run.follow import follow
    from amiss.run.ingest import read_sessions
    from amiss.run.inspect import inspect_log
    from amiss.run.log_diff import LogDiff
    from amiss.run.models import evaluate, fit, load, scan
    from amiss.run.parse import parse_log
    from amiss.run.pipeline import Model
    from amiss.run.predictions import prediction_frame
    from amiss.run.row_experiment import run_row_experiment
    from amiss.run.row_findings import RowFindings
    from amiss.run.rows import RowModel
    from amiss.run.sweep import run_sweep
    from amiss.run.traces import trace_overview
    from amiss.run.tune import tune
    from amiss.run.windows import session_windows
    from amiss.simulate.hdfs import simulate_hdfs
    from amiss.simulate.outliers import apply_mask, create_outlier_batch
    from amiss.simulate.trace import simulate_traces
    from amiss.types import Images, Table

# Resolved on first use, so that `import amiss` imports neither torch nor polars.
_PUBLIC = {
    "Activity": "amiss.represent.activity",
    "Experiment": "amiss.run.experiment",
    "Findings": "amiss.run.findings",
    "Images": "amiss.types",
    "LogDiff": "amiss.run.log_diff",
    "Model": "amiss.run.pipeline",
    "RowFindings": "amiss.run.row_findings",
    "RowModel": "amiss.run.rows",
    "Sessions": "amiss.represent.sessions",
    "Table": "amiss.types",
    "apply_mask": "amiss.simulate.outliers",
    "confirm": "amiss.run.feedback",
    "create_outlier_batch": "amiss.simulate.outliers",
    "diff_logs": "amiss.run.diff",
    "evaluate": "amiss.run.models",
    "fit": "amiss.run.models",
    "follow": "amiss.run.follow",
    "inspect_log": "amiss.run.inspect",
    "load": "amiss.run.models",
    "load_cifar10": "amiss.read.datasets",
    "load_kdd99": "amiss.read.datasets",
    "model_card": "amiss.run.card",
    "mute": "amiss.run.feedback",
    "parse_log": "amiss.run.parse",
    "prediction_frame": "amiss.run.predictions",
    "read_activity": "amiss.run.entity_ingest",
    "read_images": "amiss.read.images",
    "read_labels": "amiss.read.labels",
    "read_series": "amiss.read.series",
    "read_sessions": "amiss.run.ingest",
    "read_table": "amiss.read.rows",
    "run_experiment": "amiss.run.experiment",
    "run_row_experiment": "amiss.run.row_experiment",
    "run_sweep": "amiss.run.sweep",
    "scan": "amiss.run.models",
    "session_windows": "amiss.run.windows",
    "simulate_hdfs": "amiss.simulate.hdfs",
    "simulate_traces": "amiss.simulate.trace",
    "trace_overview": "amiss.run.traces",
    "tune": "amiss.run.tune",
    "window_frame": "amiss.represent.windows",
}

__all__ = [
    "Activity",
    "Experiment",
    "Findings",
    "Images",
    "LogDiff",
    "Model",
    "RowFindings",
    "RowModel",
    "Sessions",
    "Table",
    "__version__",
    "apply_mask",
    "confirm",
    "create_outlier_batch",
    "diff_logs",
    "evaluate",
    "fit",
    "follow",
    "inspect_log",
    "load",
    "load_cifar10",
    "load_kdd99",
    "model_card",
    "mute",
    "parse_log",
    "prediction_frame",
    "read_activity",
    "read_images",
    "read_labels",
    "read_series",
    "read_sessions",
    "read_table",
    "run_experiment",
    "run_row_experiment",
    "run_sweep",
    "scan",
    "session_windows",
    "simulate_hdfs",
    "simulate_traces",
    "trace_overview",
    "tune",
    "window_frame",
]


def __getattr__(name: str) -> Any:
    if name in _PUBLIC:
        return getattr(import_module(_PUBLIC[name]), name)
    raise AttributeError(f"module 'amiss' has no attribute {name!r}")


def __dir__() -> list[str]:
    return __all__
