"""Replies and sending problems in the admin."""

import datetime
import io
import zipfile
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.privacy.erasure import contact_erase, contact_erase_now
from core.contacts.privacy.subject_access import subject_access_archive
from core.domains.models import SendingDomain
from core.tracking.choices import AlertKind
from core.tracking.models import Reply, SendingAlert
from core.tracking.queries.alerts import open_alerts
from core.tracking.tasks import prune
from tests.tracking.mailed import Mailed

Member = Callable[..., User]
SignedIn = Callable[[User], Client]


def make_reply(mailed: Mailed, text: str = "Thank you") -> Reply:
    with all_organizations(reason="test"):
        return Reply.objects.create(
            organization_id=mailed.campaign.organization_id,
            message=mailed.messages[0],
            campaign=mailed.campaign,
            contact=mailed.contacts[0],
            event_key="reply:1",
            sender="ana.private@elsewhere.example",
            sender_name="Ana <b>",
            subject="Re: <i>offer</i>",
            text=text,
            received_at=timezone.now(),
        )


def make_alert(mailed: Mailed, days_ago: int = 0, kind: AlertKind = AlertKind.AUTH, count: int = 12) -> SendingAlert:
    now = timezone.now() - datetime.timedelta(days=days_ago)
    with all_organizations(reason="test"):
        return SendingAlert.objects.create(
            organization_id=mailed.campaign.organization_id,
            kind=kind,
            domain="florist.example",
            day=now.date(),
            campaign=mailed.campaign,
            words="550 5.7.26 unauthenticated",
            count=count,
            first_seen=now,
            last_seen=now,
        )


def test_reply_is_shown_as_text_and_can_be_removed_by_those_who_may(
    mailed: Mailed, member: Member, signed_in: SignedIn
) -> None:
    reply = make_reply(mailed, "<script>alert(1)</script>\nhttps://bad.example")
    manager = signed_in(member(Role.MANAGER))
    listed = manager.get(reverse("admin:tracking_reply_changelist")).content.decode()
    assert "Re: &lt;i&gt;offer" in listed
    page = manager.get(reverse("admin:tracking_reply_change", args=[reply.pk])).content.decode()
    assert "&lt;script&gt;alert(1)" in page and "<script>alert" not in page and 'href="https://bad' not in page
    viewer = signed_in(member(Role.VIEWER))
    assert viewer.post(reverse("admin:tracking_reply_delete", args=[reply.pk]), {"post": "yes"}).status_code == 403


def test_empty_list_of_replies_leads_to_the_webhooks_whoever_may_see_them(
    florist: Organization, member: Member, signed_in: SignedIn
) -> None:
    address = reverse("admin:tracking_reply_changelist")
    for role, is_offered in ((Role.MANAGER, True), (Role.VIEWER, False)):
        page = signed_in(member(role)).get(address).content.decode()
        assert "No reply yet" in page and ("Open the webhooks" in page) == is_offered


def test_reply_goes_with_its_contact_and_is_in_the_copy_of_their_data(mailed: Mailed, florist: Organization) -> None:
    make_reply(mailed, "I moved to Lisbon")
    contact = mailed.contacts[0]
    with organization_scope(florist):
        archive = zipfile.ZipFile(io.BytesIO(subject_access_archive(contact)))
        assert any(b"I moved to Lisbon" in archive.read(name) for name in archive.namelist())
        contact_erase(contact_id=contact.pk)
        contact_erase_now(contact_id=contact.pk)
        assert not Reply.objects.exists()


def test_replies_are_let_go_after_the_months_of_the_setting_and_none_with_zero(mailed: Mailed, settings: Any) -> None:
    reply = make_reply(mailed)
    with all_organizations(reason="test"):
        Reply.objects.update(received_at=datetime.datetime(2026, 3, 31, 23, 59, tzinfo=datetime.UTC))
    for months, today, left in ((0, "2030-01-01", 1), (2, "2026-05-31", 1), (2, "2026-06-01", 0)):
        settings.REPLY_KEEP_MONTHS = months
        with time_machine.travel(f"{today}T12:00Z"):
            prune.apply().get()
        with all_organizations(reason="test"):
            assert Reply.objects.filter(pk=reply.pk).count() == left, today


def test_alert_acknowledge_takes_it_off_the_open_ones_once(
    mailed: Mailed, member: Member, signed_in: SignedIn, florist: Organization
) -> None:
    alert = make_alert(mailed)
    make_alert(mailed, days_ago=20)
    with organization_scope(florist):
        found = open_alerts([florist.pk])
    assert [one.pk for one in found] == [alert.pk]
    assert found[0].title == "12 mails from florist.example: refused for missing authentication (SPF, DKIM, DMARC)"
    manager = signed_in(member(Role.MANAGER))
    url = reverse("admin:tracking_sendingalert_acknowledge", args=[alert.pk])
    assert "12 mails were refused" in manager.get(url).content.decode()
    for _ in range(2):
        manager.post(url)
    with all_organizations(reason="test"):
        assert open_alerts([florist.pk]) == []
        assert AuditEvent.objects.filter(action="sendingalert.acknowledged").count() == 1
    page = manager.get(reverse("admin:tracking_sendingalert_changelist") + "?state=done").content.decode()
    assert str(alert.pk) in page and "Acknowledged" in page
    page = manager.get(reverse("admin:tracking_sendingalert_change", args=[alert.pk])).content.decode()
    assert "Acknowledged by" in page and "See deliverability" in page
    with organization_scope(florist):
        SendingDomain.objects.create(organization=florist, name="florist.example", selector="x")
    page = manager.get(reverse("admin:tracking_sendingalert_change", args=[alert.pk])).content.decode()
    assert "Open the domain" in page


@pytest.mark.parametrize(
    ("kind", "count", "is_told"), [(AlertKind.POLICY, 4, False), (AlertKind.POLICY, 5, True), (AlertKind.AUTH, 1, True)]
)
def test_few_refusals_by_recipients_policies_alarm_nobody(
    mailed: Mailed, florist: Organization, kind: AlertKind, count: int, is_told: bool
) -> None:
    make_alert(mailed, kind=kind, count=count)
    with organization_scope(florist):
        assert bool(open_alerts([florist.pk])) == is_told
        assert SendingAlert.objects.count() == 1


def test_alerts_acknowledge_of_many_says_how_many(mailed: Mailed, member: Member, signed_in: SignedIn) -> None:
    rows = [make_alert(mailed), make_alert(mailed, days_ago=1)]
    manager = signed_in(member(Role.MANAGER))
    url = reverse("admin:tracking_sendingalert_changelist")
    fields = {"action": "acknowledge_selected", "_selected_action": [row.pk for row in rows]}
    assert "Acknowledge 2 problems" in manager.post(url, fields).content.decode()
    assert (
        "2 problems are acknowledged" in manager.post(url, {**fields, "confirmed": "1"}, follow=True).content.decode()
    )


def test_viewer_sees_alerts_and_acknowledges_none(mailed: Mailed, member: Member, signed_in: SignedIn) -> None:
    alert = make_alert(mailed)
    viewer = signed_in(member(Role.VIEWER))
    assert viewer.get(reverse("admin:tracking_sendingalert_change", args=[alert.pk])).status_code == 200
    assert viewer.post(reverse("admin:tracking_sendingalert_acknowledge", args=[alert.pk])).status_code == 403


def test_alerts_of_another_client_are_nobodys_business(mailed: Mailed, museum: Organization) -> None:
    make_alert(mailed)
    with organization_scope(museum):
        assert open_alerts([mailed.campaign.organization_id, museum.pk]) == []
