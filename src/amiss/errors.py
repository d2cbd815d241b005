"""What can go wrong, as a tree.

::

    AmissError                 every error amiss raises on purpose
    ├── InputError             the data: missing, unreadable, empty, without a match
    │   └── LabelError         a label file that does not fit its sessions
    ├── ModelError             a model file: corrupt, tampered, newer, unfit for this input
    └── UsageError             a request that makes no sense as it is put

Each message says what came, what was expected, and what to do next, in one line. ``UsageError``
makes the command line exit with 2, the others with 1.
"""

from __future__ import annotations


class AmissError(Exception):
    """Base of all errors raised on purpose."""


class InputError(AmissError, ValueError):
    """The input cannot be used: missing, unreadable, empty, or nothing in it matches."""


class LabelError(InputError):
    """The labels do not fit: an unknown layout, unknown values, unknown sessions."""


class ModelError(AmissError):
    """A model file cannot be used: corrupt, tampered with, too new, or made for other input."""


class UsageError(AmissError, ValueError):
    """The request itself is wrong: an unknown name, or options that exclude each other."""
