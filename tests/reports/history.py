"""A made-up history for reports: figures by hand, and rows of mails and events behind them."""

import datetime
from collections.abc import Iterable
from zoneinfo import ZoneInfo

from core.accounts.models import Organization
from core.campaigns.models import Campaign, CampaignLink
from core.campaigns.states import CampaignStatus
from core.delivery.models import Message
from core.delivery.states import SendState
from core.reports.brand import ink_of
from core.reports.document import Brand
from core.reports.figures import CampaignRow, Figures, LinkRow, PartRow, Reason, Slot, Tally, total
from core.subscriptions.models import Plan
from core.tracking.choices import EventType, Verdict
from core.tracking.services import event_record
from tests.support import factories

MADRID = ZoneInfo("Europe/Madrid")
OCTOBER = datetime.date(2026, 10, 1), datetime.date(2026, 10, 31)
BRAND = Brand("Petal & Stem", "#0f766e", "#ffffff", ink_of("#0f766e"))
NOTHING = Tally()
HOSTILE = "=HYPERLINK(\"http://evil.example\") #text(red)[pwned] $x^2$ <script>alert(1)</script> & 'quotes' \\ %>"


def plan_with_all_formats() -> Plan:
    return factories.make_plan(features={"export_formats": {"pdf": True, "xlsx": True, "csv": True}})


def figures(
    rows: Iterable[CampaignRow], before: Tally = NOTHING, *, client: str = "Petal & Stem", **fields: object
) -> Figures:
    """Of October 2026, against September."""
    campaigns = tuple(rows)
    values: dict[str, object] = {
        "client": client,
        "zone": "Europe/Madrid",
        "first": OCTOBER[0],
        "last": OCTOBER[1],
        "first_before": datetime.date(2026, 9, 1),
        "last_before": datetime.date(2026, 9, 30),
        "made_at": datetime.datetime(2026, 11, 1, 8, tzinfo=datetime.UTC),
        "now": total(row.tally for row in campaigns),
        "before": before,
        "campaigns": campaigns,
        "campaigns_before": 3 if before.sent else 0,
        "slot_days": 1,
        "slots": tuple(
            Slot(OCTOBER[0] + datetime.timedelta(days=day), 40, 20 + day, 3, 30, 18, 2) for day in range(31)
        ),
        "providers": (PartRow("Gmail", Tally(3_000, 0, 840, 120, bounced=12)), PartRow("Other", Tally(500, 0, 99))),
        "devices": (PartRow("phone", Tally(opened=700, clicked=90)), PartRow("computer", Tally(opened=239))),
        "reasons": (Reason("mailbox_full", 8), Reason("invalid_address", 4)),
        "hours": tuple(tuple(day + hour for hour in range(24)) for day in range(7)),
        "links": (LinkRow("https://www.petal.example/spring?x=1", "Spring offer", 212),),
    }
    return Figures(**(values | fields))  # type: ignore[arg-type]


def row(name: str, sent: int, opened: int, clicked: int = 0, **fields: int) -> CampaignRow:
    return CampaignRow(
        name, datetime.date(2026, 10, 8), False, Tally(sent=sent, opened=opened, clicked=clicked, **fields)
    )


def sent_campaign(organization: Organization, name: str, started_at: datetime.datetime, people: int) -> Campaign:
    """A campaign whose mails were accepted when it started, to so many people, with one link."""
    campaign = factories.make_campaign(
        organization, name=name, status=CampaignStatus.SENT, started_at=started_at, finished_at=started_at
    )
    for number in range(people):
        contact = factories.make_contact(organization, f"{name.lower().replace(' ', '-')}-{number}@gmail.com")
        Message.objects.create(
            organization=organization,
            campaign=campaign,
            contact=contact,
            send_state=SendState.ACCEPTED,
            accepted_at=started_at,
        )
    CampaignLink.objects.create(
        organization=organization, campaign=campaign, number=1, url=f"https://shop.example/{name.lower()}"
    )
    return campaign


def happened(
    campaign: Campaign, number: int, event_type: EventType, at: datetime.datetime, verdict: Verdict = Verdict.HUMAN
) -> None:
    """An event of the campaign's n-th mail."""
    message = Message.objects.filter(campaign=campaign).order_by("id")[number]
    event_record(
        message_id=message.pk,
        type=event_type,
        occurred_at=at,
        event_key=f"{message.pk}-{event_type}-{verdict}-{at.isoformat()}",
        link_number=1 if event_type == EventType.CLICKED else None,
        verdict=verdict,
    )
