"""Who is in the audience of some groups, who of them must not be written to, and why."""

import pytest
from django.db import connection

from core.accounts.models import Organization
from core.common.ids import new_id
from core.common.tenancy import OrganizationMismatch, all_organizations
from core.contacts.audience import audience_counts, audience_sql, blocked_contacts
from core.contacts.choices import BlockReason, ContactStatus, SuppressionKind, SuppressionReason
from core.contacts.models import Suppression
from core.contacts.services import contact_unsubscribe
from core.contacts.suppression_keys import suppression_key
from core.delivery.states import SkipReason
from tests.support.factories import make_contact, make_group


def _rows(**groups: list) -> dict:
    sql, parameters = audience_sql(**groups)
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        rows = cursor.fetchall()
    assert len(rows) == len(dict(rows)), "somebody is in the audience twice"
    return dict(rows)


def test_audience_contact_in_two_included_groups_counts_once(in_florist: Organization) -> None:
    both, first_only = make_contact(in_florist), make_contact(in_florist)
    first = make_group(in_florist, "First", [both, first_only])
    second = make_group(in_florist, "Second", [both])
    rows = _rows(organization_id=in_florist.pk, include_group_ids=[first.pk, second.pk])
    assert rows == {both.pk: "", first_only.pk: ""}


def test_audience_contact_in_excluded_group_is_left_out(in_florist: Organization) -> None:
    wanted, overlap = make_contact(in_florist), make_contact(in_florist)
    newsletter = make_group(in_florist, "Newsletter", [wanted, overlap])
    vips = make_group(in_florist, "Vips", [overlap])
    groups = {"include_group_ids": [newsletter.pk], "exclude_group_ids": [vips.pk]}
    assert _rows(organization_id=in_florist.pk, **groups) == {wanted.pk: ""}


def test_audience_without_groups_is_empty(in_florist: Organization) -> None:
    make_group(in_florist, contacts=[make_contact(in_florist)])
    counts = audience_counts(organization_id=in_florist.pk, include_group_ids=[])
    assert (counts.total, counts.sendable, counts.skipped) == (0, 0, {})


@pytest.mark.parametrize(
    ("status", "reason"),
    [
        (ContactStatus.SUBSCRIBED, ""),
        (ContactStatus.UNSUBSCRIBED, "unsubscribed"),
        (ContactStatus.PENDING, "not_confirmed"),
        (ContactStatus.BOUNCED, "bounced"),
        (ContactStatus.COMPLAINED, "complained"),
    ],
)
def test_audience_status_decides_the_reason(in_florist: Organization, status: str, reason: str) -> None:
    contact = make_contact(in_florist, status=status)
    group = make_group(in_florist, contacts=[contact])
    assert _rows(organization_id=in_florist.pk, include_group_ids=[group.pk]) == {contact.pk: reason}
    blocked = blocked_contacts(organization_id=in_florist.pk, contact_ids=[contact.pk])
    assert blocked == ({contact.pk: reason} if reason else {})


def test_audience_suppressed_address_of_a_subscribed_contact_is_skipped(in_florist: Organization) -> None:
    contact = make_contact(in_florist, "Anna@people.example")
    group = make_group(in_florist, contacts=[contact])
    Suppression.objects.create(organization=in_florist, email="anna@people.example", email_key="anna@people.example")
    counts = audience_counts(organization_id=in_florist.pk, include_group_ids=[group.pk])
    assert (counts.total, counts.sendable, counts.skipped) == (1, 0, {"suppression_list": 1})


def test_audience_unsubscribed_contact_is_called_unsubscribed_not_suppressed(in_florist: Organization) -> None:
    contact = make_contact(in_florist)
    contact_unsubscribe(contact_id=contact.pk, source="test")
    blocked = blocked_contacts(organization_id=in_florist.pk, contact_ids=[contact.pk])
    assert blocked == {contact.pk: BlockReason.UNSUBSCRIBED}


def test_audience_suppression_of_another_organization_does_not_count(
    in_florist: Organization, museum: Organization
) -> None:
    contact = make_contact(in_florist, "anna@people.example")
    with all_organizations(reason="the museum's list"):
        Suppression.objects.create(
            organization=museum,
            email=contact.email,
            key=suppression_key(SuppressionKind.ADDRESS, contact.email_key),
            reason=SuppressionReason.UNSUBSCRIBED,
        )
    assert blocked_contacts(organization_id=in_florist.pk, contact_ids=[contact.pk]) == {}


def test_audience_group_of_another_organization_holds_nobody(in_florist: Organization, museum: Organization) -> None:
    with all_organizations(reason="the museum's group"):
        foreign = make_group(museum, contacts=[make_contact(museum)])
    assert _rows(organization_id=in_florist.pk, include_group_ids=[foreign.pk]) == {}
    with pytest.raises(OrganizationMismatch):
        audience_sql(organization_id=museum.pk, include_group_ids=[foreign.pk])


def test_audience_wrapped_by_key_pages_through_everybody(in_florist: Organization) -> None:
    contacts = [make_contact(in_florist) for _ in range(7)]
    group = make_group(in_florist, contacts=contacts)
    sql, parameters = audience_sql(organization_id=in_florist.pk, include_group_ids=[group.pk])
    page = f"SELECT contact_id FROM ({sql}) AS audience WHERE contact_id > %s ORDER BY contact_id LIMIT 3"
    seen: list = []
    last = "00000000-0000-0000-0000-000000000000"
    with connection.cursor() as cursor:
        while True:
            cursor.execute(page, [*parameters, last])
            ids = [row[0] for row in cursor.fetchall()]
            if not ids:
                break
            seen, last = seen + ids, ids[-1]
    assert seen == sorted(contact.pk for contact in contacts)


def test_blocked_contacts_unknown_or_foreign_contact_counts_as_deleted(
    in_florist: Organization, museum: Organization
) -> None:
    with all_organizations(reason="the museum's contact"):
        foreign = make_contact(museum)
    missing = new_id()
    blocked = blocked_contacts(organization_id=in_florist.pk, contact_ids=[missing, foreign.pk])
    assert blocked == {missing: "deleted", foreign.pk: "deleted"}


def test_block_reasons_are_those_of_the_ledger() -> None:
    assert {reason.value for reason in BlockReason} <= {reason.value for reason in SkipReason}
