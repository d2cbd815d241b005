"""What a format of log lines is: a pattern of their header, or a layout of named values."""

from __future__ import annotations

import re
from dataclasses import dataclass

from amiss.errors import UsageError

#: How records hold their fields: by a pattern of the line, or by names.
HEADER, GIVEN, JSON, LOGFMT, CSV, HASHED, JOURNAL = LAYOUTS = (
    "header", "given", "json", "logfmt", "csv", "hashed", "journal"
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Derived:
    """A field made from another one.

    Attributes
    ----------
    name, source : str
        The field, and the one it is made from, which may be derived itself.
    pattern : str
        What a whole value of the source looks like.
    form : str
        What becomes of it; ``${1}`` is the first group.
    otherwise : str or None
        What becomes of other values; None: such a line has no such field.
    """

    name: str
    source: str
    pattern: str
    form: str = "${1}"
    otherwise: str | None = None


@dataclass(frozen=True, slots=True)
class Format:
    """One format of log lines.

    Attributes
    ----------
    name, title : str
        What the user types, and what the user reads.
    header : str
        The pattern of a whole line; of other layouts, of the lines that begin a record.
    loose : str
        A pattern of the same groups for lines that `header` does not fit; empty: there is none.
    unless : str
        A pattern of lines that fit `header` by chance: they do not speak for the format.
    time : str
        How times are written: the ``strptime`` form, the name of a layout of
        `amiss.read.stamps`, or ``auto``, told by their form; empty where lines carry none.
    time_width : int
        How many characters at the start of a line hold the time; 0: the group ``time`` does.
    session_key : str
        The pattern of the usual session key of such logs; empty where there is none.
    absent : str
        What stands in a field that has no value.
    derived : tuple of Derived
    counted : tuple of str
        Fields whose values say what an entity did.
    numeric : tuple of str
        Fields that are numbers to add up.
    free_text : bool
        Messages say more than the fields that are counted.
    multiline : bool
        Lines without a header continue the record before them.
    tells : str
        A pattern of lines below a header that say what happened; empty: those that name an
        exception do.
    blocks : bool
        Most lines have no header: whatever stands between two of them is one record.
    partial : str
        A pattern of lines that are a part of a longer one: the line below goes on with it.
    wraps : bool
        Messages are lines of programs, which may have headers of their own.
    split_time : bool
        The date and the time of day have names of their own.
    unknown_zone : str
        The name of the zone of the times of a file, where a name is all there is.
    layout : str
        One of `LAYOUTS`.
    columns, message, level, stamp : tuple of str
        Of layouts with named values, once a file was looked at: all names, and those that hold
        the message, the level and the time, the first that is there.
    separator : str
        What stands between the cells of a row.
    instead : tuple of str
        Names whose values say what happened where a record has no message.
    composed : bool
        The message is made of all that `message` names, for want of one.
    """

    name: str
    title: str
    header: str
    loose: str = ""
    unless: str = ""
    time: str = ""
    time_width: int = 0
    session_key: str = ""
    absent: str = ""
    derived: tuple[Derived, ...] = ()
    counted: tuple[str, ...] = ()
    numeric: tuple[str, ...] = ()
    free_text: bool = True
    multiline: bool = True
    tells: str = ""
    blocks: bool = False
    partial: str = ""
    wraps: bool = False
    split_time: bool = False
    unknown_zone: str = ""
    layout: str = HEADER
    columns: tuple[str, ...] = ()
    message: tuple[str, ...] = ()
    level: tuple[str, ...] = ()
    stamp: tuple[str, ...] = ()
    separator: str = ""
    instead: tuple[str, ...] = ()
    composed: bool = False

    @property
    def fields(self) -> tuple[str, ...]:
        """Names of the fields of the header or row, the message left out."""
        if self.layout not in (HEADER, GIVEN):
            said = () if self.composed else self.message
            return tuple(name for name in self.columns if name not in said)
        return tuple(name for name in re.compile(self.header).groupindex if name != "message")

    @property
    def all_fields(self) -> tuple[str, ...]:
        """Names of the header fields and of those derived from them."""
        return (*self.fields, *(field.name for field in self.derived))

    def field_name(self, name: str) -> str:
        """Return the field that is called `name` in any case.

        Raises
        ------
        UsageError
            There is none; the message lists those there are.
        """
        known = {field.lower(): field for field in reversed(self.all_fields)}
        if name.lower() not in known:
            raise UsageError(
                f"no header field {name!r} in the {self.title} format; its fields: "
                f"{', '.join(self.all_fields) or 'none'}"
            )
        return known[name.lower()]
