"""The builder, the page of a report and the link without login."""

import datetime
from types import SimpleNamespace
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from redis.exceptions import RedisError

from core.accounts.choices import Role
from core.accounts.models import Organization
from core.common import kept
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import Purpose, sign
from core.reports import drafts, public_views, services
from core.reports.choices import FileState, Period, ReportFormat, Section
from core.reports.links import report_pdf_url, report_url
from core.reports.models import ReportDefinition, ReportFile, ReportMail, ReportPack
from core.reports.services import Recipient, ReportSpec
from tests.reports.history import HOSTILE, plan_with_all_formats
from tests.support import factories

BUILDER = "admin:report_builder"
TYPED = {"period": "last_month", "language": "en", "sections": ["summary", "campaigns"], "formats": ["html"]}


@pytest.fixture
def petal(db: None) -> Organization:
    return factories.make_organization("Petal", plan=plan_with_all_formats())


@pytest.fixture
def browser(petal: Organization, signed_in: Any) -> Client:
    person = factories.make_user(Role.ACCOUNT_MANAGER, petal, full_name="Ana Ruiz", is_email_verified=True)
    return signed_in(person)  # type: ignore[no-any-return]


@pytest.fixture
def pack(petal: Organization) -> ReportPack:
    return make_pack(petal)


def make_pack(client: Organization) -> ReportPack:
    with organization_scope(client):
        spec = ReportSpec(client, Period.LAST_MONTH, (Section.SUMMARY.value,), "en", title=HOSTILE[:100])
        return services.pack_make(spec=spec, user=None)


def path_of(url: str) -> str:
    return "/" + url.split("/", 3)[3]


def test_make_freezes_a_report_and_leads_to_it(browser: Client, petal: Organization) -> None:
    response = browser.post(reverse(BUILDER), {**TYPED, "action": "make", "note": "Dear Marta"})
    with organization_scope(petal):
        pack = ReportPack.objects.get()
        assert response["Location"] == reverse("admin:reports_reportpack_change", args=[pack.pk])
        assert (pack.sections, pack.note, pack.prepared_by) == (["summary", "campaigns"], "Dear Marta", "Ana Ruiz")
        services.file_make(file_id=ReportFile.objects.get().pk)
    page = browser.get(response["Location"])
    assert b"Frozen" in page.content
    file = browser.get(reverse("admin:reports_reportpack_file", args=[pack.pk, "html"]))
    assert file["Content-Disposition"].startswith('attachment; filename="petal-')
    assert b"Dear Marta" in file.content
    assert browser.get(reverse("admin:reports_reportpack_file", args=[pack.pk, "exe"])).status_code == 404


@pytest.mark.parametrize(
    "typed",
    [
        {},
        {"period": "custom", "sections": ["summary"], "language": "en"},
        {"period": "custom", "first_day": "9999-99-99", "last_day": "x", "sections": ["summary"], "language": "en"},
        {**TYPED, "period": "custom", "first_day": "0001-01-01", "last_day": "0001-01-02"},
        {"period": "never", "sections": ["nothing"], "language": "xx", "formats": ["exe"], "hour": "99"},
        {**TYPED, "action": "save", "name": ""},
        {**TYPED, "action": "save", "name": "M", "frequency": "monthly"},
        {**TYPED, "action": "save", "name": "M", "others": "no address"},
        {**TYPED, "action": "save", "name": "M\r\nBcc: x@y.example"},
    ],
)
def test_nonsense_in_the_builder_is_explained_and_changes_nothing(
    browser: Client, petal: Organization, typed: dict[str, Any]
) -> None:
    response = browser.post(reverse(BUILDER), typed)
    assert response.status_code in (200, 302)
    if response.status_code == 200 and typed:
        assert b'role="alert"' in response.content
    preview = browser.post(reverse("admin:report_preview"), typed)
    assert preview.status_code == 200
    with organization_scope(petal):
        assert not ReportDefinition.objects.exists()


def test_builder_works_while_redis_is_away(
    browser: Client, petal: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    def away(*_arguments: Any) -> None:
        raise RedisError

    for module in (kept, drafts):
        monkeypatch.setattr(module, "cache", SimpleNamespace(get=away, set=away))
    assert "cannot be shown for a moment" in browser.get(f"{reverse(BUILDER)}?draft=abc").content.decode()
    assert "cannot be shown" in browser.post(reverse("admin:report_preview"), TYPED).json()["problem"]
    typed = {**TYPED, "action": "save", "name": "Weekly", "frequency": "weekly", "others": "a@client.example"}
    assert b"Plan it" in browser.post(reverse(BUILDER), typed).content
    assert browser.post(reverse(BUILDER), {**TYPED, "action": "make"}).status_code == 302


def test_builder_for_a_campaign_begins_with_its_client_and_its_days(
    browser: Client, petal: Organization, museum: Organization
) -> None:
    with organization_scope(petal):
        campaign = factories.make_campaign(
            petal, status="sent", started_at=datetime.datetime(2026, 5, 4, 23, 30, tzinfo=datetime.UTC)
        )
        Organization.objects.filter(pk=petal.pk).update(time_zone="Europe/Madrid")
    page = browser.get(f"{reverse(BUILDER)}?campaign={campaign.pk}")
    form, today = page.context["form"], timezone.now().astimezone(ZoneInfo("Europe/Madrid")).date()
    assert (form["period"].value(), form["first_day"].value()) == (Period.CUSTOM, datetime.date(2026, 5, 5))
    assert form["last_day"].value() == min(today, datetime.date(2027, 5, 5))
    assert page.context["frame_url"] and page.context["client"] == petal
    assert f"?campaign={campaign.pk}" in page.context["preview_url"]
    assert "frame_url" in browser.post(page.context["preview_url"], TYPED).json()
    kept = {**TYPED, "action": "save", "name": "Weekly", "frequency": "weekly", "others": "a@client.example"}
    asked = browser.post(f"{reverse(BUILDER)}?campaign={campaign.pk}", kept)
    assert f"?campaign={campaign.pk}&draft=" in asked.context["confirmation"].back_url
    with organization_scope(museum):
        theirs = factories.make_campaign(museum, status="sent", started_at=timezone.now())
    for key in (theirs.pk, "nonsense"):
        assert browser.get(f"{reverse(BUILDER)}?campaign={key}").status_code == 404


def test_section_that_is_posted_twice_is_in_the_report_once(browser: Client, petal: Organization) -> None:
    browser.post(reverse(BUILDER), {**TYPED, "sections": ["links", "summary", "links"], "action": "make"})
    with organization_scope(petal):
        assert ReportPack.objects.get().sections == ["links", "summary"]


def test_locked_format_says_why(signed_in: Any, florist: Organization) -> None:
    browser = signed_in(factories.make_user(Role.ACCOUNT_MANAGER, florist))
    page = browser.get(reverse(BUILDER))
    assert b"does not include \xe2\x80\x9cReports as PDF\xe2\x80\x9d" in page.content
    response = browser.post(reverse(BUILDER), {**TYPED, "formats": ["pdf"], "action": "make"})
    assert response.status_code == 200
    with organization_scope(florist):
        assert not ReportPack.objects.exists()


def test_preview_is_kept_for_whoever_asked_and_nobody_else(
    browser: Client, petal: Organization, signed_in: Any
) -> None:
    answer = browser.post(reverse("admin:report_preview"), {**TYPED, "note": HOSTILE}).json()
    frame = browser.get(answer["frame_url"])
    assert b"<script>" not in frame.content
    assert "sandbox" in frame["Content-Security-Policy"]
    colleague = signed_in(factories.make_user(Role.OWNER, petal))
    assert colleague.get(answer["frame_url"]).status_code == 404
    with organization_scope(petal):
        assert not ReportPack.objects.exists()


def test_plan_asks_in_numbers_before_it_is_kept(browser: Client, petal: Organization) -> None:
    typed = {**TYPED, "action": "save", "name": "Monthly", "frequency": "monthly", "month_day": "31", "hour": "7"}
    typed["others"] = "Marta Ruiz <marta@client.example>\nluis@client.example"
    page = browser.post(reverse(BUILDER), typed)
    text = page.content.decode()
    assert "2 people of Petal will get the report" in text
    assert "Every month on the last day at 07:00" in text
    with organization_scope(petal):
        assert not ReportDefinition.objects.exists()
        browser.post(reverse(BUILDER), {**typed, "confirmed": "yes"})
        definition = ReportDefinition.objects.get()
        assert definition.recipients == [
            {"name": "Marta Ruiz", "email": "marta@client.example"},
            {"name": "", "email": "luis@client.example"},
        ]
        assert definition.next_due_at is not None
    opened = browser.get(reverse("admin:reports_reportdefinition_change", args=[definition.pk]), follow=True)
    assert b"Marta Ruiz &lt;marta@client.example&gt;" in opened.content
    pause = reverse("admin:reports_reportdefinition_pause", args=[definition.pk])
    assert browser.get(pause).status_code == 200
    browser.post(pause)
    with organization_scope(petal):
        assert ReportDefinition.objects.get().paused_at is not None


def test_way_back_from_the_confirmation_keeps_what_was_typed(browser: Client) -> None:
    typed = {**TYPED, "action": "save", "name": "Kept name", "frequency": "weekly", "others": "a@client.example"}
    page = browser.post(reverse(BUILDER), typed).content.decode()
    back = page.split('<a href="/admin/reports/new/?draft=')[1].split('"')[0]
    assert "Kept name" in browser.get(f"{reverse(BUILDER)}?draft={back}").content.decode()
    assert browser.get(f"{reverse(BUILDER)}?draft=../nonsense").status_code == 200


def test_send_names_everybody_and_sends_after_the_second_yes(
    browser: Client, petal: Organization, pack: ReportPack
) -> None:
    address = reverse("admin:reports_reportpack_send", args=[pack.pk])
    assert b"Choose at least one person" in browser.post(address, {}).content
    page = browser.post(address, {"others": "Marta <marta@client.example>"}).content.decode()
    assert "1 person will get a mail" in page
    with organization_scope(petal):
        assert not ReportMail.objects.exists()
    browser.post(address, {"others": "Marta <marta@client.example>", "confirmed": "yes"})
    browser.post(address, {"others": "Marta <marta@client.example>", "confirmed": "yes"})
    with organization_scope(petal):
        assert [mail.email for mail in ReportMail.objects.all()] == ["marta@client.example"]


def test_pdf_goes_with_the_mail_where_it_was_ticked_and_the_plan_has_it(
    browser: Client, petal: Organization, pack: ReportPack
) -> None:
    address, typed = reverse("admin:reports_reportpack_send", args=[pack.pk]), {"others": "marta@client.example"}
    assert "Attach the PDF to the mail" in browser.get(address).content.decode()
    page = browser.post(address, {**typed, "attach_pdf": "on"}).content.decode()
    assert "and the PDF attached" in page and 'name="attach_pdf"' in page
    browser.post(address, {**typed, "attach_pdf": "on", "confirmed": "yes"})
    kept = {**TYPED, "action": "save", "confirmed": "yes"}
    browser.post(reverse(BUILDER), {**kept, "name": "Without file"})
    browser.post(reverse(BUILDER), {**kept, "name": "With file", "attach_pdf": "on"})
    with organization_scope(petal):
        assert ReportMail.objects.get().attach_pdf is True
        found = dict(ReportDefinition.objects.values_list("name", "attach_pdf"))
    assert found == {"Without file": False, "With file": True}


def test_viewer_sees_no_report(petal: Organization, pack: ReportPack, signed_in: Any) -> None:
    browser = signed_in(factories.make_user(Role.VIEWER, petal))
    for address in (
        reverse(BUILDER),
        reverse("admin:reports_reportpack_changelist"),
        reverse("admin:reports_reportpack_change", args=[pack.pk]),
        reverse("admin:reports_reportpack_send", args=[pack.pk]),
        reverse("admin:reports_reportpack_file", args=[pack.pk, "html"]),
    ):
        assert browser.get(address).status_code == 403, address


def test_reports_of_another_client_are_not_there(browser: Client, museum: Organization) -> None:
    theirs = make_pack(museum)
    with organization_scope(museum):
        definition = ReportDefinition.objects.create(organization=museum, name="Theirs", sections=[], formats=[])
    for name in ("send", "link", "frame", "progress"):
        assert browser.get(reverse(f"admin:reports_reportpack_{name}", args=[theirs.pk])).status_code == 404
    assert browser.get(f"{reverse(BUILDER)}?definition={definition.pk}").status_code == 404
    assert browser.get(f"{reverse(BUILDER)}?definition=x'--").status_code == 404
    made = browser.post(reverse(BUILDER), {**TYPED, "action": "make", "pack_id": str(theirs.pk)})
    assert made.status_code in (200, 302)
    with all_organizations(reason="the test looks"):
        assert ReportPack.objects.get(pk=theirs.pk).organization_id == museum.pk


def sent(petal: Organization, pack: ReportPack) -> str:
    with organization_scope(petal):
        services.pack_send(pack_id=pack.pk, recipients=[Recipient("", "marta@client.example")])
        for file in ReportFile.objects.all():
            services.file_make(file_id=file.pk)
    return path_of(report_url(pack.pk))


def test_link_shows_the_report_without_login_and_to_no_search_engine(petal: Organization, pack: ReportPack) -> None:
    address = path_of(report_url(pack.pk))
    assert Client().get(address).status_code == 410  # nobody was given it yet
    sent(petal, pack)
    response = Client().get(address)
    assert response.status_code == 200
    assert response["X-Robots-Tag"] == "noindex, nofollow"
    assert response["Content-Security-Policy"].startswith("default-src 'none'")
    assert "no-store" in response["Cache-Control"]
    assert not response.cookies
    assert b"<script" not in response.content
    pdf = Client().get(path_of(report_pdf_url(pack.pk)))
    assert pdf.content.startswith(b"%PDF")


def test_link_that_was_withdrawn_or_ran_out_says_so(browser: Client, petal: Organization, pack: ReportPack) -> None:
    address = sent(petal, pack)
    withdraw = reverse("admin:reports_reportpack_link", args=[pack.pk])
    assert b"Withdraw the link?" in browser.get(withdraw).content
    assert Client().get(address).status_code == 200
    browser.post(withdraw, {"link": "withdraw"})
    gone = Client().get(address)
    assert gone.status_code == 410
    assert b"no longer here" in gone.content
    browser.post(withdraw, {"link": "open"})
    assert Client().get(address).status_code == 200
    with organization_scope(petal):
        ReportPack.objects.update(link_expires_at=timezone.now() - datetime.timedelta(seconds=1))
    assert Client().get(address).status_code == 410
    assert Client().get(path_of(report_pdf_url(pack.pk))).status_code == 410


def test_withdraw_clicked_twice_opens_nothing(browser: Client, petal: Organization, pack: ReportPack) -> None:
    address, page = sent(petal, pack), reverse("admin:reports_reportpack_link", args=[pack.pk])
    asked = dict(browser.get(page).context["confirmation"].hidden)
    browser.post(page, asked)
    again = browser.post(page, asked, follow=True)
    assert "does not work any more" in " ".join(str(message) for message in again.context["messages"])
    assert browser.post(page).status_code == 200  # whoever does not say what they want is asked
    assert Client().get(address).status_code == 410


def test_forged_links_lead_nowhere(petal: Organization, pack: ReportPack) -> None:
    sent(petal, pack)
    real = report_url(pack.pk).rpartition("/")[2]
    other = sign(Purpose.APPROVAL, pack.pk.bytes)
    for token in ("x", real[:-1], real + "A", other, sign(Purpose.REPORT, pack.pk.bytes + b"x"), "%00"):
        assert Client().get(f"/report/{token}").status_code == 404, token
    assert Client().post(f"/report/{real}").status_code == 405


def test_link_asked_for_too_often_is_refused_for_now(
    petal: Organization, pack: ReportPack, monkeypatch: pytest.MonkeyPatch
) -> None:
    address = sent(petal, pack)
    monkeypatch.setattr(public_views, "VIEWS_PER_LINK", 2)
    assert [Client().get(address).status_code for _ in range(3)] == [200, 200, 429]


def test_pdf_that_is_not_written_yet_asks_for_a_minute(petal: Organization, pack: ReportPack) -> None:
    with organization_scope(petal):
        services.pack_send(pack_id=pack.pk, recipients=[Recipient("", "marta@client.example")])
        assert ReportFile.objects.get(file_format=ReportFormat.PDF).state == FileState.WAITING
    response = Client().get(path_of(report_pdf_url(pack.pk)))
    assert (response.status_code, response["Retry-After"]) == (503, "60")
