"""Made-up mailings over made-up contacts: ledger rows, opens and clicks by the million, written by SQL.

For measurements only: nothing is sent, and the rows look as the pipeline would have left them.
"""

import datetime
from collections.abc import Callable
from typing import Any

from django.db import connection, transaction
from django.utils import timezone

from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignGroup
from core.campaigns.states import CampaignStatus
from core.common import tenancy
from core.contacts.generated import GROUPS, quick_checks
from core.contacts.models import Contact, ContactGroup
from core.delivery.models import Connection, Message
from core.email_templates.models import EmailTemplate
from core.tracking.services import campaign_roll_up

BATCH_SIZE = 1_000
OPENED, CLICKED = 0.4, 0.12
BUSY_CONTACTS, EVENTS_OF_BUSY = 3, 5_000
"""A few contacts have a timeline of thousands of events."""
HTML = (
    "<html><head><title>Made up</title></head><body><p>This mailing was never sent.</p>"
    '<p>{{ organization.postal_address }} <a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p></body></html>'
)

_STAGE = """
CREATE TEMPORARY TABLE generated_mails ON COMMIT DROP AS
SELECT row_number() OVER () AS number, engagex_uuid7() AS id, contact_id, random() AS fate,
       %(sent_at)s + random() * interval '1 hour' AS accepted_at, random() * random() * interval '6 days' AS after
  FROM (SELECT id AS contact_id FROM contacts_contact
         WHERE organization_id = %(organization)s AND deleted_at IS NULL AND status = 'subscribed'
           AND abs(hashtextextended(id::text, %(seed)s) %% 1000000) < %(share)s
         LIMIT %(messages)s) AS people
"""
_BATCHES = """
INSERT INTO delivery_deliverybatch (id, organization_id, campaign_id, connection_id, number, state, size, due_at,
    fencing_token, worker, accepted_count, suppressed_count, failed_count, retry_count, uncertain_count,
    unresolved_count, settled_at)
SELECT engagex_uuid7(), %(organization)s, %(campaign)s, %(connection)s, (number - 1) / %(batch_size)s + 1, 'settled',
       count(*), %(sent_at)s, 1, 'made up', count(*), 0, 0, 0, 0, 0, max(accepted_at)
  FROM generated_mails GROUP BY (number - 1) / %(batch_size)s
"""
_MESSAGES = """
INSERT INTO delivery_message (id, organization_id, campaign_id, contact_id, batch_id, send_state, reason, words,
    attempts, resends, accepted_at, provider_message_id, delivery_state, opened_at, clicked_at)
SELECT mail.id, %(organization)s, %(campaign)s, mail.contact_id, batch.id, 'accepted', '', '', 1, 0, accepted_at, '',
       'delivered', CASE WHEN fate < %(opened)s THEN accepted_at + after END,
       CASE WHEN fate < %(clicked)s THEN accepted_at + after + interval '1 minute' END
  FROM generated_mails AS mail JOIN delivery_deliverybatch AS batch
    ON batch.organization_id = %(organization)s AND batch.campaign_id = %(campaign)s
   AND batch.number = (mail.number - 1) / %(batch_size)s + 1
"""
_EVENTS = """
INSERT INTO tracking_analyticsevent (id, organization_id, message_id, campaign_id, contact_id, type, verdict, reasons,
    event_key, occurred_at, received_at, seen)
SELECT engagex_uuid7(), %(organization)s, id, %(campaign)s, contact_id, kind.type, 'human', '[]',
       'made-up:' || kind.type || ':' || id, accepted_at + after + kind.later, accepted_at + after + kind.later, '{}'
  FROM generated_mails
  JOIN (VALUES ('opened', %(opened)s, interval '0'), ('clicked', %(clicked)s, interval '1 minute'))
       AS kind (type, share, later) ON fate < kind.share
"""
_BUSY_EVENTS = """
INSERT INTO tracking_analyticsevent (id, organization_id, message_id, campaign_id, contact_id, type, verdict, reasons,
    event_key, occurred_at, received_at, seen)
SELECT engagex_uuid7(), organization_id, id, campaign_id, contact_id, 'opened', 'human', '[]',
       'made-up:' || nr || ':' || id, opened_at + nr * interval '1 minute', opened_at + nr * interval '1 minute', '{}'
  FROM (SELECT * FROM delivery_message WHERE organization_id = %(organization)s AND campaign_id = %(campaign)s
           AND opened_at IS NOT NULL ORDER BY contact_id DESC LIMIT %(busy)s) AS mail,
       generate_series(1, %(events)s) AS nr
"""


def generate_mailings(
    *, organization: Organization, campaigns: int, messages: int, announce: Callable[[str], None]
) -> int:
    """Bring the client to so many made-up mailings, which share `messages` ledger rows; returns how many mails new.

    A mailing is one transaction; one that is there is left alone.
    """
    tenancy.require(organization.pk)
    added = 0
    for number in range(1, campaigns + 1):
        added += _mailing(organization, number, messages // campaigns)
        announce(f"{number} of {campaigns} mailings")
    return added


@transaction.atomic
def _mailing(organization: Organization, number: int, messages: int) -> int:
    name = f"Made-up mailing {number}"
    if messages < 1 or Campaign.objects.filter(organization=organization, name=name).exists():
        return 0
    sent_at = timezone.now() - datetime.timedelta(days=20 * number)
    campaign = _campaign(organization, name, sent_at)
    parameters = {
        "organization": organization.pk,
        "campaign": campaign.pk,
        "connection": Connection.objects.get(organization=organization, is_default=True).pk,
        "messages": messages,
        "share": _share(organization, messages),
        "seed": number,
        "sent_at": sent_at,
        "batch_size": BATCH_SIZE,
        "opened": OPENED,
        "clicked": CLICKED,
        "busy": BUSY_CONTACTS if number == 1 else 0,
        "events": EVENTS_OF_BUSY,
    }
    _write(parameters)
    campaign_roll_up(organization_id=organization.pk, campaign_id=campaign.pk)
    return Message.objects.filter(campaign=campaign).count()


def _write(parameters: dict[str, Any]) -> None:
    with connection.cursor() as cursor:
        quick_checks(cursor)
        for statement in (_STAGE, _BATCHES, _MESSAGES, _EVENTS, _BUSY_EVENTS):
            cursor.execute(statement, parameters)


def _share(organization: Organization, messages: int) -> int:
    """Of a million contacts, so many are drawn: somewhat more than needed, spread over all."""
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM contacts_contact WHERE organization_id = %s AND deleted_at IS NULL"
            " AND status = 'subscribed'",
            [organization.pk],
        )
        people = cursor.fetchone()[0]
    wanted = messages * 1.02 + 10 * messages**0.5
    return min(1_000_000, int(wanted * 1_000_000 / max(people, 1)))


def _campaign(organization: Organization, name: str, sent_at: datetime.datetime) -> Campaign:
    template, _ = EmailTemplate.objects.get_or_create(
        organization=organization, name="Made up", defaults={"subject": "Made up, never sent", "html": HTML}
    )
    campaign = Campaign.objects.create(
        organization=organization,
        name=name,
        template=template,
        from_name=organization.name,
        from_email=f"hello@{organization.slug}.example",
        status=CampaignStatus.SENT,
        scheduled_at=sent_at,
        started_at=sent_at,
        finished_at=sent_at + datetime.timedelta(hours=1),
    )
    group = ContactGroup.objects.get(organization=organization, name=GROUPS[0][0])
    CampaignGroup.objects.create(organization=organization, campaign=campaign, group=group)
    return campaign


def busiest_contact(organization: Organization) -> Contact | None:
    """A contact with thousands of events, when the mailings are there."""
    newest = Message.objects.filter(organization=organization, campaign__name="Made-up mailing 1")
    message = newest.exclude(opened_at=None).order_by("-contact_id").select_related("contact").first()
    return message.contact if message else None
