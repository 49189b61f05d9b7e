"""From a verified token to the form, the request or the contact behind it. The only place here that opens a scope.

What is done inside stands in the audit log as the visitor's or the recipient's. Call with an id out of a verified token
only.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from uuid import UUID

from core.accounts.models import Organization
from core.common.request_context import current_context, request_context
from core.common.tenancy import all_organizations, organization_scope
from core.contacts.models import Contact, SignupForm, SignupRequest


@contextmanager
def form_scope(form_id: UUID) -> Iterator[SignupForm]:
    """Raises SignupForm.DoesNotExist."""
    with all_organizations(reason="a verified token names its form"):
        form = SignupForm.objects.select_related("organization").get(pk=form_id)
    with _scope_of(form.organization, "visitor"):
        yield form


@contextmanager
def request_scope(request_id: UUID) -> Iterator[SignupRequest]:
    """Raises SignupRequest.DoesNotExist: forgotten after a month."""
    with all_organizations(reason="a verified token names its request"):
        request = SignupRequest.objects.select_related("form__organization").get(pk=request_id)
    with _scope_of(request.form.organization, "recipient"):
        yield request


@contextmanager
def contact_scope(contact_id: UUID) -> Iterator[Contact]:
    """The contact, or the one it was merged into. Raises Contact.DoesNotExist: purged."""
    with all_organizations(reason="a verified token names its contact"):
        contact = Contact.objects.select_related("organization").get(pk=contact_id)
        if contact.merged_into_id:
            contact = Contact.objects.select_related("organization").get(pk=contact.merged_into_id)
    with _scope_of(contact.organization, "recipient"):
        yield contact


@contextmanager
def _scope_of(organization: Organization, actor_label: str) -> Iterator[Any]:
    actor = request_context(request_id=current_context().request_id, actor_label=actor_label)
    with organization_scope(organization), actor:
        yield
