"""What segments ask of the ledger: was sent, opened, clicked.

"Any campaign" of opens and clicks stands on the contact itself; everything else is looked up in the messages. Sent is
what the provider accepted; opened and clicked are a person's first open and click of a mail (not a scanner's).
"""

import datetime
from collections.abc import Collection
from typing import Any
from uuid import UUID

from core.campaigns.models import Campaign
from core.contacts.behaviour import ANY, LAST, Asked, BehaviourSource, Rows, any_of

_TIMES = {"sent": "accepted_at", "opened": "opened_at", "clicked": "clicked_at"}
_ON_CONTACT = {"opened": "last_opened_at", "clicked": "last_clicked_at"}
CAMPAIGNS_OFFERED = 500


def condition(asked: Asked) -> Rows | tuple[str, list[Any]]:
    """One condition about campaigns, as `core.contacts.behaviour` wants it. Another client's campaign has no row."""
    days = asked.behaviour.days
    since = asked.now - datetime.timedelta(days=days) if days is not None else None
    if asked.behaviour.campaign == ANY and asked.did in _ON_CONTACT:
        column = f"{asked.alias}.{_ON_CONTACT[asked.did]}"
        if since is None:
            return f"({column} IS NOT NULL)", []
        return f"({column} IS NOT NULL AND {column} >= %s)", [since]
    where = ["mailed.organization_id = %s"]
    parameters: list[Any] = [asked.organization_id]
    if asked.behaviour.campaign != ANY:
        campaign, ids = any_of("mailed.campaign_id", _campaign_ids(asked))
        where.append(campaign)
        parameters += ids
    at = f"mailed.{_TIMES[asked.did]}"
    where.append(f"{at} IS NOT NULL" if since is None else f"{at} >= %s")
    parameters += [] if since is None else [since]
    is_one_campaign = asked.behaviour.campaign not in (ANY, LAST)
    sql = f"FROM delivery_message AS mailed WHERE {' AND '.join(where)}"
    return Rows(sql, parameters, "mailed.contact_id", is_unique=is_one_campaign)


def _campaign_ids(asked: Asked) -> list[str]:
    """Read beforehand: PostgreSQL's plan depends on how many mails these campaigns had."""
    if asked.behaviour.campaign != LAST:
        return [asked.behaviour.campaign]
    newest = _started(asked.organization_id).values_list("pk", flat=True)[: asked.behaviour.last]
    return [str(pk) for pk in newest]


def _started(organization_id: UUID) -> Any:
    return Campaign.objects.filter(organization_id=organization_id).exclude(started_at=None).order_by("-started_at")


def campaign_names(organization_id: UUID, ids: Collection[str]) -> dict[str, str]:
    found = Campaign.objects.filter(organization_id=organization_id, pk__in=list(ids))
    return {str(pk): name for pk, name in found.values_list("pk", "name")}


def campaigns(organization_id: UUID) -> list[tuple[str, str]]:
    """(id, name) of the campaigns that went out, the newest first; CAMPAIGNS_OFFERED at most."""
    rows = _started(organization_id).values_list("pk", "name")[:CAMPAIGNS_OFFERED]
    return [(str(pk), name) for pk, name in rows]


SOURCE = BehaviourSource(condition=condition, campaign_names=campaign_names, campaigns=campaigns)
