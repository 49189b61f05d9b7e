"""The records that a domain should have."""

from dataclasses import dataclass

from django.conf import settings

from core.domains.choices import RecordKind
from core.domains.models import SendingDomain


@dataclass(frozen=True, slots=True)
class ExpectedRecord:
    """A record to publish: where, and what. `hint` says what else would do. Optional ones keep no domain from being
    verified."""

    kind: RecordKind
    host: str
    value: str
    hint: str
    type: str = "TXT"
    is_optional: bool = False


def expected_records(domain: SendingDomain) -> tuple[ExpectedRecord, ...]:
    """DKIM, SPF and DMARC: what Gmail and Yahoo ask of everybody who sends in bulk (2024). Then the CNAMEs that the
    agency offers (RETURN_PATH_TARGET, TRACKING_TARGET)."""
    return (_dkim(domain), _spf(domain), _dmarc(domain), *_return_path(domain), *_tracking(domain))


def dkim_value(public_key: str) -> str:
    return f"v=DKIM1; k=rsa; p={public_key}"


def _dkim(domain: SendingDomain) -> ExpectedRecord:
    return ExpectedRecord(
        RecordKind.DKIM,
        f"{domain.selector}._domainkey.{domain.name}",
        dkim_value(domain.public_key),
        "Some providers split long values into pieces of 255 characters: that is right.",
    )


def _spf(domain: SendingDomain) -> ExpectedRecord:
    include = settings.SPF_INCLUDE
    if include:
        hint = f"If there is an SPF record already, put include:{include} into it: a domain has one at most."
        return ExpectedRecord(RecordKind.SPF, domain.name, f"v=spf1 include:{include} ~all", hint)
    return ExpectedRecord(
        RecordKind.SPF,
        domain.name,
        "v=spf1 mx ~all",
        "An example: name the servers that send for this domain, as their provider says. A domain has one SPF record.",
    )


def _dmarc(domain: SendingDomain) -> ExpectedRecord:
    return ExpectedRecord(
        RecordKind.DMARC,
        f"_dmarc.{domain.name}",
        "v=DMARC1; p=none",
        "A policy of the domain above it counts as well. p=none watches; quarantine and reject protect more.",
    )


def _return_path(domain: SendingDomain) -> tuple[ExpectedRecord, ...]:
    target = settings.RETURN_PATH_TARGET
    hint = "Bounces then come back under the client's own name, and SPF agrees with From."
    return _cname(RecordKind.RETURN_PATH, f"bounce.{domain.name}", target, hint)


def _tracking(domain: SendingDomain) -> tuple[ExpectedRecord, ...]:
    target = settings.TRACKING_TARGET
    hint = "The proxy in front of EngageX needs a certificate for this name before links show it."
    return _cname(RecordKind.TRACKING, f"link.{domain.name}", target, hint)


def _cname(kind: RecordKind, host: str, target: str, hint: str) -> tuple[ExpectedRecord, ...]:
    return (ExpectedRecord(kind, host, target.lower(), hint, "CNAME", True),) if target else ()
