"""Files out of gzip and zip, within limits that are checked before and while unpacking."""

import gzip
import tempfile
import zipfile
import zlib
from collections.abc import Iterator
from contextlib import contextmanager
from typing import IO, BinaryIO

from django.conf import settings

from core.contacts.errors import UnreadableFile

MAX_ENTRIES = 1_000
MAX_RATIO = 200
"""Text packs 5 to 30 times smaller. What packs better than this is no list, but made to fill a disk."""
_RATIO_MATTERS_FROM = 16 * 1024**2
_BLOCK_BYTES = 1024 * 1024
_SYSTEM_FILES = ("__MACOSX/", ".DS_Store", "Thumbs.db", "desktop.ini")
_DAMAGED = "The {} is damaged or incomplete. Pack or download it again."


@contextmanager
def unpacked_gzip(file: BinaryIO) -> Iterator[BinaryIO]:
    """The content as a temporary file. Raises UnreadableFile."""
    file.seek(0, 2)
    packed_bytes = file.tell()
    file.seek(0)
    with gzip.GzipFile(fileobj=file) as content, tempfile.TemporaryFile() as copy:
        _copy(content, copy, packed_bytes, "gzip archive")
        yield copy


@contextmanager
def unpacked_zip(file: BinaryIO) -> Iterator[BinaryIO]:
    """The one file of an archive as a temporary file. Raises UnreadableFile."""
    with opened_zip(file, "zip archive") as archive, tempfile.TemporaryFile() as copy:
        check_zip(archive)
        entry = _only_entry(archive)
        try:
            with archive.open(entry) as content:
                _copy(content, copy, entry.compress_size, "zip archive")
        except (NotImplementedError, zipfile.BadZipFile) as error:
            raise UnreadableFile(_DAMAGED.format("zip archive")) from error
        yield copy


def _only_entry(archive: zipfile.ZipFile) -> zipfile.ZipInfo:
    entries = [entry for entry in archive.infolist() if not entry.is_dir() and not _is_of_the_system(entry.filename)]
    if len(entries) != 1:
        held = f"{len(entries):,} files" if entries else "no file"
        raise UnreadableFile(f"The zip archive holds {held}. Pack one list, or choose the list itself.")
    if entries[0].flag_bits & 1:
        raise UnreadableFile("The zip archive is protected by a password. Choose the list itself.")
    return entries[0]


def opened_zip(file: BinaryIO, kind: str) -> zipfile.ZipFile:
    """Raises UnreadableFile when it is damaged. `kind` is what people call it."""
    try:
        return zipfile.ZipFile(file)
    except (zipfile.BadZipFile, ValueError, OSError, NotImplementedError) as error:
        raise UnreadableFile(_DAMAGED.format(kind)) from error


def check_zip(archive: zipfile.ZipFile) -> None:
    """Raise UnreadableFile for what could not be unpacked within the limits, by what the archive says of itself."""
    entries = archive.infolist()
    if len(entries) > MAX_ENTRIES:
        raise UnreadableFile(f"The archive holds {len(entries):,} files: too many to be a list of contacts.")
    _check_size(sum(entry.file_size for entry in entries), sum(entry.compress_size for entry in entries))


def _check_size(unpacked_bytes: int, packed_bytes: int) -> None:
    limit = settings.IMPORT_MAX_UNCOMPRESSED_BYTES
    if unpacked_bytes > limit:
        raise UnreadableFile(f"Unpacked, the file is larger than {limit // 1024**2:,} MB. Split it into several files.")
    if unpacked_bytes > _RATIO_MATTERS_FROM and unpacked_bytes > packed_bytes * MAX_RATIO:
        raise UnreadableFile(
            f"Unpacked, the file is more than {MAX_RATIO} times as large: that is no list of contacts. "
            "Choose the list itself."
        )


def _is_of_the_system(name: str) -> bool:
    return name.startswith(_SYSTEM_FILES) or name.rpartition("/")[2] in _SYSTEM_FILES


def _copy(content: IO[bytes] | gzip.GzipFile, copy: IO[bytes], packed_bytes: int, kind: str) -> None:
    """What an archive says of itself may be a lie: counted while it is unpacked."""
    unpacked_bytes = 0
    try:
        while block := content.read(_BLOCK_BYTES):
            unpacked_bytes += len(block)
            _check_size(unpacked_bytes, packed_bytes)
            copy.write(block)
    except (OSError, EOFError, zlib.error, zipfile.BadZipFile) as error:
        raise UnreadableFile(_DAMAGED.format(kind)) from error
    copy.seek(0)
