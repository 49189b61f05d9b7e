"""Who the made-up clients write to: people from a file, and what an agency makes of them over a year."""

import datetime
import io
from collections.abc import Callable

from django.db import connection

from core.accounts.models import Organization
from core.adminsite.demo.people import people_csv
from core.adminsite.demo.stories import FLORIST, SOFTWARE, ClientStory
from core.contacts import services
from core.contacts.addresses import normalise_address
from core.contacts.choices import ConsentBasis, FieldKind, SuppressionReason
from core.contacts.models import (
    AgencySuppression,
    Contact,
    ContactGroup,
    ContactGroupMembership,
    ContactImport,
    Segment,
    SignupForm,
    SignupFormGroup,
)
from core.contacts.services.signups import signup_confirm, signup_request

Announce = Callable[[str], None]

_SPREAD = """
UPDATE contacts_contact AS contact SET created_at = came.at, consent_at = came.at
  FROM (SELECT id, created_at - CASE WHEN random() < 0.5 THEN interval '380 days' + random() * interval '300 days'
                                     ELSE power(random(), 1.3) * interval '380 days' END AS at
          FROM contacts_contact WHERE organization_id = %s) AS came
 WHERE contact.id = came.id
"""
_CAME_BY = """
UPDATE contacts_contact
   SET source = (ARRAY['Form Website footer', 'Form Website footer', 'Form Website footer', 'Shop checkout',
                       'Shop checkout', 'Added by hand', 'Autumn fair (list)'])[1 + floor(random() * 7)::int]
 WHERE organization_id = %s AND created_at > now() - interval '380 days'
"""


def story_audience(organization: Organization, story: ClientStory, announce: Announce) -> ContactGroup:
    """The story's people, imported from a CSV as a client would hand it over."""
    file_name = f"{story.slug} contacts (demo).csv"
    if not ContactImport.objects.filter(file_name=file_name).exists():
        announce(f"Demo agency: {story.name} · {story.people:,} contacts")
        content = people_csv(
            story.people, seed=story.slug, extra_column=story.extra_column, with_mistakes=story.with_mistakes
        )
        _import(organization, story, file_name, content)
        _spread_over_the_year(organization)
    return ContactGroup.objects.get(name=story.group)


def _import(organization: Organization, story: ClientStory, file_name: str, content: bytes) -> None:
    draft = services.import_upload(
        organization=organization, file_name=file_name, file=io.BytesIO(content), size=len(content)
    )
    services.import_map(
        contact_import_id=draft.pk,
        fields=[column["field"] for column in draft.columns],
        kinds={"attributes.orders": FieldKind.NUMBER, "attributes.customer_since": FieldKind.DATE},
        new_group_name=story.group,
        consent_basis=ConsentBasis.EXPRESS,
        consent_source="Subscription list of the shop (demo data)",
        phone_region="ES",
    )
    services.import_confirm(contact_import_id=draft.pk)
    services.import_run(contact_import_id=draft.pk)


def _spread_over_the_year(organization: Organization) -> None:
    """Half of the contacts were there when the story begins, the others came in over the year, more of them lately, by
    the ways that people come. Until their day has come they are in no group: `those_who_had_come` lets them in."""
    with connection.cursor() as cursor:
        cursor.execute(_SPREAD, [organization.pk])
        cursor.execute(_CAME_BY, [organization.pk])
    ContactGroupMembership.objects.filter(organization=organization).delete()


def those_who_had_come(organization: Organization, group: ContactGroup, until: datetime.datetime) -> None:
    """Put everybody into the story's group who was a contact by then."""
    with connection.cursor() as cursor:
        cursor.execute(
            "INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at)"
            " SELECT engagex_uuid7(), organization_id, %s, id, created_at FROM contacts_contact"
            " WHERE organization_id = %s AND created_at <= %s AND deleted_at IS NULL ON CONFLICT DO NOTHING",
            [group.pk, organization.pk, until],
        )


def fill_audience(organization: Organization, story: ClientStory) -> None:
    """Tags, topics, segments, suppressions and a form; the museum has just started and has none. Made once."""
    if story not in (FLORIST, SOFTWARE) or Segment.objects.exists():
        return
    _tag(organization, "vip", "attributes @> '{\"orders\": 9}' OR (attributes->>'orders')::numeric > 9")
    _tag(organization, "new customer", "(attributes->>'customer_since')::date > now() - interval '400 days'")
    _topic(organization, story.group, "News", "What is new, about twice a month.")
    best = services.group_add(organization=organization, name="Best customers")
    vips = list(Contact.objects.filter(tags__contains=["vip"]).values_list("pk", flat=True))
    services.group_add_contacts(group_id=best.pk, contact_ids=vips)
    _segments(organization)
    _suppressions(organization)
    if story is FLORIST:
        _form(organization, best)


def _tag(organization: Organization, tag: str, condition: str) -> None:
    with connection.cursor() as cursor:
        cursor.execute(
            f"SELECT id FROM contacts_contact WHERE organization_id = %s AND ({condition})",  # noqa: S608 - ours
            [organization.pk],
        )
        ids = [row[0] for row in cursor.fetchall()]
    services.contacts_add_tags(organization_id=organization.pk, contact_ids=ids, tags=[tag])


def _topic(organization: Organization, name: str, public_name: str, description: str) -> None:
    ContactGroup.objects.filter(organization=organization, name=name).update(
        is_topic=True, public_name=public_name, public_description=description
    )


def _segments(organization: Organization) -> None:
    lapsed = {
        "all": [
            {"field": "sent", "is": "did", "campaign": "last", "last": 3},
            {"field": "opened", "is": "did_not", "campaign": "any", "days": 90},
        ]
    }
    loyal = {
        "all": [
            {"field": "attribute.orders", "is": "greater", "value": 5},
            {
                "any": [
                    {"field": "clicked", "is": "did", "campaign": "any", "days": 180},
                    {"field": "tags", "is": "any_of", "value": ["vip"]},
                ]
            },
        ]
    }
    for name, rule in (("Lapsing: sent lately, nothing opened in 90 days", lapsed), ("Loyal customers", loyal)):
        segment = services.segment_add(organization=organization, name=name, rule=rule, description="Demo data")
        services.segment_count(segment_id=segment.pk)


def _suppressions(organization: Organization) -> None:
    services.suppression_add(
        organization=organization, email="competitor.example", note="Works for a competitor (demo data)"
    )
    services.suppression_add(
        organization=organization,
        email="old-customer@post.example",
        reason=SuppressionReason.IMPORTED,
        note="From the list of the former tool (demo data)",
    )
    if not AgencySuppression.objects.exists():
        services.agency_suppression_add(email="lawyer@letters.example", note="Asked the agency in writing (demo data)")


def _form(organization: Organization, best: ContactGroup) -> None:
    """On the shop's page: three people asked, one of them has confirmed."""
    form = SignupForm.objects.create(
        organization=organization,
        name="Website footer",
        title="Flowers in your inbox",
        introduction="What is in season, twice a month. You can leave with one click.",
        consent_text="I want to get the newsletter of Petal & Stem by mail. I can leave at any time.",
        asked_fields=["first_name"],
    )
    SignupFormGroup.objects.create(
        organization=organization, form=form, group=ContactGroup.objects.exclude(pk=best.pk).order_by("pk")[0]
    )
    for name in ("Nela", "Timo", "Jule"):
        request = signup_request(
            form=form, address=normalise_address(f"{name.lower()}@casa.example"), values={"first_name": name}
        )
        if name == "Nela" and request is not None:
            signup_confirm(request_id=request.pk)
