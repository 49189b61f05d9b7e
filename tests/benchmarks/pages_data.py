"""An agency at size, for the benchmark of pages: 200 clients, thirteen months of campaigns, millions of events.

Rows look as the pipeline would have left them and are written by SQL; every counter is made of them by the product's
own rebuild. Half of the events are of one client, a fifth are of one campaign of it.
"""

import datetime
import sys
import time
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cache
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignGroup, CampaignSnapshot
from core.campaigns.states import CampaignStatus
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.generated import quick_checks
from core.contacts.models import ContactGroup
from core.delivery.models import Connection
from core.domains.choices import DomainStatus
from core.domains.dkim import new_key_pair
from core.domains.models import SendingDomain
from core.email_templates.models import EmailTemplate
from core.subscriptions.models import Plan
from core.tracking.audience.services import audience_count
from core.tracking.mailbox_providers import PROVIDER_BY_DOMAIN
from core.tracking.models import CampaignPart
from core.tracking.services import counters_rebuild
from tests.support import factories

BIG_CLIENT, CLIENT, BIG_CAMPAIGN = "Big brand", "Client", "To everybody"
EVENTS_PER_MAIL = 2
DAYS = 395
BATCH = 100
"""As DELIVERY_BATCH_SIZE is by default: the big campaign has ten thousand batches."""
LINKS = 24
_PARAGRAPH = "<p>" + "A mail of a brand says a good deal about what is new this season. " * 12 + "</p>"
_HTML = (
    "<html><head><title>News</title></head><body>"
    + "".join(
        f'{_PARAGRAPH}<p><a href="{{{{link.{number}}}}}">Offer {number}</a></p>' for number in range(1, LINKS + 1)
    )
    + '<p><a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p></body></html>'
)

_PEOPLE = """
INSERT INTO contacts_contact
       (id, created_at, updated_at, organization_id, email, email_key, address_hash, first_name, last_name, company,
        is_role_address, is_disposable_address, phone, phone_e164, time_zone, language, attributes, tags, status,
        source, consent_basis, consent_source, mail_frequency, last_opened_at, last_clicked_at)
SELECT engagex_uuid7(), came, came, %(organization)s, address, address, md5(address), 'Ada', 'Bauer', '', false, false,
       '', '', '', 'en', '{}', '{}', CASE WHEN number %% 50 = 0 THEN 'unsubscribed' ELSE 'subscribed' END,
       'Import ' || number %% 7, 'consent', '', 'all', CASE WHEN number %% 3 > 0 THEN seen END,
       CASE WHEN number %% 9 = 0 THEN seen END
  FROM (SELECT number, now() - random() * interval '500 days' AS came, now() - random() * interval '300 days' AS seen,
               'person' || number || '@' || CASE WHEN number %% 10 < 7
                   THEN (%(known)s::text[])[1 + floor(random() * random() * %(number_known)s)::int]
                   ELSE 'company' || number / 10 %% %(domains)s || '.example' END AS address
          FROM generate_series(1, %(people)s) AS number) AS people
"""
_NUMBERED = """
DROP TABLE IF EXISTS made_people;
CREATE TEMP TABLE made_people ON COMMIT DROP AS
SELECT row_number() OVER (ORDER BY id) AS number, id FROM contacts_contact WHERE organization_id = %(organization)s;
CREATE INDEX ON made_people (number);
ANALYZE made_people
"""
_MEMBERS = """
INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at)
SELECT engagex_uuid7(), %(organization)s, %(group)s, id, now() FROM made_people WHERE number %% %(every)s = 0
"""
# One row for each mail; %(campaigns)s, … are arrays side by side: a campaign, its start, its first person, its people.
_MAILS = """
DROP TABLE IF EXISTS made_mails;
CREATE TEMP TABLE made_mails ON COMMIT DROP AS
SELECT engagex_uuid7() AS id, campaign.id AS campaign_id, people.id AS contact_id, people.number - campaign.first AS nr,
       campaign.connection_id, campaign.snapshot_id,
       campaign.started_at + (people.number - campaign.first) * interval '36 hours' / 1000000 AS accepted_at,
       random() AS fate, -ln(1 - random()) AS slowness
  FROM unnest(%(campaigns)s::uuid[], %(connections)s::uuid[], %(snapshots)s::uuid[], %(starts)s::timestamptz[],
              %(firsts)s::bigint[], %(sizes)s::bigint[])
    AS campaign (id, connection_id, snapshot_id, started_at, first, size)
  JOIN made_people AS people ON people.number >= campaign.first AND people.number < campaign.first + campaign.size;
ANALYZE made_mails
"""
_BATCHES = """
INSERT INTO delivery_deliverybatch (id, organization_id, campaign_id, connection_id, number, state, size, due_at,
       fencing_token, worker, accepted_count, suppressed_count, failed_count, retry_count, uncertain_count,
       unresolved_count, settled_at, variant)
SELECT engagex_uuid7(), %(organization)s, campaign_id, connection_id, nr / %(batch)s + 1, 'settled', count(*),
       min(accepted_at), 1, 'made up', count(*), 0, 0, 0, 0, 0, max(accepted_at), 0
  FROM made_mails GROUP BY campaign_id, connection_id, nr / %(batch)s
"""
_MESSAGES = """
INSERT INTO delivery_message (id, organization_id, campaign_id, contact_id, batch_id, send_state, reason, words,
       attempts, resends, accepted_at, provider_message_id, delivery_state, opened_at, clicked_at)
SELECT mail.id, %(organization)s, mail.campaign_id, mail.contact_id, batch.id, 'accepted', '', '', 1, 0, accepted_at,
       '', 'delivered', CASE WHEN fate < 0.40 THEN accepted_at + slowness * interval '12 hours' END,
       CASE WHEN fate < 0.06 THEN accepted_at + slowness * interval '13 hours' END
  FROM made_mails AS mail JOIN delivery_deliverybatch AS batch
    ON batch.campaign_id = mail.campaign_id AND batch.number = mail.nr / %(batch)s + 1
"""
_VALUES = """
INSERT INTO delivery_messagevalues (message_id, organization_id, address, values, written_at, snapshot_id)
SELECT mail.id, %(organization)s, contact.email, '{"first_name": "Ada"}', accepted_at, mail.snapshot_id
  FROM made_mails AS mail JOIN contacts_contact AS contact ON contact.id = mail.contact_id
"""
# Whose fate lies between two numbers has such an event; the hours are multiplied by how slow the reader is.
_KINDS = """
(VALUES ('delivered', 'unknown', 'unknown', 0.03, 1.00, 0.01, false),
        ('opened', 'human', 'computer', 0.00, 0.12, 12, false),
        ('opened', 'human', 'phone', 0.12, 0.22, 12, false),
        ('opened', 'proxy', 'hidden', 0.22, 0.40, 12, false),
        ('opened', 'prefetch', 'hidden', 0.35, 0.68, 0.5, false),
        ('opened', 'human', 'tablet', 0.00, 0.10, 60, false),
        ('opened', 'unknown', 'unknown', 0.10, 0.12, 200, false),
        ('clicked', 'human', 'computer', 0.00, 0.06, 13, true),
        ('clicked', 'human', 'phone', 0.00, 0.02, 14, true),
        ('clicked', 'scanner', 'unknown', 0.30, 0.35, 0.1, true),
        ('deferred', 'unknown', 'unknown', 0.70, 0.72, 0.1, false),
        ('bounced', 'unknown', 'unknown', 0.00, 0.018, 0.2, false),
        ('dropped', 'unknown', 'unknown', 0.90, 0.903, 0, false),
        ('complained', 'unknown', 'unknown', 0.30, 0.3012, 20, false),
        ('unsubscribed', 'human', 'unknown', 0.05, 0.054, 15, false),
        ('replied', 'unknown', 'unknown', 0.06, 0.061, 30, false))
    AS kind (type, verdict, device, low, high, hours, has_link)
"""
_EVENTS = f"""
INSERT INTO tracking_analyticsevent (id, organization_id, message_id, campaign_id, contact_id, link_id, type, verdict,
       reasons, bounce_class, device, event_key, occurred_at, received_at, seen)
SELECT engagex_uuid7(), %(organization)s, mail.id, mail.campaign_id, mail.contact_id, link.id, kind.type, kind.verdict,
       CASE WHEN kind.has_link OR kind.type = 'opened' THEN '["browser"]' ELSE '[]' END::jsonb,
       CASE WHEN kind.type = 'bounced' THEN (ARRAY['invalid_address', 'mailbox_full', 'reputation', 'policy'])
            [1 + mail.nr %% 4] ELSE '' END,
       kind.device, kind.type || ':' || kind.hours || ':' || mail.id, happened.at, happened.at,
       CASE WHEN kind.type IN ('opened', 'clicked') THEN '{{"method": "GET", "network": "203.0.113.0/24", "user_agent":
            "Mozilla/5.0 (Windows NT 10.0; Win64; x64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/140.0"}}'
            ELSE '{{}}' END::jsonb
  FROM made_mails AS mail
  JOIN {_KINDS} ON mail.fate >= kind.low AND mail.fate < kind.high
 CROSS JOIN LATERAL (SELECT accepted_at + slowness * kind.hours * interval '1 hour' AS at) AS happened
  LEFT JOIN campaigns_campaignlink AS link
    ON kind.has_link AND link.campaign_id = mail.campaign_id
   AND link.number = 1 + mail.nr * mail.nr %% {LINKS} * (mail.nr %% 3) / 3
 WHERE happened.at < now()
"""
_LINKS = """
INSERT INTO campaigns_campaignlink (id, organization_id, campaign_id, number, url)
SELECT engagex_uuid7(), %(organization)s, campaign, number, 'https://shop.example/offers/' || number
  FROM unnest(%(campaigns)s::uuid[]) AS campaign, generate_series(1, %(links)s) AS number
"""
_COUNTED = """
SELECT sum(total) FILTER (WHERE part.type <> 'sent'),
       sum(total) FILTER (WHERE part.type <> 'sent' AND campaign.name = %s),
       sum(total) FILTER (WHERE part.type = 'sent' AND campaign.name = %s)
  FROM tracking_campaignpart AS part JOIN campaigns_campaign AS campaign ON campaign.id = part.campaign_id
 WHERE part = 'all'
"""


@dataclass(frozen=True)
class Mailing:
    """A campaign to be made: so many people, from this one on."""

    name: str
    days_ago: float
    first: int
    people: int


@dataclass(frozen=True)
class Agency:
    big: Organization
    campaign: Campaign
    events: int
    of_campaign: int
    mails: int


def agency(*, events: int, clients: int) -> Agency:
    """The agency with about so many events; one that is there is taken as it is."""
    with all_organizations(reason="the benchmark's clients"):
        if not CampaignPart.objects.filter(campaign__name=BIG_CAMPAIGN).exists():
            _fill(events, clients)
        big = Organization.objects.get(name=BIG_CLIENT)
        with connection.cursor() as cursor:
            cursor.execute(_COUNTED, [BIG_CAMPAIGN] * 2)
            counted = [int(count) for count in cursor.fetchone()]
        return Agency(big, Campaign.objects.get(organization=big, name=BIG_CAMPAIGN), *counted)


def _fill(events: int, clients: int) -> None:
    """The big client comes last: where its counters are, everything is."""
    began = time.monotonic()
    mails = events // EVENTS_PER_MAIL
    plan = factories.make_plan(is_public=False)
    each = max(mails // 2 // max(clients - 1, 1), 12)
    for number in range(1, clients):
        _client(f"{CLIENT} {number:03}", plan, _regular(each, 12, each // 12), people=each // 12, domains=300)
        if number % 20 == 0:
            _say(began, f"{number} clients")
    to_everybody = Mailing(BIG_CAMPAIGN, 20.0, 1, mails // 5)
    others = _regular(mails - to_everybody.people - each * (clients - 1), 60, to_everybody.people)
    _client(BIG_CLIENT, plan, [*others, to_everybody], people=to_everybody.people, domains=mails // 50, senders=6)
    _say(began, "all events")
    _vacuum()
    for organization in Organization.objects.order_by("pk"):
        with organization_scope(organization):
            counters_rebuild(organization_id=organization.pk)
            audience_count(organization_id=organization.pk)
    _say(began, "all counters")
    _vacuum()


def _vacuum() -> None:
    """Without statistics the database would take millions of rows for few."""
    with connection.cursor() as cursor:
        cursor.execute("VACUUM (ANALYZE)")


def _regular(mails: int, campaigns: int, people: int) -> list[Mailing]:
    """So many campaigns over DAYS, to people in turn."""
    size = min(mails // campaigns, people)
    return [
        Mailing(
            f"Mailing {number + 1}",
            DAYS - (number + 0.7) * DAYS / campaigns,
            1 + number * size % (people - size + 1),
            size,
        )
        for number in range(campaigns)
    ]


def _client(name: str, plan: Plan, mailings: Sequence[Mailing], *, people: int, domains: int, senders: int = 3) -> None:
    if Organization.objects.filter(name=name).exists():
        return
    with transaction.atomic(), ExitStack() as stack:
        organization = factories.make_organization(name, plan=plan)
        stack.enter_context(organization_scope(organization))
        addresses = _senders(organization, senders)
        groups = [
            ContactGroup.objects.create(organization=organization, name=word) for word in ("Everybody", "Customers")
        ]
        rows = [
            _campaign(organization, mailing, addresses[at % senders], groups) for at, mailing in enumerate(mailings)
        ]
        _write(organization, mailings, rows, groups, people=people, domains=domains)


_key_pair = cache(new_key_pair)


def _senders(organization: Organization, count: int) -> list[str]:
    """Addresses on two domains, one of which is verified."""
    private_key, public_key = _key_pair()
    for prefix, status in (("", DomainStatus.VERIFIED), ("news.", DomainStatus.PENDING)):
        SendingDomain.objects.create(
            organization=organization, name=f"{prefix}{organization.slug}.example", selector="made-up",
            private_key=private_key, public_key=public_key, status=status,
        )  # fmt: skip
    hosts = (f"{organization.slug}.example", f"news.{organization.slug}.example")
    return [f"sender{number}@{hosts[number % 2]}" for number in range(count)]


def _campaign(
    organization: Organization, mailing: Mailing, sender: str, groups: Sequence[ContactGroup]
) -> tuple[Campaign, CampaignSnapshot]:
    template, _ = EmailTemplate.objects.get_or_create(
        organization=organization, name="Made up", defaults={"subject": "Made up, never sent", "html": factories.HTML}
    )
    started_at = timezone.now() - datetime.timedelta(days=mailing.days_ago)
    campaign = Campaign.objects.create(
        organization=organization,
        name=mailing.name,
        template=template,
        from_name=organization.name,
        from_email=sender,
        status=CampaignStatus.SENT,
        scheduled_at=started_at,
        started_at=started_at,
        finished_at=started_at + mailing.people * datetime.timedelta(hours=36) / 1_000_000,
    )
    for group in groups:
        CampaignGroup.objects.create(organization=organization, campaign=campaign, group=group)
    snapshot = CampaignSnapshot.objects.create(
        organization=organization, campaign=campaign, subject="News", html=_HTML, text="News", merge_keys=[],
        from_name=organization.name, from_email=sender, organization_values={}, content_hash="0" * 64,
        audience={"included": [], "excluded": []},
    )  # fmt: skip
    return campaign, snapshot


def _write(
    organization: Organization,
    mailings: Sequence[Mailing],
    rows: Sequence[tuple[Campaign, CampaignSnapshot]],
    groups: Sequence[ContactGroup],
    *,
    people: int,
    domains: int,
) -> None:
    sandbox = Connection.objects.get(organization=organization, is_default=True)
    words: dict[str, Any] = {
        "organization": organization.pk,
        "people": people,
        "domains": max(domains, 10),
        "known": list(PROVIDER_BY_DOMAIN),
        "number_known": len(PROVIDER_BY_DOMAIN),
        "links": LINKS,
        "batch": BATCH,
    }
    with connection.cursor() as cursor:
        quick_checks(cursor)
        _run(cursor, words, _PEOPLE, _NUMBERED)
        for group, every in zip(groups, (1, 5), strict=True):
            cursor.execute(_MEMBERS, words | {"group": group.pk, "every": every})
        # A few campaigns at a time, so that what lies beside each other belongs together.
        for first in range(0, len(rows), 12):
            some, made = mailings[first : first + 12], rows[first : first + 12]
            arrays = {
                "campaigns": [campaign.pk for campaign, _ in made],
                "snapshots": [snapshot.pk for _, snapshot in made],
                "connections": [sandbox.pk] * len(made),
                "starts": [campaign.started_at for campaign, _ in made],
                "firsts": [mailing.first for mailing in some],
                "sizes": [mailing.people for mailing in some],
            }
            _run(cursor, words | arrays, _LINKS, _MAILS, _BATCHES, _MESSAGES, _VALUES, _EVENTS)


def _run(cursor: Any, words: dict[str, Any], *texts: str) -> None:
    for text in texts:
        for statement in text.split(";\n"):
            cursor.execute(statement, words)


def _say(began: float, words: str) -> None:
    sys.stderr.write(f"{time.monotonic() - began:6.0f} s  {words}\n")
