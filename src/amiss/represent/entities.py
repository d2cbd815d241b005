"""Activity to a sparse matrix: a column for each value worth one, and none left out silently.

Which values get a column is learnt once (`EntityFeatures.fit`) and reused at detection. Others are
counted together: those that training had too seldom as ``rare``, those it never had as ``unseen``.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from hashlib import blake2b
from typing import Any

import numpy as np
import polars as pl
from numpy.typing import NDArray
from scipy import sparse

from amiss.errors import InputError, ModelError
from amiss.represent.activity import TEMPLATE, Activity, ValueCounts, check_alike
from amiss.represent.templates import TemplateMiner
from amiss.types import RowIndex, Table, distinct_codes

MIN_ROWS = 5
"""Rows of training that must have a value for a column of its own: of fewer, a detector would learn
nothing but that they were there."""
MAX_VALUES = 20
"""Columns for values of one field, those of most rows first. The twentieth path of a site is in
less than one row of a hundred; with fifty, isolation forests told a scan from visitors less well.
"""
MAX_TEMPLATES = 200
"""Columns for templates: they are what a log says, not one field of ten."""
MAX_SHARES = 12
"""A field of at most so many values (methods, classes of status, protocols) gets shares beside its
counts: half of the requests failing means something, the share of one path in hundreds does not.
Each of them has a column, however seldom: nobody can name the errors of a server in a pool of rest.
A field of more has the length of its longest value instead: what is one of few does not grow."""
_RESERVED = frozenset({"rare", "unseen", "missing", "distinct", "length_max", "sum", "max", "mean"})


@dataclass(frozen=True, slots=True)
class _Field:
    """What is known of the values of one field.

    Attributes
    ----------
    kept : tuple of str
        Values with a column; of templates their ids.
    pooled : frozenset of str
        Digests of the others that training had: the words of a log stay out of a model.
    few : bool
        There are few values: shares say something.
    """

    kept: tuple[str, ...]
    pooled: frozenset[str]
    few: bool


class EntityFeatures:
    """The columns that activity is counted in.

    Parameters
    ----------
    min_rows : int
        Rows of training that must have a value for a column of its own.
    max_values : int
        Columns for values of one field; templates may have 200.
    max_shares : int
        A field of at most so many values has shares beside its counts, and all of them columns.

    Attributes
    ----------
    by : str
        The field that names entities.
    every : int
        Length of a window in milliseconds.
    format : str
        The header format of the log learnt from.
    fields : tuple of str
    columns : tuple of str

    Examples
    --------
    >>> import polars as pl
    >>> frame = pl.DataFrame({"time": range(0, 60_000, 1000), "client": ["a", "b"] * 30})
    >>> frame = frame.with_columns(status=pl.Series((["200"] * 5 + ["404"]) * 10))
    >>> activity = Activity.from_frame(frame, by="client", every=10_000)
    >>> space = EntityFeatures()
    >>> table = space.fit_transform(activity)
    >>> table.columns[:4]
    ('lines', 'status__200', 'status__404', 'status__rare')
    >>> table.values.toarray()[1, :4].tolist()
    [5.0, 4.0, 1.0, 0.0]
    >>> space.describe("status__404")
    'lines with status 404'
    """

    def __init__(
        self,
        *,
        min_rows: int = MIN_ROWS,
        max_values: int = MAX_VALUES,
        max_shares: int = MAX_SHARES,
    ) -> None:
        self.min_rows = min_rows
        self.max_values = max_values
        self.max_shares = max_shares
        self.by = self.format = ""
        self.every = 0
        self._fields: dict[str, _Field] = {}
        self._numeric: tuple[str, ...] = ()
        self._miner: TemplateMiner | None = None
        self._words: dict[str, str] = {}

    def __repr__(self) -> str:
        return f"<EntityFeatures: {len(self.columns):,} columns by {self.by}>"

    @property
    def miner(self) -> TemplateMiner | None:
        """Templates of the messages, where they were counted."""
        return self._miner

    @property
    def fields(self) -> tuple[str, ...]:
        """What has to be counted, numbers included."""
        return tuple(self._fields)

    @property
    def columns(self) -> tuple[str, ...]:
        """Names of the columns."""
        return tuple(self._words)

    @property
    def reading(self) -> dict[str, Any]:
        """The arguments of `amiss.read_activity` that count other logs in the same way."""
        return {
            "by": self.by,
            "every": self.every / 1000,
            "format": self.format,
            "fields": self.fields,
        }

    def describe(self, column: str) -> str:
        """Return what a column counts, in words; the template itself for a template.

        Raises
        ------
        InputError
            There is no such column.
        """
        if column not in self._words:
            raise InputError(f"no column {column[:60]!r} among the {len(self._words):,} counted")
        return self._words[column]

    def values_behind(self, column: str, activity: Activity, row: int) -> list[tuple[str, int]]:
        """Return which values a column of one row pools, each with its lines, the most first.

        Empty for columns that pool none.

        Examples
        --------
        >>> import polars as pl
        >>> status = ["200", "500", "500"]
        >>> frame = pl.DataFrame({"time": [0, 1, 2], "client": "a", "status": status})
        >>> activity = Activity.from_frame(frame, by="client", every=1000)
        >>> EntityFeatures().fit(activity).values_behind("status__unseen", activity, 0)
        [('500', 2), ('200', 1)]
        """
        name, _, pool = column.rpartition("__")
        if pool not in ("rare", "unseen") or name not in self._fields or name in self._numeric:
            return []
        counted = activity.counts[name]
        one = counted.counts[[row]]
        values = counted.values.gather(one.indices).to_list()
        known = values
        if name == TEMPLATE and self._miner is not None:
            known = [str(i) for i in self._miner.extended(values)[0]]
        wanted = len(self._fields[name].kept) + (pool == "unseen")
        found = [
            (value, int(lines))
            for value, lines, place in zip(values, one.data, self._places(name, known), strict=True)
            if place == wanted and lines
        ]
        return sorted(found, key=lambda pair: (-pair[1], pair[0]))

    def fit(self, activity: Activity) -> EntityFeatures:
        """Learn which values get a column.

        A value that one visitor alone has gets none, however often: it would tell that visitor
        from all others, and nobody else.
        """
        self.by, self.every, self.format = activity.by, activity.every, activity.log.format
        self._numeric = tuple(activity.numbers)
        self._miner = None
        if TEMPLATE in activity.counts:
            exact = activity.log.templates_given
            self._miner = TemplateMiner.exact() if exact else TemplateMiner()
            self._miner.add(_values_there(activity.counts[TEMPLATE]))
        self._fields = {name: self._learn(name, activity) for name in activity.fields}
        self._words = dict(self._named())
        return self

    def transform(self, activity: Activity) -> Table:
        """Return a row for each window and entity; values are a CSR matrix of counts.

        Raises
        ------
        InputError
            The activity was counted by another entity or window, or has other fields.
        """
        return self._table(activity)

    def fit_transform(self, activity: Activity) -> Table:
        """Learn from rows and return them, each as it would be seen had it not been learnt from.

        What a row alone has, or a visitor alone, would be unseen without it: it counts as
        ``unseen``, there and in other rows, so a detector learns how much news is normal.
        """
        return self.fit(activity)._table(activity)

    def _learn(self, name: str, activity: Activity) -> _Field:
        names, counts = self._values(name, activity.counts[name])
        rows = np.bincount(counts.indices, minlength=len(names))
        there = [names[i] for i in np.flatnonzero(rows)]
        if name in self._numeric:  # how many differ is counted, not which
            return _Field((), frozenset(), few=False)
        of_one = _of_one(counts, activity.index)
        # Values of one alone do not count: a visitor with made-up methods would undo the shares.
        shared = int(((rows > 0) & ~of_one).sum())
        few = shared <= self.max_shares and (shared > 0 or len(there) <= self.max_shares)
        worth = (rows >= (1 if few else self.min_rows)) & ~of_one
        often = sorted(np.flatnonzero(worth).tolist(), key=lambda i: (-rows[i], names[i]))
        most = MAX_TEMPLATES if name == TEMPLATE else self.max_values
        kept = tuple(names[i] for i in often[:most])
        # What one alone had is unseen in its own rows, and no less so in those of others: were it
        # rare there, it would be odder to do what was done before than what never was.
        known = {names[i] for i in np.flatnonzero((rows > 0) & ~of_one)}
        pooled = frozenset(map(_digest, known - set(kept)))
        return _Field(kept, pooled, few)

    def _values(self, name: str, counted: ValueCounts) -> tuple[list[str], Any]:
        """Return values and their counts; of messages by template id, new ones beyond the known."""
        values = counted.values.to_list()
        if name != TEMPLATE or self._miner is None:
            return values, counted.counts
        ids, _ = self._miner.extended(values)
        found, place = np.unique(ids, return_inverse=True)
        merged = _selection(place, len(found))
        return [str(i) for i in found], sparse.csr_array(counted.counts @ merged)

    def _table(self, activity: Activity) -> Table:
        check_alike(activity, self.by, self.every, self.fields)
        blocks = [_column(activity.lines)]
        for name in self.fields:
            if name in self._numeric:
                blocks += self._number_blocks(name, activity)
            else:
                blocks += self._value_blocks(name, activity)
        values = sparse.csr_array(sparse.hstack(blocks, format="csr", dtype=np.float64))
        values.eliminate_zeros()
        values.sort_indices()
        if values.nnz < np.iinfo(np.int32).max:  # scikit-learn's trees take no wider ones
            values.indices = values.indices.astype(np.int32)
            values.indptr = values.indptr.astype(np.int32)
        return Table(values, self.columns, sources=activity.log.sources, index=activity.index)

    def _value_blocks(self, name: str, activity: Activity) -> Iterator[Any]:
        known, counted = self._fields[name], activity.counts[name]
        names, counts = self._values(name, counted)
        k = len(known.kept)
        place = self._places(name, names)
        block = sparse.csr_array(counts @ _selection(place, k + 2)).astype(np.float64)
        lines = counted.lines
        yield block
        yield _column(activity.lines - lines)
        yield _column(np.diff(counts.indptr))
        if known.few:
            part = 1.0 / np.maximum(lines, 1)
            yield sparse.csr_array(sparse.diags_array(part) @ block[:, :k])
        else:
            yield _column(counted.longest)

    def _places(self, name: str, values: list[str]) -> NDArray[np.int64]:
        """Return the column of each value among those of a field: kept ones, rare, unseen."""
        known = self._fields[name]
        column = {value: i for i, value in enumerate(known.kept)}
        rare, unseen = len(column), len(column) + 1
        return np.array(
            [
                column.get(value, rare if _digest(value) in known.pooled else unseen)
                for value in values
            ],
            dtype=np.int64,
        )

    def _number_blocks(self, name: str, activity: Activity) -> Iterator[Any]:
        numbers = activity.numbers[name]
        yield _column(numbers.total)
        yield _column(numbers.largest)
        yield _column(numbers.total / np.maximum(numbers.lines, 1))
        yield _column(activity.lines - numbers.lines)
        yield _column(activity.counts[name].distinct)

    def _named(self) -> Iterator[tuple[str, str]]:
        """Yield the columns in the order of the blocks, each with its words."""
        yield "lines", "lines"
        for name, known in self._fields.items():
            if name in self._numeric:
                yield f"{name}__sum", f"sum of {name}"
                yield f"{name}__max", f"largest {name}"
                yield f"{name}__mean", f"mean {name}"
                yield f"{name}__missing", f"lines without {name}"
                yield f"{name}__distinct", f"different values of {name}"
                continue
            texts = [self._text(name, value) for value in known.kept]
            for value, text in zip(known.kept, texts, strict=True):
                yield f"{name}__{_spelt(value)}", text
            yield f"{name}__rare", f"lines with rare {name}"
            yield f"{name}__unseen", f"lines with unseen {name}"
            yield f"{name}__missing", f"lines without {name}"
            yield f"{name}__distinct", f"different values of {name}"
            if known.few:
                for value, text in zip(known.kept, texts, strict=True):
                    yield f"{name}__{_spelt(value)}__share", f"share of {text}"
            else:
                yield f"{name}__length_max", f"characters of the longest {name}"

    def _text(self, name: str, value: str) -> str:
        if name == TEMPLATE and self._miner is not None:
            return self._miner.templates[int(value)]
        return f"lines with {name} {value}"

    def to_content(self) -> dict[str, Any]:
        """Return what is needed to build this space again, as JSON values."""
        return {
            "by": self.by,
            "every": self.every,
            "format": self.format,
            "min_rows": self.min_rows,
            "max_values": self.max_values,
            "max_shares": self.max_shares,
            "numeric": list(self._numeric),
            "fields": [
                {
                    "name": name,
                    "kept": list(known.kept),
                    "pooled": sorted(known.pooled),
                    "few": known.few,
                }
                for name, known in self._fields.items()
            ],
            "templates": None if self._miner is None else self._miner.to_state(),
        }

    @classmethod
    def from_content(cls, content: dict[str, Any]) -> EntityFeatures:
        """Build a space from `to_content`.

        Raises
        ------
        ModelError
            The content does not have that form.
        """
        try:
            space = cls(
                min_rows=int(content["min_rows"]),
                max_values=int(content["max_values"]),
                max_shares=int(content["max_shares"]),
            )
            space.by, space.format = str(content["by"]), str(content["format"])
            space.every = int(content["every"])
            space._numeric = tuple(map(str, content["numeric"]))
            space._fields = {
                str(known["name"]): _Field(
                    tuple(map(str, known["kept"])),
                    frozenset(map(str, known["pooled"])),
                    bool(known["few"]),
                )
                for known in content["fields"]
            }
            if content["templates"] is not None:
                space._miner = TemplateMiner.from_state(content["templates"])
            space._words = dict(space._named())
        except (KeyError, TypeError, ValueError, IndexError) as error:
            raise ModelError(f"the columns in this model are malformed ({error!r})") from None
        return space


def _values_there(counted: ValueCounts) -> Sequence[str]:
    """Return the values that any row has: rows that were taken may lack some."""
    return counted.values.gather(np.unique(counted.counts.indices)).to_list()


def _of_one(counts: Any, index: RowIndex) -> NDArray[np.bool_]:
    """Return for each value whether it is of one row, or of one visitor, shape (n_values,).

    An entity that was there for less than half of the time is a visitor: others will come instead.
    Those that stay, such as the parts of a program, come again with what is theirs.
    """
    entity, names = distinct_codes(pl.Series(index.entity, dtype=pl.String))
    first = np.full(len(names), np.iinfo(np.int64).max)
    last = np.full(len(names), np.iinfo(np.int64).min)
    np.minimum.at(first, entity, index.start)
    np.maximum.at(last, entity, index.end)
    visitor = 2 * (last - first) < last.max(initial=0) - first.min(initial=last.max(initial=0))
    values = counts.shape[1]
    rows = np.bincount(counts.indices, minlength=values)
    owner = np.repeat(entity, np.diff(counts.indptr))
    low, high = np.full(values, len(names)), np.full(values, -1)
    np.minimum.at(low, counts.indices, owner)
    np.maximum.at(high, counts.indices, owner)
    alone = (low == high) & np.append(visitor, False)[low]
    return np.asarray((rows == 1) | alone, dtype=np.bool_)


def _selection(place: NDArray[np.int64], columns: int) -> Any:
    """Return the matrix that adds up values by their place, shape (n_values, columns)."""
    ones = np.ones(len(place), dtype=np.int64)
    return sparse.csr_array((ones, place, np.arange(len(place) + 1)), shape=(len(place), columns))


def _column(values: NDArray[Any]) -> Any:
    return sparse.csr_array(np.asarray(values, dtype=np.float64)[:, None])


def _digest(value: str) -> str:
    return blake2b(value.encode(), digest_size=8).hexdigest()


def _spelt(value: str) -> str:
    """Return a value as it stands in the name of a column, told from what is no value.

    Examples
    --------
    >>> _spelt("404"), _spelt("rare"), _spelt("")
    ('404', '"rare"', '""')
    """
    plain = value and value not in _RESERVED and "__" not in value and value[0] != '"'
    return value if plain else f'"{value}"'
