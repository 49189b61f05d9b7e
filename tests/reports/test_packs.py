"""Reports that were made stay as they are; planned ones go out once a period, whatever beats or dies."""

import datetime
import threading
from typing import Any
from uuid import uuid4

import pytest
import time_machine
from django.db import connections
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization
from core.campaigns.models import Campaign
from core.common.tenancy import organization_scope
from core.contacts.privacy.registry import Person
from core.delivery.models import Connection, SandboxMail
from core.delivery.queries import parsed_mail
from core.reports import privacy, services
from core.reports.choices import FileState, Frequency, Period, ReportFormat, ReportMailState, Section
from core.reports.errors import ReportRefused
from core.reports.mailing import send_report_mails
from core.reports.models import ReportDefinition, ReportFile, ReportMail, ReportPack
from core.reports.periods import Plan
from core.reports.rendering import render
from core.reports.services import DefinitionValues, Recipient, ReportSpec
from core.reports.tasks import send_due
from core.tracking.choices import EventType
from core.tracking.services import roll_up
from tests.reports.history import MADRID, happened, plan_with_all_formats, sent_campaign
from tests.support import factories

ALL = tuple(section.value for section in Section)
MARTA, LUIS = Recipient("Marta", "marta@client.example"), Recipient("", "luis@client.example")
OCTOBER_8 = datetime.datetime(2026, 10, 8, 9, tzinfo=MADRID)
NOVEMBER_1 = datetime.datetime(2026, 11, 1, 8, tzinfo=MADRID)


@pytest.fixture
def client(db: None) -> Any:
    organization = factories.make_organization("Petal", plan=plan_with_all_formats(), time_zone="Europe/Madrid")
    with organization_scope(organization):
        campaign = sent_campaign(organization, "Spring", OCTOBER_8, 5)
        happened(campaign, 0, EventType.OPENED, OCTOBER_8 + datetime.timedelta(hours=1))
        roll_up()
        yield organization


def spec(client: Organization, **fields: Any) -> ReportSpec:
    days = {"first_day": datetime.date(2026, 10, 1), "last_day": datetime.date(2026, 10, 31)}
    return ReportSpec(
        **{"organization": client, "period": Period.CUSTOM, "sections": ALL, "language": "en"} | days | fields
    )


def planned(client: Organization, **fields: Any) -> ReportDefinition:
    values = {
        "name": "Monthly",
        "spec": spec(client, period=Period.LAST_MONTH),
        "formats": ("pdf",),
        "recipients": (MARTA, LUIS),
        "plan": Plan(Frequency.MONTHLY, 1, 8),
    }
    return services.definition_save(
        values=DefinitionValues(**(values | fields)), user=factories.make_user(Role.ACCOUNT_MANAGER, client)
    )


def text_of(pack: ReportPack) -> bytes:
    pack.refresh_from_db()
    return render(services.pack_document(pack), ReportFormat.HTML)


def test_pack_stays_as_it_was_when_events_brand_and_names_change(client: Organization) -> None:
    pack = services.pack_make(spec=spec(client), user=None)
    before = text_of(pack)
    campaign = Campaign.objects.get(name="Spring")
    happened(campaign, 1, EventType.OPENED, OCTOBER_8 + datetime.timedelta(hours=2))
    happened(campaign, 2, EventType.CLICKED, OCTOBER_8 + datetime.timedelta(hours=2))
    roll_up()
    Campaign.objects.filter(pk=campaign.pk).update(name="Renamed")
    Organization.objects.filter(pk=client.pk).update(name="Other name", color="#ff0000")
    assert text_of(pack) == before
    assert b"Spring" in before
    client.refresh_from_db()
    assert services.pack_make(spec=spec(client), user=None).figures != pack.figures


def test_make_twice_with_the_same_id_makes_one(client: Organization) -> None:
    pack_id = uuid4()
    first, again = (services.pack_make(spec=spec(client), user=None, pack_id=pack_id) for _ in range(2))
    assert first.pk == again.pk == pack_id
    assert ReportPack.objects.count() == 1


def test_make_of_something_else_with_the_same_id_makes_another(client: Organization) -> None:
    pack_id = uuid4()
    first = services.pack_make(spec=spec(client), user=None, pack_id=pack_id)
    september = {"first_day": datetime.date(2026, 9, 1), "last_day": datetime.date(2026, 9, 30)}
    for changed in (september, {"language": "es"}, {"note": "Dear Marta"}, {"sections": ("links",)}):
        other = services.pack_make(spec=spec(client, **changed), user=None, pack_id=pack_id)
        assert other.pk != first.pk
    assert other.sections == ["links"]


def test_make_without_sections_or_of_no_days_is_refused(client: Organization) -> None:
    with pytest.raises(ReportRefused, match="at least one section"):
        services.pack_make(spec=spec(client, sections=()), user=None)
    with pytest.raises(ReportRefused, match="before the first"):
        services.pack_make(spec=spec(client, last_day=datetime.date(2026, 9, 1)), user=None)


def test_send_mails_everybody_once_with_a_link(client: Organization) -> None:
    pack = services.pack_make(spec=spec(client, language="es", note="Hola Marta"), user=None)
    services.pack_send(pack_id=pack.pk, recipients=[MARTA, LUIS])
    assert dict(send_report_mails(organization_id=client.pk)) == {"accepted": 2}
    assert not send_report_mails(organization_id=client.pk)
    assert sorted(SandboxMail.objects.values_list("recipient", flat=True)) == [LUIS.email, MARTA.email]
    mail = SandboxMail.objects.first()
    assert mail is not None
    assert mail.subject == "Petal: informe de correo Octubre de 2026"
    assert set(ReportMail.objects.values_list("state", flat=True)) == {ReportMailState.SENT}
    with pytest.raises(ReportRefused, match="already"):
        services.pack_send(pack_id=pack.pk, recipients=[Recipient("Marta again", "MARTA@client.example")])
    assert AuditEvent.objects.filter(action="reportpack.sent").count() == 1


def attached_files() -> list[list[tuple[str, int]]]:
    return [parsed_mail(bytes(mail.raw)).files for mail in SandboxMail.objects.order_by("id")]


def test_mails_with_the_pdf_wait_for_it_and_bring_it(client: Organization) -> None:
    pack = services.pack_make(spec=spec(client), user=None)
    services.pack_send(pack_id=pack.pk, recipients=[MARTA, LUIS], attach_pdf=True)
    assert not send_report_mails(organization_id=client.pk)
    services.file_make(file_id=ReportFile.objects.get().pk)
    assert dict(send_report_mails(organization_id=client.pk)) == {"accepted": 2}
    size = len(services.file_fetch(pack=pack, file_format=ReportFormat.PDF))
    assert attached_files() == [[("petal-2026-10-01-2026-10-31.pdf", size)]] * 2
    assert "attached as a PDF" in parsed_mail(bytes(SandboxMail.objects.all()[0].raw)).text


def test_pdf_that_is_too_large_or_cannot_be_made_keeps_nobody_from_the_link(
    client: Organization, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("core.reports.mailing.MOST_ATTACHED_BYTES", 100)
    pack = services.pack_make(spec=spec(client), user=None)
    services.pack_send(pack_id=pack.pk, recipients=[MARTA], attach_pdf=True)
    services.file_make(file_id=ReportFile.objects.get().pk)
    assert dict(send_report_mails(organization_id=client.pk)) == {"accepted": 1}
    services.pack_send(pack_id=pack.pk, recipients=[LUIS], attach_pdf=True)
    ReportFile.objects.update(state=FileState.FAILED)
    assert dict(send_report_mails(organization_id=client.pk)) == {"accepted": 1}
    assert attached_files() == [[], []]
    assert not ReportMail.objects.filter(attach_pdf=True).exists()


def test_plan_without_pdf_mails_the_link_alone_and_at_once(museum: Organization) -> None:
    with organization_scope(museum):
        pack = services.pack_make(spec=spec(museum), user=None)
        services.pack_send(pack_id=pack.pk, recipients=[MARTA], attach_pdf=True)
        assert dict(send_report_mails(organization_id=museum.pk)) == {"accepted": 1}
        assert attached_files() == [[]]


def test_mail_of_a_worker_that_died_is_in_doubt_and_goes_out_again_by_hand_only(client: Organization) -> None:
    pack = services.pack_make(spec=spec(client), user=None)
    services.pack_send(pack_id=pack.pk, recipients=[MARTA])
    (mail,) = services.mails_claim(organization_id=client.pk, limit=5)  # and the worker is killed here
    assert services.mails_give_up() == 0
    with time_machine.travel(timezone.now() + datetime.timedelta(minutes=21)):
        assert services.mails_give_up() == 1
        assert not send_report_mails(organization_id=client.pk)
        mail.refresh_from_db()
        assert mail.state == ReportMailState.UNKNOWN
        services.mail_send_again(mail_id=mail.pk)
        with pytest.raises(ReportRefused):
            services.mail_send_again(mail_id=mail.pk)
        assert send_report_mails(organization_id=client.pk)["accepted"] == 1


def test_mails_stay_here_once_the_link_is_withdrawn_or_ran_out(client: Organization) -> None:
    pack = services.pack_make(spec=spec(client), user=None)
    services.pack_send(pack_id=pack.pk, recipients=[MARTA])
    services.link_revoke(pack_id=pack.pk)
    mail = ReportMail.objects.get()
    assert (mail.state, mail.words) == (ReportMailState.FAILED, services.LINK_CLOSED)
    with pytest.raises(ReportRefused, match="Open it first"):
        services.mail_send_again(mail_id=mail.pk)

    services.link_renew(pack_id=pack.pk)
    services.mail_send_again(mail_id=mail.pk)
    ReportPack.objects.update(link_expires_at=timezone.now() - datetime.timedelta(seconds=1))
    assert dict(send_report_mails(organization_id=client.pk)) == {"failed": 1}
    assert not SandboxMail.objects.exists()


def test_mails_wait_while_no_connection_can_carry_them(client: Organization) -> None:
    pack = services.pack_make(spec=spec(client), user=None)
    services.pack_send(pack_id=pack.pk, recipients=[MARTA])
    Connection.objects.update(paused_at=timezone.now(), problem="refused")
    assert not send_report_mails(organization_id=client.pk)
    assert ReportMail.objects.get().state == ReportMailState.WAITING


def test_file_is_made_once_and_again_from_the_same_figures(client: Organization) -> None:
    pack = services.pack_make(spec=spec(client), user=None)
    (file,) = services.files_ask(pack=pack, formats=[ReportFormat.CSV])
    services.file_make(file_id=file.pk)
    assert services.file_make(file_id=file.pk) == {"skipped": "ended already"}
    first = services.file_fetch(pack=pack, file_format=ReportFormat.CSV)
    with time_machine.travel(timezone.now() + datetime.timedelta(days=4)):
        assert services.files_let_go() == 1
        with pytest.raises(ReportRefused):
            services.file_fetch(pack=pack, file_format=ReportFormat.CSV)
        (file,) = services.files_ask(pack=pack, formats=[ReportFormat.CSV])
        services.file_make(file_id=file.pk)
        assert services.file_fetch(pack=pack, file_format=ReportFormat.CSV) == first


def test_format_that_the_plan_lacks_is_refused_with_the_reason(museum: Organization) -> None:
    with organization_scope(museum):
        pack = services.pack_make(spec=spec(museum), user=None)
        with pytest.raises(ReportRefused, match="does not include “Reports as PDF”"):
            services.files_ask(pack=pack, formats=[ReportFormat.PDF])
        assert services.files_ask(pack=pack, formats=[ReportFormat.HTML])


def test_plan_goes_out_once_a_period_however_often_it_is_run(client: Organization) -> None:
    with time_machine.travel(NOVEMBER_1 - datetime.timedelta(days=3)):
        definition = planned(client)
    assert definition.next_due_at == NOVEMBER_1
    with time_machine.travel(NOVEMBER_1 + datetime.timedelta(seconds=30)):
        assert "sent" in services.definition_run_due(definition_id=definition.pk)
        assert "skipped" in services.definition_run_due(definition_id=definition.pk)
        # As if the moment had not been moved on: the period itself is made once.
        ReportDefinition.objects.update(next_due_at=NOVEMBER_1)
        assert services.definition_run_due(definition_id=definition.pk) == {"skipped": "made before"}
    pack = ReportPack.objects.get()
    assert (pack.due_on, pack.first_day, pack.last_day) == (
        datetime.date(2026, 11, 1),
        datetime.date(2026, 10, 1),
        datetime.date(2026, 10, 31),
    )
    assert ReportMail.objects.filter(pack=pack).count() == 2
    definition.refresh_from_db()
    assert definition.next_due_at == datetime.datetime(2026, 12, 1, 8, tzinfo=MADRID)


@pytest.mark.django_db(transaction=True)
def test_plan_run_by_two_workers_at_once_goes_out_once(transactional_db: None) -> None:
    organization = factories.make_organization("Petal", plan=plan_with_all_formats(), time_zone="Europe/Madrid")
    with organization_scope(organization):
        definition = planned(organization)
        ReportDefinition.objects.update(next_due_at=timezone.now() - datetime.timedelta(minutes=1))
    barrier, summaries = threading.Barrier(2), []

    def work() -> None:
        try:
            with organization_scope(organization):
                barrier.wait()
                summaries.append(services.definition_run_due(definition_id=definition.pk))
        finally:
            connections.close_all()

    threads = [threading.Thread(target=work) for _ in range(2)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len([summary for summary in summaries if "sent" in summary]) == 1
    with organization_scope(organization):
        assert ReportPack.objects.count() == 1
        assert ReportMail.objects.count() == 2


def test_plan_killed_before_its_end_is_due_as_before(client: Organization, monkeypatch: pytest.MonkeyPatch) -> None:
    definition = planned(client)
    due_at = timezone.now() - datetime.timedelta(minutes=1)
    ReportDefinition.objects.update(next_due_at=due_at)

    def die(*args: Any, **kwargs: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patched:
        patched.setattr(ReportMail.objects, "bulk_create", die)
        with pytest.raises(KeyboardInterrupt):
            services.definition_run_due(definition_id=definition.pk)
    assert not ReportPack.objects.exists()
    definition.refresh_from_db()
    assert definition.next_due_at == due_at
    assert "sent" in services.definition_run_due(definition_id=definition.pk)


def test_plan_after_a_long_sleep_sends_the_last_period_alone(client: Organization) -> None:
    with time_machine.travel(datetime.datetime(2026, 8, 15, tzinfo=MADRID)):
        definition = planned(client)
    with time_machine.travel(datetime.datetime(2026, 11, 20, tzinfo=MADRID)):
        services.definition_run_due(definition_id=definition.pk)
    assert [pack.due_on for pack in ReportPack.objects.all()] == [datetime.date(2026, 11, 1)]
    assert ReportPack.objects.get().first_day == datetime.date(2026, 10, 1)


def test_paused_plan_sends_nothing_and_goes_on_from_the_next_moment(client: Organization) -> None:
    with time_machine.travel(NOVEMBER_1 - datetime.timedelta(days=3)):
        definition = planned(client)
        services.definition_pause(definition_id=definition.pk)
        with pytest.raises(ReportRefused):
            services.definition_pause(definition_id=definition.pk)
    with time_machine.travel(NOVEMBER_1 + datetime.timedelta(hours=1)):
        assert services.due_definitions() == []
        definition = services.definition_resume(definition_id=definition.pk)
    assert definition.next_due_at == datetime.datetime(2026, 12, 1, 8, tzinfo=MADRID)


def test_plan_without_people_or_with_fixed_days_is_refused(client: Organization) -> None:
    with pytest.raises(ReportRefused, match="at least one person"):
        planned(client, recipients=())
    with pytest.raises(ReportRefused, match="Fixed days"):
        planned(client, spec=spec(client))
    planned(client)
    with pytest.raises(ReportRefused, match="already"):
        planned(client)


def test_deleted_plan_leaves_what_it_made(client: Organization) -> None:
    definition = planned(client)
    ReportDefinition.objects.update(next_due_at=timezone.now())
    services.definition_run_due(definition_id=definition.pk)
    services.definition_delete(definition_id=definition.pk)
    assert ReportPack.objects.get().definition_id is None
    with pytest.raises(ReportRefused, match="stays in the history"):
        services.pack_delete(pack_id=ReportPack.objects.get().pk)


def test_periodic_job_wakes_what_is_due_of_every_client(client: Organization, museum: Organization) -> None:
    planned(client)
    ReportDefinition.objects.update(next_due_at=timezone.now())
    pack = services.pack_make(spec=spec(client), user=None)
    services.pack_send(pack_id=pack.pk, recipients=[MARTA])
    ReportFile.objects.update(heartbeat_at=timezone.now() - datetime.timedelta(minutes=5))
    done = send_due()
    assert (done["planned"], done["clients_with_mails"], done["files_resumed"]) == (1, 1, 1)


def test_rows_of_two_clients_do_not_mix(client: Organization, museum: Organization) -> None:
    pack = services.pack_make(spec=spec(client), user=None)
    with organization_scope(museum):
        assert not ReportPack.objects.exists()
        with pytest.raises(ReportPack.DoesNotExist):
            services.pack_send(pack_id=pack.pk, recipients=[MARTA])
        with pytest.raises(ReportPack.DoesNotExist):
            services.link_revoke(pack_id=pack.pk)


def test_erased_person_gets_no_report_and_is_named_nowhere(client: Organization) -> None:
    planned(client)
    pack = services.pack_make(spec=spec(client), user=None)
    services.pack_send(pack_id=pack.pk, recipients=[MARTA, LUIS])
    person = Person(client.pk, (), (MARTA.email,), ())
    (found,) = privacy.sections(person)["reports"]
    assert found["address"] == MARTA.email
    privacy.erase(person)
    assert not ReportMail.objects.filter(email__contains="marta").exists()
    assert ReportDefinition.objects.get().recipients == [{"name": "", "email": LUIS.email}]
    assert ReportMail.objects.filter(email=LUIS.email).exists()
    erased = ReportMail.objects.exclude(email=LUIS.email).get()
    with pytest.raises(ReportRefused, match="erased"):
        services.mail_send_again(mail_id=erased.pk)
    send_report_mails(organization_id=client.pk)
    assert [mail.recipient for mail in SandboxMail.objects.all()] == [LUIS.email]
