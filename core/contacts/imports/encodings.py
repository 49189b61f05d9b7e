"""In which encoding a file of text is, found out from its bytes."""

import codecs
from typing import BinaryIO

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
_WIDE = {
    # Where zeros lie in western text of two or four bytes a character: the only places without them.
    "utf-32-le": (0,),
    "utf-32-be": (3,),
    "utf-16-le": (0, 2),
    "utf-16-be": (1, 3),
}
_ONE_BYTE_ENCODINGS = ["cp1252", "mac_roman", "cp1250", "cp1251", "cp1253", "cp1254", "iso8859_15"]
_DEFAULT = "cp1252"
"""What Excel writes on Windows in western Europe and America."""
_SAMPLE_BYTES = 64 * 1024
_BLOCK_BYTES = 1024 * 1024
_ENOUGH_TELLING_LINES = 2_000
_CONTROL_BYTES = bytes(set(range(1, 32)) - set(b"\t\n\r\x0b\x0c\x1a\x1b"))


def detect_encoding(file: BinaryIO) -> str:
    """The encoding of most of the file. Rows in another one are refused later, one by one.

    Reads as much as it takes, and leaves the file at its beginning. Raises UnreadableFile when the bytes are no text.
    """
    file.seek(0)
    sample = file.read(_SAMPLE_BYTES)
    try:
        return _by_beginning(sample) or _by_lines(file, sample)
    finally:
        file.seek(0)


def _by_beginning(sample: bytes) -> str:
    for mark, encoding in _BYTE_ORDER_MARKS:
        if sample.startswith(mark):
            return encoding
    if wide := _wide_without_mark(sample):
        return wide
    if sum(map(sample.count, (bytes([byte]) for byte in _CONTROL_BYTES))) > len(sample) / 20:
        raise UnreadableFile("This is no text file. Save the list as CSV (UTF-8) and choose that file.")
    return ""


def _wide_without_mark(sample: bytes) -> str:
    quarter = max(len(sample) // 4, 1)
    zeros = [sample[offset::4].count(0) / quarter for offset in range(4)]
    for encoding, filled in _WIDE.items():
        if all((zeros[offset] < 0.1) if offset in filled else (zeros[offset] > 0.6) for offset in range(4)):
            return encoding
    return ""


def _by_lines(file: BinaryIO, sample: bytes) -> str:
    telling = _telling_lines(file, sample)
    if not telling:
        return "utf-8"
    return "utf-8" if sum(map(_is_utf8, telling)) * 2 >= len(telling) else _one_byte_encoding(telling)


def _telling_lines(file: BinaryIO, first: bytes) -> list[bytes]:
    """The first lines that are not plain ASCII, which say the same in nearly every encoding."""
    telling: list[bytes] = []
    kept, rest, block = 0, b"", first
    while block and len(telling) < _ENOUGH_TELLING_LINES and kept < _BLOCK_BYTES:
        # A line may go on in the next block; a very long one is judged in pieces.
        block, _, tail = (rest + block).rpartition(b"\n") if b"\n" in block else (rest + block, b"", b"")
        found = [] if block.isascii() else [line for line in block.splitlines() if not line.isascii()]
        telling += found
        kept += sum(map(len, found))
        rest, block = tail, file.read(_BLOCK_BYTES)
    return telling if rest.isascii() else [*telling, rest]


def _is_utf8(line: bytes) -> bool:
    try:
        line.decode("utf-8")
    except UnicodeDecodeError as error:
        # Cut off in the middle of a character by the end of a block.
        return error.reason == "unexpected end of data" and error.start > 1_000
    return True


def _one_byte_encoding(telling: list[bytes]) -> str:
    """What charset-normalizer thinks, but the usual one when that reads as well: short samples say little."""
    sample = b"\n".join(telling)[:_SAMPLE_BYTES]
    matches = from_bytes(sample, cp_isolation=_ONE_BYTE_ENCODINGS)
    best = matches.best()
    if best is None:
        return _DEFAULT
    # One match stands for all encodings that read the sample alike.
    usual = next((match for match in matches if _DEFAULT in match.could_be_from_charset), None)
    return _DEFAULT if usual is not None and usual.chaos <= best.chaos else best.encoding
