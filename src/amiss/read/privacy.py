"""Private words of a log, masked before anything is stored or shown.

What is masked becomes a pseudonym that ends in digits, such as ``address-493027566102``: the same
value has the same pseudonym, so lines can still be grouped by it, and digits are what templates
leave out anyway. Secrets become ``secret``, all of them.
"""

from __future__ import annotations

import os
import re
import secrets
from collections.abc import Iterable
from hashlib import blake2b
from ipaddress import ip_address

import polars as pl

from amiss.errors import UsageError

KEY_VARIABLE = "AMISS_MASK_KEY"
"""The environment variable that makes pseudonyms the same in another run."""
_DIGITS = 10**12
_KEPT = 1 << 16
"""Pseudonyms that are remembered; the others are made again."""

# For Rust's regex, which takes no longer for a hostile line than for another of its length.
# Three groups: what stands before, what is masked, what stands behind.
_EMAIL = r"[A-Za-z0-9._%+-]+@[A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)+"
_IPV4 = r"\b[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b"
_IPV6 = (
    r"(^|[^\w:.])((?:[0-9A-Fa-f]{1,4})?:(?:[0-9A-Fa-f]{0,4}:){1,6}"
    r"(?:[0-9]{1,3}(?:\.[0-9]{1,3}){3}\b|[0-9A-Fa-f]{1,4}\b|))()"
)
_MAC = r"\b[0-9A-Fa-f]{2}(?:[:-][0-9A-Fa-f]{2}){5}\b"
_VALUE = r"([^\s\"'<>,;:=()\[\]{}|&/\\@]+)"
_IS = r"[\"']?(?:=>?|[ \t]+=>?[ \t]*|[ \t]*:[ \t]*)"
_NAMED_USER = (
    rf"\b(?i:r?user(?:[_ -]?name|[_-]?id)?|logname|login|acct|account(?:[_ -]name)?|uid|owner){_IS}"
    r"[\"']?(?:[A-Za-z0-9._-]+\\+)?"
)
_SPOKEN_USER = (
    r"(?i:\b(?:invalid|illegal|for|by|of) user"
    r"|\b(?:password(?: (?:changed|set|reset|expired|updated))?|publickey|none|interactive\S*) for"
    r"(?: (?:(?:invalid|illegal) )?user)?) [\"'(]?"
    r"|\b(?i:user) [\"']"
)
_HOME = r"/home/|/Users/|\\Users\\"
_DOES = (
    "logged|signed|authenticated|connected|disconnected|not|does|has|is|was|from|failed|denied|"
    "created|deleted|locked"
)
# What else is said of users, with what stands behind.
_USERS = (
    r"(?m:^)([^ \n]+ [^ \n]+ )([^ \n]+)( \[[0-9]{1,2}/[A-Z][a-z]{2}/[0-9])",  # of an access log
    rf"(\b(?i:user) )([^\s\"',;:()]+)( (?:{_DOES})\b)",
    r"(\bsu(?:\[[0-9]+\])?:[ \t]+\(to )([^\s()]+)(\) )",
    r"(\(to [^\s()]+\) )([^\s()]+)( on )",
    r"(://)([^\s/@:]+)(@)",
    r"(\bnew (?:user|group): name=)([^\s,]+)()",
    r"(sudo(?:\[[0-9]+\])?:[ \t]+)([^\s:]+)( : )",
    r"(\bby )([^\s()]+)(\(uid=)",
)
_CREDENTIAL = (
    "passwd|password|passphrase|passcode|secret|api[_-]?key|access[_-]?key|private[_-]?key|"
    "credential|session[_-]?id|sessid|cookie"
)
_SECRET_IS = (
    rf"(?i:[\w-]*(?:{_CREDENTIAL})[\w-]*|[\w-]*token(?:[_-][\w-]*)?"
    rf"|\b(?:[\w-]*[_-])?(?:pass|auth|jwt|otp)){_IS}"
)
_SAID_OF = r"(?i:pass(?:word|wd|phrase|code)|pwd)"
_HANDED_OUT = r"(?i:token|secret(?: key)?|api[ _-]?key|access key|credentials?)"
_BECOMES = r"(?:is|was|to)(?:[ \t]*:[ \t]*|[ \t]+)"
_HEADER = (
    rf"\b(?i:(?:proxy-)?authorization){_IS}[\"']?"
    r"(?:(?i:bearer|basic|token|digest|negotiate|api-?key) )?"
)
_WORD = r"([^\s\"'<>,;()\[\]{}]+)"
_KNOWN_SECRET = "|".join(
    (
        r"\beyJ[\w-]{8,}\.[\w-]+\.[\w-]*",  # JSON web token
        r"\b(?:AKIA|ASIA)[0-9A-Z]{16}\b",  # AWS
        r"\bgh[pousr]_[A-Za-z0-9]{30,}|\bgithub_pat_\w{20,}|\bglpat-[\w-]{20,}",  # GitHub, GitLab
        r"\bxox[abprs]-[A-Za-z0-9-]{10,}",  # Slack
        r"\b[sr]k[_-](?:live|test|proj|ant)?[\w-]{16,}",  # Stripe and others
        r"-----BEGIN [A-Z0-9 ]*PRIVATE KEY-----[^\n]*[A-Za-z0-9+/=]{4}[^\n]*",  # PEM on one line
    )
)

_PATTERNS = {
    # What is looked for first wins: the address in an e-mail is part of it.
    "secrets": (
        ("secret", r"(://)([^\s/@:]+:[^\s/]+)(@)"),
        ("secret", r"(\b(?i:cookie)[\"']?: ?[\"']?)([^\"'\n]+)()"),
        ("secret", rf"({_SECRET_IS}\")((?:[^\"\\\n]|\\.)*)(\"?)"),
        ("secret", rf"({_SECRET_IS}')((?:[^'\\\n]|\\.)*)('?)"),
        ("secret", rf"({_SECRET_IS}\[)([^\]\n]+)(\]?)"),
        (
            "secret",
            rf"({_SECRET_IS}(?:(?i:bearer|basic) )?|\b(?i:bearer|basic) )([^\s\"'&;,\[]+)()",
        ),
        (
            "secret",
            rf"({_HEADER})([^\s\"'&;,\[]+)()",
        ),
        # A directory is what a shell calls so.
        ("secret", rf"(\b(?:[\w-]*[_-])?(?i:pwd){_IS}[\"']?)([^\s\"'&;,\[/][^\s\"'&;,\[]*)()"),
        ("secret", f"()({_KNOWN_SECRET})()"),
        # Lines of a PEM block: each is looked at alone, wherever a block of lines ends.
        (
            "secret",
            r"(?m:^)([ \t]*)([A-Za-z0-9+/]{40,76}={0,2}|[A-Za-z0-9+/]{20,74}==?)([ \t]*\r?)(?m:$)",
        ),
        ("secret", rf"(--[\w-]*(?:{_CREDENTIAL}|token)[\w-]*[ \t]+[\"']?)([^\s\"'-][^\s\"']*)()"),
        ("secret", r"(\bmysql\w*\b[^\n]*? -p)([^\s]+)()"),
        ("secret", r"(\b(?:curl|wget)\b[^\n]*? (?:-u|--user)[ =])([^\s:]+:[^\s]+)()"),
        (
            "told",
            rf"(\b{_SAID_OF}(?: for (?:user )?[^\s]+)? {_BECOMES}[\"']?){_WORD}()",
        ),
        ("word", rf"(\b{_SAID_OF} [\"']?){_WORD}()"),
        ("token", rf"(\b{_HANDED_OUT}(?: (?:is|was))?[ \t]*:?[ \t]+[\"']?){_WORD}()"),
    ),
    "emails": (("email", f"()({_EMAIL})()"),),
    "addresses": (
        ("address", f"()({_MAC})()"),
        ("address", _IPV6),
        ("address", f"()({_IPV4})()"),
    ),
    "users": (
        *(("user", pattern) for pattern in _USERS),
        ("user", f"({_NAMED_USER}|{_SPOKEN_USER}|{_HOME}){_VALUE}()"),
    ),
}
MASKS = tuple(_PATTERNS)
"""What can be masked."""
_NOT_NAMES = frozenset(
    [
        "-",
        "unknown",
        "null",
        "none",
        "nil",
        "true",
        "false",
        "0",
        "by",
        "not",
        "name",
        "id",
        "is",
        "space",
        "input",
        "data",
        "agent",
        "account",
        "session",
        "error",
        "authentication",
        "secret",
    ]
)
# What is said of passwords, and is none.
_NO_SECRETS = (
    "a about accepted again all allowed already also always an and any as at authentication bad "
    "be been being blank cannot changed check checked compromised correct cracked default denied "
    "different disabled does done due empty enabled encrypted enforced entered error expired "
    "expires expiring failed fine for forgotten from given good hashed hidden identical ignored "
    "in incorrect invalid it just known leaked left locked longer masked missing mandatory match "
    "mismatch missed needed never new no not now null ok old older on only optional outdated "
    "plain possible present prompt protected provided recent rejected removed required reset "
    "rotated safe same saved secret secure sent set shared short shorter similar so still stored "
    "strong the temporary that this to too unchanged undefined unknown unset unsafe up updated "
    "used user valid validated verified weak what with without wrong your "
)
_SAID = frozenset(_NO_SECRETS.split())
_CODE = re.compile(r"(?=.*[0-9@#$%^*!])(?=.*[A-Za-z0-9])[^/\\=]{4,}")
_LONG_CODE = re.compile(r"(?=.*[0-9])(?=.*[A-Za-z])[\w.+/=~-]{8,}")
_SPOKEN = {
    "told": lambda value: value.lower() not in _SAID,
    "word": lambda value: _CODE.fullmatch(value) is not None,
    "token": lambda value: _LONG_CODE.fullmatch(value) is not None,
}
"""Whether a word that stands where a secret may stand is one: there are others that may."""
_SEPARATORS = "\x1e\x1f\x1d\x1c"


class Masker:
    """Write pseudonyms for private words.

    Parameters
    ----------
    what : iterable of str
        Of `MASKS`: ``addresses`` (IP and MAC), ``emails``, ``users``, ``secrets`` (passwords,
        tokens, keys and cookies that are named so, or look like those of well-known services).
    key : bytes, optional
        What pseudonyms depend on. By default the environment variable `KEY_VARIABLE`, or else one
        that is drawn for this process: then pseudonyms differ from run to run, and nobody can find
        the value by trying all addresses.

    Raises
    ------
    UsageError
        `what` names something else, or nothing.

    Examples
    --------
    >>> masker = Masker(["addresses", "secrets"], key=b"k")
    >>> masker("login from 10.0.0.7 password=hunter2 at 12:30:07")
    'login from address-132652520077 password=secret at 12:30:07'
    """

    def __init__(self, what: Iterable[str], key: bytes | None = None) -> None:
        self.what = tuple(dict.fromkeys(what))
        unknown = [name for name in self.what if name not in _PATTERNS]
        if unknown or not self.what:
            raise UsageError(
                f"nothing known to mask as {', '.join(map(repr, unknown)) or 'nothing'}; expected "
                f"some of: {', '.join(MASKS)}; or all"
            )
        self._key = _process_key() if key is None else key
        self._known: dict[tuple[str, str], str] = {}
        self._patterns = [p for name in MASKS if name in self.what for p in _PATTERNS[name]]

    def __call__(self, text: str) -> str:
        """Return `text`, one line or many, with pseudonyms."""
        between = next((c for c in _SEPARATORS if c not in text), None)
        if between is None:  # a text that has them all is none that a program wrote
            between = _SEPARATORS[0]
            text = text.replace(between, " ")
        for kind, pattern in self._patterns:
            text = self._masked(text, kind, pattern, between)
        return text

    def _masked(self, text: str, kind: str, pattern: str, between: str) -> str:
        marked = pl.Series([text]).str.replace_all(pattern, f"${{1}}{between}${{2}}{between}${{3}}")
        parts = marked[0].split(between)
        for at in range(1, len(parts), 2):
            name = parts[at].rstrip(".")  # a full stop is not part of a name
            parts[at] = self.pseudonym(kind, name) + parts[at][len(name) :]
        return "".join(parts)

    def pseudonym(self, kind: str, value: str) -> str:
        """Return what stands for a value, the same each time; itself if it is none of that kind."""
        known = self._known.get((kind, value))
        if known is None:
            if len(self._known) >= _KEPT:
                self._known.clear()
            known = self._known[kind, value] = self._made(kind, value)
        return known

    def _made(self, kind: str, value: str) -> str:
        if kind == "secret" or (kind in _SPOKEN and _SPOKEN[kind](value)):
            return "secret"
        if kind in _SPOKEN:
            return value
        if kind == "address":
            try:
                value = value if re.fullmatch(_MAC, value) else str(ip_address(value))
            except ValueError:  # a time, or a version
                return value
            if not any(character.isdecimal() for character in value):  # such as Name::member
                return value
        if value.lower() in _NOT_NAMES or _PSEUDONYM.fullmatch(value):
            return value
        content = f"{kind}\0{value.lower()}".encode(errors="surrogatepass")
        digest = blake2b(content, key=self._key[:64], digest_size=8).digest()
        return f"{kind}-{int.from_bytes(digest, 'big') % _DIGITS:012d}"


_PSEUDONYM = re.compile(r"(?:address|email|user)-[0-9]{12}")


def make_masker(what: Iterable[str]) -> Masker | None:
    """Return what masks `what`, such as ``("all",)``; None where that is nothing.

    Raises
    ------
    UsageError
        As `Masker`.
    """
    names = tuple(what)
    return Masker(MASKS if names == ("all",) else names) if names else None


def _process_key() -> bytes:
    given = os.environ.get(KEY_VARIABLE, "")
    return given.encode() if given else _DRAWN


_DRAWN = secrets.token_bytes(32)
