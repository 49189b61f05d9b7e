"""How a client's way out is doing, in words: the connection, the domains, and what receivers say of the mails."""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, replace

from core.adminsite.home.facts import ClientFacts
from core.delivery.models.kinds import ConnectionKind
from core.tracking.queries.clients import NEWEST

COMPLAINTS_ALARMING, COMPLAINTS_HIGH = 0.3, 0.1
BOUNCES_ALARMING = 5.0
"""Percent of accepted mails. From 0.3 % complaints on Gmail and Yahoo refuse a sender, below 0.1 % they ask it to be;
5 % bounces is where providers suspend an account."""
FEWEST_MAILS = 100
"""With fewer a single bounce would look like a trend."""
FEWEST_COMPLAINTS = 2
DAYS = 30


@dataclass(frozen=True, slots=True)
class Health:
    """`level` is "good", "watch", "bad" or "none"; `words` say it in short, `detail` what it rests on. `unhealthy`
    counts the senders (connections, domains, streams) that are not in order, `concern` is a sentence about bounces or
    complaints above a threshold."""

    level: str
    words: str
    detail: str = ""
    unhealthy: int = 0
    concern: str = ""


def health_of(facts: ClientFacts, now: datetime.datetime) -> Health:
    if facts.connection is None:
        return Health("none", "No connection yet")
    found = _rates(facts, now)
    bad = list(_broken(facts))
    if found.level == "bad":
        bad.append(found.words)
    if bad:
        words = bad[0] if len(bad) == 1 else f"{bad[0]}, {len(bad) - 1} more"
        return replace(found, level="bad", words=words, unhealthy=len(bad))
    if found.level == "good" and facts.connection.kind == ConnectionKind.SANDBOX:
        return replace(found, words="Sandbox", detail=f"Nothing leaves. {found.detail}")
    return found


def _broken(facts: ClientFacts) -> Iterator[str]:
    assert facts.connection is not None
    if facts.connection.paused_at:
        yield "Connection paused"
    for domain in facts.troubled_domains:
        yield f"{domain} stopped" if domain.paused_at else f"{domain} broken"
    for name in sorted({alert.domain for alert in facts.alerts}):
        yield f"{name} refused"


def _rates(facts: ClientFacts, now: datetime.datetime) -> Health:
    """What receivers made of the campaigns that started within DAYS, as far as the facts know them."""
    since = now - datetime.timedelta(days=DAYS)
    campaigns = [campaign for campaign in facts.recent if campaign.started_at >= since]
    of_days = f"the last {DAYS} days" if len(campaigns) < NEWEST else f"the last {NEWEST} campaigns"
    sent = sum(campaign.sent for campaign in campaigns)
    if not sent:
        return Health("good", "In order", f"Nothing was sent in the last {DAYS} days.")
    bounced, complained = sum(one.bounced for one in campaigns), sum(one.complained for one in campaigns)
    among = f"mails of {'campaigns of ' if len(campaigns) < NEWEST else ''}{of_days}"
    told = f"{bounced:,} bounces and {complained:,} complaints among {sent:,} {among}."
    bounces, complaints = 100 * bounced / sent, 100 * complained / sent
    of_mails = f"of the mails of {of_days}"
    if sent >= FEWEST_MAILS and bounces >= BOUNCES_ALARMING:
        concern = f"{bounces:.1f} % {of_mails} bounced. From {BOUNCES_ALARMING:.0f} % on providers suspend senders."
        return Health("bad", f"{bounces:.1f} % bounced", told, concern=concern)
    if complained >= FEWEST_COMPLAINTS and sent >= FEWEST_MAILS and complaints >= COMPLAINTS_HIGH:
        level = "bad" if complaints >= COMPLAINTS_ALARMING else "watch"
        share = f"{complaints:.2f} %"
        concern = (
            f"{share} {of_mails} were called spam. From {COMPLAINTS_ALARMING} % on Gmail and Yahoo refuse senders."
        )
        return Health(level, f"{share} complained", told, concern=concern)
    return Health("good", f"Healthy, {bounces:.1f} % bounced", told)
