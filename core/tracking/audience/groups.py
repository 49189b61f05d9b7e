"""How big groups were: a look every night, noted where it differs from the last one."""

import datetime
from typing import Any
from uuid import UUID

from django.db import connection

from core.common import tenancy
from core.tracking.models import AudienceGroup

# Groups without a row yet begin with a history: those who are in them now, by the day they came in.
_HISTORY = """
INSERT INTO tracking_audiencegroup (id, organization_id, group_id, day, members)
SELECT engagex_uuid7(), %(organization)s, group_id, day, sum(count(*)) OVER (PARTITION BY group_id ORDER BY day)
  FROM (SELECT membership.group_id, least((membership.added_at AT TIME ZONE %(zone)s)::date, %(today)s) AS day
          FROM contacts_contactgroupmembership AS membership
         WHERE membership.organization_id = %(organization)s AND membership.group_id = ANY(%(groups)s)) AS joined
 GROUP BY group_id, day
"""
_NOW = """
SELECT groups.id, (SELECT count(*) FROM contacts_contactgroupmembership AS membership
                    WHERE membership.organization_id = %(organization)s AND membership.group_id = groups.id)
  FROM contacts_contactgroup AS groups WHERE groups.organization_id = %(organization)s
"""


def snapshot(*, organization_id: UUID, zone: str, today: datetime.date) -> None:
    """Note the size of every group of the client as of today. Twice a day leaves one row."""
    tenancy.require(organization_id)
    parameters: dict[str, Any] = {"organization": organization_id, "zone": zone, "today": today}
    known = _last_members(organization_id, today)
    with connection.cursor() as cursor:
        cursor.execute(_NOW, parameters)
        now = dict(cursor.fetchall())
        cursor.execute(_HISTORY, {**parameters, "groups": [group for group in now if group not in known]})
    changed = [group for group, members in now.items() if group in known and known[group] != members]
    AudienceGroup.objects.filter(organization_id=organization_id, day=today, group_id__in=changed).delete()
    AudienceGroup.objects.bulk_create(
        AudienceGroup(organization_id=organization_id, group_id=group, day=today, members=now[group])
        for group in changed
    )


def _last_members(organization_id: UUID, today: datetime.date) -> dict[UUID, int]:
    rows = AudienceGroup.objects.filter(organization_id=organization_id, day__lte=today)
    newest = rows.order_by("group_id", "-day").distinct("group_id")
    return dict(newest.values_list("group_id", "members"))
