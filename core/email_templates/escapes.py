"""How a value is escaped for the place where it lands in a mail."""

import enum
import html
import re
from collections.abc import Callable
from urllib.parse import quote

from core.accounts.choices import MailFont

_CONTROLS = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")
_HEADER_BREAKS = re.compile(r"[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+")
_WHOLE_URL = re.compile(r"(?:https?://|mailto:)[^\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]+", re.IGNORECASE)
# Most values and all of our own links need no escaping: one look instead of seven.
_PLAIN = re.compile(r"[\w .,:;/@+()-]*")
_PLAIN_URL = re.compile(r"https?://[A-Za-z0-9._~:/?@-]+")
NO_URL = "#"
"""What stands in an address attribute when the value is no address that a mail may link to."""

COLOR = re.compile(r"#[0-9a-fA-F]{6}")
# Without quotation marks, so that a stack can stand in an attribute's value whatever quotes that has.
FONT_STACKS: dict[str, str] = {
    MailFont.SANS: "Helvetica, Arial, sans-serif",
    MailFont.SYSTEM: "-apple-system, BlinkMacSystemFont, Segoe UI, Roboto, Helvetica, Arial, sans-serif",
    MailFont.VERDANA: "Verdana, Geneva, sans-serif",
    MailFont.TAHOMA: "Tahoma, Geneva, sans-serif",
    MailFont.TREBUCHET: "Trebuchet MS, Helvetica, Arial, sans-serif",
    MailFont.GEORGIA: "Georgia, Times New Roman, serif",
    MailFont.TIMES: "Times New Roman, Times, serif",
    MailFont.COURIER: "Courier New, Courier, monospace",
}
_STYLE_WORDS = frozenset(FONT_STACKS.values())
NO_STYLE = "inherit"
"""What stands in a style when the value is neither a colour nor a font of ours; every property takes it."""


class Escape(enum.Enum):
    """Where a value lands."""

    # Members are alone of their kind; the default asks Python for the hash of the name, for each value of each mail.
    __hash__ = object.__hash__

    HTML = "html"
    """Text of an HTML document, or a quoted attribute value."""
    URL = "url"
    """A part inside the URL of an attribute: percent-encoded (RFC 3986, everything but unreserved characters)."""
    URL_WHOLE = "url_whole"
    """The beginning, mostly the whole, of a URL attribute: http, https and mailto only."""
    STYLE = "style"
    """The value of a property in a style attribute or <style>: a colour or a font stack and nothing else."""
    TEXT = "text"
    """A plain text part."""
    HEADER = "header"
    """A header field of a mail, such as the subject."""


def escape_html(value: str) -> str:
    """`value` as HTML text or quoted attribute value: &, <, >, " and ' escaped, control characters left out."""
    if _PLAIN.fullmatch(value):
        return value
    return html.escape(escape_text(value), quote=True)


def escape_url(value: str) -> str:
    """`value` percent-encoded as UTF-8; only letters, digits and `-._~` stay (RFC 3986, section 2.3)."""
    return quote(value, safe="", encoding="utf-8", errors="replace")


def escape_whole_url(value: str) -> str:
    """`value` as an HTML attribute value when it is an http, https or mailto URL, else `#`."""
    if _PLAIN_URL.fullmatch(value):
        return value
    stripped = value.strip()
    if not _WHOLE_URL.fullmatch(stripped):
        return NO_URL
    return html.escape(stripped, quote=True).replace(" ", "%20")


def escape_style(value: str) -> str:
    """`value` when it is `#rrggbb` or one of FONT_STACKS, else `inherit`."""
    return value if COLOR.fullmatch(value) or value in _STYLE_WORDS else NO_STYLE


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
    Escape.STYLE: escape_style,
    Escape.TEXT: escape_text,
    Escape.HEADER: escape_header,
}
