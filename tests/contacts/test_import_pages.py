"""The import's pages: who reaches them, what they say, and that nothing happens without the confirmation."""

from collections.abc import Callable
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations, organization_scope
from core.contacts import services
from core.contacts.choices import ConsentBasis, FieldKind, ImportMode, ImportStatus
from core.contacts.models import Contact, ContactField, ContactGroup, ContactImport, ContactTag
from core.exports.formulas import formula_safe

UPLOAD = "admin:contacts_contactimport_import"
CONTENT = b"email,first name\nanna@x.example,Anna\nbroken,\nberta@x.example,=1+1\n"
PAGES = ("columns", "check", "confirm", "progress", "pause", "resume", "cancel", "undo", "refused", "change")
CHOICES = {"consent_basis": "express", "mode": "update"}
COLUMNS = {"column_0": "email", "column_1": "first_name"}


def _page(name: str, pk: Any) -> str:
    return reverse(f"admin:contacts_contactimport_{name}", args=[pk])


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member(Role.MANAGER))


def _upload(client: Client, content: bytes = CONTENT, name: str = "list.csv", **headers: str) -> Any:
    file = SimpleUploadedFile(name, content)
    return client.post(reverse(UPLOAD), {"import_file": file, "format": "0"}, headers=headers)


def _heading(page: str) -> str:
    return page.partition("<h1")[2].partition("</h1>")[0]


def _only_import() -> ContactImport:
    with all_organizations(reason="look"):
        return ContactImport.objects.get()


@pytest.fixture
def draft(manager: Client) -> ContactImport:
    """Uploaded, and nothing chosen yet."""
    _upload(manager)
    return _only_import()


def _choose(client: Client, draft: ContactImport, **changes: Any) -> Any:
    return client.post(_page("columns", draft.pk), {**COLUMNS, **CHOICES, **changes})


@pytest.fixture
def checked(manager: Client, draft: ContactImport) -> ContactImport:
    """Columns and legal basis chosen: waits for the confirmation."""
    assert _choose(manager, draft).status_code == 302
    return draft


@pytest.fixture
def done(manager: Client, checked: ContactImport, florist: Organization) -> ContactImport:
    manager.post(_page("confirm", checked.pk))
    with organization_scope(florist):
        services.import_run(contact_import_id=checked.pk)
    return checked


def _text(response: Any) -> str:
    return b"".join(response.streaming_content).decode("utf-8-sig")


def test_import_pages_upload_columns_check_confirm_run_and_result(manager: Client, florist: Organization) -> None:
    assert b"Choose a file of contacts" in manager.get(reverse(UPLOAD)).content
    response = _upload(manager)
    draft = _only_import()
    assert response.url == _page("columns", draft.pk)
    columns = manager.get(response.url).content.decode()
    assert "Columns of list.csv" in _heading(columns)
    assert "<span>anna@x.example</span>" in columns
    assert '<option value="email" selected>' in columns
    assert "Guessed" in columns
    assert "Never resubscribe: always on" in columns
    chosen = _choose(manager, draft, new_group="Newsletter", consent_source="Spring fair", new_tags="fair, vip")
    assert chosen.url == _page("check", draft.pk)
    check = manager.get(chosen.url).content.decode()
    assert "the address is missing an @" in check
    assert "Import 3 rows" in check
    assert "Express consent · Spring fair" in check
    assert '<dd data-count="created">2</dd>' in check
    assert manager.post(_page("confirm", draft.pk)).url == _page("change", draft.pk)
    assert _only_import().status == ImportStatus.QUEUED
    assert "Waiting for a worker" in manager.get(_page("change", draft.pk)).content.decode()
    assert manager.get(_page("progress", draft.pk)).json()["state"] == "queued"
    with organization_scope(florist):
        services.import_run(contact_import_id=draft.pk)
    result = manager.get(_page("change", draft.pk)).content.decode()
    assert "All 3 rows were read: 2 new, 0 changed, 0 same, 1 refused." in result
    assert "group “Newsletter”" in result
    assert '<td data-label="email">broken</td>' in result
    assert "Undo this import" in result
    with organization_scope(florist):
        anna = Contact.objects.get(email_key="anna@x.example")
        assert sorted(anna.tags) == ["fair", "vip"]
        assert (anna.consent_basis, anna.consent_source) == (ConsentBasis.EXPRESS, "Spring fair")


def test_import_pages_upload_by_script_answers_where_to_go_or_why_not(manager: Client) -> None:
    answer = _upload(manager, accept="application/json").json()
    assert answer == {"url": _page("columns", _only_import().pk)}
    assert "header" in _upload(manager, b"email\n", accept="application/json").json()["problem"]


def test_import_pages_check_shows_old_and_new_value_and_who_stays_unsubscribed(
    manager: Client, draft: ContactImport, florist: Organization
) -> None:
    with organization_scope(florist):
        services.contact_add(organization=florist, email="anna@x.example", first_name="Ana")
        gone = services.contact_add(organization=florist, email="berta@x.example", first_name="=1+1")
        services.contact_unsubscribe(contact_id=gone.pk, source="by hand")
    _choose(manager, draft)
    check = manager.get(_page("check", draft.pk)).content.decode()
    assert "<del>Ana</del> <ins>Anna</ins>" in check
    assert "Stays unsubscribed" in check
    assert "1 contact is protected" in check
    assert '<dd data-count="protected">1</dd>' in check


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        (ImportMode.UPDATE, '<td data-label="First name">Ana</td>'),
        (ImportMode.ADD_ONLY, '<td data-label="First name">Ana</td>'),
        (ImportMode.OVERWRITE_EMPTY, "<del>Ana</del> <ins>(empty)</ins>"),
    ],
)
def test_import_pages_check_shows_what_an_empty_cell_does_in_each_mode(
    manager: Client, florist: Organization, mode: ImportMode, shown: str
) -> None:
    with organization_scope(florist):
        services.contact_add(organization=florist, email="anna@x.example", first_name="Ana")
    _upload(manager, b"email,first name\nanna@x.example,\nother@x.example,Otto\n")
    draft = _only_import()
    _choose(manager, draft, mode=mode.value)
    assert shown in manager.get(_page("check", draft.pk)).content.decode()


def test_import_pages_new_custom_field_is_made_with_its_type(manager: Client, florist: Organization) -> None:
    _upload(manager, b"email,puntos\nanna@x.example,12\nberta@x.example,many\n")
    draft = _only_import()
    assert 'value="puntos"' in manager.get(_page("columns", draft.pk)).content.decode()
    _choose(manager, draft, column_1="new:number", name_1="Loyalty points")
    again = manager.get(_page("columns", draft.pk)).content.decode()
    assert '<option value="new:number" selected' in again
    manager.post(_page("confirm", draft.pk))
    with organization_scope(florist):
        services.import_run(contact_import_id=draft.pk)
        custom = ContactField.objects.get()
        assert (custom.key, custom.kind) == ("loyalty_points", FieldKind.NUMBER)
        assert Contact.objects.get().attributes == {"loyalty_points": 12}
    assert _only_import().refused_count == 1


@pytest.mark.parametrize(
    ("changes", "sentence"),
    [
        ({"column_0": ""}, "Choose the column that holds the email address."),
        ({"column_1": "email"}, "“email” goes to this field already. Leave one of them out."),
        ({"column_1": "new:text", "name_1": " "}, "Name the new field."),
        ({"column_1": "new:text", "name_1": "City"}, "The custom field “City” is there already"),
        ({"column_1": "status"}, "Choose a field from the list."),
        ({"column_1": "new:json"}, "Choose a field from the list."),
        ({"consent_basis": ""}, "Choose why you may write to these people."),
        ({"consent_basis": "because"}, "because is not one of the available choices"),
        ({"consent_on": "2999-01-01"}, "This day has not come yet."),
        ({"consent_on": "soon"}, "Enter a valid date."),
        ({"groups": "no-id"}, "no-id is not one of the available choices"),
        ({"tags": "unknown"}, "unknown is not one of the available choices"),
        ({"phone_region": "XX"}, "XX is not one of the available choices"),
        ({"mode": "wild"}, "wild is not one of the available choices"),
        ({"new_group": "Vips"}, "already"),
        ({"new_tags": "x" * 61}, "longer than 60"),
    ],
)
def test_import_pages_wrong_choices_stay_on_the_page_with_a_sentence(
    manager: Client, draft: ContactImport, florist: Organization, changes: dict[str, str], sentence: str
) -> None:
    with organization_scope(florist):
        ContactField.objects.create(organization=florist, key="city", label="City")
        services.group_add(organization=florist, name="Vips")
    response = _choose(manager, draft, consent_source="kept as typed", **changes)
    assert response.status_code == 200
    page = response.content.decode()
    assert sentence in page
    assert "kept as typed" in page
    assert _only_import().consent_basis == ""


def test_import_pages_group_of_another_client_cannot_be_chosen(
    manager: Client, draft: ContactImport, museum: Organization
) -> None:
    with organization_scope(museum):
        foreign = services.group_add(organization=museum, name="Secret group")
    response = _choose(manager, draft, groups=str(foreign.pk))
    assert response.status_code == 200
    assert "Secret group" not in response.content.decode()
    assert _only_import().group_ids == []


def test_import_pages_existing_groups_and_tags_are_offered_and_taken(
    manager: Client, draft: ContactImport, florist: Organization
) -> None:
    with organization_scope(florist):
        groups = [services.group_add(organization=florist, name=name) for name in ("Readers", "Vips")]
        ContactTag.objects.create(organization=florist, name="fair")
    page = manager.get(_page("columns", draft.pk)).content.decode()
    assert "Readers" in page
    assert "fair" in page
    _choose(manager, draft, groups=[str(group.pk) for group in groups], tags=["fair"], new_tags="new one")
    stored = _only_import()
    assert sorted(stored.group_ids) == sorted(group.pk for group in groups)
    assert stored.tags == ["fair", "new one"]
    with organization_scope(florist):
        assert ContactGroup.objects.count() == 2


def test_import_pages_back_to_the_columns_shows_what_was_chosen(manager: Client, draft: ContactImport) -> None:
    _choose(
        manager,
        draft,
        column_1="",
        new_group="Readers",
        consent_basis="contract",
        consent_on="2026-03-01",
        phone_region="ES",
        mode="add_only",
    )
    page = manager.get(_page("columns", draft.pk)).content.decode()
    for shown in (
        'value="contract" checked',
        'value="add_only" checked',
        'value="2026-03-01"',
        '<option value="ES" selected>',
        "checked><span>Readers</span>",
    ):
        assert shown in page, shown
    assert "Guessed" not in page


def test_import_pages_step_indicator_leads_back_and_forth(manager: Client, checked: ContactImport) -> None:
    columns = manager.get(_page("columns", checked.pk)).content.decode()
    assert f'<a href="{_page("check", checked.pk)}">Check</a>' in columns
    check = manager.get(_page("check", checked.pk)).content.decode()
    assert f'<a href="{_page("columns", checked.pk)}">Columns</a>' in check


def test_import_pages_lead_to_where_the_import_is(manager: Client, draft: ContactImport) -> None:
    """Whatever another tab did meanwhile."""
    assert manager.get(_page("change", draft.pk)).url == _page("columns", draft.pk)
    assert manager.get(_page("check", draft.pk)).url == _page("columns", draft.pk)
    assert manager.post(_page("confirm", draft.pk)).url == _page("columns", draft.pk)
    _choose(manager, draft)
    assert manager.get(_page("change", draft.pk)).url == _page("check", draft.pk)
    assert manager.post(_page("confirm", draft.pk)).url == _page("change", draft.pk)
    for page in ("columns", "check", "confirm"):
        assert manager.get(_page(page, draft.pk)).url == _page("change", draft.pk), page
        assert manager.post(_page(page, draft.pk), {**COLUMNS, **CHOICES}).url == _page("change", draft.pk), page
    assert _only_import().status == ImportStatus.QUEUED


def test_import_pages_get_changes_nothing(manager: Client, checked: ContactImport) -> None:
    for page in PAGES:
        manager.get(_page(page, checked.pk))
    assert "Discard the import" in manager.get(_page("cancel", checked.pk)).content.decode()
    stored = _only_import()
    assert (stored.status, stored.updated_at) == (ImportStatus.DRAFT, _only_import().updated_at)
    manager.post(_page("cancel", checked.pk))
    assert _only_import().status == ImportStatus.CANCELLED


def test_import_pages_pause_resume_and_stop(manager: Client, checked: ContactImport) -> None:
    manager.post(_page("confirm", checked.pk))
    for page in ("pause", "resume"):
        manager.get(_page(page, checked.pk))
        assert _only_import().status == ImportStatus.QUEUED
    assert manager.post(_page("pause", checked.pk)).url == _page("change", checked.pk)
    assert _only_import().status == ImportStatus.PAUSED
    paused = manager.get(_page("change", checked.pk)).content.decode()
    assert "Paused at 0 of 3 rows" in paused
    assert _page("resume", checked.pk) in paused
    manager.post(_page("pause", checked.pk))
    manager.post(_page("resume", checked.pk))
    manager.post(_page("resume", checked.pk))
    assert _only_import().status == ImportStatus.QUEUED
    manager.post(_page("cancel", checked.pk))
    assert "Nothing was imported." in manager.get(_page("change", checked.pk)).content.decode()


def test_import_pages_undo_asks_in_numbers_and_names_what_it_left(
    manager: Client, done: ContactImport, florist: Organization
) -> None:
    asked = manager.get(_page("undo", done.pk)).content.decode()
    assert "2 contacts that came with it are deleted" in asked
    assert "It can be undone until" in asked
    assert _only_import().status == ImportStatus.DONE
    with organization_scope(florist):
        berta = Contact.objects.get(email_key="berta@x.example")
        services.contact_unsubscribe(contact_id=berta.pk, source="by hand")
    manager.post(_page("undo", done.pk))
    assert _only_import().status == ImportStatus.UNDOING
    assert "Being undone" in manager.get(_page("change", done.pk)).content.decode()
    with organization_scope(florist):
        services.import_undo_run(contact_import_id=done.pk)
        assert list(Contact.objects.filter(deleted_at=None)) == [berta]
    result = manager.get(_page("change", done.pk)).content.decode()
    assert "1 contact are as before" not in result
    assert "berta@x.example" in result
    assert "Contacts that were left as they are" in result
    assert manager.get(_page("undo", done.pk)).url == _page("change", done.pk)


def test_import_pages_undo_after_its_time_says_so(manager: Client, done: ContactImport, florist: Organization) -> None:
    with organization_scope(florist):
        ContactImport.objects.update(finished_at=timezone.now() - timezone.timedelta(days=8))
    result = manager.get(_page("change", done.pk)).content.decode()
    assert "ended more than 7 days ago" in result
    assert "Undo this import" not in result
    manager.post(_page("undo", done.pk))
    assert _only_import().status == ImportStatus.DONE


def test_import_pages_list_says_what_became_of_each(manager: Client, done: ContactImport) -> None:
    page = manager.get(reverse("admin:contacts_contactimport_changelist")).content.decode()
    assert "2 new, 0 changed, 0 same, 1 refused" in page
    assert done.finished_at is None
    assert str(_only_import().finished_at.year) in page  # type: ignore[union-attr]


def test_import_pages_refused_rows_download_is_the_file_with_reasons(manager: Client, florist: Organization) -> None:
    _upload(manager, b'email,note\nbroken,"=cmd()"\nother,+44 20 7946\n')
    draft = _only_import()
    _choose(manager, draft, column_1="new:text", name_1="note")
    manager.post(_page("confirm", draft.pk))
    with organization_scope(florist):
        services.import_run(contact_import_id=draft.pk)
    response = manager.get(_page("refused", draft.pk))
    assert response.streaming
    assert _text(response).splitlines() == [
        "email,note,Row,Why it was refused",
        "broken,'=cmd(),2,“broken”: the address is missing an @.",
        "other,+44 20 7946,3,“other”: the address is missing an @.",
    ]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04", b"email\n", bytes(range(1, 32)) * 50])
def test_import_pages_unreadable_upload_is_refused_beside_the_field(manager: Client, content: bytes) -> None:
    response = _upload(manager, content)
    assert response.status_code == 200
    assert response.context["form"].errors["import_file"]


def test_import_pages_file_of_300_columns_can_be_chosen(manager: Client) -> None:
    header = ",".join(["email", *(f"column {number}" for number in range(299))])
    _upload(manager, f"{header}\nanna@x.example{',x' * 299}\n".encode())
    draft = _only_import()
    page = manager.get(_page("columns", draft.pk)).content.decode()
    assert page.count("<select") >= 300
    columns = {f"column_{at}": "" for at in range(1, 300)} | {f"name_{at}": "n" for at in range(300)}
    assert _choose(manager, draft, **columns).url == _page("check", draft.pk)


@pytest.mark.parametrize("page", PAGES)
@pytest.mark.parametrize("method", ["get", "post"])
def test_import_pages_another_clients_import_is_not_there(
    manager: Client, museum: Organization, page: str, method: str
) -> None:
    with organization_scope(museum):
        foreign = ContactImport.objects.create(
            organization=museum,
            file_name="secret.csv",
            columns=[{"header": "secret@museum.example", "field": "email"}],
            status=ImportStatus.DRAFT,
        )
    response = getattr(manager, method)(_page(page, foreign.pk), {**COLUMNS, **CHOICES})
    # Django sends somebody who asks for the change page of an unknown row to the home page.
    assert response.status_code == (302 if page == "change" else 404)
    assert b"secret" not in response.content
    assert _only_import().status == ImportStatus.DRAFT


@pytest.mark.parametrize("role", [Role.ACCOUNT_MANAGER, Role.VIEWER])
def test_import_pages_role_without_import_is_refused(
    member: Callable[..., User], signed_in: Callable[[User], Client], florist: Organization, role: Role
) -> None:
    client = signed_in(member(role))
    with organization_scope(florist):
        draft = ContactImport.objects.create(organization=florist, file_name="list.csv", status=ImportStatus.DRAFT)
    assert client.get(reverse(UPLOAD)).status_code == 403
    for page in PAGES:
        assert client.post(_page(page, draft.pk)).status_code == 403, page
    assert _only_import().status == ImportStatus.DRAFT


def test_import_pages_library_confirm_by_file_name_does_not_exist(manager: Client) -> None:
    response = manager.post("/admin/contacts/contactimport/process_import/", {"import_file_name": "../../etc/passwd"})
    assert response.status_code in (302, 404)


def test_import_pages_all_clients_asks_for_a_client_first(signed_in: Callable[[User], Client], superuser: User) -> None:
    response = signed_in(superuser).get(reverse(UPLOAD))
    assert "for which client" in response.content.decode()


def test_contacts_list_search_and_filters_hold_only_own_contacts(
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
    manager.post(url, {"action": "add_to_group", "chosen": "yes", "group": str(group.pk), **selected})
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
        ("-2", "-2"),
        ("@a", "'@a"),
        ("\t=1", "'\t=1"),
        ("\n=1", "'\n=1"),
        ("＝1", "'＝1"),
        ("+44 20-1", "+44 20-1"),
        ("a=1", "a=1"),
    ],
)
def test_formula_safe_only_formulas_get_an_apostrophe(cell: str, safe: str) -> None:
    assert formula_safe(cell) == safe
