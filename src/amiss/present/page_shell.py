"""The frame of an HTML page: one file that asks for nothing and lets nothing in."""

from __future__ import annotations

import base64
import hashlib
import json
import zlib
from collections.abc import Sequence
from functools import cache
from html import escape
from importlib.resources import files
from typing import Any

from amiss.present.escape import visible

MEDIA_TYPE = "application/json+deflate"
"""What the payload says it is: raw deflate of JSON, in base64."""


def shell(
    title: str,
    body: str,
    *,
    nav: Sequence[tuple[str, str]] = (),
    payload: Any = None,
    style: str = "",
    script: str = "",
) -> str:
    r"""Return a self-contained page around `body`.

    Its Content-Security-Policy allows the one script and the one style in it, by their hashes, and
    nothing else: no other script, no ``style`` attribute, no image, no request. So `body` has
    classes and SVG attributes only, and what a script styles goes through the CSSOM.

    Parameters
    ----------
    title : str
        Plain text; it is escaped here.
    body : str
        HTML. Whatever of it came from a log has been through `text` or `attribute`.
    nav : sequence of (str, str)
        Ids of sections in `body` and what their links say, as plain text.
    payload : JSON value, optional
        What a script reads with ``await page.payload()``. Strings in it have been through
        `visible`, and are put into the page as ``textContent``.
    style, script : str
        CSS and JavaScript after those of the frame (``page.css``, ``page_shell.js``), which have
        the look, the switch between light and dark, ``page.payload`` and ``page.element``. Files
        of this package are read with `resource`.

    Returns
    -------
    str
        To be written as UTF-8, with ``newline="\n"``: the hashes are of these very bytes.

    Examples
    --------
    >>> page = shell("A <log>", f"<p>{text('1 < 2')}</p>", nav=[("main", "All")])
    >>> "<title>A &lt;log&gt;</title>" in page, "<p>1 &lt; 2</p>" in page
    (True, True)
    """
    styles = resource("page.css") + style
    scripts = resource("page_shell.js") + script
    policy = (
        f"default-src 'none'; script-src '{_digest(scripts)}'; style-src '{_digest(styles)}'; "
        "base-uri 'none'; form-action 'none'"
    )
    links = "".join(f'<a href="#{attribute(name)}">{text(said)}</a>' for name, said in nav)
    data = "" if payload is None else _template(payload)
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="referrer" content="no-referrer">
<meta name="generator" content="amiss">
<title>{text(title)}</title>
<style>{styles}</style>
</head>
<body>
<a class="skip" href="#main">Skip to the content</a>
<header class="top"><div class="wide"><span class="mark">amiss</span>
<nav aria-label="Sections">{links}</nav>
<button type="button" id="theme" hidden>Dark</button></div></header>
<main id="main" class="wide" tabindex="-1">
{body}
</main>
{data}<script>{scripts}</script>
</body>
</html>
"""


def text(value: object, width: int | None = None) -> str:
    r"""Return any value as HTML text: what is invisible is written out, then all is escaped.

    Examples
    --------
    >>> text("<b>\x1b[31m")
    '&lt;b&gt;\\x1b[31m'
    """
    return escape(visible(str(value), width))


attribute = text
"""The same for the value of an attribute in double quotes: quotes are escaped too."""


@cache
def resource(name: str) -> str:
    """Return the text of a file of this package, such as ``page.css``."""
    return files("amiss.present").joinpath(name).read_text(encoding="utf-8")


def packed(payload: Any) -> str:
    """Return JSON values as raw deflate in base64.

    Examples
    --------
    >>> zlib.decompress(base64.b64decode(packed([1, "a"])), wbits=-15)
    b'[1,"a"]'
    """
    plain = json.dumps(payload, separators=(",", ":"), allow_nan=False).encode()
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15, 9)
    return base64.b64encode(deflate.compress(plain) + deflate.flush()).decode("ascii")


def _template(payload: Any) -> str:
    return f'<template id="payload" data-type="{MEDIA_TYPE}">{packed(payload)}</template>\n'


def _digest(content: str) -> str:
    if "</s" in content.lower() or "<!--" in content:
        raise ValueError("a style or script of a page must not contain what ends it")
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode('ascii')}"
