"""Make log text harmless to show."""

from __future__ import annotations

import re
from typing import Any

# Controls (C0, delete, C1), line and paragraph separators, and what is invisible or reorders what
# is read: soft hyphen, zero-width and bidirectional marks, annotations, tags, lone surrogates.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\xad\u061c\u180e\u200b-\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\U0001d173-\U0001d17a\U000e0000-\U000e007f]"
)
_FORMULA = ("=", "+", "-", "@", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""What a spreadsheet takes for a formula begins so, after blanks too; the last four are wide."""
_SHORT = {"\t": " "}


def visible(text: str, width: int | None = None) -> str:
    r"""Return `text` with control and invisible characters written out, at most `width` long.

    Examples
    --------
    >>> visible("a\x1b[31mred\u202e")
    'a\\x1b[31mred\\u202e'
    >>> visible("a long line", 6)
    'a lon…'
    """
    if width is not None:
        width = max(0, width)
        text = text[: width + 1]  # a 1 MB line is not escaped to be cut after
    shown = _UNSAFE.sub(_written_out, text)
    if width is not None and len(shown) > width:
        return shown[: width - 1] + "…" if width else ""
    return shown


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"


def csv_cell(value: Any) -> Any:
    """Return a cell that is harmless to open: read_verdicts takes off the ' before a formula.

    Examples
    --------
    >>> csv_cell("=1+1"), csv_cell(2)
    ("'=1+1", 2)
    """
    if not isinstance(value, str):
        return value
    text = visible(value)
    # What looks like the mark already gets one more, so that taking one off gives it back.
    return f"'{text}" if text.lstrip("' \u3000\xa0").startswith(_FORMULA) else text
