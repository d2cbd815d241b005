"""The state of a template miner as plain JSON values, of this version and of earlier ones."""

from __future__ import annotations

from typing import Any

from amiss.errors import ModelError
from amiss.represent.template_keys import items_of


def checked_state(state: Any) -> dict[str, Any]:
    """Return a state as it is written today; it may be of a model of an earlier version.

    Raises
    ------
    ModelError
        It is not one.
    """
    try:
        texts, joined = state["templates"], state["joined"]
        exact = state["exact"] if "exact" in state else state["similarity"] > 1
        keys, counts = state.get("keys"), state.get("counts")
        aliases, names = state.get("aliases", {}), state.get("names", {})
        split = state.get("split", [])
    except (KeyError, TypeError, AttributeError) as error:
        raise ModelError(f"the templates in this model are malformed ({error!r})") from None

    def is_id(value: Any) -> bool:
        return isinstance(value, int) and 0 <= value < len(texts)

    def are_texts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(text, str) for text in value)

    def are_counts(value: Any) -> bool:
        return isinstance(value, list) and all(isinstance(n, int) and n >= 0 for n in value)

    def of_ids(value: Any) -> bool:  # keys of JSON are text
        return isinstance(value, dict) and all(
            isinstance(i, str) and i.isdecimal() and is_id(int(i)) for i in value
        )

    def is_row(value: Any) -> bool:
        return (
            isinstance(value, list)
            and len(value) == 3
            and are_texts(value[0])
            and is_id(value[1])
            and isinstance(value[2], bool)
        )

    well_formed = (
        isinstance(exact, bool)
        and are_texts(texts)
        and isinstance(joined, dict)
        and all(is_id(i) for i in joined.values())
        and of_ids(aliases)
        and all(map(is_id, aliases.values()))
        and not {int(i) for i in aliases} & set(aliases.values())  # one step, no circle
        and of_ids(names)
        and are_texts(list(names.values()))
        and isinstance(split, list)
        and all(map(is_id, split))
        and (counts is None or (are_counts(counts) and len(counts) == len(texts)))
        and (keys is None or isinstance(keys, list))
        and all(isinstance(rows, list) and all(map(is_row, rows)) for rows in keys or [])
    )
    if not well_formed:
        raise ModelError("the templates in this model are malformed; expected texts and ids")
    if keys is None and not exact:
        # Before there were keys, they were the words of the text, and each wildcard covered.
        rows = enumerate(items_of(texts))
        keys = [[[[item.key for item in items], i, True] for i, items in rows]]
    return {
        "exact": exact,
        "templates": texts,
        "joined": joined,
        "keys": keys or [],
        "counts": counts,
        "aliases": {int(i): target for i, target in aliases.items()},
        "split": split,
        "names": {int(i): name for i, name in names.items()},
    }
