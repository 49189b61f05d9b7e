"""The import's pages: who reaches them, what they say, and that nothing happens without the confirmation."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import services
from core.contacts.choices import ImportStatus
from core.contacts.formulas import formula_safe
from core.contacts.models import Contact, ContactImport
from tests.contacts.test_imports import confirmed
from tests.support.factories import make_user

UPLOAD = "admin:contacts_contactimport_import"
CONTENT = b"email,first name\nanna@x.example,Anna\nbroken,\nberta@x.example,=1+1\n"


def _page(name: str, pk: Any) -> str:
    return reverse(f"admin:contacts_contactimport_{name}", args=[pk])


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member(Role.MANAGER))


def _upload(client: Client, content: bytes = CONTENT, name: str = "list.csv") -> Any:
    return client.post(reverse(UPLOAD), {"import_file": SimpleUploadedFile(name, content), "format": "0"})


def _heading(page: str) -> str:
    return page.partition("<h1")[2].partition("</h1>")[0]


def _only_import() -> ContactImport:
    with all_organizations(reason="look"):
        return ContactImport.objects.select_related("group").get()


def test_import_pages_upload_check_confirm_run_and_result(
    manager: Client, florist: Organization, django_capture_on_commit_callbacks: Any
) -> None:
    assert b"Choose a file of contacts" in manager.get(reverse(UPLOAD)).content
    response = _upload(manager)
    draft = _only_import()
    assert response.url == _page("check", draft.pk)
    check = manager.get(response.url).content.decode()
    assert "the address is missing an @" in check
    assert "Import 3 rows" in check
    assert '<td data-label="First name">Anna</td>' in check
    assert "Check list.csv" in _heading(check)
    fields = {"column_0": "email", "column_1": "first_name", "new_group": "Newsletter", "confirm": "1"}
    assert manager.post(_page("check", draft.pk), fields).url == _page("change", draft.pk)
    assert _only_import().status == ImportStatus.QUEUED
    assert "Waiting for a worker" in manager.get(_page("change", draft.pk)).content.decode()
    assert manager.get(_page("progress", draft.pk)).json()["is_under_way"] is True
    with organization_scope(florist):
        services.import_run(contact_import_id=draft.pk)
    result = manager.get(_page("change", draft.pk)).content.decode()
    assert "All 3 rows were read: 2 new, 0 changed, 0 same, 1 refused." in result
    assert "group “Newsletter”" in result
    assert '<td data-label="email">broken</td>' in result
    assert manager.get(_page("progress", draft.pk)).json()["is_under_way"] is False


def test_import_pages_refused_rows_download_is_the_file_with_reasons(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        done = confirmed(florist, b'email,note\nbroken,"=cmd()"\nother,+44 20 7946\n')
        services.import_run(contact_import_id=done.pk)
    text = manager.get(_page("refused", done.pk)).content.decode("utf-8-sig")
    assert text.splitlines() == [
        "email,note,Row,Why it was refused",
        "broken,'=cmd(),2,“broken”: the address is missing an @.",
        "other,+44 20 7946,3,“other”: the address is missing an @.",
    ]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"email\n", bytes(range(1, 32)) * 50])
def test_import_pages_unreadable_upload_is_refused_beside_the_field(manager: Client, content: bytes) -> None:
    response = _upload(manager, content)
    assert response.status_code == 200
    assert response.context["form"].errors["import_file"]


def test_import_pages_wrong_mapping_stays_on_the_page(manager: Client) -> None:
    _upload(manager)
    draft = _only_import()
    response = manager.post(_page("check", draft.pk), {"column_0": "", "column_1": "", "confirm": "1"})
    assert "Choose the column that holds the email address." in response.content.decode()
    assert _only_import().status == ImportStatus.DRAFT


def test_import_pages_get_of_confirm_and_cancel_changes_nothing(manager: Client) -> None:
    _upload(manager)
    draft = _only_import()
    manager.get(_page("confirm", draft.pk))
    assert "Discard the import" in manager.get(_page("cancel", draft.pk)).content.decode()
    assert _only_import().status == ImportStatus.DRAFT
    manager.post(_page("cancel", draft.pk))
    assert _only_import().status == ImportStatus.CANCELLED


@pytest.mark.parametrize("page", ["check", "confirm", "cancel", "progress", "refused", "change"])
@pytest.mark.parametrize("method", ["get", "post"])
def test_import_pages_another_clients_import_is_not_there(
    manager: Client, museum: Organization, page: str, method: str
) -> None:
    with organization_scope(museum):
        foreign = confirmed(museum, b"email\nsecret@museum.example\n")
        ContactImport.objects.filter(pk=foreign.pk).update(status=ImportStatus.DRAFT)
    response = getattr(manager, method)(_page(page, foreign.pk), {"confirm": "1"})
    # Django sends somebody who asks for the change page of an unknown row to the home page.
    assert response.status_code == (302 if page == "change" else 404)
    assert b"secret@" not in response.content
    assert _only_import().status == ImportStatus.DRAFT


@pytest.mark.parametrize("role", [Role.ACCOUNT_MANAGER, Role.VIEWER])
def test_import_pages_role_without_import_is_refused(
    member: Callable[..., User], signed_in: Callable[[User], Client], florist: Organization, role: Role
) -> None:
    client = signed_in(member(role))
    with organization_scope(florist):
        draft = confirmed(florist, CONTENT)
    assert client.get(reverse(UPLOAD)).status_code == 403
    for page in ("check", "confirm", "cancel", "progress", "refused", "change"):
        assert client.post(_page(page, draft.pk)).status_code == 403, page


def test_import_pages_library_confirm_by_file_name_does_not_exist(manager: Client) -> None:
    response = manager.post("/admin/contacts/contactimport/process_import/", {"import_file_name": "../../etc/passwd"})
    assert response.status_code in (302, 404)
    assert not ContactImport._meta.get_field("content").null


def test_import_pages_all_clients_asks_for_a_client_first(signed_in: Callable[[User], Client], superuser: User) -> None:
    response = signed_in(superuser).get(reverse(UPLOAD))
    assert "for which client" in response.content.decode()


def test_contacts_list_search_filters_and_export_hold_only_own_contacts(
    manager: Client, florist: Organization, museum: Organization
) -> None:
    with organization_scope(florist):
        services.contact_add(organization=florist, email="own@x.example", first_name="=HYPERLINK()", phone="+44 20")
    with organization_scope(museum):
        services.contact_add(organization=museum, email="secret@museum.example")
    for query in ("", "?q=OWN", "?status=subscribed"):
        page = manager.get(reverse("admin:contacts_contact_changelist") + query).content.decode()
        assert "own@x.example" in page, query
        assert "secret@" not in page
    export = manager.post(reverse("admin:contacts_contact_export"), {"format": "0", "resource": ""})
    text = export.content.decode()
    assert "own@x.example,'=HYPERLINK(),,+44 20," in text
    assert "secret@" not in text
    assert make_user() is not None


@pytest.mark.parametrize(("role", "status"), [(Role.ACCOUNT_MANAGER, 200), (Role.VIEWER, 403)])
def test_contacts_export_is_a_right_of_its_own(
    member: Callable[..., User], signed_in: Callable[[User], Client], role: Role, status: int
) -> None:
    assert signed_in(member(role)).get(reverse("admin:contacts_contact_export")).status_code == status


def test_contacts_actions_ask_first_and_then_act(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        contact = services.contact_add(organization=florist, email="own@x.example")
        group = services.group_add(organization=florist, name="Vips")
    url = reverse("admin:contacts_contact_changelist")
    selected = {"_selected_action": [str(contact.pk)]}
    for name in ("unsubscribe_selected", "suppress_selected", "delete_contacts", "add_to_group"):
        assert manager.post(url, {"action": name, **selected}).status_code == 200, name
    with organization_scope(florist):
        contact.refresh_from_db()
        assert contact.status == "subscribed"
    manager.post(url, {"action": "add_to_group", "group": str(group.pk), **selected})
    manager.post(url, {"action": "unsubscribe_selected", "confirmed": "yes", **selected})
    with organization_scope(florist):
        contact.refresh_from_db()
        assert contact.status == "unsubscribed"
        assert group.group_memberships.count() == 1
    manager.post(url, {"action": "delete_contacts", "confirmed": "yes", **selected})
    with organization_scope(florist):
        assert not Contact.objects.filter(deleted_at=None).exists()


def test_contacts_action_on_all_that_match_keeps_to_the_filter(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        for number in range(30):
            services.contact_add(organization=florist, email=f"one{number}@x.example")
        other = services.contact_add(organization=florist, email="other@y.example")
        first = Contact.objects.filter(email_key__startswith="one").first()
    assert first is not None
    url = reverse("admin:contacts_contact_changelist") + "?q=x.example"
    asked = {"action": "delete_contacts", "select_across": "1", "_selected_action": [str(first.pk)]}
    page = manager.post(url, asked).content.decode()
    assert "Delete 30 contacts" in page
    assert page.count('name="_selected_action"') == 1
    manager.post(url, {**asked, "confirmed": "yes"})
    with organization_scope(florist):
        assert list(Contact.objects.filter(deleted_at=None)) == [other]


def test_contacts_forms_add_change_and_refuse(manager: Client, florist: Organization) -> None:
    add = reverse("admin:contacts_contact_add")
    assert manager.get(add).status_code == 200
    form = {"email": "Anna@X.example", "first_name": "Anna", "attributes": '{"city": "Vigo"}'}
    assert manager.post(add, form).status_code == 302
    with organization_scope(florist):
        contact = Contact.objects.get()
    refused = manager.post(add, {**form, "email": "anna@x.example"})
    assert "already" in refused.content.decode()
    change = reverse("admin:contacts_contact_change", args=[contact.pk])
    assert "No date of consent" in manager.get(change).content.decode()
    assert manager.post(change, {**form, "last_name": "Berg"}).status_code == 302
    with organization_scope(florist):
        contact.refresh_from_db()
    assert (contact.email, contact.last_name) == ("Anna@x.example", "Berg")


def test_groups_and_suppressions_pages_work(manager: Client, florist: Organization) -> None:
    with organization_scope(florist):
        contact = services.contact_add(organization=florist, email="own@x.example")
        group = services.group_add(organization=florist, name="Vips")
        services.group_add_contacts(group_id=group.pk, contact_ids=[contact.pk])
    assert "Vips" in manager.get(reverse("admin:contacts_contactgroup_changelist")).content.decode()
    assert (
        "own@x.example" in manager.get(reverse("admin:contacts_contactgroup_change", args=[group.pk])).content.decode()
    )
    add = reverse("admin:contacts_suppression_add")
    form = {"email": "No@X.example", "reason": "manual", "note": ""}
    assert manager.post(add, form).status_code == 302
    assert "already" in manager.post(add, form).content.decode()
    listing = manager.get(reverse("admin:contacts_suppression_changelist")).content.decode()
    assert "No@x.example" in listing


@pytest.mark.parametrize(
    ("cell", "safe"),
    [
        ("=1+1", "'=1+1"),
        ("-2", "'-2"),
        ("@a", "'@a"),
        ("\t=1", "'\t=1"),
        ("＝1", "'＝1"),
        ("+44 20-1", "+44 20-1"),
        ("a=1", "a=1"),
    ],
)
def test_formula_safe_only_formulas_get_an_apostrophe(cell: str, safe: str) -> None:
    assert formula_safe(cell) == safe
