"""Custom fields as people type them: whatever cannot be stored is refused beside the field."""

from collections.abc import Callable

import pytest
from django.test import Client
from django.urls import reverse

from core.accounts.models import Organization, User
from core.common.tenancy import organization_scope
from core.contacts.models import Contact

FORM = {"email": "ana@people.example", "first_name": "Ana"}


@pytest.fixture
def manager(member: Callable[..., User], signed_in: Callable[[User], Client]) -> Client:
    return signed_in(member())


@pytest.mark.parametrize(
    "typed",
    [
        '{"city": "a\\u0000b"}',
        '{"a\\u0000b": "Vigo"}',
        '{"city": "\\ud800"}',
        '{"score": NaN}',
        '{"score": 1e999}',
        '{"score": ' + "9" * 5000 + "}",
        "[" * 3000 + "]" * 3000,
        '{"city": "' + "x" * 2001 + '"}',
        '{"city": ["Vigo"]}',
        "{not json",
    ],
)
def test_contact_add_with_custom_fields_that_cannot_be_stored_is_refused_beside_the_field(
    manager: Client, florist: Organization, typed: str
) -> None:
    answer = manager.post(reverse("admin:contacts_contact_add"), {**FORM, "attributes": typed})
    assert answer.status_code == 200
    assert "attributes" in answer.context["adminform"].form.errors
    with organization_scope(florist):
        assert not Contact.objects.exists()


def test_contact_add_with_plain_custom_fields_keeps_them(manager: Client, florist: Organization) -> None:
    typed = '{"city": "Vigo", "score": 3, "vip": true}'
    assert manager.post(reverse("admin:contacts_contact_add"), {**FORM, "attributes": typed}).status_code == 302
    with organization_scope(florist):
        assert Contact.objects.get().attributes == {"city": "Vigo", "score": 3, "vip": True}
