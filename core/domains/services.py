"""Adding a sending domain, and looking at its DNS."""

import secrets
from collections.abc import Iterable
from typing import Any
from uuid import UUID

import idna
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.common.tasks import wake
from core.domains.answers import Prober
from core.domains.checks import check_domain
from core.domains.choices import DomainStatus, RecordKind, RecordState
from core.domains.dkim import new_key_pair
from core.domains.dns import DnsResolver, Resolver
from core.domains.errors import BadDomain, DomainExists
from core.domains.models import DomainCheck, SendingDomain

MOST_COUNTED = 100


def clean_domain(text: str) -> str:
    """A domain name in lower case, international ones as A-labels (IDNA 2008 after UTS 46). Raises BadDomain."""
    name = text.strip().strip(".").removeprefix("@").lower()
    try:
        name = idna.encode(name, uts46=True).decode("ascii").lower()
    except idna.IDNAError as error:
        raise BadDomain(f"“{text}” is no domain name. Write it like news.shop.example.") from error
    if "." not in name or len(name) > 253 or name.rpartition(".")[2].isdecimal():
        raise BadDomain(f"“{text}” is no full domain name. Write it like news.shop.example.")
    return name


def domain_add(*, organization: Organization, name: str) -> SendingDomain:
    """A domain with a key of its own, waiting for its DNS. Takes some tenths of a second for the key.

    Raises BadDomain or DomainExists.
    """
    name = clean_domain(name)
    private_key, public_key = new_key_pair()
    # A selector that nobody else has: the domain may have keys of other tools, or of another client here.
    domain = SendingDomain(
        organization=organization,
        name=name,
        selector=f"ex{secrets.token_hex(4)}",
        private_key=private_key,
        public_key=public_key,
    )
    try:
        with transaction.atomic():
            domain.save()
            audit.record(action="domain.added", obj=domain, changes={"domain": [None, name]})
    except IntegrityError as error:
        raise DomainExists(f"{name} is there already.") from error
    return domain


def domain_check(*, domain_id: UUID, resolver: Resolver | None = None, prober: Prober | None = None) -> SendingDomain:
    """Look at the DNS and note what is found; a check that finds something new is kept. Takes some seconds at most."""
    domain = SendingDomain.objects.get(pk=domain_id)
    records = check_domain(domain, resolver or DnsResolver(), prober)
    return _noted(domain_id, records)


@transaction.atomic
def _noted(domain_id: UUID, records: list[dict[str, Any]]) -> SendingDomain:
    domain = SendingDomain.objects.select_for_update().get(pk=domain_id)
    before, states = domain.status, [record["state"] for record in records]
    required = [record["state"] for record in records if not record["is_optional"]]
    status = next_status(DomainStatus(before), required)
    domain.broken_checks = _broken_checks(domain, status, required)
    if status != before or [record["state"] for record in domain.records] != states:
        DomainCheck.objects.create(
            organization_id=domain.organization_id, domain=domain, status=status, records=records
        )
    domain.records, domain.status, domain.checked_at = records, status, timezone.now()
    if status == DomainStatus.VERIFIED and before != status:
        domain.verified_at = domain.checked_at
    _note_link_host(domain)
    domain.save(update_fields=[*_CHECKED_FIELDS, "updated_at"])
    if status != before:
        audit.record(action=f"domain.{status}", obj=domain, changes={"status": [before, status.value]})
    return domain


_CHECKED_FIELDS = (
    *("records", "status", "checked_at", "verified_at", "broken_checks"),
    *("tracking", "tracking_verified_at"),
)


def _note_link_host(domain: SendingDomain) -> None:
    """From when on mails' links may show the client's own host. No answer changes nothing; the name is kept for good,
    because mails that are out lead to it."""
    record = next((one for one in domain.records if one["kind"] == RecordKind.TRACKING), None)
    if record is not None and record["found"] == record["expected"]:
        domain.tracking = record["host"]
    was_used, state = domain.tracking_verified_at is not None, record["state"] if record else RecordState.MISSING
    if state == RecordState.OK and not was_used:
        domain.tracking_verified_at = domain.checked_at
    elif state in (RecordState.MISSING, RecordState.WRONG):
        domain.tracking_verified_at = None
    if was_used != (domain.tracking_verified_at is not None):
        shown = [domain.tracking if used else "ours" for used in (was_used, not was_used)]
        audit.record(action="domain.link_host", obj=domain, changes={"links show": shown})


def _broken_checks(domain: SendingDomain, status: DomainStatus, required: Iterable[str]) -> int:
    """How many checks in a row found it broken; one without an answer says nothing either way."""
    if status != DomainStatus.BROKEN:
        return 0
    is_seen = bool(set(required) & {RecordState.MISSING.value, RecordState.WRONG.value})
    return min(domain.broken_checks + is_seen, MOST_COUNTED)


@transaction.atomic
def domain_stop(*, domain_id: UUID) -> SendingDomain:
    """The emergency stop of a domain: nothing more is sent from it, and delivery pauses its campaigns.

    The claim passes them over from the commit on. Stopping twice changes nothing.
    """
    domain = SendingDomain.objects.select_for_update().get(pk=domain_id)
    if domain.paused_at is None:
        domain.paused_at = timezone.now()
        domain.save(update_fields=["paused_at", "updated_at"])
        audit.record(action="domain.stopped", obj=domain, changes={"sending": ["allowed", "stopped"]})
        wake("delivery.sweep")
    return domain


@transaction.atomic
def domain_release(*, domain_id: UUID) -> SendingDomain:
    """Lift the stop. Paused campaigns stay paused: people resume each of them."""
    domain = SendingDomain.objects.select_for_update().get(pk=domain_id)
    if domain.paused_at is not None:
        domain.paused_at = None
        domain.save(update_fields=["paused_at", "updated_at"])
        audit.record(action="domain.released", obj=domain, changes={"sending": ["stopped", "allowed"]})
    return domain


def next_status(before: DomainStatus, states: Iterable[str]) -> DomainStatus:
    """Verified when all records are right. A record without an answer changes nothing; a missing or wrong one breaks a
    domain that was verified."""
    found = set(states)
    if found == {RecordState.OK.value}:
        return DomainStatus.VERIFIED
    if not found & {RecordState.MISSING.value, RecordState.WRONG.value}:
        return before
    return DomainStatus.PENDING if before == DomainStatus.PENDING else DomainStatus.BROKEN
