"""What a rehearsal builds: the campaign's mail, or with an A/B test one for each variant, and who gets which."""

import hashlib
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import connection

from core.campaigns.ab.queries import ab_test_of, variants_of
from core.campaigns.ab.services import letter
from core.campaigns.content import compiled_content
from core.campaigns.missing_values import unguarded_keys
from core.campaigns.models import Campaign
from core.campaigns.snapshot import draft_snapshots, mail_source
from core.common.tenancy import require
from core.contacts.audience import AudienceDefinition, audience_sql
from core.delivery.lanes import SampleLanes, sample_lanes
from core.delivery.mime import MimeSkeleton
from core.delivery.rendering import CampaignMail, prepare
from core.domains.queries import link_base

_NOBODY = UUID(int=0)
_IN_ORDER = "SELECT contact_id, skip_reason, variant FROM ({laned}) AS laned ORDER BY contact_id"
_CHOSEN = """
    SELECT contact_id, skip_reason FROM ({audience}) AS audience
     WHERE contact_id > %s ORDER BY contact_id LIMIT %s
"""


@dataclass(frozen=True)
class Mail:
    """One mail that is rehearsed. `letter` is that of its variant, "" without a test; `inert` stands in the samples in
    the place of a person's own links; `keys` are the values it shows without a fallback."""

    letter: str
    mail: CampaignMail
    skeleton: MimeSkeleton
    inert: Mapping[str, str]
    keys: tuple[str, ...]


@dataclass(frozen=True)
class Player:
    """Somebody of the audience. Who waits for the winner of a test is in no sample, and gets the variants in turn."""

    contact_id: UUID
    skip_reason: str
    mail: Mail
    is_waiting: bool = False


@dataclass(frozen=True)
class Play:
    """What is rehearsed. `content_hash` changes with every edit of a mail, and with the sample of a test."""

    organization_id: UUID
    mails: tuple[Mail, ...]
    lanes: SampleLanes | None
    content_hash: str

    @property
    def audience(self) -> AudienceDefinition:
        return self.mails[0].mail.audience

    def people_after(self, contact_id: UUID | None, limit: int, turn: int) -> list[Player]:
        """The next people in the order of their ids, divided as a real send divides a chunk (`turn`: its number)."""
        require(self.organization_id)
        audience, parameters = audience_sql(self.audience)
        chosen, values = _CHOSEN.format(audience=audience), [*parameters, contact_id or _NOBODY, limit]
        if self.lanes is None:
            return [Player(pk, reason, self.mails[0]) for pk, reason in _rows(chosen, values)]
        divided, values = self.lanes.divide(chosen, values, turn)
        rows = _rows(_IN_ORDER.format(laned=divided), values)
        by_variant = dict(zip(self.lanes.variants, self.mails, strict=True))
        in_turn = itertools.cycle(self.mails)
        return [
            Player(pk, reason, by_variant[variant] if variant else next(in_turn), not variant)
            for pk, reason, variant in rows
        ]


def play_of(campaign: Campaign) -> Play:
    """Everything that the rehearsal of a draft needs. Raises what building its content raises."""
    test, variants = ab_test_of(campaign), variants_of(campaign)
    drafts = draft_snapshots(campaign)
    first_link, mails = 1, []
    for number, (snapshot, links) in enumerate(drafts):
        snapshot.link_base = link_base(snapshot.organization_id, snapshot.from_email)
        mail = prepare(compiled_content(snapshot), snapshot)
        inert = {f"link.{place}": url for place, url in enumerate(links, start=first_link)}
        others = {key: "(this person's own link)" for key in mail.link_keys if key not in inert}
        source = mail_source(campaign, variants[number] if variants else None)
        name = letter(snapshot.variant) if snapshot.variant else ""
        mails.append(Mail(name, mail, MimeSkeleton(mail.content), inert | others, unguarded_keys(source)))
        first_link += len(links)
    lanes = None
    if test is not None and variants:
        lanes = sample_lanes(campaign.pk, tuple(variant.number for variant in variants), test.sample_percent)
    hashes = [snapshot.content_hash for snapshot, _links in drafts]
    return Play(campaign.organization_id, tuple(mails), lanes, _hash(hashes, lanes))


def _hash(hashes: list[str], lanes: SampleLanes | None) -> str:
    if lanes is None:
        return hashes[0]
    return hashlib.sha256(" ".join([*hashes, str(lanes.percent)]).encode()).hexdigest()


def _rows(sql: str, values: list[Any]) -> list[Any]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())
