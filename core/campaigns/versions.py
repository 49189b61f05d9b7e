"""Fix and continue: a corrected version of a paused campaign for those who have not had it yet.

The version before it stays as it was: whoever had it can be shown what they had. A correction is the row of the next
revision; it goes out once the campaign's `content_revision` reaches it. With a client whose mails need approval, a
second person takes that step; where the client has to agree as well, only after that (`approvals`).

Two corrections at once: both bring the campaign from the (status, version) they were written for to the next, and only
one finds it. A worker that prepared the old content meanwhile is refused at its intent (`core.delivery.intent`).
"""

import html
import re
from dataclasses import asdict, dataclass
from uuid import UUID

from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from core.accounts import audit
from core.accounts.choices import ApprovalPolicy
from core.campaigns.approvals.closing import close_correction_requests
from core.campaigns.approvals.errors import ApprovalMissing
from core.campaigns.approvals.hashing import waiting_snapshot
from core.campaigns.approvals.standing import correction_agreed, stages_of
from core.campaigns.errors import (
    CampaignNotReady,
    ChangedMeanwhile,
    IllegalTransition,
    NeedsSecondPerson,
    NothingCorrected,
)
from core.campaigns.models import Campaign, CampaignLink, CampaignSnapshot
from core.campaigns.naming import utm_tags
from core.campaigns.preflight import Problem
from core.campaigns.preflight.sources import content_problems
from core.campaigns.services import campaign_go_on
from core.campaigns.snapshot import (
    HIDDEN_LINK_TAG,
    PIXEL_TAG,
    complete,
    constant_values,
    highest_link,
    tracked_content,
    write_links,
    write_snapshot,
)
from core.campaigns.states import ApprovalStage, ApprovalState, CampaignStatus
from core.campaigns.utm import tagged_source
from core.common.request_context import current_context
from core.domains.queries import link_base
from core.email_templates.html import hidden_link, open_pixel, prepare_html, with_preheader
from core.email_templates.preview import MailSource
from core.email_templates.queries import source_of
from core.email_templates.text import html_to_text

_LINK_SLOT = re.compile(r"\{\{ link\.([0-9]+) \}\}")


@dataclass(frozen=True, slots=True)
class Correction:
    """What can be put right in a frozen mail. An empty `text` is made from the HTML."""

    subject: str
    preheader: str
    from_name: str
    reply_to: str
    html: str
    text: str

    @property
    def source(self) -> MailSource:
        return MailSource(self.subject, self.preheader, self.html, self.text)


# Reads


def current_version(campaign: Campaign, variant: int = 0) -> CampaignSnapshot | None:
    """What goes out now; None when it is not frozen or has no such variant."""
    return _versions(campaign, variant).filter(revision__lte=campaign.content_revision).last()


def all_versions(campaign: Campaign) -> list[CampaignSnapshot]:
    """Every version that went out or goes out, of all variants, the first one first. Without their content."""
    versions = CampaignSnapshot.objects.filter(campaign=campaign, revision__lte=campaign.content_revision)
    return list(versions.select_related("created_by").defer("html", "text").order_by("variant", "revision"))


def frozen_variants(campaign: Campaign) -> list[int]:
    """The variants that the campaign was frozen with; none without an A/B test."""
    variants = CampaignSnapshot.objects.filter(campaign=campaign, variant__gt=0).values_list("variant", flat=True)
    return list(variants.distinct().order_by("variant"))


def waiting_correction(campaign: Campaign) -> CampaignSnapshot | None:
    """The correction that somebody has to release, if there is one."""
    return waiting_snapshot(campaign)


def _versions(campaign: Campaign, variant: int) -> QuerySet[CampaignSnapshot]:
    return CampaignSnapshot.objects.filter(campaign=campaign, variant=variant).order_by("revision")


def links_of(snapshot: CampaignSnapshot) -> dict[int, str]:
    """The targets of the links that a frozen mail holds, by number; those of a waiting correction as well."""
    links = dict(CampaignLink.objects.filter(campaign_id=snapshot.campaign_id).values_list("number", "url"))
    return links | dict(enumerate(snapshot.waiting_links, start=max(links, default=0) + 1))


def editable(snapshot: CampaignSnapshot) -> Correction:
    """A frozen mail as an author can read and change it: links by their addresses, without what nobody sees."""
    links = links_of(snapshot)
    hidden = with_preheader("", snapshot.preheader)
    markup = snapshot.html.replace(open_pixel(PIXEL_TAG), "", 1).replace(hidden_link(HIDDEN_LINK_TAG), "", 1)
    markup = markup.replace(hidden, "", 1) if hidden else markup
    return Correction(
        subject=snapshot.subject,
        preheader=snapshot.preheader,
        from_name=snapshot.from_name,
        reply_to=snapshot.reply_to,
        html=_LINK_SLOT.sub(lambda slot: html.escape(links[int(slot[1])]), markup),
        text=_LINK_SLOT.sub(lambda slot: links[int(slot[1])], snapshot.text),
    )


def from_template(campaign: Campaign, snapshot: CampaignSnapshot) -> Correction:
    """The template as it stands now in place of the frozen HTML and text; subject and sender stay."""
    source = source_of(campaign.template)
    before = editable(snapshot)
    return Correction(before.subject, before.preheader, before.from_name, before.reply_to, source.html, source.text)


def correction_problems(campaign: Campaign, correction: Correction) -> list[Problem]:
    """What keeps this correction from going out, all at once."""
    problems = content_problems(campaign, correction.source)
    if not correction.from_name.strip():
        problems.append(Problem("no_sender", "The sender name is missing. Write it under From.", "from"))
    return problems


def needs_second_person(campaign: Campaign) -> bool:
    """Whether the client's rule asks for somebody else's agreement before anything goes out."""
    return campaign.organization.approval_policy != ApprovalPolicy.NONE


def asks_client(campaign: Campaign) -> bool:
    """Whether the client itself has to agree as well."""
    return ApprovalStage.CLIENT in stages_of(campaign.organization)


# Writes


@transaction.atomic
def campaign_fix(
    *, campaign_id: UUID, version: int, correction: Correction, variant: int = 0, note: str = ""
) -> Campaign:
    """Write a corrected version of a paused campaign and go on with it, or leave it to a second person to release.

    `version` is the campaign's that the author saw. Raises IllegalTransition unless it is paused, ChangedMeanwhile,
    CampaignNotReady with every problem, NothingCorrected; then nothing has changed.
    """
    campaign = _paused(campaign_id)
    if campaign.version != version:
        raise _changed(campaign)
    before = current_version(campaign, variant)
    if before is None:
        raise IllegalTransition(f"“{campaign}” has not been prepared, so there is nothing to correct.")
    if problems := correction_problems(campaign, correction):
        raise CampaignNotReady(problems)
    corrected = _corrected(campaign, before, correction)
    corrected.note = note
    # The move comes first: of two at once only one gets past it, so that only one writes.
    _hold(campaign)
    _drop_waiting(campaign, ApprovalState.REVOKED)
    first_link = _next_link(campaign)
    source = tagged_source(_with_text(correction, before), utm_tags(campaign))
    content = tracked_content(source, first_link, has_hidden_link=campaign.organization.uses_honeypot_link)
    corrected.html, corrected.text = content.html, content.text
    complete(corrected, content.links)
    changes = _changes(editable(before), correction)
    audit.record(action="campaign.corrected", obj=campaign, changes=changes | {"revision": [None, corrected.revision]})
    if needs_second_person(campaign):
        corrected.waiting_links = list(content.links)
        corrected.save(force_insert=True)
        return campaign
    write_snapshot(corrected, content.links, first_link)
    return _activate(campaign, corrected)


@transaction.atomic
def correction_release(*, campaign_id: UUID, snapshot_id: UUID) -> Campaign:
    """Let a correction go out that waited for a second person, or for the client.

    Raises NeedsSecondPerson for its author, unless the client has agreed (which a second person has asked for);
    ApprovalMissing where the client has not; ChangedMeanwhile when it is not the one that waits.
    """
    campaign = _paused(campaign_id)
    waiting = waiting_correction(campaign)
    if waiting is None or waiting.pk != snapshot_id:
        raise _changed(campaign)
    _refuse_unreleased(campaign, waiting)
    write_links(waiting, tuple(waiting.waiting_links), _next_link(campaign))
    return _activate(campaign, waiting)


@transaction.atomic
def correction_withdraw(*, campaign_id: UUID, snapshot_id: UUID) -> Campaign:
    """Take back a correction that nobody has released. It went to nobody, so nothing of it is kept but the history."""
    campaign = _paused(campaign_id)
    waiting = waiting_correction(campaign)
    if waiting is None or waiting.pk != snapshot_id:
        raise _changed(campaign)
    _hold(campaign)
    _drop_waiting(campaign, ApprovalState.WITHDRAWN)
    audit.record(action="campaign.correction_withdrawn", obj=campaign, changes={"revision": [waiting.revision, None]})
    return campaign


def _refuse_unreleased(campaign: Campaign, waiting: CampaignSnapshot) -> None:
    """The one place that says when a correction may go out, by the client's rule of now."""
    if asks_client(campaign):
        if not correction_agreed(campaign, waiting):
            raise ApprovalMissing(
                f"{campaign.organization} asks for approval by the client, who has not agreed to this correction. "
                "Ask for it, or take the correction back."
            )
    elif waiting.created_by_id == current_context().actor_id:
        raise NeedsSecondPerson(
            f"You wrote this correction. {campaign.organization} asks for a second person before anything goes out."
        )


def _paused(campaign_id: UUID) -> Campaign:
    campaign = Campaign.objects.select_related("template", "organization").get(pk=campaign_id)
    if campaign.status != CampaignStatus.PAUSED:
        label = CampaignStatus(campaign.status).label.lower()
        raise IllegalTransition(
            f"“{campaign}” is {label}: only a paused campaign can be corrected.",
            before=campaign.status,
            after="sending",
        )
    return campaign


def _changed(campaign: Campaign) -> ChangedMeanwhile:
    return ChangedMeanwhile(f"“{campaign}” was changed by somebody else in the meantime. Look at it again.")


def _hold(campaign: Campaign) -> None:
    """Keep the campaign paused and ours until the transaction ends."""
    same = Campaign.objects.filter(pk=campaign.pk, status=CampaignStatus.PAUSED, version=campaign.version)
    if not same.update(version=F("version") + 1, updated_at=timezone.now()):
        raise _changed(campaign)
    campaign.version += 1


def _corrected(campaign: Campaign, before: CampaignSnapshot, correction: Correction) -> CampaignSnapshot:
    """The unsaved next version, still without its content. The client's own data are those of now."""
    values, base = constant_values(campaign), link_base(campaign.organization_id, before.from_email)
    if editable(before) == correction and (before.organization_values, before.link_base) == (values, base):
        raise NothingCorrected("Nothing was changed: this is what went out before. Resume the campaign instead.")
    return CampaignSnapshot(
        organization_id=campaign.organization_id,
        campaign=campaign,
        variant=before.variant,
        revision=campaign.content_revision + 1,
        subject=correction.subject,
        preheader=correction.preheader,
        from_name=correction.from_name,
        from_email=before.from_email,
        reply_to=correction.reply_to,
        organization_values=values,
        audience=before.audience,
        link_base=base,
        created_by_id=current_context().actor_id,
    )


def _with_text(correction: Correction, before: CampaignSnapshot) -> MailSource:
    """The sources; a text that was made from the HTML before and was left alone is made anew."""
    old = editable(before)
    untouched = correction.text == old.text and correction.html != old.html
    if untouched and html_to_text(prepare_html(old.html)).strip() == old.text.strip():
        return MailSource(correction.subject, correction.preheader, correction.html)
    return correction.source


def _next_link(campaign: Campaign) -> int:
    """Behind the highest number: a click always leads to exactly the link that was in the mail."""
    return highest_link(campaign.pk) + 1


def _drop_waiting(campaign: Campaign, ended: ApprovalState) -> None:
    """Remove a correction that nobody released, and end what was asked about it.

    Its links were never there, so that no number has two targets.
    """
    close_correction_requests(campaign, ended, agreed_too=True)
    CampaignSnapshot.objects.filter(campaign=campaign, revision__gt=campaign.content_revision).delete()


def _activate(campaign: Campaign, corrected: CampaignSnapshot) -> Campaign:
    CampaignSnapshot.objects.filter(pk=corrected.pk).update(activated_at=Now(), waiting_links=[])
    return campaign_go_on(campaign, content_revision=corrected.revision)


def _changes(before: Correction, after: Correction) -> dict[str, list[object]]:
    """For the history: the short parts in words, the long ones as "changed"."""
    old, new = asdict(before), asdict(after)
    changes: dict[str, list[object]] = {}
    for name in old:
        if old[name] != new[name]:
            changes[name] = ["…", "changed"] if name in ("html", "text") else [old[name], new[name]]
    return changes
