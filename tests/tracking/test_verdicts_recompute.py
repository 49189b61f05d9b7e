"""The verdicts of the past, derived again: counted, written, cut short, and done twice."""

import datetime
from io import StringIO
from typing import Any
from urllib.parse import urlencode

import pytest
from django.core.management import CommandError, call_command
from django.test import Client
from django.urls import reverse

from core.accounts.models import AuditEvent, Organization
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import Contact
from core.delivery.models import Message
from core.tracking import services
from core.tracking.choices import PEOPLE, EventType, Verdict
from core.tracking.models import AnalyticsEvent, CampaignPart, VerdictRun
from core.tracking.queries import campaign_links, campaign_totals
from core.tracking.tasks import rejudge
from core.tracking.verdicts import recompute
from core.tracking.verdicts.recompute import NothingToJudge, VerdictRunUnderWay, verdict_run_begin
from tests.support import factories
from tests.tracking.mailed import BROWSER, Mailed, mailed_campaign

NOON = datetime.datetime(2026, 5, 4, 12, tzinfo=datetime.UTC)
URLS = tuple(f"https://shop.example/{number}" for number in range(1, 5))


@pytest.fixture
def mailed(florist: Organization) -> Mailed:
    """Six people: each clicked like a person; the first two were scans that an older rule took for people."""
    with organization_scope(florist):
        found = mailed_campaign(florist, 6, urls=URLS, accepted_at=NOON)
        for place, message in enumerate(found.messages):
            for number in range(1, 5) if place < 2 else (1,):
                add(found, message, number, NOON + datetime.timedelta(minutes=10 + place, seconds=number / 2))
        scanned = found.messages[2]
        add(found, scanned, 2, NOON + datetime.timedelta(hours=2), verdict=Verdict.SCANNER, reasons=["too_soon"])
        with all_organizations(reason="test"):
            services.roll_up()
    return found


def add(mailed: Mailed, message: Message, number: int, at: datetime.datetime, **fields: Any) -> None:
    """An event with the states that the intake writes with it."""
    fields = {"verdict": Verdict.HUMAN, "reasons": ["browser"], **fields}
    services.event_record(
        message_id=message.pk,
        type=EventType.CLICKED,
        occurred_at=at,
        event_key=f"{message.pk} {number} {at}",
        link_number=number,
        seen={"method": "GET", "user_agent": BROWSER, "language": "en", "network": "84.160.1.0/24"},
        verdict=fields["verdict"],
        reasons=tuple(fields["reasons"]),
    )


def run(mailed: Mailed, *, writes: bool) -> VerdictRun:
    with all_organizations(reason="test"):
        started = verdict_run_begin(campaign_id=mailed.campaign.pk, writes=writes)
        rejudge.apply()
        return VerdictRun.objects.get(pk=started.pk)


def figures(mailed: Mailed) -> dict[str, Any]:
    """Clicks as a page, the counters and SQL have them."""
    with all_organizations(reason="test"):
        services.roll_up()
    with organization_scope(mailed.campaign.organization_id):
        clicks = AnalyticsEvent.objects.filter(campaign=mailed.campaign, type=EventType.CLICKED)
        people = clicks.filter(verdict__in=PEOPLE)
        totals = campaign_totals(mailed.campaign.pk).clicked
        parts = CampaignPart.objects.filter(campaign=mailed.campaign, part="all", type="clicked")
        assert totals.people == people.count() == sum(row.total for row in parts if row.verdict in PEOPLE)
        assert totals.machines == clicks.count() - people.count()
        assert totals.people_once == people.values("message").distinct().count()
        assert sum(link.clicks.people for link in campaign_links(mailed.campaign.pk)) == people.count()
        firsts = dict(Message.objects.filter(clicked_at__isnull=False).values_list("pk", "clicked_at"))
        assert set(firsts) == set(people.values_list("message_id", flat=True))
        return {"people": totals.people, "machines": totals.machines, "firsts": firsts}


def test_rejudge_counts_and_changes_nothing(mailed: Mailed) -> None:
    before = figures(mailed)
    found = run(mailed, writes=False)
    assert found.finished_at is not None
    assert found.changes == {"human>scanner": 8, "scanner>human": 1}
    assert (found.mails, found.events, found.campaigns) == (6, 13, 1)
    assert figures(mailed) == before


def test_rejudge_writes_what_it_counted_and_figures_agree_before_and_after(mailed: Mailed) -> None:
    assert figures(mailed)["people"] == 12
    counted, written = run(mailed, writes=False), run(mailed, writes=True)
    assert counted.changes == written.changes
    after = figures(mailed)
    assert (after["people"], after["machines"]) == (5, 8)
    with organization_scope(mailed.campaign.organization_id):
        contacts = Contact.objects.filter(pk__in=[contact.pk for contact in mailed.contacts]).order_by("pk")
        assert [bool(contact.last_clicked_at) for contact in contacts] == [False, False, True, True, True, True]
        assert contacts[2].last_clicked_at == NOON + datetime.timedelta(hours=2)


def test_rejudge_twice_changes_nothing_more(mailed: Mailed) -> None:
    run(mailed, writes=True)
    before = figures(mailed)
    assert run(mailed, writes=True).changes == {}
    assert figures(mailed) == before


def test_rejudge_cut_short_goes_on_and_counts_nothing_twice(mailed: Mailed, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(recompute, "MAILS_AT_ONCE", 2)
    with all_organizations(reason="test"):
        started = verdict_run_begin(campaign_id=mailed.campaign.pk, writes=True)
        steps = 0
        while not recompute.verdict_run_continue(seconds=1e-9).is_finished:
            steps += 1
            assert steps < 20
        found = VerdictRun.objects.get(pk=started.pk)
    assert steps >= 3
    assert (found.mails, found.events, found.changes) == (6, 13, {"human>scanner": 8, "scanner>human": 1})


def test_rejudge_since_a_day_takes_campaigns_of_all_clients_from_then_on(mailed: Mailed, museum: Organization) -> None:
    with organization_scope(museum):
        mailed_campaign(museum, 1, name="Long ago", accepted_at=NOON - datetime.timedelta(days=30))
        other = mailed_campaign(museum, 1, accepted_at=NOON + datetime.timedelta(days=30))
        add(other, other.messages[0], 1, NOON + datetime.timedelta(days=31))
    with all_organizations(reason="test"):
        started = verdict_run_begin(since=NOON.date(), writes=False)
        rejudge.apply()
        found = VerdictRun.objects.get(pk=started.pk)
    assert (found.campaigns, found.mails) == (2, 7)


def test_rejudge_leaves_events_of_erased_people_alone(mailed: Mailed) -> None:
    with organization_scope(mailed.campaign.organization_id):
        AnalyticsEvent.objects.update(seen={})
    assert run(mailed, writes=True).changes == {}


def test_event_page_says_why(root: Client, mailed: Mailed) -> None:
    run(mailed, writes=True)
    with all_organizations(reason="test"):
        event = AnalyticsEvent.objects.filter(message=mailed.messages[0]).first()
    assert event is not None
    page = root.get(reverse("admin:tracking_analyticsevent_change", args=[event.pk])).content.decode()
    assert "Link scanner: opened all 4 links within 2 seconds" in page
    assert "(&#x27;scanner" not in page


def test_verdict_run_begin_refuses_two_at_once_and_nothing_at_all(mailed: Mailed) -> None:
    with all_organizations(reason="test"):
        verdict_run_begin(campaign_id=mailed.campaign.pk, writes=False)
        with pytest.raises(VerdictRunUnderWay):
            verdict_run_begin(campaign_id=mailed.campaign.pk, writes=False)
        with pytest.raises(NothingToJudge):
            verdict_run_begin(writes=False)


def test_rejudge_command_counts_then_writes(mailed: Mailed) -> None:
    out = StringIO()
    call_command("rejudge", campaign=mailed.campaign.pk, stdout=out)
    assert "8  Person → Link scanner" in out.getvalue()
    assert "9 other verdicts found, nothing was written" in out.getvalue()
    call_command("rejudge", since=NOON.date(), write=True, stdout=out)
    assert figures(mailed)["people"] == 5
    with pytest.raises(CommandError):
        call_command("rejudge", since=NOON.date(), campaign=mailed.campaign.pk)


# --- The admin --------------------------------------------------------------------------------------------------------

LIST, ADD = "admin:tracking_verdictrun_changelist", "admin:tracking_verdictrun_add"


@pytest.fixture
def root(client: Client, db: None) -> Client:
    client.force_login(factories.make_user(is_superuser=True))
    return client


def test_admin_count_then_write(root: Client, mailed: Mailed) -> None:
    assert "Verdicts stand as they were found" in root.get(reverse(LIST)).content.decode()
    answer = root.post(reverse(ADD), {"campaign_id": str(mailed.campaign.pk), "since": ""})
    assert answer.status_code == 302, answer.content.decode()
    rejudge.apply()
    page = root.get(answer["Location"]).content.decode()
    assert "What would change" in page
    assert "Link scanner" in page
    with all_organizations(reason="test"):
        counted = VerdictRun.objects.get()
    url = reverse("admin:tracking_verdictrun_write_verdicts", args=[counted.pk])
    assert "9 of 13 opens and clicks" in root.get(url).content.decode()
    with all_organizations(reason="test"):
        assert VerdictRun.objects.count() == 1
    assert root.post(url).status_code == 302
    rejudge.apply()
    assert figures(mailed)["people"] == 5
    with all_organizations(reason="test"):
        actions = set(AuditEvent.objects.values_list("action", flat=True))
    assert {"verdicts.counted", "verdicts.written"} <= actions


@pytest.mark.parametrize(
    "posted",
    [{}, {"since": "yesterday"}, {"campaign_id": "x"}, {"campaign_id": "01a200e8-97ec-772a-a4a1-2ae3db04d4e8"}],
)
def test_admin_add_with_nonsense_says_so(root: Client, mailed: Mailed, posted: dict[str, str]) -> None:
    answer = root.post(reverse(ADD), posted)
    assert answer.status_code == 200
    with all_organizations(reason="test"):
        assert not VerdictRun.objects.exists()


def test_people_and_machines_page_names_the_date_of_the_networks(root: Client, mailed: Mailed) -> None:
    page = root.get(reverse("admin:tracking_analyticsevent_people_and_machines")).content.decode()
    assert "as of 22 November 2026" in page
    assert "Amazon Web Services" in page
    assert "Opened all links of the mail within a minute" in page
    event = reverse("admin:tracking_analyticsevent_changelist") + "?" + urlencode({"type__exact": "clicked"})
    assert "A browser or mail app" in root.get(event).content.decode()
