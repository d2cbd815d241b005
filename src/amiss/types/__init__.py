"""The few frozen types that travel between the rooms.

Nothing here computes more than a view of itself, and no array is written to after construction.
Times are milliseconds since the epoch, UTC, as int64; ``NO_TIME`` stands for a line without one.
"""

from amiss.types.events import (
    BEGIN,
    END,
    NO_TIME,
    PAD,
    LogInfo,
    Numbers,
    RecordBatch,
    Sequences,
    Windows,
    distinct_codes,
    ragged_index,
)
from amiss.types.feedback import NOTHING_MUTED, Feedback, Muted
from amiss.types.hexadecimal import level_hexadecimal
from amiss.types.tables import Images, Judgement, RowIndex, Table, Timeline
from amiss.types.texts import cut_texts, texts_at
from amiss.types.verdicts import (
    Contribution,
    Deviation,
    Difference,
    Expectation,
    Feature,
    Finding,
    Incident,
    JudgedUngrouped,
    Location,
    Misprediction,
    Region,
    Shared,
    StoryLine,
    Surprise,
    Symptom,
    TemplateUse,
    Threshold,
    TimeHistogram,
    TraceVerdict,
)

__all__ = [
    "BEGIN",
    "END",
    "NOTHING_MUTED",
    "NO_TIME",
    "PAD",
    "Contribution",
    "Deviation",
    "Difference",
    "Expectation",
    "Feature",
    "Feedback",
    "Finding",
    "Images",
    "Incident",
    "JudgedUngrouped",
    "Judgement",
    "Location",
    "LogInfo",
    "Misprediction",
    "Muted",
    "Numbers",
    "RecordBatch",
    "Region",
    "RowIndex",
    "Sequences",
    "Shared",
    "StoryLine",
    "Surprise",
    "Symptom",
    "Table",
    "TemplateUse",
    "Threshold",
    "TimeHistogram",
    "Timeline",
    "TraceVerdict",
    "Windows",
    "cut_texts",
    "distinct_codes",
    "level_hexadecimal",
    "ragged_index",
    "texts_at",
]
