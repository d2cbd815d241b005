"""Make log text harmless to show."""

from __future__ import annotations

import re

# C0 and C1 controls, delete, zero-width and bidirectional marks, line and paragraph separators,
# byte-order mark, and the tag characters: nothing that moves a cursor or reorders what is read.
_UNSAFE = re.compile(
    "[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff\U000e0000-\U000e007f]"
)
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
    if width is not None and len(text) > 4 * width:
        text = text[: 4 * width]  # a 1 MB line is not escaped to be cut after
    shown = _UNSAFE.sub(_written_out, text)
    if width is not None and len(shown) > width:
        return shown[: width - 1] + "…"
    return shown


def _written_out(match: re.Match[str]) -> str:
    character = match[0]
    if character in _SHORT:
        return _SHORT[character]
    code = ord(character)
    if code < 0x100:
        return f"\\x{code:02x}"
    return f"\\u{code:04x}" if code < 0x10000 else f"\\U{code:08x}"
