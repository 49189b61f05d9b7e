"""What the DNS says about a domain, record by record, in sentences.

Everything that comes from the DNS was written by strangers: it is parsed, cut short and never trusted.
"""

import re
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from typing import Any

from django.conf import settings

from core.domains.answers import HostProber, Prober
from core.domains.choices import RecordKind, RecordState
from core.domains.dns import Resolver
from core.domains.errors import NoSuchRecord, NotAnsweredByUs, TemporaryFailure
from core.domains.models import SendingDomain
from core.domains.records import ExpectedRecord, expected_records
from core.domains.spf import spf_problem

SHOWN_CHARACTERS = 500
DMARC_POLICIES = ("none", "quarantine", "reject")
_UNPRINTABLE = re.compile(r"[^ -~\u00a1-\uffff]")


@dataclass(frozen=True, slots=True)
class Finding:
    """One record as it was found. `found` is what the DNS says, cut short; `words` say what to do."""

    kind: str
    host: str
    expected: str
    found: str
    state: str
    words: str
    hint: str
    is_optional: bool


def check_domain(domain: SendingDomain, resolver: Resolver, prober: Prober | None = None) -> list[dict[str, Any]]:
    """The findings of all expected records, as `SendingDomain.records` keeps them. Asks the DNS, and the host of links
    when its name leads here; writes nothing."""
    findings = [_checked(domain, expected, resolver) for expected in expected_records(domain)]
    return [asdict(_answered(finding, prober)) for finding in findings]


def _answered(finding: Finding, prober: Prober | None) -> Finding:
    """A host of links counts once mails' links under it would be answered."""
    if finding.kind != RecordKind.TRACKING or finding.state != RecordState.OK:
        return finding
    try:
        (prober or HostProber()).answers(finding.host)
    except TemporaryFailure as failure:
        return replace(finding, state=RecordState.UNKNOWN.value, words=f"{failure} We look again by ourselves.")
    except NotAnsweredByUs as failure:
        return replace(finding, state=RecordState.WRONG.value, words=str(failure))
    return replace(finding, words="It leads here and is answered: links in new mails show it.")


def _checked(domain: SendingDomain, expected: ExpectedRecord, resolver: Resolver) -> Finding:
    try:
        found, state, words = _CHECKS[expected.kind](domain, expected, resolver)
    except TemporaryFailure as failure:
        found, state, words = "", RecordState.UNKNOWN, f"{failure} We look again by ourselves."
    return Finding(
        kind=expected.kind.value,
        host=expected.host,
        expected=expected.value,
        found=_UNPRINTABLE.sub("?", found)[:SHOWN_CHARACTERS],
        state=state.value,
        words=words,
        hint=expected.hint,
        is_optional=expected.is_optional,
    )


Checked = tuple[str, RecordState, str]


def _texts(resolver: Resolver, name: str, version: str) -> list[str]:
    """The TXT records of a name that begin with this version tag."""
    try:
        texts = resolver.txt(name)
    except NoSuchRecord:
        return []
    return [text for text in texts if re.match(rf"{re.escape(version)}(?:[;\s]|$)", text.strip(), re.IGNORECASE)]


def tags_of(text: str) -> dict[str, str]:
    """`tag=value` pairs between semicolons (RFC 6376 3.2); of a tag that is there twice the first."""
    tags: dict[str, str] = {}
    for piece in text.split(";"):
        name, equals, value = piece.partition("=")
        if equals:
            tags.setdefault(name.strip().lower(), "".join(value.split()))
    return tags


def _dkim(domain: SendingDomain, expected: ExpectedRecord, resolver: Resolver) -> Checked:
    try:
        texts = [text for text in resolver.txt(expected.host) if "p" in tags_of(text)]
    except NoSuchRecord:
        texts = []
    if not texts:
        return "", RecordState.MISSING, "Publish this TXT record where the domain's DNS is kept."
    tags = tags_of(texts[0])
    if len(texts) > 1:
        return texts[0], RecordState.WRONG, "There are two keys under this name. Remove the one that is not ours."
    if not tags["p"]:
        return texts[0], RecordState.WRONG, "The key was withdrawn: p= is empty. Publish the value as it stands here."
    if tags["p"] != domain.public_key:
        return texts[0], RecordState.WRONG, "Another key stands there, or ours was cut off. Copy the whole value again."
    if "y" in tags.get("t", "").split(":"):
        return texts[0], RecordState.WRONG, "The record says that it is only a test (t=y). Remove that part."
    return texts[0], RecordState.OK, "Our key stands there."


def _spf(domain: SendingDomain, expected: ExpectedRecord, resolver: Resolver) -> Checked:
    texts = _texts(resolver, expected.host, "v=spf1")
    if not texts:
        return "", RecordState.MISSING, "Publish a TXT record that names who may send for this domain."
    if len(texts) > 1:
        words = f"There are {len(texts)} SPF records, so receivers ignore all of them. Make one of them."
        return texts[0], RecordState.WRONG, words
    problem = spf_problem(domain.name, texts[0], resolver, must_include=settings.SPF_INCLUDE)
    return (texts[0], RecordState.WRONG, problem) if problem else (texts[0], RecordState.OK, "One valid record.")


def _dmarc(domain: SendingDomain, expected: ExpectedRecord, resolver: Resolver) -> Checked:
    """The policy of the domain, or of the nearest domain above that has one (RFC 7489 6.6.3, by walking up)."""
    labels = domain.name.split(".")
    for start in range(len(labels) - 1):
        name = ".".join(labels[start:])
        texts = _texts(resolver, f"_dmarc.{name}", "v=DMARC1")
        if len(texts) > 1:
            return texts[0], RecordState.WRONG, f"There are {len(texts)} policies at _dmarc.{name}. Keep one of them."
        if texts:
            return _policy(texts[0], name, is_above=start > 0)
    return "", RecordState.MISSING, "Publish a policy. p=none is enough to begin with."


def _policy(text: str, name: str, *, is_above: bool) -> Checked:
    tags = tags_of(text)
    policy = (tags.get("sp") or tags.get("p", "")).lower() if is_above else tags.get("p", "").lower()
    if policy not in DMARC_POLICIES:
        return text, RecordState.WRONG, "The record has no policy: p= must be none, quarantine or reject."
    where = f" of {name}" if is_above else ""
    return text, RecordState.OK, f"The policy{where} is {policy}. Our signature is aligned with it."


def _cname(domain: SendingDomain, expected: ExpectedRecord, resolver: Resolver) -> Checked:
    try:
        target = resolver.cname(expected.host)
    except NoSuchRecord:
        return "", RecordState.MISSING, "Optional. Publish this CNAME record if the client wants it."
    if target != expected.value:
        return target, RecordState.WRONG, "The name leads somewhere else. Let it lead to the value as it stands here."
    return target, RecordState.OK, "It leads here."


_CHECKS: dict[RecordKind, Callable[[SendingDomain, ExpectedRecord, Resolver], Checked]] = {
    RecordKind.DKIM: _dkim,
    RecordKind.SPF: _spf,
    RecordKind.DMARC: _dmarc,
    RecordKind.RETURN_PATH: _cname,
    RecordKind.TRACKING: _cname,
}
