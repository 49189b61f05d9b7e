"""Mails that went out to many, as rows: what the ingest benchmark starts from."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction

from core.accounts.models import Organization
from core.common.ids import new_id
from core.contacts.generated import quick_checks
from core.delivery.models import DeliveryBatch
from tests.tracking.mailed import Mailed

_CONTACTS = """
INSERT INTO contacts_contact
       (id, created_at, updated_at, organization_id, email, email_key, address_hash, first_name, last_name, company,
        is_role_address, is_disposable_address, phone, phone_e164, time_zone, language, attributes, tags, status,
        source, consent_basis, consent_source, mail_frequency)
SELECT engagex_uuid7(), now(), now(), %(organization)s, address, address, md5(address), 'Ada', 'Bauer', '', false,
       false, '', '', '', 'en', '{}', '{}', 'subscribed', %(tag)s, 'consent', '', 'all'
  FROM (SELECT 'person' || number || %(tag)s || '@' || CASE
               WHEN number %% 10 < 4 THEN 'gmail.com' WHEN number %% 10 < 6 THEN 'outlook.com'
               WHEN number %% 10 < 7 THEN 'yahoo.com' ELSE 'company' || number %% 997 || '.example' END AS address
          FROM generate_series(1, %(people)s) AS number) AS people
"""
_BATCHES = """
INSERT INTO delivery_deliverybatch (id, organization_id, campaign_id, connection_id, number, state, size, due_at,
       fencing_token, worker, accepted_count, suppressed_count, failed_count, retry_count, uncertain_count,
       unresolved_count, settled_at, variant)
SELECT engagex_uuid7(), %(organization)s, %(campaign)s, %(connection)s, number, 'settled', 100, now(), 1, '', 100, 0, 0,
       0, 0, 0, now(), 0
  FROM generate_series(%(offset)s, %(offset)s + %(people)s / 100 - 1) AS number
"""
_MESSAGES = """
INSERT INTO delivery_message (id, organization_id, campaign_id, contact_id, batch_id, send_state, reason, words,
       attempts, resends, accepted_at, provider_message_id, delivery_state)
SELECT engagex_uuid7(), %(organization)s, %(campaign)s, contact.id, batch.id, 'accepted', '', '', 1, 0,
       now() - interval '1 day', '', ''
  FROM (SELECT id, row_number() OVER (ORDER BY id) - 1 AS place FROM contacts_contact
         WHERE organization_id = %(organization)s AND source = %(tag)s) AS contact
  JOIN delivery_deliverybatch AS batch
    ON batch.campaign_id = %(campaign)s AND batch.number = contact.place / 100 + %(offset)s
"""
_VALUES = """
INSERT INTO delivery_messagevalues (message_id, organization_id, address, values, written_at)
SELECT message.id, message.organization_id, contact.email,
       '{"first_name": "Ada", "company": "Bauer and daughters"}', now()
  FROM delivery_message AS message JOIN contacts_contact AS contact ON contact.id = message.contact_id
 WHERE message.campaign_id = %(campaign)s AND contact.source = %(tag)s
"""


@transaction.atomic
def add_people(organization: Organization, mailed: Mailed, people: int) -> list[UUID]:
    """So many more contacts (hundreds), each with a mail of the campaign accepted yesterday: the mails' ids."""
    parameters: dict[str, Any] = {
        "organization": organization.pk,
        "campaign": mailed.campaign.pk,
        "people": people,
        "tag": new_id().hex[-8:],
        "offset": DeliveryBatch.objects.filter(campaign=mailed.campaign).count() + 1,
        "connection": mailed.messages[0].batch.connection_id,
    }
    with connection.cursor() as cursor:
        quick_checks(cursor)
        for statement in (_CONTACTS, _BATCHES, _MESSAGES, _VALUES):
            cursor.execute(statement, parameters)
        cursor.execute(
            "SELECT message.id FROM delivery_message AS message JOIN contacts_contact AS contact"
            " ON contact.id = message.contact_id WHERE message.campaign_id = %(campaign)s AND contact.source = %(tag)s",
            parameters,
        )
        return [row[0] for row in cursor.fetchall()]
