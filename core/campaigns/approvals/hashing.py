"""What an approval is bound to: a hash over content, sender and audience definition of every variant.

`whole` decides; the hashes of the parts only name what an edit touched. When and how fast it is sent is no part of it.
"""

import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from core.campaigns.models import Approval, Campaign, CampaignSnapshot
from core.campaigns.snapshot import content_hash_of, draft_snapshots, used_values
from core.common.errors import DomainError
from core.email_templates.html import with_preheader

UNREADABLE = "unreadable"
PART_LABELS = {
    "subject": "subject",
    "preheader": "preheader",
    "html": "HTML",
    "text": "plain text",
    "links": "links",
    "client": "the client's own data in the mail",
    "sender": "sender",
    "reply_to": "reply address",
    "audience": "audience",
    "variants": "variants of the A/B test",
}
"""The parts in the order in which a sentence names them."""

_CONTENT = frozenset({"subject", "preheader", "html", "text"})
Draft = tuple[CampaignSnapshot, tuple[str, ...]]
"""An unsaved snapshot with the targets of its links."""


@dataclass(frozen=True, slots=True)
class Fingerprint:
    """`whole` is 64 hexadecimal digits, or UNREADABLE when the content cannot be made into a mail now."""

    whole: str
    parts: dict[str, str]


def campaign_fingerprint(campaign: Campaign) -> Fingerprint:
    """The fingerprint of the campaign as it stands, from what the database holds now for everything but its own row."""
    try:
        return fingerprint_of(draft_snapshots(campaign))
    except DomainError as error:
        return Fingerprint(UNREADABLE, {"html": _digest(str(error))})


def campaign_hash(campaign: Campaign) -> str:
    return campaign_fingerprint(campaign).whole


def frozen_hash(snapshots: Iterable[CampaignSnapshot]) -> str:
    """The same hash from what was frozen: equal to the draft's if and only if nothing changed in between."""
    return _whole({snapshot.variant: snapshot.content_hash for snapshot in snapshots})


def waiting_snapshot(campaign: Campaign) -> CampaignSnapshot | None:
    """The correction that has not gone out, if there is one."""
    above = CampaignSnapshot.objects.filter(campaign=campaign, revision__gt=campaign.content_revision)
    return above.select_related("created_by").last()


def correction_hash(correction: CampaignSnapshot) -> str:
    """What an approval of a correction is bound to: made anew from what would go out."""
    return _whole({correction.variant: content_hash_of(correction, tuple(correction.waiting_links))})


def asked_fingerprint(campaign: Campaign, approval: Approval) -> Fingerprint:
    """What the request is about, as it stands now: the campaign, or the correction that waits."""
    if not approval.revision:
        return campaign_fingerprint(campaign)
    waiting = waiting_snapshot(campaign)
    is_it = waiting is not None and waiting.revision == approval.revision
    return Fingerprint(correction_hash(waiting) if waiting is not None and is_it else UNREADABLE, {})


def fingerprint_of(drafts: Iterable[Draft]) -> Fingerprint:
    parts: dict[str, dict[int, Any]] = {name: {} for name in PART_LABELS}
    hash_by_variant: dict[int, str] = {}
    for snapshot, links in drafts:
        hash_by_variant[snapshot.variant] = snapshot.content_hash
        for name, value in _parts(snapshot, links).items():
            parts[name][snapshot.variant] = value
    parts["variants"] = dict.fromkeys(hash_by_variant, "")
    return Fingerprint(_whole(hash_by_variant), {name: _digest(value) for name, value in parts.items()})


def changed_parts(before: Mapping[str, str], now: Mapping[str, str]) -> list[str]:
    """Which parts differ, in the order of PART_LABELS. With other variants than before the rest says nothing, and other
    content names other values of the client: those are no change of their own."""
    changed = [name for name in PART_LABELS if before.get(name) != now.get(name)]
    if set(now) == {"html"}:
        return ["html"]  # unreadable
    if "variants" in changed:
        return [name for name in changed if name in ("variants", "audience")]
    return [name for name in changed if name != "client" or not _CONTENT.intersection(changed)]


def part_words(names: Iterable[str]) -> str:
    """subject, HTML and audience"""
    labels = [PART_LABELS.get(name, name) for name in names]
    if len(labels) < 2:
        return "".join(labels)
    return f"{', '.join(labels[:-1])} and {labels[-1]}"


def _parts(snapshot: CampaignSnapshot, links: tuple[str, ...]) -> dict[str, Any]:
    audience = {
        side: [{name: value for name, value in chosen.items() if name != "name"} for chosen in rows]
        for side, rows in snapshot.audience.items()
    }
    return {
        "subject": snapshot.subject,
        "preheader": snapshot.preheader,
        "html": _without_preheader(snapshot),
        "text": snapshot.text,
        "links": list(links),
        "client": used_values(snapshot),
        "sender": [snapshot.from_name, snapshot.from_email],
        "reply_to": snapshot.reply_to,
        "audience": audience,
    }


def _without_preheader(snapshot: CampaignSnapshot) -> str:
    """The HTML carries the preheader; a change of that alone is no change of the HTML."""
    hidden = with_preheader("", snapshot.preheader)
    return snapshot.html.replace(hidden, "", 1) if hidden else snapshot.html


def _whole(hash_by_variant: Mapping[int, str]) -> str:
    return _digest(sorted(hash_by_variant.items()))


def _digest(value: Any) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True, ensure_ascii=False).encode()).hexdigest()
