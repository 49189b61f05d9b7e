"""How a value is escaped for the place where it lands in a mail."""

import enum
import html
import re
from collections.abc import Callable
from urllib.parse import quote

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEADER_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WHOLE_URL = re.compile(r"(?:https?://|mailto:)[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", re.IGNORECASE)
NO_URL = "#"
"""What stands in an address attribute when the value is no address that a mail may link to."""


class Escape(enum.Enum):
    """Where a value lands."""

    HTML = "html"
    """Text of an HTML document, or a quoted attribute value."""
    URL = "url"
    """A part inside the URL of an attribute: percent-encoded (RFC 3986, everything but unreserved characters)."""
    URL_WHOLE = "url_whole"
    """The beginning, mostly the whole, of a URL attribute: http, https and mailto only."""
    TEXT = "text"
    """A plain text part."""
    HEADER = "header"
    """A header field of a mail, such as the subject."""


def escape_html(value: str) -> str:
    """`value` as HTML text or quoted attribute value: &, <, >, " and ' escaped, control characters left out."""
    return html.escape(escape_text(value), quote=True)


def escape_url(value: str) -> str:
    """`value` percent-encoded as UTF-8; only letters, digits and `-._~` stay (RFC 3986, section 2.3)."""
    return quote(value, safe="", encoding="utf-8", errors="replace")


def escape_whole_url(value: str) -> str:
    """`value` as an HTML attribute value when it is an http, https or mailto URL, else `#`."""
    stripped = value.strip()
    if not _WHOLE_URL.fullmatch(stripped):
        return NO_URL
    return html.escape(stripped, quote=True).replace(" ", "%20")


def escape_text(value: str) -> str:
    """`value` without control characters; line feeds and tabs stay, other line ends become line feeds."""
    if value.isprintable():
        return value
    return _CONTROLS.sub("", value.replace("\r\n", "\n").replace("\r", "\n"))


def escape_header(value: str) -> str:
    """`value` on one line: control characters and Unicode line separators become one space (no header injection)."""
    return value if value.isprintable() else _HEADER_BREAKS.sub(" ", value)


ESCAPERS: dict[Escape, Callable[[str], str]] = {
    Escape.HTML: escape_html,
    Escape.URL: escape_url,
    Escape.URL_WHOLE: escape_whole_url,
    Escape.TEXT: escape_text,
    Escape.HEADER: escape_header,
}
