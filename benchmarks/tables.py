"""Write the tables of README and docs from the result files. They are never typed.

``python -m benchmarks.tables`` rewrites them; ``--check`` exits with 1 if they are out of date.
A table stands between ``<!-- figures: NAME -->`` and ``<!-- end figures -->``.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]
_BLOCK = re.compile(r"(<!-- figures: ([\w-]+) -->\n).*?(<!-- end figures -->)", re.DOTALL)

Results = dict[str, Any]


def main() -> int:
    stale = []
    for page in PAGES:
        old = page.read_text(encoding="utf-8")
        new = _BLOCK.sub(lambda m: f"{m[1]}\n{TABLES[m[2]]()}\n\n{m[3]}", old)
        if new != old:
            stale.append(page)
            if "--check" not in sys.argv:
                page.write_text(new, encoding="utf-8")
    if stale and "--check" in sys.argv:
        print("out of date, run python -m benchmarks.tables:", *[p.name for p in stale])
        return 1
    return 0


def read(name: str) -> Results:
    """Return one result file."""
    path = ROOT / "benchmarks" / "results" / f"{name}.json"
    content: Results = json.loads(path.read_text(encoding="utf-8"))
    return content


def figure(results: Results, key: str, form: str = ".3f") -> str:
    """Return a figure with its spread, a dash where it was not obtained."""
    value = results["figures"].get(key)
    if value is None:
        return "–"
    shown = f"{value:{form}}"
    spread = results["spread"].get(key)
    if spread and spread[0] != spread[1]:
        shown += f" ({spread[0]:{form}} – {spread[1]:{form}})"
    return shown


def table(header: list[str], rows: list[list[str]]) -> str:
    """Return a Markdown table."""
    lines = ["| " + " | ".join(header) + " |", "|" + " --- |" * len(header)]
    return "\n".join(lines + ["| " + " | ".join(row) + " |" for row in rows])


def hdfs_detection() -> str:
    r = read("hdfs")
    rows = [
        [
            "normals of a random half, other half (5 seeds)",
            figure(r, "semi_f1_mean"),
            figure(r, "semi_ap_mean", ".4f"),
        ],
        [
            "normals of the first half, second half",
            figure(r, "time_f1"),
            figure(r, "time_ap", ".4f"),
        ],
        [
            "`amiss scan`, no labels (5 seeds)",
            figure(r, "unsup_f1"),
            figure(r, "unsup_ap", ".4f"),
        ],
    ]
    return table(["learnt from, judged on", "session F1", "PR-AUC"], rows)


def hdfs_members() -> str:
    r = read("hdfs")
    names = {
        "semi_f1_mean": "**session ensemble**",
        "event_counts_semi_f1": "event counts",
        "event_sets_semi_f1": "event sets",
        "next_event_semi_f1": "next event",
        "new_counts_semi_f1": "baseline: counts never seen",
        "new_2gram_semi_f1": "baseline: 2-gram never seen",
        "new_length_semi_f1": "baseline: length never seen",
        "new_event_semi_f1": "baseline: event never seen",
        "any_error_line_semi_f1": "baseline: any ERROR or FATAL line",
    }
    return table(["detector", "session F1"], [[n, figure(r, k)] for k, n in names.items()])


def hdfs_cut() -> str:
    r = read("hdfs")
    rows = [
        ["told apart", figure(r, "cut_false_alarms", ".0f"), figure(r, "cut_missed", ".0f")],
        [
            "held complete",
            figure(r, "cut_false_alarms_naive", ".0f"),
            figure(r, "cut_missed_naive", ".0f"),
        ],
    ]
    return table(["sessions cut by the end of the log", "false alarms", "missed"], rows)


def hdfs_speed() -> str:
    r = read("hdfs")
    rows = [
        ["`amiss scan`, start to printed findings", figure(r, "scan_cpu_s", ".1f") + " CPU s"],
        [
            "raw file to sessions",
            figure(r, "ingest_lines_per_cpu_s", ",.0f") + " lines per CPU s",
        ],
        [
            "Drain3 with equivalent masks, templates only",
            figure(r, "drain3_masked_lines_per_cpu_s", ",.0f") + " lines per CPU s",
        ],
        ["the two, run in turn", figure(r, "ingest_ratio_drain3", ".1f") + " times as many lines"],
        ["`amiss --help`", figure(r, "help_cpu_s", ".2f") + " CPU s"],
    ]
    return table(["what", "measured"], rows)


def next_event_speed() -> str:
    r = read("next_event_speed")

    def row(what: str, key: str, reference: str | None, ratio: str | None, form: str) -> list[str]:
        return [
            what,
            figure(r, key, form),
            figure(r, reference, form) if reference else "–",
            figure(r, ratio, ",.0f") if ratio else "–",
        ]

    loss = figure(r, "reference_validation_loss")
    best = figure(r, "reference_one_hot_validation_loss")
    rows = [
        row(
            f"CPU s to loss {loss}, the best with numbers as input",
            "fit_cpu_s",
            "reference_train_cpu_s",
            "train_speedup",
            ",.1f",
        ),
        row(
            "the same, the reference with one-hot vectors",
            "fit_cpu_s",
            "reference_one_hot_cpu_s_to_same_loss",
            "train_speedup_one_hot",
            ",.1f",
        ),
        row(
            f"CPU s to loss {best}, the best with one-hot vectors",
            "fit_cpu_s_one_hot_best",
            "reference_one_hot_train_cpu_s",
            "train_speedup_one_hot_best",
            ",.1f",
        ),
        row(
            "10 million windows of real sessions, windows per CPU s",
            "score_windows_per_cpu_s",
            "reference_loop_windows_per_cpu_s",
            "score_speedup",
            ",.0f",
        ),
        row(
            "1 million distinct windows, windows per CPU s",
            "score_distinct_windows_per_cpu_s",
            "reference_batched_windows_per_cpu_s",
            "score_distinct_ratio_batched",
            ",.0f",
        ),
        row(
            "10 million windows, each event judged",
            "score_each_event_windows_per_cpu_s",
            None,
            None,
            ",.0f",
        ),
        row(
            "1 million distinct windows, each event judged",
            "score_each_event_distinct_windows_per_cpu_s",
            None,
            None,
            ",.0f",
        ),
        [
            "peak memory of the process that scores 10 million",
            figure(r, "score_peak_gb", ".2f") + " GB",
            "–",
            "–",
        ],
    ]
    return table(["what", "NextEvent", "reference", "ratio"], rows)


def loglizer_sessions() -> str:
    r = read("hdfs_100k")
    names = {
        "ceiling_session_f1": "ceiling: event ids alone",
        "session_f1_best": "**ensemble with event pair**",
        "session_f1_event_pair": "event pair",
        "session_f1_next_event": "next event, learnt from normal sessions",
        "session_f1_next_event_top_k": "next event, top-k",
        "session_f1_event_counts": "event counts",
        "session_f1_contaminated": "session ensemble, no labels",
        "session_f1_contaminated_next_event": "next event, no labels",
        "session_f1_new_count_vector": "baseline: counts never seen",
        "session_f1_new_2gram": "baseline: 2-gram never seen",
        "session_f1_new_length": "baseline: length never seen",
        "session_f1_new_event": "baseline: event never seen",
    }
    return table(["detector", "session F1"], [[n, figure(r, k)] for k, n in names.items()])


def loglizer_windows() -> str:
    r = read("hdfs_100k")
    names = {
        "window_f1_next_event": ("next event", "window_ceiling_ratio_next_event"),
        "window_f1_event_pair": ("event pair, the window alone", None),
        "window_f1_context": ("event pair, with its session", "window_ceiling_ratio_context"),
        "window_f1_new_2gram": ("baseline: last pair never seen", None),
        "window_f1_new_window": ("baseline: window never seen", None),
        "ceiling_window_f1": ("ceiling: window and next event", None),
        "ceiling_window_in_session_f1": ("ceiling: with the whole session", None),
    }
    rows = [
        [name, figure(r, key), figure(r, ratio) if ratio else "–"]
        for key, (name, ratio) in names.items()
    ]
    return table(["detector", "window F1", "share of the window ceiling"], rows)


def loglizer_split() -> str:
    r = read("hdfs_100k")
    names = {
        "deeploglizer_split_ceiling": "ceiling: event ids alone",
        "deeploglizer_split_f1": "**ensemble with event pair**",
        "deeploglizer_split_f1_event_pair": "event pair",
        "deeploglizer_split_f1_event_counts": "event counts",
        "deeploglizer_split_f1_new_counts": "baseline: counts never seen",
    }
    return table(["detector", "session F1"], [[n, figure(r, k)] for k, n in names.items()])


def loglizer_deeplog() -> str:
    r = read("hdfs_100k")
    rows = [[f"next event, top {k}", f"top_{k}"] for k in (1, 3, 5, 7, 9)]
    for name, title in (("next_event", "next event"), ("counts", "event counts")):
        rows += [
            [f"{title}, rate {float(rate):.1%} asked", f"{name}_{rate}"]
            for rate in ("0.05", "0.01", "0.005", "0.001")
        ]
    shown = [
        [title, figure(r, f"deeplog_recall_{key}", ".4f"), figure(r, f"deeplog_false_{key}", ".4f")]
        for title, key in rows
    ]
    return table(["threshold", "recall", "false alarms"], shown)


def tuning() -> str:
    r = read("tuning")
    rows = [
        ["default", figure(r, "default_validation"), figure(r, "default_f1")],
        ["tuned", figure(r, "tuned_validation"), figure(r, "tuned_f1")],
    ]
    first = table(["parameters", "validation PR-AUC", "judged part, session F1"], rows)
    trials = (
        f"{figure(r, 'minutes_20_trials', '.1f')} minutes for 20 trials, "
        f"{figure(r, 'trials_pruned', '.0f')} of them pruned, "
        f"{figure(r, 'trials_failed', '.0f')} failed."
    )
    return f"{first}\n\n{trials}"


_KDD99 = {
    "vae": "**VAE**",
    "aegmm": "**AEGMM**",
    "vaegmm": "**VAEGMM**",
    "vae_published": "VAE, one network, reconstruction error",
    "aegmm_published": "AEGMM, one network, energy",
    "vaegmm_published": "VAEGMM, one network, energy",
    "gmm": "baseline: Gaussian mixture",
    "mahalanobis": "baseline: Mahalanobis distance",
    "znorm": "baseline: norm of the standardised row",
    "pca": "baseline: principal components",
    "iforest": "baseline: isolation forest",
}
_KDD99_DETECTORS = ("vae", "aegmm", "vaegmm")


def kdd99_detection() -> str:
    r = read("kdd99")
    rows = [
        [
            name,
            figure(r, f"{key}_f1_median"),
            figure(r, f"{key}_f1_p05"),
            figure(r, f"{key}_auc_median", ".4f"),
        ]
        for key, name in _KDD99.items()
    ]
    return table(["detector", "F1", "its 5th percentile", "ROC-AUC"], rows)


def kdd99_unseen() -> str:
    r = read("kdd99")
    rows = [
        [name, *(figure(r, f"{key}_{of}_auc", ".4f") for of in ("dev", "unseen", "unseen_macro"))]
        for key, name in _KDD99.items()
        if not key.endswith("_published")
    ]
    header = ["detector", "types of development", "unseen types", "mean over unseen types"]
    return table(header, rows)


def kdd99_source() -> str:
    r = read("kdd99")
    rows = [
        [
            _KDD99[key],
            figure(r, f"{key}_f1_source_protocol"),
            figure(r, f"{key}_auc_source_protocol", ".4f"),
        ]
        for key in _KDD99_DETECTORS
    ]
    return table(["detector", "F1", "ROC-AUC"], rows)


def kdd99_steps() -> str:
    r = read("kdd99")
    rows = [
        [
            _KDD99[key],
            figure(r, "step_us" if key == "vae" else f"{key}_step_us", ",.0f"),
            figure(r, f"{key}_alibi_step_us", ",.0f"),
            figure(r, f"{key}_cpu_ratio_alibi", ".1f"),
        ]
        for key in _KDD99_DETECTORS
    ]
    return table(["the same network", "CPU µs a step", "alibi-detect", "ratio"], rows)


def kdd99_to_auc() -> str:
    r = read("kdd99")
    shown = {
        "alibi-detect's best ROC-AUC": ("alibi_auc", ".4f"),
        "after CPU s": ("alibi_cpu_s", ".1f"),
        "its last": ("alibi_last_auc", ".4f"),
        "ROC-AUC of `fit`": ("validation_dev_auc", ".4f"),
        "CPU s": ("fit_cpu_s", ".1f"),
        "ratio": ("cpu_s_to_auc_ratio", ".1f"),
        "one network, CPU s": ("one_network_cpu_s", ".1f"),
        "its ratio": ("cpu_s_to_auc_ratio_one_network", ".1f"),
    }
    rows = [
        [_KDD99[key], *(figure(r, f"{key}_{what}", form) for what, form in shown.values())]
        for key in _KDD99_DETECTORS
    ]
    return table(["detector", *shown], rows)


def kdd99_cost() -> str:
    r = read("kdd99")

    def files() -> str:
        sizes = [figure(r, f"model_file_kb_{key}", ".0f") for key in _KDD99_DETECTORS]
        return ", ".join(sizes) + " kB"

    rows = [
        ["VAE, batches of 64", figure(r, "score_rows_per_cpu_s_64", ",.0f") + " rows per CPU s"],
        [
            "VAE, batches of 50,000",
            figure(r, "score_rows_per_cpu_s_50k", ",.0f") + " rows per CPU s",
        ],
        [
            "five networks one after the other, beside all in one step",
            figure(r, "stacked_ratio", ".1f") + " times the CPU s",
        ],
        ["model files of VAE, AEGMM, VAEGMM", files()],
        ["`import amiss`", figure(r, "import_s", ".2f") + " CPU s"],
        ["`import amiss.detect.vae`", figure(r, "import_vae_s", ".1f") + " CPU s"],
        ["import of alibi-detect", figure(r, "alibi_import_cpu_s", ".1f") + " CPU s"],
        ["peak memory of a process that fits the VAE", figure(r, "fit_peak_gb", ".2f") + " GB"],
        ["the same, alibi-detect", figure(r, "alibi_fit_peak_gb", ".2f") + " GB"],
    ]
    return table(["what", "measured"], rows)


def cifar10_masks() -> str:
    r = read("cifar10")
    sizes = (4, 8, 12, 20)
    kinds = {
        "VAE, the worst 1 % of the pixels (default)": ("mask_auc_{}", ".3f"),
        "VAE, all pixels (published score)": ("mask_auc_{}_all_pixels", ".3f"),
        "PCA reconstruction error": ("pca_mask_auc_{}", ".3f"),
        "norm of the standardised pixels": ("znorm_mask_auc_{}", ".3f"),
        "VAE, uniform noise, worst 1 %": ("mask_auc_{}_uniform", ".3f"),
        "VAE, uniform noise, all pixels": ("mask_auc_{}_uniform_all_pixels", ".3f"),
        "overlap of pixels found and masked (IoU)": ("mask_iou_{}", ".2f"),
        "the same, uniform noise": ("mask_iou_{}_uniform", ".2f"),
    }
    rows = [
        [name, *(figure(r, key.format(size), form) for size in sizes)]
        for name, (key, form) in kinds.items()
    ]
    return table(["", *(f"{size} × {size}" for size in sizes)], rows)


def cifar10_cost() -> str:
    r = read("cifar10")
    lines = {
        "images learnt from, epochs": (("train_images", ",.0f"), ("train_epochs", ".0f")),
        "minutes to train, CPU minutes": (("train_minutes", ".1f"), ("train_cpu_minutes", ".1f")),
        "images scored a CPU second": (("score_images_per_cpu_s", ",.0f"),),
        "mean squared error, test images": (("test_mse", ".4f"),),
        "mean squared error, training images": (("train_mse", ".4f"),),
        "model file, MB": (("model_file_mb", ".1f"),),
    }
    rows = [
        [name, ", ".join(figure(r, key, form) for key, form in keys)]
        for name, keys in lines.items()
    ]
    return table(["", ""], rows)


_OUTLIER_SETS = ("arrhythmia", "cardio", "satellite", "satimage-2", "shuttle", "thyroid")
_OUTLIER_OURS = {"deep-sad": "**Deep SAD**", "table-ensemble": "**ensemble**"}
_OUTLIER_UNLABELLED = {
    "iforest": "PyOD isolation forest",
    "knn": "PyOD KNN",
    "lof": "PyOD LOF",
    "ecod": "PyOD ECOD",
    "copod": "PyOD COPOD",
    "hbos": "PyOD HBOS",
    "pca": "PyOD PCA",
    "mcd": "PyOD MCD",
    "deep-svdd": "PyOD DeepSVDD",
}
_OUTLIER_LABELLED = {
    "deepod-deep-sad": "DeepOD DeepSAD",
    "devnet": "DeepOD DevNet",
    "rosas": "DeepOD RoSAS",
    "feawad": "DeepOD FeaWAD",
    "xgbod": "PyOD XGBOD",
    "random-forest": "random forest, labels alone",
    "random-forest-balanced": "the same, classes weighted",
}


def deep_sad_sets() -> str:
    r = read("deep_sad")
    keys = {
        "rows learnt from": "rows",
        "anomalies among them": "anomalies",
        "labelled at 1 %": "labelled_1",
        "labelled at 5 %": "labelled_5",
    }
    rows = [
        [name, *(figure(r, f"{of}_{key}", ",.0f") for of in _OUTLIER_SETS)]
        for name, key in keys.items()
    ]
    return table(["", *_OUTLIER_SETS], rows)


def deep_sad_auc(percent: int, suffix: str = "") -> str:
    r = read("deep_sad")
    found = r["figures"]
    names = dict(_OUTLIER_OURS)
    if not percent:
        names |= _OUTLIER_UNLABELLED | {"deepod-deep-sad": _OUTLIER_LABELLED["deepod-deep-sad"]}
    else:
        names |= _OUTLIER_LABELLED
    rows = [_auc_row(r, key, name, percent, suffix) for key, name in names.items()]
    if percent:
        means = {key: found.get(f"{key}_mean_auc_0{suffix}") or 0 for key in _OUTLIER_UNLABELLED}
        best = max(means, key=lambda key: means[key])
        name = f"{_OUTLIER_UNLABELLED[best]}, no labels"
        rows.append(_auc_row(r, best, name, 0, suffix))
    return table(["ROC-AUC, %", *_OUTLIER_SETS, "mean"], rows)


def _auc_row(r: Results, key: str, name: str, percent: int, suffix: str) -> list[str]:
    mean = r["figures"].get(f"{key}_mean_auc_{percent}{suffix}")
    cells = [_auc_cell(r, f"{key}_{of}", f"{percent}{suffix}") for of in _OUTLIER_SETS]
    return [name, *cells, "–" if mean is None else f"{100 * mean:.1f}"]


def _auc_cell(r: Results, key: str, at: str) -> str:
    """Return mean and standard deviation, and the number of splits where they are not ten."""
    mean, deviation = (r["figures"].get(f"{key}_{what}_{at}") for what in ("auc", "sd"))
    if mean is None:
        return "–"
    shown = f"{100 * mean:.1f}"
    if deviation is not None:
        shown += f" ± {100 * deviation:.1f}"
    n = r["spread"][f"{key}_auc_{at}"][2]
    return shown if n == 10 else f"{shown} ({n})"


def deep_sad_cpu() -> str:
    r = read("deep_sad")
    names = _OUTLIER_OURS | _OUTLIER_LABELLED | _OUTLIER_UNLABELLED
    rows = []
    for key, name in names.items():
        percent = 0 if key in _OUTLIER_UNLABELLED else 5
        cells = [figure(r, f"{key}_{of}_cpu_s_{percent}", ".2f") for of in _OUTLIER_SETS]
        rows.append([name, *cells])
    return table(["CPU seconds a fit", *_OUTLIER_SETS], rows)


_EXPLAINERS = {
    "ours": "ours: captum `IntegratedGradients` from each background row",
    "gradient_shap": "captum `GradientShap`",
    "shap_gradient": "shap `GradientExplainer`",
    "shap_deep": "shap `DeepExplainer`",
    "draws": "5,000 other draws",
}


def attribution_explainers(columns: int) -> str:
    r = read("attribution")
    rows = [
        [
            name,
            figure(r, f"{key}_rho_{columns}"),
            figure(r, f"{key}_additivity_median_{columns}", ".1%"),
            figure(r, f"{key}_additivity_max_{columns}", ".1%"),
            figure(r, f"{key}_ms_{columns}", ",.0f"),
        ]
        for key, name in _EXPLAINERS.items()
    ]
    return table([f"{columns} columns", "agrees", "misses, median", "most", "CPU ms a row"], rows)


def attribution() -> str:
    r = read("attribution")
    shown = {
        "planted column first, 100 columns": ("planted_top1", ".1%"),
        "planted column first, 500 columns": ("planted_top1_500", ".1%"),
        "most that a row misses of its difference, 100 columns": ("additivity_error", ".1%"),
        "most that a row misses of its difference, 500 columns": ("additivity_error_500", ".1%"),
        "CPU ms a row, 100 columns": ("ms_per_row_100", ".0f"),
        "CPU ms a row, 500 columns": ("ms_per_row_500", ".0f"),
        "CPU ms a row, 20,000 sparse columns": ("sparse_ms_per_row", ",.0f"),
        "without gradients, a VAE, 100 columns: CPU ms a row": ("sampling_ms_per_row_100", ",.0f"),
        "its planted column first": ("sampling_planted_top1", ".1%"),
        "its agreement with other orders of the columns": ("sampling_rho_orders", ".3f"),
    }
    return table(["", ""], [[name, figure(r, *key)] for name, key in shown.items()])


_SCANNER = {
    "": "**Deep SAD**, all columns",
    "server_left_out_": "without paths, extensions, queries, referrers, users",
    "idle_left_out_": "without columns that are zero in all of training",
    "both_left_out_": "without both",
    "random_forest_": "random forest, labels alone, all columns",
    "isolation_forest_": "isolation forest, no labels",
    "path_unseen_": "lines with a path never seen in training, alone",
    "agent_unseen_": "lines with an agent never seen in training, alone",
    "lines_": "lines in the window, alone",
}


def weblog() -> str:
    r = read("weblog")
    rows = []
    for key, name in _SCANNER.items():
        labelled = 5 if f"{key}unseen_scanner_ap_5" in r["figures"] else 0
        names = [f"unseen_scanner_ap_{percent}" for percent in (0, 1, 5)]
        names += [f"{what}_{labelled}" for what in ("unseen_scanner_auc", "recall_at_1pct_fpr")]
        rows.append([name, *(figure(r, key + name, ".2f") for name in names)])
    header = ["", "PR-AUC, no labels", "1 %", "5 %", "ROC-AUC", "recall at 1 % false alarms"]
    return table(header, rows)


def weblog_counts() -> str:
    r = read("weblog")
    parts = {
        "access log, learnt from": "training", "Acunetix, learnt from": "scan",
        "access log, held out": "held_out", "w3af, never seen": "unseen_scan",
    }  # fmt: skip
    rows = [
        [name, *(figure(r, f"{key}_{of}", ",.0f") for of in ("windows", "lines"))]
        for name, key in parts.items()
    ]
    return table(["", "windows", "lines"], rows)


def weblog_rows() -> str:
    rows = []
    for rank, row in read("weblog")["parts"]["explained"].items():
        told = [
            f"`{row[f'top_{i}_feature']}` {float(row[f'top_{i}_value']):g} "
            f"(+{float(row[f'top_{i}_attribution']):.0f})"
            for i in (1, 2, 3)
        ]
        rows.append([rank, row["time"], f"{float(row['anomaly_score']):.0f}", ", ".join(told)])
    return table(["rank", "window", "score", "value, and what it adds"], rows)


_TRACES = {
    "": "**event-seq2seq**, mean −ln p",
    "rate_": "event-seq2seq, misclassification rate",
    "next_event_": "next event, the least expected of a segment",
    "n_grams_": "n-grams",
    "event_counts_": "event counts",
}


def traces(split: str) -> str:
    r = read("traces")
    rows = [
        [
            title,
            figure(r, f"{split}{detector}files_found", ".1f"),
            figure(r, f"{split}{detector}files_false", ".1f"),
            figure(r, f"{split}{detector}segment_f1"),
            figure(r, f"{split}{detector}segment_f1_tail"),
            figure(r, f"{split}{detector}segment_auc"),
            figure(r, f"{split}{detector}clean_flagged"),
        ]
        for detector, title in _TRACES.items()
        if f"{split}{detector}segment_f1" in r["figures"]
    ]
    header = [
        "detector",
        "faulty files found, of 5",
        f"clean files flagged, of {figure(r, f'{split}clean_files', '.0f')}",
        "segment F1, mean + 3 sigma",
        "segment F1, tail",
        "segment ROC-AUC",
        "clean segments flagged, mean + 3 sigma",
    ]
    return table(header, rows)


def traces_faults() -> str:
    r = read("traces")
    faults = ("ls_fifo_01", "ls_fifo_02", "ls_sporadic", "busy_loop_half", "busy_loop_full")
    rows = [
        [title, *(figure(r, f"{detector}{fault}_recall") for fault in faults)]
        for detector, title in _TRACES.items()
    ]
    return table(["segments found, share", *(f"`{fault}`" for fault in faults)], rows)


def traces_windows() -> str:
    r = read("traces")
    rows = [
        [
            what,
            figure(r, f"{part}_windows", ",.0f"),
            figure(r, f"{part}_windows_distinct", ",.0f"),
        ]
        for part, what in (("train", "learnt from"), ("test", "judged"))
    ]
    return table(["windows of `event-seq2seq`", "cut", "distinct"], rows)


def traces_cost() -> str:
    r = read("traces")
    rows = [
        [
            title,
            figure(r, f"{detector}fit_cpu_s", ".1f"),
            figure(r, f"{detector}score_cpu_s", ".1f"),
        ]
        for detector, title in _TRACES.items()
    ]
    header = [
        "detector",
        f"CPU s to learn {r['figures']['train_segments']:.0f} segments",
        f"CPU s to score {r['figures']['test_segments']:.0f}",
    ]
    return table(header, rows)


_ADFA = {
    "ensemble": "**trace-ensemble**: least surprise of the three in bold below",
    "ensemble_sum": "the same, sum of the surprises",
    "ensemble_seq2seq": "the same, least surprise, with event-seq2seq",
    "seq2seq": "event-seq2seq, calmest 100 events",
    "seq2seq_rate": "event-seq2seq, misclassification rate, calmest 100 events",
    "seq2seq_mean": "event-seq2seq, all events",
    "ngram_lm_stretch": "**n-grams**, language model, calmest 100 events",
    "ngram_lm": "n-grams, language model, all events",
    "ngram": "n-grams, share of unseen 7-grams",
    "profile": "**nearest-profile**",
    "event_counts_saturated": "**event-counts**, saturated",
    "event_counts": "event-counts",
    "next_event": "next-event, least expected event",
}
_ADFA_FAMILIES = ("adduser", "hydra_ftp", "hydra_ssh", "java_meterpreter")


def adfa() -> str:
    r = read("adfa")
    rows = [
        [
            title,
            *(figure(r, f"{name}_{key}") for key in ("auc", "pr_auc")),
            *(figure(r, f"{name}_f1_{rule}") for rule in ("tail_5", "tail_10", "sigma_3")),
            figure(r, f"{name}_false_tail_10"),
            figure(r, f"{name}_dev_auc"),
        ]
        for name, title in _ADFA.items()
    ]
    header = [
        "detector", "ROC-AUC", "PR-AUC", "F1, tail 5 %", "F1, tail 10 %", "F1, mean + 3 sigma",
        "normal traces flagged at 10 %", "ROC-AUC in development",
    ]  # fmt: skip
    return table(header, rows)


def adfa_families() -> str:
    r = read("adfa")
    shown = ("ensemble", "seq2seq", "ngram_lm_stretch", "ngram", "event_counts")
    rows = [
        [
            f"{family} ({figure(r, f'{family}_traces', '.0f')})",
            *(figure(r, f"{name}_{family}_auc") for name in shown),
            figure(r, f"ensemble_{family}_recall_tail_5"),
            figure(r, f"ensemble_{family}_recall_tail_10"),
        ]
        for family in _ADFA_FAMILIES
    ]
    titles = (_ADFA[name].split(":")[0].replace("**", "") for name in shown)
    found = ("found by the ensemble, tail 5 %", "tail 10 %")
    return table(["attack (traces)", *(f"ROC-AUC, {title}" for title in titles), *found], rows)


def adfa_cost() -> str:
    r = read("adfa")
    rows = [
        [title, *(figure(r, f"{name}_{key}_cpu_s", ".1f") for key in ("fit", "score"))]
        for name, title in _ADFA.items()
    ]
    scored = sum(r["figures"][f"{part}_traces"] for part in ("train", "threshold", "test"))
    header = [
        "detector",
        f"CPU s to learn {figure(r, 'train_traces', ',.0f')} traces",
        f"CPU s to score {scored:,.0f}",
    ]
    return table(header, rows)


def adfa_windows() -> str:
    r = read("adfa")
    rows = []
    for title, part in (("training, stride 2", "train"), ("scoring, stride 5", "score")):
        cut, distinct = (r["figures"][f"{part}_windows_{key}"] for key in ("cut", "distinct"))
        rows.append([title, f"{cut:,.0f}", f"{distinct:,.0f}", f"{cut / distinct:.1f}"])
    return table(["windows of 10 + 5 events", "cut", "distinct", "saved, times"], rows)


_SKAB = {
    "always": "always alarm",
    "znorm": "‖z‖²",
    "znorm_smoothed": "‖z‖², mean of 20 s",
    "mahalanobis": "Mahalanobis",
    "pca": "PCA error",
    "iforest": "isolation forest",
    "lstm_ae_error": "LSTM autoencoder, plain error",
    "two_stage": "two-stage",
    "lstm_ae": "**LSTM autoencoder**",
    "var": "**vector autoregression**",
}


def skab() -> str:
    r = read("skab")
    keys = ("f1", "far", "mar", "vus_pr")
    rows = [
        [
            title,
            *(figure(r, f"{name}_{key}", ".2f" if key != "f1" else ".3f") for key in keys),
            figure(r, f"{name}_unseen_f1"),
            figure(r, f"{name}_cpu_s_per_file", ".1f"),
        ]
        for name, title in _SKAB.items()
        if f"{name}_f1" in r["figures"]
    ]
    header = ["", "F1", "FAR", "MAR", "VUS-PR", "F1 on the unseen 8", "CPU s a file"]
    return table(header, rows)


def skab_whole() -> str:
    r = read("skab")
    rows = [
        [title.strip("*"), *(figure(r, f"{name}_whole_{key}") for key in ("f1", "far", "vus_pr"))]
        for name, title in _SKAB.items()
        if f"{name}_whole_f1" in r["figures"]
    ]
    return table(["", "F1", "FAR", "VUS-PR"], rows)


def formats() -> str:
    from amiss.read.formats import FORMATS

    return table(["name", "lines of"], [[f"`{known.name}`", known.title] for known in FORMATS])


def onboarding() -> str:
    rows = []
    for name, found in read("onboarding")["parts"].items():
        fits = f"{found['format']}, {100 * found['fits']:.0f} %"
        right = "yes" if found["key_right"] else "**no**"
        rows.append([name, fits, found["truth"], _chosen(found), right, f"{found['flagged']:,}"])
    header = ["log", "format, lines that fit", "truth", "discovered", "right", "findings"]
    return table(header, rows)


def _chosen(found: dict[str, Any]) -> str:
    """Return what was discovered, in words; long patterns cut."""
    option, value = found["option"], found["value"]
    if option == "every":
        return f"none: windows of {value:g} s"
    if option == "window":
        return f"none: windows of {value} lines"
    shown = str(value).replace("|", "\\|")
    shown = f"`{shown if len(shown) <= 40 else shown[:39] + '…'}`"
    return {"session_field": "field ", "by": "by "}.get(option, "") + shown


def onboarding_totals() -> str:
    r = read("onboarding")
    names = {
        "formats right": ("formats_right", "formats_total"),
        "keys right": ("keys_right", "keys_total"),
        "keys right on halves": ("keys_right_halves", "keys_total_halves"),
    }
    rows = [[n, f"{figure(r, a, '.0f')} of {figure(r, b, '.0f')}"] for n, (a, b) in names.items()]
    misplaced = f"{figure(r, 'findings_misplaced', '.0f')} of {figure(r, 'findings', ',.0f')}"
    rows.append(["findings that point at no line, or show another text", misplaced])
    rows.append(["crashes", figure(r, "crashes", ".0f")])
    return table(["", ""], rows)


_SYSTEMS = {
    "apache": "Apache", "bgl": "BGL", "hdfs": "HDFS", "hadoop": "Hadoop",
    "healthapp": "HealthApp", "linux": "Linux", "openssh": "OpenSSH", "openstack": "OpenStack",
    "spark": "Spark", "thunderbird": "Thunderbird", "mean": "mean",
}  # fmt: skip
_PARSERS = {"": "amiss", "drain3_": "Drain3", "tipping_": "Tipping", "loglead_": "LogLead"}


def parsing() -> str:
    r = read("parsing")
    rows = [
        [
            title,
            *(figure(r, f"{peer}ga_{system}") for peer in _PARSERS),
            figure(r, f"pa_{system}"),
        ]
        for system, title in _SYSTEMS.items()
    ]
    header = ["system", *(f"{name}, grouping" for name in _PARSERS.values()), "amiss, parsing"]
    return table(header, rows)


def parsing_checks() -> str:
    r = read("parsing")
    return table(
        ["mean grouping accuracy of amiss", ""],
        [
            ["as it is", figure(r, "ga_mean")],
            ["each system by the constants best on the other nine", figure(r, "ga_mean_left_out")],
            ["with other constants: median (least – most)", figure(r, "ga_mean_other_constants")],
            ["of raw lines, header recognised and taken off", figure(r, "raw_ga_mean")],
        ],
    )


def parsing_speed() -> str:
    r = read("parsing")
    return table(
        ["1,000,000 lines of HDFS, fresh block ids", "lines a CPU second"],
        [
            ["raw file to templates", figure(r, "lines_per_cpu_s", ",.0f")],
            ["raw file to sessions", figure(r, "lines_per_cpu_s_sessions", ",.0f")],
            ["the same, of UUIDs as ids", figure(r, "lines_per_cpu_s_sessions_uuid", ",.0f")],
            ["Drain3, of messages", figure(r, "drain3_lines_per_cpu_s", ",.0f")],
            ["LogLead (Drain), of messages", figure(r, "loglead_lines_per_cpu_s", ",.0f")],
            ["to sessions over Drain3, in turn", figure(r, "ratio_drain3", ".1f")],
            ["to sessions over LogLead, in turn", figure(r, "ratio_loglead", ".1f")],
        ],
    )


def parsing_growth() -> str:
    r = read("parsing")
    rows = [
        [
            f"{lines:,}",
            *(
                figure(r, f"scale_{lines}_{command}_{what}", form)
                for command in ("fit", "detect")
                for what, form in (("cpu_s", ".0f"), ("wall_s", ".0f"), ("peak_gb", ".2f"))
            ),
        ]
        for lines in (200_000, 1_000_000, 4_000_000, 11_000_000)
    ]
    parts = ("CPU s", "s", "peak GB")
    header = ["lines", *(f"{command}, {part}" for command in ("fit", "detect") for part in parts)]
    return table(header, rows)


def parsing_cost() -> str:
    r = read("parsing")
    rows = [
        [name, figure(r, f"{peer}cpu_s", ".1f"), figure(r, f"{peer}peak_gb", ".2f")]
        for peer, name in _PARSERS.items()
        if peer
    ]
    return table(["parser", "CPU seconds", "peak memory, GB"], rows)


def report_incidents() -> str:
    r = read("report")
    f, spread = r["figures"], r["spread"]
    low, high, runs = spread["incident_purity_simulated"]
    false_alarms = "incident_purity_simulated_{}_false_alarms_impure"
    rows = [
        [
            "HDFS set: findings, incidents",
            f"{f['incidents_hdfs_findings']:,.0f}, **{f['incidents_hdfs']:.0f}**",
        ],
        [
            "the largest, and how many of one finding",
            f"{f['incidents_hdfs_largest']:.0f}, {f['incidents_hdfs_of_one_finding']:.0f}",
        ],
        [
            "share of findings whose label is that of most of their incident",
            f"{f['incidents_hdfs_label_purity']:.3f}",
        ],
        [
            f"simulated, {runs:.0f} runs: purity (range)",
            f"**{f['incident_purity_simulated']:.4f}** ({low:.4f} – {high:.4f})",
        ],
        [
            "the same, were false alarms of no incident: scan, detect",
            ", ".join(f"{f[false_alarms.format(name)]:.3f}" for name in ("scan", "detect")),
        ],
        ["most incidents of one fault and episode", f"**{f['incidents_per_episode_max']:.0f}**"],
        ["episodes that share no incident with another", f"{100 * f['episodes_told_apart']:.1f} %"],
        ["CPU seconds to group 20,000 findings", f"{f['incidents_grouping_cpu_s_20000']:.1f}"],
    ]
    return table(["", ""], rows)


def report_page() -> str:
    r = read("report")
    counts = [100, 1_000, 10_000]
    rows = [
        [f"{n:,}", figure(r, f"html_kb_{n}", ".0f"), figure(r, f"render_s_{n}", ".2f")]
        for n in counts
    ]
    return table(["findings", "file (kB)", "time (s)"], rows)


TABLES: dict[str, Callable[[], str]] = {
    "incidents": report_incidents,
    "report-page": report_page,
    "parsing": parsing,
    "parsing-checks": parsing_checks,
    "parsing-cost": parsing_cost,
    "parsing-speed": parsing_speed,
    "parsing-growth": parsing_growth,
    "formats": formats,
    "onboarding": onboarding,
    "onboarding-totals": onboarding_totals,
    "skab": skab,
    "skab-whole": skab_whole,
    "adfa": adfa,
    "adfa-families": adfa_families,
    "adfa-cost": adfa_cost,
    "adfa-windows": adfa_windows,
    "traces-between": partial(traces, ""),
    "traces-beyond": partial(traces, "beyond_"),
    "traces-faults": traces_faults,
    "traces-cost": traces_cost,
    "traces-windows": traces_windows,
    "weblog": weblog,
    "weblog-counts": weblog_counts,
    "weblog-rows": weblog_rows,
    "hdfs-detection": hdfs_detection,
    "hdfs-members": hdfs_members,
    "hdfs-cut": hdfs_cut,
    "hdfs-speed": hdfs_speed,
    "next-event-speed": next_event_speed,
    "loglizer-sessions": loglizer_sessions,
    "loglizer-windows": loglizer_windows,
    "loglizer-split": loglizer_split,
    "loglizer-deeplog": loglizer_deeplog,
    "tuning": tuning,
    "attribution": attribution,
    "attribution-100": partial(attribution_explainers, 100),
    "attribution-500": partial(attribution_explainers, 500),
    "cifar10-cost": cifar10_cost,
    "cifar10-masks": cifar10_masks,
    "kdd99-detection": kdd99_detection,
    "kdd99-unseen": kdd99_unseen,
    "kdd99-source": kdd99_source,
    "kdd99-steps": kdd99_steps,
    "kdd99-to-auc": kdd99_to_auc,
    "kdd99-cost": kdd99_cost,
    "deep-sad-sets": deep_sad_sets,
    "deep-sad-cpu": deep_sad_cpu,
    **{
        f"deep-sad-auc-{percent}{suffix.replace('_', '-')}": partial(deep_sad_auc, percent, suffix)
        for percent in (0, 1, 5)
        for suffix in ("", "_clean")
    },
}

if __name__ == "__main__":
    sys.exit(main())
