"""Writes of segments. A rule is read and checked before it is saved; other clients' ids in it are refused."""

from typing import Any
from uuid import UUID

from django.db import connection, transaction
from django.utils import timezone

from core.accounts import audit
from core.accounts.models import Organization
from core.common.tasks import wake
from core.common.tenancy import require
from core.contacts.errors import SegmentExists
from core.contacts.models import ContactGroup, Segment
from core.contacts.segments import check_rule, parse_rule, people_sql, rule_json, rule_sentence
from core.contacts.segments.people import people_count

COUNT = "contacts.count_segment"


@transaction.atomic
def segment_add(*, organization: Organization, name: str, rule: dict[str, Any], description: str = "") -> Segment:
    """A new segment; a worker counts its people. Raises BadRule or SegmentExists."""
    parsed = parse_rule(rule)
    check_rule(organization.pk, parsed)
    segment = Segment(organization=organization, name=name.strip(), description=description, rule=rule_json(parsed))
    Segment.objects.bulk_create([segment], ignore_conflicts=True)
    if not Segment.objects.filter(pk=segment.pk).exists():
        raise _exists_already(organization, segment.name)
    words = rule_sentence(organization.pk, parsed)
    audit.record(action="segment.added", obj=segment, changes={"name": [None, segment.name], "rule": [None, words]})
    wake(COUNT, organization_id=organization.pk, segment_id=segment.pk)
    return segment


@transaction.atomic
def segment_change(*, segment_id: UUID, name: str, rule: dict[str, Any], description: str = "") -> Segment:
    """Name, description and rule. A campaign that was begun keeps the rule it was begun with.

    Raises BadRule or SegmentExists.
    """
    segment = Segment.objects.select_for_update().select_related("organization").get(pk=segment_id)
    parsed = parse_rule(rule)
    check_rule(segment.organization_id, parsed)
    same_name = Segment.objects.filter(organization_id=segment.organization_id, name=name.strip())
    if same_name.exclude(pk=segment.pk).exists():
        raise _exists_already(segment.organization, name.strip())
    before = audit.field_values(segment, ["name", "description"]) | {"rule": segment.rule}
    segment.name, segment.description, segment.rule = name.strip(), description, rule_json(parsed)
    after = audit.field_values(segment, ["name", "description"]) | {"rule": segment.rule}
    changes = audit.changed_fields(before, after)
    if "rule" in changes:
        changes["rule"] = [rule_sentence(segment.organization_id, one) for one in changes["rule"]]
        segment.counted = segment.counted_at = None
    if changes:
        segment.save(update_fields=["name", "description", "rule", "counted", "counted_at", "updated_at"])
        audit.record(action="segment.changed", obj=segment, changes=changes)
        wake(COUNT, organization_id=segment.organization_id, segment_id=segment.pk)
    return segment


def segment_count(*, segment_id: UUID) -> int:
    """Count the people of a segment, however long it takes, and keep the number unless the rule was changed since."""
    segment = Segment.objects.get(pk=segment_id)
    count = people_count(segment.organization_id, segment.rule, seconds=None)
    same = Segment.objects.filter(pk=segment.pk, rule=segment.rule)
    same.update(counted=count, counted_at=timezone.now())
    return count


@transaction.atomic
def segment_add_to_group(*, segment_id: UUID, group_id: UUID) -> int:
    """Put everybody who is in the segment now into a group of the same client, in one statement.

    Returns how many were not in it. Twice does nothing the second time.
    """
    segment = Segment.objects.get(pk=segment_id)
    require(segment.organization_id)
    group = ContactGroup.objects.get(pk=group_id, organization_id=segment.organization_id)
    people, parameters = people_sql(segment.organization_id, segment.rule)
    # In order of the ids, so that two at once cannot deadlock.
    sql = f"""
        INSERT INTO contacts_contactgroupmembership (id, organization_id, group_id, contact_id, added_at)
        SELECT engagex_uuid7(), %s, %s, people.id, now() FROM ({people}) AS people ORDER BY people.id
        ON CONFLICT (organization_id, group_id, contact_id) DO NOTHING
    """  # noqa: S608 - of the compiler
    with connection.cursor() as cursor:
        cursor.execute(sql, [segment.organization_id, group.pk, *parameters])
        added = cursor.rowcount
    changes = {"contacts": [None, added], "from segment": [None, segment.name]}
    audit.record(action="contactgroup.contacts_added", obj=group, changes=changes)
    return added


def _exists_already(organization: Organization, name: str) -> SegmentExists:
    return SegmentExists(f"{organization} has a segment “{name}” already. Choose another name.")
