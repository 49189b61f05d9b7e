"""Logos: read by what they hold, made small, served to everybody and kept for good."""

import io
import zlib

import pytest
from django.test import Client
from PIL import Image

from core.accounts.errors import LogoRefused
from core.accounts.logos import MAX_BYTES, SHOWN_SIDE, read_logo
from core.accounts.models import AuditEvent, Organization, OrganizationLogo
from core.accounts.services import organization_logo_set
from core.common.tenancy import organization_scope


def picture(kind: str = "PNG", size: tuple[int, int] = (40, 20), color: str = "#c00", **options: object) -> bytes:
    written = io.BytesIO()
    Image.new("RGB", size, color).save(written, kind, **options)
    return written.getvalue()


@pytest.mark.parametrize(
    ("kind", "content_type"),
    [("PNG", "image/png"), ("JPEG", "image/jpeg"), ("GIF", "image/png"), ("WEBP", "image/png")],
)
def test_read_takes_the_kind_from_the_content(kind: str, content_type: str) -> None:
    logo = read_logo(picture(kind))

    assert logo.content_type == content_type
    assert (logo.width, logo.height) == (40, 20)
    assert Image.open(io.BytesIO(logo.content)).size == (40, 20)


def test_read_makes_a_large_one_small_and_keeps_its_shape() -> None:
    logo = read_logo(picture(size=(2000, 500)))

    assert (logo.width, logo.height) == (SHOWN_SIDE, SHOWN_SIDE // 4)


def test_read_drops_what_is_no_picture() -> None:
    upload = picture("JPEG", exif=Image.Exif()) + b"<script>alert(1)</script>"
    comment = picture("JPEG", comment=b"taken at home")

    assert b"script" not in read_logo(upload).content
    assert b"taken at home" not in read_logo(comment).content


def _bomb() -> bytes:
    """A PNG that claims 30,000 × 30,000 pixels."""
    header = (30_000).to_bytes(4, "big") * 2 + bytes([8, 2, 0, 0, 0])

    def chunk(kind: bytes, data: bytes) -> bytes:
        return len(data).to_bytes(4, "big") + kind + data + zlib.crc32(kind + data).to_bytes(4, "big")

    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 100)) + chunk(b"IEND", b"")
    )


@pytest.mark.parametrize(
    "upload",
    [
        b"",
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>alert(1)</script></svg>",
        b"GIF89a",
        b"\x89PNG\r\n\x1a\n" + b"\0" * 40,
        b"RIFF\x10\0\0\0WEBPVP8 ",
        picture()[:60],
        picture("JPEG")[:200],
        picture("BMP"),
        picture("TIFF"),
        picture(size=(5000, 10)),
        _bomb(),
        b"\x89PNG" * (MAX_BYTES // 4 + 1),
    ],
    ids=["empty", "svg", "gif", "png", "webp", "cut png", "cut jpeg", "bmp", "tiff", "wide", "bomb", "large"],
)
def test_read_refuses_with_a_sentence(upload: bytes) -> None:
    with pytest.raises(LogoRefused) as refused:
        read_logo(upload)

    assert str(refused.value).endswith(".")


def test_logo_is_served_to_everybody_for_good(florist: Organization) -> None:
    logo = read_logo(picture())
    with organization_scope(florist):
        organization_logo_set(organization=florist, logo=logo)

    answer = Client().get(f"/brand/{florist.pk}/{logo.name}")

    assert answer.status_code == 200 and answer.content == logo.content
    assert answer["Content-Type"] == "image/png" and answer["X-Content-Type-Options"] == "nosniff"
    assert "immutable" in answer["Cache-Control"] and "max-age=31536000" in answer["Cache-Control"]
    assert "Set-Cookie" not in answer
    assert Client().post(f"/brand/{florist.pk}/{logo.name}").status_code == 405


def test_earlier_logo_stays_for_mails_that_are_out(in_florist: Organization) -> None:
    first, second = read_logo(picture()), read_logo(picture(color="#00c"))
    for logo in (first, second, second, None):
        organization_logo_set(organization=in_florist, logo=logo)

    assert OrganizationLogo.objects.count() == 2
    assert all(Client().get(f"/brand/{in_florist.pk}/{one.name}").status_code == 200 for one in (first, second))
    assert Organization.objects.get().logo_name == ""
    assert AuditEvent.objects.filter(action="organization.changed").count() == 3


@pytest.mark.parametrize("name", ["x.png", "..", "%2e%2e%2fsecret", "a" * 300])
def test_unknown_logo_is_not_found(florist: Organization, museum: Organization, name: str) -> None:
    assert Client().get(f"/brand/{florist.pk}/{name}").status_code == 404


def test_logo_of_another_client_is_not_found_under_this_ones_address(
    florist: Organization, museum: Organization
) -> None:
    logo = read_logo(picture())
    with organization_scope(florist):
        organization_logo_set(organization=florist, logo=logo)

    assert Client().get(f"/brand/{museum.pk}/{logo.name}").status_code == 404
