"""The address by which people outside the agency read a report, and how it is read again.

The token holds the pack's id and nothing else, signed for this purpose alone; whether it opens anything, the row says.
"""

from uuid import UUID

from django.conf import settings

from core.common.tokens import BadToken, Purpose, sign, unsign

_ID_BYTES = 16


def report_url(pack_id: UUID) -> str:
    return f"{settings.PUBLIC_URL}/report/{sign(Purpose.REPORT, pack_id.bytes)}"


def report_pdf_url(pack_id: UUID) -> str:
    return f"{report_url(pack_id)}/report.pdf"


def pack_id_from(token: str) -> UUID:
    """Raises BadToken."""
    payload = unsign(Purpose.REPORT, token)
    if len(payload) != _ID_BYTES:
        raise BadToken("not the token of a report")
    return UUID(bytes=payload)
