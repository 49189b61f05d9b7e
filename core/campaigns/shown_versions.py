"""Versions of a frozen campaign in words and figures: who had it, in which version, and what comes next."""

import datetime
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.timezone import localtime

from core.campaigns.ab.services import letter
from core.campaigns.ledger import Standing, VersionUse, ledger
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.presentation import people
from core.campaigns.states import CampaignStatus
from core.campaigns.versions import all_versions, needs_second_person, waiting_correction


@dataclass(frozen=True, slots=True)
class Share:
    """One part of the audience: how many, and the list of them."""

    label: str
    meaning: str
    count: int
    url: str


@dataclass(frozen=True, slots=True)
class ShownVersion:
    """One version and the people who had it. `is_now`: it is what goes out."""

    name: str
    subject: str
    note: str
    by: str
    people: int
    first_at: datetime.datetime | None
    last_at: datetime.datetime | None
    url: str
    look_url: str
    is_now: bool


@dataclass(frozen=True, slots=True)
class WaitingCorrection:
    """A correction that a second person has to release."""

    snapshot: CampaignSnapshot
    is_own: bool
    look_url: str
    release_url: str
    withdraw_url: str


def messages_url(campaign: Campaign, **filters: str) -> str:
    query = urlencode({"campaign": str(campaign.pk), **filters})
    return f"{reverse('admin:delivery_message_changelist')}?{query}"


def version_name(snapshot: CampaignSnapshot) -> str:
    variant = f"Variant {letter(snapshot.variant)}, version" if snapshot.variant else "Version"
    return f"{variant} {snapshot.revision}"


def shares(campaign: Campaign, standing: Standing) -> list[Share]:
    """Who had it and who did not, each with the list of them; parts of nobody but the first three are left out."""
    will = "Get it when the campaign goes on." if campaign.status == CampaignStatus.PAUSED else "Still to get it."
    found = [
        Share("Had it", "The server took the mail.", standing.had, messages_url(campaign, standing="had")),
        Share(
            "In doubt",
            "May have had it: no answer came. It is never sent again by itself.",
            standing.in_doubt,
            messages_url(campaign, standing="doubt"),
        ),
        Share("Did not have it", will, standing.waiting, messages_url(campaign, standing="waiting")),
        Share(
            "Skipped", "Get nothing, each for a reason.", standing.skipped, messages_url(campaign, standing="skipped")
        ),
        Share("Failed", "Refused for good.", standing.failed, messages_url(campaign, standing="failed")),
    ]
    return [share for place, share in enumerate(found) if place < 3 or share.count]


def shown_versions(campaign: Campaign) -> list[ShownVersion]:
    """Every version with its people, the first one first; of a single one there is nothing to tell."""
    snapshots = all_versions(campaign)
    if len({snapshot.revision for snapshot in snapshots}) < 2:
        return []
    uses = ledger().versions(campaign)
    newest = {snapshot.variant: snapshot.revision for snapshot in snapshots}
    return [
        _shown(campaign, snapshot, uses.get(snapshot.pk, VersionUse()), newest[snapshot.variant])
        for snapshot in snapshots
    ]


def _shown(campaign: Campaign, snapshot: CampaignSnapshot, use: VersionUse, newest: int) -> ShownVersion:
    return ShownVersion(
        name=version_name(snapshot),
        subject=snapshot.subject,
        note=snapshot.note,
        by=str(snapshot.created_by) if snapshot.created_by else "",
        people=use.people,
        first_at=use.first_at,
        last_at=use.last_at,
        url=messages_url(campaign, version=str(snapshot.pk)),
        look_url=look_url(snapshot),
        is_now=snapshot.revision == newest,
    )


def versions_sentence(versions: list[ShownVersion]) -> str:
    """Version 1 went to 4,120 people until 14:03, version 2 to 692."""
    parts: list[str] = []
    for version in versions:
        until = f" until {localtime(version.last_at):%H:%M}" if version.last_at and not version.is_now else ""
        went = " went" if not parts else ""
        parts.append(f"{version.name if not parts else version.name.lower()}{went} to {people(version.people)}{until}")
    return f"{', '.join(parts)}." if parts else ""


def look_url(snapshot: CampaignSnapshot) -> str:
    return reverse("admin:campaigns_campaign_version", args=[snapshot.campaign_id, snapshot.pk])


def shown_waiting(campaign: Campaign, person_id: object) -> WaitingCorrection | None:
    waiting = waiting_correction(campaign) if campaign.status == CampaignStatus.PAUSED else None
    if waiting is None:
        return None
    arguments = [campaign.pk, waiting.pk]
    return WaitingCorrection(
        waiting,
        waiting.created_by_id == person_id,
        look_url(waiting),
        reverse("admin:campaigns_campaign_release_correction", args=arguments),
        reverse("admin:campaigns_campaign_withdraw_correction", args=arguments),
    )


def correction_sentences(campaign: Campaign, before: CampaignSnapshot) -> tuple[str, ...]:
    """Who keeps what they had, who is in doubt, and who gets the corrected version."""
    standing = ledger().standing(campaign)
    in_doubt = (
        f"{people(standing.in_doubt)} may have had it: they keep what they had, and nothing is sent to them again."
    )
    held = " as soon as a second person has released it" if needs_second_person(campaign) else ""
    rest = f"{people(standing.waiting)} have not had it and get the corrected version{held}."
    if before.variant:
        rest = f"Whoever of variant {letter(before.variant)} has not had it gets the corrected version{held}."
    return tuple(
        filter(
            None,
            (
                f"{people(standing.had)} had the mail already and keep the version they had.",
                in_doubt if standing.in_doubt else "",
                rest,
            ),
        )
    )
