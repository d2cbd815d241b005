"""Drain3, Tipping and LogLead for ``benchmarks.parsing``, in an environment of their own.

``python parsers.py PARSER MESSAGES CLUSTERS`` reads one message a line, writes the number of its
cluster for each, a tab and the cluster's template where the parser has one, and prints what it
took as one JSON object. Parsers have the defaults of their library, but Drain3, which has no masks
of its own: it is given the four generic ones that its users start with.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Callable
from importlib import import_module
from importlib.metadata import version
from pathlib import Path
from typing import Any

# What `import_module` gives is Any: the libraries are not in the environment of the type checker.
Parsed = tuple[list[Any], list[str]]
MASKS = (
    (r"((?<=[^A-Za-z0-9])|^)(\d{1,3}\.\d{1,3}\.\d{1,3}\.\d{1,3}(:\d+)?)((?=[^A-Za-z0-9])|$)", "*"),
    (r"((?<=[^A-Za-z0-9])|^)(0x[a-fA-F0-9]+)((?=[^A-Za-z0-9])|$)", "*"),
    (r"((?<=[^A-Za-z0-9])|^)([0-9a-f]{6,} ?){3,}((?=[^A-Za-z0-9])|$)", "*"),
    (r"((?<=[^A-Za-z0-9])|^)([\-\+]?\d+)((?=[^A-Za-z0-9])|$)", "*"),
)


def drain3(messages: list[str]) -> Parsed:
    """Return clusters, and the template that each ended up with."""
    library = import_module("drain3")
    masking = import_module("drain3.masking")
    config = import_module("drain3.template_miner_config").TemplateMinerConfig()
    config.masking_instructions = [masking.MaskingInstruction(*mask) for mask in MASKS]
    miner = library.TemplateMiner(config=config)
    ids = [miner.add_log_message(message)["cluster_id"] for message in messages]
    texts = {cluster.cluster_id: cluster.get_template() for cluster in miner.drain.clusters}
    return ids, [texts[i] for i in ids]


def tipping(messages: list[str]) -> Parsed:
    """Return clusters; messages without one are clusters of their own text."""
    found, _, _ = import_module("tipping").parse(messages, return_templates=False)
    return [m if i is None else i for i, m in zip(found, messages, strict=True)], []


def loglead(messages: list[str]) -> Parsed:
    """Return the clusters of Drain as LogLead runs it: after its own normalisation."""
    polars = import_module("polars")
    enhancers = import_module("loglead.enhancers")
    enhancer = enhancers.EventLogEnhancer(polars.DataFrame({"m_message": messages}))
    enhancer.normalize()
    table = enhancer.parse_drain()
    return table["e_event_drain_id"].to_list(), []


PARSERS: dict[str, Callable[[list[str]], Parsed]] = {
    "drain3": drain3,
    "tipping": tipping,
    "loglead": loglead,
}


def main() -> None:
    name, source, target = sys.argv[1:]
    messages = Path(source).read_text(encoding="utf-8").split("\n")[:-1]
    started, base = time.process_time(), _peak_gb()
    ids, texts = PARSERS[name](messages)
    took = time.process_time() - started
    numbers: dict[Any, int] = {}
    rows = zip(ids, texts or [""] * len(ids), strict=True)
    lines = [f"{numbers.setdefault(i, len(numbers))}\t{text}\n" for i, text in rows]
    Path(target).write_text("".join(lines), encoding="utf-8")
    said = {"version": version(name), "cpu_s": took, "peak_gb": _peak_gb(), "messages_gb": base}
    print(json.dumps(said))


def _peak_gb() -> float:
    # Not of `resource`: the memory of who started this process is in it.
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith("VmHWM")).split()[1]) * 1024 / 1e9


if __name__ == "__main__":
    main()
