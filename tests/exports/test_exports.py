"""Lists out of the product: a file holds the filtered list of one client, as somebody may see it, and no more."""

import csv
import datetime
import io
import json
from collections.abc import Callable

import openpyxl
import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import AuditEvent, Organization, OrganizationMembership, User
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import ContactField, Segment, SignupForm, SignupRequest
from core.exports import services
from core.exports.choices import ExportFormat, ExportStatus
from core.exports.lists import exportable_admin, list_columns
from core.exports.models import ExportPart, ListExport
from core.exports.runner import run_export
from core.exports.tasks import tidy_up
from core.subscriptions.errors import FeatureLocked
from core.subscriptions.models import Subscription
from tests.support import factories

EXPORT = "admin:contacts_contact_export"
COLUMNS = ["email", "first_name", "phone", "attributes.city"]


@pytest.fixture
def people(florist: Organization) -> None:
    with organization_scope(florist):
        factories.make_contact(
            florist, "anna@people.example", first_name="=1+1", phone="+44 20 7946 0000", attributes={"city": "Vigo"}
        )
        factories.make_contact(florist, "bob@people.example", first_name="Bob", status="unsubscribed")


def asked(client: Client, file_format: str = "csv", query: str = "") -> ListExport:
    response = client.post(f"{reverse(EXPORT)}?{query}", {"file_format": file_format, "columns": COLUMNS})
    assert response.status_code == 302, response.content.decode()
    with all_organizations(reason="a test looks"):
        return ListExport.objects.select_related("organization").order_by("-id")[0]


def written(list_export: ListExport) -> ListExport:
    with organization_scope(list_export.organization_id):
        run_export(list_export.pk)
        list_export.refresh_from_db()
    return list_export


def fetched(client: Client, list_export: ListExport) -> bytes:
    response = client.get(reverse("admin:exports_listexport_file", args=[list_export.pk]))
    assert response.status_code == 200
    return b"".join(response.streaming_content)


def rows_of(content: bytes) -> list[list[str]]:
    return list(csv.reader(io.StringIO(content.decode("utf-8-sig"))))


@pytest.mark.usefixtures("people")
def test_export_csv_holds_the_list_formulas_neutralised_and_phones_as_they_are(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(member(Role.ACCOUNT_MANAGER))
    rows = rows_of(fetched(client, written(asked(client))))
    assert rows[0] == ["email", "first_name", "phone", "city"]
    assert rows[1] == ["anna@people.example", "'=1+1", "+44 20 7946 0000", "Vigo"]
    assert rows[2] == ["bob@people.example", "Bob", "", ""]


@pytest.mark.usefixtures("people")
def test_export_filtered_list_holds_only_what_the_filter_shows(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(member())
    list_export = asked(client, query="status__exact=unsubscribed&p=3&o=1")
    assert list_export.query == "status__exact=unsubscribed"
    assert [row[0] for row in rows_of(fetched(client, written(list_export)))] == ["email", "bob@people.example"]


@pytest.mark.usefixtures("people")
def test_export_xlsx_and_json_hold_the_same_rows_with_their_types(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(member())
    book = openpyxl.load_workbook(io.BytesIO(fetched(client, written(asked(client, "xlsx")))))
    cells = [[cell.value for cell in row] for row in book.active.iter_rows()]
    assert cells[1] == ["anna@people.example", "=1+1", "+44 20 7946 0000", "Vigo"]
    assert book.active["B2"].data_type == "s", "a text, which Excel shows and does not run"
    document = json.loads(fetched(client, written(asked(client, "json"))))
    assert document[0]["first_name"] == "=1+1"
    assert document[0]["city"] == "Vigo"


@pytest.mark.usefixtures("people")
def test_export_of_another_clients_member_is_not_there(
    museum: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    list_export = written(asked(signed_in(member())))
    stranger = signed_in(factories.make_user(Role.OWNER, museum))
    for page in ("change", "progress", "file"):
        response = stranger.get(reverse(f"admin:exports_listexport_{page}", args=[list_export.pk]))
        assert response.status_code in (302, 404)
        assert b"anna" not in b"".join(getattr(response, "streaming_content", [response.content]))


@pytest.mark.usefixtures("people")
def test_export_of_a_colleague_is_not_there(member: Callable[..., User], signed_in: Callable[[User], Client]) -> None:
    list_export = written(asked(signed_in(member())))
    colleague = signed_in(member(email="colleague@agency.example"))
    response = colleague.get(reverse("admin:exports_listexport_file", args=[list_export.pk]))
    assert response.status_code == 404


@pytest.mark.parametrize(("role", "status"), [(Role.ACCOUNT_MANAGER, 200), (Role.VIEWER, 403)])
def test_export_is_a_right_of_its_own(
    member: Callable[..., User], signed_in: Callable[[User], Client], role: Role, status: int
) -> None:
    assert signed_in(member(role)).get(reverse(EXPORT)).status_code == status


@pytest.mark.usefixtures("people")
def test_export_by_somebody_who_lost_the_right_meanwhile_writes_nothing(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    list_export = asked(signed_in(member()))
    with all_organizations(reason="a test takes a role away"):
        OrganizationMembership.objects.filter(user=list_export.created_by).update(role=Role.VIEWER)
    assert written(list_export).status == ExportStatus.FAILED
    with all_organizations(reason="a test looks"):
        assert not ExportPart.objects.exists()


@pytest.mark.usefixtures("people")
def test_export_under_all_clients_asks_for_a_client_first(
    florist: Organization, museum: Organization, signed_in: Callable[[User], Client]
) -> None:
    user = factories.make_user(Role.MANAGER, florist)
    factories.join(user, museum, Role.MANAGER)
    client = signed_in(user)
    client.post(reverse(EXPORT), {"file_format": "csv", "columns": COLUMNS})
    with all_organizations(reason="a test looks"):
        assert not ListExport.objects.exists()


@pytest.mark.usefixtures("people")
def test_export_run_twice_writes_the_file_once(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    list_export = written(asked(signed_in(member())))
    with organization_scope(list_export.organization_id):
        assert run_export(list_export.pk) == {"skipped": "ended already"}
        assert ExportPart.objects.count() == 1


def test_export_page_of_suppressions_leads_back_to_the_list_as_it_was_filtered(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(member(Role.ACCOUNT_MANAGER))
    response = client.get(f"{reverse('admin:contacts_suppression_export')}?reason__exact=manual")
    assert response.status_code == 200
    assert response.context["back_url"] == f"{reverse('admin:contacts_suppression_changelist')}?reason__exact=manual"


def test_export_page_of_a_filter_that_there_is_not_leads_back_to_the_list(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(member(Role.ADMIN))
    for answer in (client.get, client.post):
        response = answer(f"{reverse(EXPORT)}?shoe_size=43", {})
        assert response["Location"] == f"{reverse('admin:contacts_contact_changelist')}?e=1"


@pytest.mark.usefixtures("people")
def test_export_without_columns_or_with_unknown_ones_stays_on_the_page(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(member())
    for columns in ([], ["organization__owner__password"]):
        response = client.post(reverse(EXPORT), {"file_format": "csv", "columns": columns})
        assert response.status_code == 200
    with all_organizations(reason="a test looks"):
        assert not ListExport.objects.exists()


@pytest.mark.usefixtures("people")
def test_tidy_up_removes_expired_files_and_wakes_the_stalled(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(member())
    done, stalled = written(asked(client)), asked(client)
    with all_organizations(reason="a test moves the clock"):
        ListExport.objects.filter(pk=done.pk).update(expires_at=timezone.now() - datetime.timedelta(minutes=1))
        ListExport.objects.filter(pk=stalled.pk).update(heartbeat_at=timezone.now() - datetime.timedelta(hours=1))
    summary = tidy_up()
    assert (summary["expired"], summary["resumed"]) == (1, 1)
    with all_organizations(reason="a test looks"):
        assert not ExportPart.objects.filter(list_export=done).exists()
    response = client.get(reverse("admin:exports_listexport_file", args=[done.pk]))
    assert response.status_code == 302


@pytest.mark.usefixtures("people")
def test_export_is_audited_when_asked_for_and_when_fetched(
    member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    client = signed_in(member())
    list_export = written(asked(client))
    fetched(client, list_export)
    with all_organizations(reason="a test looks"):
        actions = AuditEvent.objects.filter(object_id=str(list_export.pk)).values_list("action", flat=True)
        assert set(actions) == {"export.asked_for", "export.finished", "export.fetched"}


def test_export_request_without_columns_is_refused(florist: Organization, member: Callable[..., User]) -> None:
    with organization_scope(florist), pytest.raises(services.ExportRefused):
        services.export_request(
            organization=florist,
            user=member(),
            model_label="contacts.contact",
            title="Contacts",
            query="",
            file_format=ExportFormat.CSV,
            columns=[],
        )


@pytest.mark.parametrize(
    ("model", "expected"),
    [
        ("contacts.contactgroup", {"name": "Readers", "people": "2", "is_topic": "no"}),
        ("contacts.segment", {"name": "Vigo", "who_belongs_to_it": "People whose City is “Vigo”.", "counted": "1"}),
        (
            "contacts.signuprequest",
            {"email": "new@people.example", "form": "Footer", "state": "Confirmation mail waiting"},
        ),
        ("campaigns.campaign", {"name": "Spring", "status": "Draft", "sent_to": "Readers"}),
    ],
)
def test_export_of_the_other_lists_holds_their_rows(
    florist: Organization,
    museum: Organization,
    member: Callable[..., User],
    signed_in: Callable[[User], Client],
    model: str,
    expected: dict[str, str],
) -> None:
    for organization in (florist, museum):
        _fill(organization)
    client = signed_in(member(Role.MANAGER))
    app, name = model.split(".")
    page = reverse(f"admin:{app}_{name}_export")
    columns = [column.key for column in list_columns(exportable_admin(model).export_resource(florist.pk))]
    assert client.post(page, {"file_format": "csv", "columns": columns}).status_code == 302
    with all_organizations(reason="a test looks"):
        list_export = ListExport.objects.select_related("organization").get()
    header, *rows = rows_of(fetched(client, written(list_export)))
    assert len(rows) == 1, "one client's rows, none of the other's"
    assert expected.items() <= dict(zip(header, rows[0], strict=True)).items()


def _fill(organization: Organization) -> None:
    """One of each of what can be listed."""
    with organization_scope(organization):
        people = [
            factories.make_contact(organization, f"{name}@people.example", attributes={"city": city})
            for name, city in (("anna", "Vigo"), ("bob", "Lugo"))
        ]
        group = factories.make_group(organization, "Readers", people)
        ContactField.objects.create(organization=organization, key="city", label="City")
        rule = {"all": [{"field": "attribute.city", "is": "is", "value": "Vigo"}]}
        Segment.objects.create(organization=organization, name="Vigo", rule=rule, counted=1)
        form = SignupForm.objects.create(organization=organization, name="Footer", title="News", consent_text="Yes.")
        SignupRequest.objects.create(
            organization=organization, form=form, email="new@people.example", email_key="new@people.example"
        )
        factories.make_campaign(organization, group=group, name="Spring")


def on_plan(organization: Organization, **formats: bool) -> None:
    plan = factories.make_plan(name="Small", features={"export_formats": formats})
    Subscription.objects.filter(organization=organization).update(plan=plan)


@pytest.mark.usefixtures("people")
def test_export_in_a_format_the_plan_lacks_is_refused_and_says_which_plan_has_it(
    florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    factories.make_plan(name="Large", features={"export_formats": {"csv": True, "xlsx": True}})
    with all_organizations(reason="the test changes the plan"):
        on_plan(florist, csv=True)
    client = signed_in(member(Role.ACCOUNT_MANAGER))
    page = client.get(reverse(EXPORT)).content.decode()
    assert "The plan Small does not include “Export lists as XLSX”." in page and "Large" in page
    assert page.count("Not in this plan") == 1
    answer = client.post(reverse(EXPORT), {"file_format": "xlsx", "columns": COLUMNS})
    assert answer.status_code == 200 and "does not include “Export lists as XLSX”" in answer.content.decode()
    with all_organizations(reason="a test looks"):
        assert not ListExport.objects.exists()
    assert asked(client, "json").file_format == "json", "which comes with CSV"


@pytest.mark.usefixtures("people")
def test_export_without_any_format_in_the_plan_is_locked(
    in_florist: Organization, member: Callable[..., User], signed_in: Callable[[User], Client]
) -> None:
    on_plan(in_florist)
    client = signed_in(member(Role.ACCOUNT_MANAGER))
    page = client.get(reverse(EXPORT)).content.decode()
    assert page.count("Not in this plan") == 3
    assert "disabled>Export</button>" in page
    with pytest.raises(FeatureLocked, match="CSV and JSON"):
        services.export_request(
            organization=in_florist,
            user=User.objects.get(memberships__organization=in_florist),
            model_label="contacts.contact",
            title="Contacts",
            query="",
            file_format=ExportFormat.JSON,
            columns=COLUMNS,
        )
