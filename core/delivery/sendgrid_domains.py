"""SendGrid's own records for a client's domain: fetched over its API, kept with the domain, shown beside ours.

Source: Twilio SendGrid's API reference, "Domain Authentication".
"""

from typing import Any
from urllib.parse import quote
from uuid import UUID

from django.db import transaction

from core.accounts import audit
from core.common.errors import DomainError
from core.delivery.models import Connection
from core.delivery.models.kinds import ConnectionKind
from core.delivery.transports.base import one_line
from core.delivery.transports.registry import account_of, sendgrid_settings
from core.delivery.transports.sendgrid import SendGridApi
from core.domains.models import SendingDomain

SHOWN_RECORDS = 10
LONGEST_VALUE = 500


class NoDomainRecords(DomainError):
    """SendGrid gave no records for the domain; the text tells why."""

    code = "delivery.no_domain_records"


def records_fetch(*, connection: Connection, domain_id: UUID) -> SendingDomain:
    """Ask SendGrid for the records of a domain, which it is told of if it does not know it, and whether they are found.

    Takes as long as SendGrid does. Raises NoDomainRecords with its words.
    """
    if account_of(connection).kind != ConnectionKind.SENDGRID:
        raise NoDomainRecords(f"{connection} is no connection to SendGrid.")
    domain = SendingDomain.objects.get(pk=domain_id, organization_id=connection.organization_id)
    api = SendGridApi(sendgrid_settings(connection))
    try:
        found = _known(api, domain) or _asked(api, "POST", "/v3/whitelabel/domains", {"domain": domain.name})
        number = str(found.get("id") or "")
        if not number.isdecimal():
            raise NoDomainRecords("SendGrid's answer names no domain. Try again later.")
        _asked(api, "POST", f"/v3/whitelabel/domains/{number}/validate", {})
        found = _asked(api, "GET", f"/v3/whitelabel/domains/{number}")
    finally:
        api.close()
    return _kept(domain, number, _records(found))


def _known(api: SendGridApi, domain: SendingDomain) -> dict[str, Any] | None:
    """What SendGrid has under this very name."""
    found = _asked(api, "GET", f"/v3/whitelabel/domains?domain={quote(domain.name)}")
    rows = found if isinstance(found, list) else found.get("result") or []
    return next((row for row in rows if isinstance(row, dict) and row.get("domain") == domain.name), None)


def _asked(api: SendGridApi, method: str, path: str, document: dict[str, Any] | None = None) -> Any:
    status, body, words = api.ask_json(method, path, document)
    if not 200 <= status < 300:
        raise NoDomainRecords(f"SendGrid gave no records: {words or 'it did not answer'}")
    return body if isinstance(body, (dict, list)) else {}


def _records(found: Any) -> list[dict[str, Any]]:
    """The DNS entries in SendGrid's answer, which a stranger wrote: cut short, and only what is text."""
    entries = found.get("dns") if isinstance(found, dict) else None
    rows = []
    for entry in list(entries.values())[:SHOWN_RECORDS] if isinstance(entries, dict) else []:
        if isinstance(entry, dict) and entry.get("host") and entry.get("data"):
            kind, host, data = (one_line(str(entry.get(name, "")))[:LONGEST_VALUE] for name in ("type", "host", "data"))
            rows.append({"type": kind.upper(), "host": host, "data": data, "valid": entry.get("valid") is True})
    if not rows:
        raise NoDomainRecords("SendGrid's answer holds no records. Try again later.")
    return rows


@transaction.atomic
def _kept(domain: SendingDomain, number: str, records: list[dict[str, Any]]) -> SendingDomain:
    domain.provider_id, domain.provider_records = number, records
    domain.save(update_fields=["provider_id", "provider_records", "updated_at"])
    right = sum(record["valid"] for record in records)
    changes = {"SendGrid's records": [None, f"{len(records)} fetched, {right} right"]}
    audit.record(action="domain.changed", obj=domain, changes=changes)
    return domain
