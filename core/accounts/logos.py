"""Logos as mails can show them: decoded, made small and written anew, so that nothing but the picture is kept."""

import hashlib
import io
import struct
import zlib
from dataclasses import dataclass

from PIL import Image

from core.accounts.errors import LogoRefused

MAX_BYTES = 2 * 1024 * 1024
MAX_SIDE = 4_000
SHOWN_SIDE = 600
"""Logos are shown at 300 pixels at most; twice that is sharp on every screen."""
FORMATS = ("PNG", "JPEG", "GIF", "WEBP")
_BROKEN = (OSError, ValueError, SyntaxError, EOFError, IndexError, KeyError, struct.error, zlib.error)


@dataclass(frozen=True, slots=True)
class Logo:
    """A picture ready to be kept. `name` is made of its content, with the ending of its kind."""

    name: str
    content_type: str
    content: bytes
    width: int
    height: int


def read_logo(upload: bytes) -> Logo:
    """The logo in an uploaded file: what the content says it is, whatever the file was called.

    Photographs stay JPEG, all else becomes PNG (Outlook shows no WebP). Raises LogoRefused with a sentence.
    """
    if len(upload) > MAX_BYTES:
        raise LogoRefused(f"The picture has {len(upload) / 1024 / 1024:.1f} MB. Use one of 2 MB at most.")
    try:
        with Image.open(io.BytesIO(upload), formats=FORMATS) as picture:
            if max(picture.size) > MAX_SIDE:
                raise LogoRefused(f"The picture is {picture.width:,} × {picture.height:,} pixels. Make it smaller.")
            return _written(picture)
    except (*_BROKEN, Image.DecompressionBombError) as error:
        raise LogoRefused("This is no PNG, JPEG, GIF or WebP picture. SVG is not shown in mails.") from error


def _written(picture: Image.Image) -> Logo:
    is_photograph = picture.format == "JPEG"
    plain = picture.convert("RGB" if is_photograph else "RGBA")
    plain.thumbnail((SHOWN_SIDE, SHOWN_SIDE))
    plain.info = {}  # Pillow writes comments and the like of the first file into the next
    written = io.BytesIO()
    if is_photograph:
        plain.save(written, "JPEG", quality=88, optimize=True)
    else:
        plain.save(written, "PNG", optimize=True)
    content = written.getvalue()
    ending = "jpg" if is_photograph else "png"
    return Logo(
        name=f"{hashlib.sha256(content).hexdigest()[:32]}.{ending}",
        content_type="image/jpeg" if is_photograph else "image/png",
        content=content,
        width=plain.width,
        height=plain.height,
    )
