"""In which encoding a file of text is, found out from its bytes."""

import codecs

from charset_normalizer import from_bytes

from core.contacts.errors import UnreadableFile

_BYTE_ORDER_MARKS = (
    # The marks of UTF-32 begin with those of UTF-16: they come first.
    (codecs.BOM_UTF32_LE, "utf-32"),
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_ONE_BYTE_ENCODINGS = ["cp1252", "mac_roman", "cp1250", "cp1251", "cp1253", "cp1254", "iso8859_15"]
_DEFAULT = "cp1252"
"""What Excel writes on Windows in western Europe and America."""
_SAMPLE_BYTES = 64 * 1024
_CONTROL_BYTES = bytes(set(range(1, 32)) - set(b"\t\n\r\x0b\x0c\x1a\x1b"))


def detect_encoding(content: bytes) -> str:
    """The encoding of most of the file. Rows in another one are refused later, one by one.

    Raises UnreadableFile when the bytes are no text.
    """
    for mark, encoding in _BYTE_ORDER_MARKS:
        if content.startswith(mark):
            return encoding
    sample = content[:_SAMPLE_BYTES]
    without_mark = _utf16_without_mark(sample)
    if without_mark:
        return without_mark
    if sum(map(sample.count, (bytes([byte]) for byte in _CONTROL_BYTES))) > len(sample) / 20:
        raise UnreadableFile("This is no text file. Save the list as CSV (UTF-8) and choose that file.")
    return "utf-8" if _is_mostly_utf8(content) else _one_byte_encoding(content)


def _utf16_without_mark(sample: bytes) -> str:
    """Western text in UTF-16 has a zero in every second byte."""
    half = max(len(sample) // 2, 1)
    even, odd = sample[0::2].count(0) / half, sample[1::2].count(0) / half
    if odd > 0.4 and even < 0.1:
        return "utf-16-le"
    return "utf-16-be" if even > 0.4 and odd < 0.1 else ""


def _is_mostly_utf8(content: bytes) -> bool:
    """Among the lines that tell: those with bytes beyond ASCII."""
    try:
        content.decode("utf-8")
    except UnicodeDecodeError:
        telling = _telling_lines(content)
        return sum(map(_is_utf8, telling)) * 2 >= len(telling)
    return True


def _telling_lines(content: bytes) -> list[bytes]:
    return [line for line in content.splitlines() if not line.isascii()]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def _one_byte_encoding(content: bytes) -> str:
    """What charset-normalizer thinks, but the usual one when that reads as well: short samples say little."""
    sample = b"\n".join(_telling_lines(content))[:_SAMPLE_BYTES]
    matches = from_bytes(sample, cp_isolation=_ONE_BYTE_ENCODINGS)
    best = matches.best()
    if best is None:
        return _DEFAULT
    usual = next((match for match in matches if match.encoding == _DEFAULT), None)
    return _DEFAULT if usual is not None and usual.chaos <= best.chaos else best.encoding
