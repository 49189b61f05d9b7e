"""Versions of a frozen campaign in words and figures: who had it, in which version, and what comes next."""

import datetime
from dataclasses import dataclass
from urllib.parse import urlencode

from django.urls import reverse
from django.utils.timezone import localtime

from core.campaigns.ab.services import letter
from core.campaigns.approvals.presentation import mail_words, outcome_words
from core.campaigns.approvals.queries import is_live
from core.campaigns.approvals.standing import correction_agreed, correction_request
from core.campaigns.ledger import Standing, VersionUse, ledger
from core.campaigns.models import Approval, Campaign, CampaignSnapshot
from core.campaigns.presentation import people
from core.campaigns.states import CampaignStatus
from core.campaigns.versions import all_versions, asks_client, needs_second_person, waiting_correction


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
    """A correction that somebody has to release. `title` says for whom it waits, `sentences` what became of it so far;
    `step` is the button of the next one ("" when it is not this person's), `is_with_client` whether the client has it.
    """

    snapshot: CampaignSnapshot
    title: str
    sentences: tuple[str, ...]
    step: str
    is_with_client: bool
    can_remind: bool
    look_url: str
    release_url: str
    remind_url: str
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
    asked = correction_request(waiting) if asks_client(campaign) else None
    title, sentences, step = _waiting_words(campaign, waiting, asked, is_own=waiting.created_by_id == person_id)
    is_with_client = asked is not None and is_live(asked, campaign)
    arguments = [campaign.pk, waiting.pk]
    return WaitingCorrection(
        waiting,
        title,
        sentences,
        step,
        is_with_client,
        is_with_client and asked is not None and bool(asked.approver_email),
        look_url(waiting),
        reverse("admin:campaigns_campaign_release_correction", args=arguments),
        reverse("admin:campaigns_campaign_remind_approver", args=[campaign.pk]),
        reverse("admin:campaigns_campaign_withdraw_correction", args=arguments),
    )


RELEASE, ASK_CLIENT, CONTINUE = "Release and continue", "Hand it to the client", "Continue with the correction"


def _waiting_words(
    campaign: Campaign, waiting: CampaignSnapshot, asked: Approval | None, *, is_own: bool
) -> tuple[str, tuple[str, ...], str]:
    """Title, sentences and the next step of a correction that waits."""
    if not asks_client(campaign):
        held = "Nothing goes out before it is released."
        return "A correction waits for a second person", (held,), "" if is_own else RELEASE
    rule = f"{campaign.organization} asks for approval by a second member of the team and the client."
    if asked is not None and is_live(asked, campaign):
        whom = asked.approver_name or asked.approver_email or "the client"
        title = f"A correction waits for {whom}"
        return title, (f"Nothing goes out before the client has agreed. {mail_words(asked)}",), ""
    if correction_agreed(campaign, waiting):
        answered = f"{outcome_words(asked)} this correction." if asked is not None else ""
        return "The client approved the correction", (answered, "Nothing goes out before somebody continues."), CONTINUE
    before = (f"{outcome_words(asked)}{f': {asked.answer}' if asked.answer else '.'}",) if asked is not None else ()
    title = "The correction needs another look" if asked is not None else "A correction waits for a second person"
    return title, (*before, f"{rule} Nothing goes out before."), "" if is_own else ASK_CLIENT


def held_words(campaign: Campaign) -> str:
    """As soon as what has happened."""
    who = "a second person has released it"
    return f"as soon as {who} and the client has agreed" if asks_client(campaign) else f"as soon as {who}"


def correction_sentences(campaign: Campaign, before: CampaignSnapshot) -> tuple[str, ...]:
    """Who keeps what they had, who is in doubt, and who gets the corrected version."""
    standing = ledger().standing(campaign)
    in_doubt = (
        f"{people(standing.in_doubt)} may have had it: they keep what they had, and nothing is sent to them again."
    )
    held = f" {held_words(campaign)}" if needs_second_person(campaign) else ""
    rest = f"{people(standing.waiting)} have not had it and get the corrected version{held}."
    if before.variant:
        rest = f"Whoever of variant {letter(before.variant)} has not had it gets the corrected version{held}."
    return tuple(
        filter(
            None,
            (
                f"{people(standing.had)} had the mail already and keep the version they had."
                if standing.had
                else "Nobody had the mail yet.",
                in_doubt if standing.in_doubt else "",
                rest,
            ),
        )
    )
