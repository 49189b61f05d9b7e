"""From a frozen campaign and a person to a mail: what is shared is prepared once, the rest is a dict of values."""

import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property, lru_cache
from uuid import UUID

from django.conf import settings
from django.db.models import F, QuerySet

from core.campaigns.content import CompiledContent, compiled_content
from core.campaigns.models import CampaignLink, CampaignSnapshot
from core.campaigns.queries import frozen_audience
from core.contacts.audience import AudienceDefinition
from core.contacts.public.links import preferences_url
from core.contacts.queries import MergeReader
from core.delivery.public_links import HIDDEN_LINK_KEY, MESSAGE_LINKS, LinkMaker, link_maker
from core.delivery.transports.base import MailContent, Recipient
from core.domains.queries import hosts_of, signing_key
from core.email_templates.merge_tags import Escape, KnownKeys, MergeTemplate, parse

KEPT_CAMPAIGNS = 32
KEPT_SECONDS = 60.0
"""A sending domain's key and hosts may change while its campaigns go out: mails follow after this time at most."""
UNSUBSCRIBE_KEY = "system.unsubscribe_url"
PREFERENCES_KEY = "system.preferences_url"
FULL_NAME_KEY = "contact.full_name"
SENDER_ID = "engagex"
"""The last field of Feedback-ID: constant, 5 to 15 characters."""

_HEADER_KEYS = KnownKeys(internal=True)


@dataclass(frozen=True, eq=False)
class CampaignMail:
    """What all mails of a campaign (of one variant) share. `contact_keys` are the values to read per person,
    `link_keys` the ones made from the message's id, `audience` says who was meant to get them.

    `snapshot_id` is the version these mails are made from; `revision` is the campaign's at that moment. Their links
    begin with `link_base`, "" for PUBLIC_URL.
    """

    content: MailContent
    contact_keys: frozenset[str]
    link_keys: tuple[str, ...]
    audience: AudienceDefinition
    snapshot_id: UUID
    campaign_id: UUID
    revision: int = 1
    link_base: str = ""

    def recipient(
        self,
        message_id: UUID,
        contact_id: UUID,
        address: str,
        values: Mapping[str, str],
        *,
        links: Mapping[str, str] | None = None,
    ) -> Recipient:
        """One mail of this campaign, from the values kept by `kept_values`.

        With `links` (see `inert_links`) these stand in it, and nothing is signed.
        """
        filled = self._with_links(message_id, contact_id, values) if links is None else {**values, **links}
        return Recipient(message_id, address, values.get(FULL_NAME_KEY, ""), filled)

    @cached_property
    def people(self) -> MergeReader:
        """Reads of people what this mail depends on."""
        return MergeReader(self.contact_keys)

    def kept_values(self, name: str, values: Mapping[str, str]) -> dict[str, str]:
        """Those of a contact's values that this mail depends on: all that has to be kept to show it again."""
        kept = {key: values[key] for key in self.contact_keys if key in values}
        kept[FULL_NAME_KEY] = name
        return kept

    def _with_links(self, message_id: UUID, contact_id: UUID, values: Mapping[str, str]) -> dict[str, str]:
        """Only the links that the mail holds are signed: each costs an HMAC."""
        filled, message = dict(values), message_id.bytes
        for key, make in self._link_makers:
            filled[key] = make(message)
        if PREFERENCES_KEY in self.link_keys:
            # Leads to the contact, not to the message: it outlives the mail.
            filled[PREFERENCES_KEY] = preferences_url(contact_id, self.link_base)
        return filled

    @cached_property
    def _link_makers(self) -> tuple[tuple[str, LinkMaker], ...]:
        keys = [key for key in self.link_keys if key != PREFERENCES_KEY]
        return tuple((key, link_maker(key, self.campaign_id, self.link_base)) for key in keys)


def inert_links(campaign_id: UUID) -> dict[str, str]:
    """What stands in the place of a person's own links when others look at the mail (1 query).

    Counted links lead straight to their targets. The others say in words what was there: in an address of the HTML,
    where only web and mail addresses are let through, that leaves "#".
    """
    targets = CampaignLink.objects.filter(campaign_id=campaign_id).values_list("number", "url")
    return {
        **{f"link.{number}": url for number, url in targets},
        UNSUBSCRIBE_KEY: "(this person's unsubscribe link)",
        PREFERENCES_KEY: "(this person's link to the mail preferences)",
        "system.view_in_browser_url": "(this person's link to the mail in the browser)",
        # An address like that of a real one, so that the frame leaves it out as it does the real one.
        "system.open_pixel_url": f"{settings.PUBLIC_URL}/o/this-persons-open-pixel.gif",
        HIDDEN_LINK_KEY: "#",
    }


def prepared_mail(organization_id: UUID, snapshot_id: UUID, revision: int) -> CampaignMail:
    """The mail of a frozen version. A snapshot never changes, so what was prepared is kept, for KEPT_SECONDS because of
    what its domain adds; a transport keeps its own work for the same object. Raises CampaignSnapshot.DoesNotExist."""
    kept = _kept(organization_id, snapshot_id, revision)
    now = time.monotonic()
    if not kept or now - kept[0][0] > KEPT_SECONDS:
        kept[:] = [(now, _prepared(organization_id, snapshot_id, revision))]
    return kept[0][1]


@lru_cache(maxsize=KEPT_CAMPAIGNS)
def _kept(_organization_id: UUID, _snapshot_id: UUID, _revision: int) -> list[tuple[float, CampaignMail]]:
    """The place of a version: when its mail was prepared, and the mail; empty before."""
    return []


def _prepared(organization_id: UUID, snapshot_id: UUID, revision: int) -> CampaignMail:
    snapshot = CampaignSnapshot.objects.get(organization_id=organization_id, pk=snapshot_id)
    return prepare(compiled_content(snapshot), snapshot, revision)


def campaign_mail(campaign_id: UUID, variant: int = 0) -> CampaignMail:
    """The prepared mail that this variant of a frozen campaign goes out with now: its highest
    revision that the campaign has reached; a correction that nobody released yet goes to nobody (1 query).

    Raises CampaignSnapshot.DoesNotExist: not frozen, no such variant, or out of scope.
    """
    versions = CampaignSnapshot.objects.filter(campaign_id=campaign_id, variant=variant)
    return _newest(versions.filter(revision__lte=F("campaign__content_revision")))


def sent_mail(campaign_id: UUID, snapshot_id: UUID | None) -> CampaignMail:
    """The prepared mail of one version, whatever goes out now. None: the campaign's first, from before there were
    versions. Raises CampaignSnapshot.DoesNotExist."""
    versions = CampaignSnapshot.objects.filter(campaign_id=campaign_id)
    return _newest(versions.filter(pk=snapshot_id) if snapshot_id else versions.filter(revision=1))


def _newest(versions: QuerySet[CampaignSnapshot]) -> CampaignMail:
    """One statement reads version and campaign, so that the two fit together."""
    key = versions.order_by("-revision").values_list("organization_id", "pk", "campaign__content_revision").first()
    if key is None:
        raise CampaignSnapshot.DoesNotExist("The campaign is not frozen, or has no such version.")
    return prepared_mail(*key)


def prepare(compiled: CompiledContent, snapshot: CampaignSnapshot, revision: int = 1) -> CampaignMail:
    """The shared part of a campaign's mails with its headers."""
    bounce_host, reply_host = hosts_of(snapshot.organization_id, compiled.from_email)
    content = MailContent(
        subject=compiled.subject,
        html=compiled.html,
        text=compiled.text,
        from_name=compiled.from_name,
        from_email=compiled.from_email,
        reply_to=compiled.reply_to,
        message_id_domain=_domain(compiled.from_email),
        headers=bulk_headers(compiled, snapshot, reply_host),
        dkim=signing_key(snapshot.organization_id, compiled.from_email),
        reply_host=reply_host,
        bounce_host=bounce_host,
    )
    keys = used_keys([compiled.subject, compiled.html, compiled.text, *content.headers.values()])
    system = {*MESSAGE_LINKS, PREFERENCES_KEY}
    links = tuple(sorted(key for key in keys if key in system or key.startswith("link.")))
    audience = frozen_audience(snapshot)
    ids = (snapshot.pk, snapshot.campaign_id, revision)
    return CampaignMail(content, compiled.merge_keys, links, audience, *ids, snapshot.link_base)


def bulk_headers(
    compiled: CompiledContent, snapshot: CampaignSnapshot, reply_host: str = ""
) -> dict[str, MergeTemplate | str]:
    """What mailbox providers ask of bulk senders.

    List-Unsubscribe with an HTTPS and a mailto address (RFC 2369) and one click (RFC 8058), List-Id (RFC 2919),
    Feedback-ID (Gmail: up to three ids, then a constant sender; none names a person), Precedence.

    A mail to the second address bears the link of the first as its subject: at a `reply_host` it unsubscribes by
    itself (tracking/inbound), and whoever reads the client's own mailbox has the link to do it.
    """
    organization, campaign = snapshot.organization_id.hex, snapshot.campaign_id.hex
    to = f"unsubscribe@{reply_host}" if reply_host else compiled.reply_to or compiled.from_email
    link = f"{{{{ {UNSUBSCRIBE_KEY} }}}}"
    unsubscribe = f"<{link}>, <mailto:{to}?subject=unsubscribe%20{link}>"
    return {
        "List-Unsubscribe": parse(unsubscribe, context=Escape.HEADER, allowed=_HEADER_KEYS),
        "List-Unsubscribe-Post": "List-Unsubscribe=One-Click",
        "List-Id": f"<{organization}.campaigns.{_domain(compiled.from_email)}>",
        "Feedback-ID": f"{campaign}:{organization}:campaign:{SENDER_ID}",
        "Precedence": "bulk",
    }


def used_keys(parts: Iterable[MergeTemplate | str]) -> frozenset[str]:
    """The merge keys that any of these parts holds."""
    return frozenset(key for part in parts if isinstance(part, MergeTemplate) for key in part.keys)


def _domain(address: str) -> str:
    return address.rpartition("@")[2]
