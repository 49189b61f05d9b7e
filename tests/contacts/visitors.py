"""What visitors of public pages do, and the forms they meet. Call `make_form` inside a scope."""

import time
from typing import Any

from django.http import HttpResponse
from django.test import Client

from core.accounts.models import Organization
from core.common.tenancy import all_organizations, organization_scope
from core.common.tokens import Purpose, sign
from core.contacts.models import Contact, ContactGroup, SignupForm, SignupFormGroup, SignupRequest
from core.contacts.public.links import confirm_url, preferences_path, signup_path

ADDRESS = "Ana.Ruiz@people.example"
CONSENT = "I would like to get mails. I can unsubscribe at any time."


def make_form(organization: Organization, *groups: ContactGroup, **fields: Any) -> SignupForm:
    defaults = {"name": "Newsletter form", "title": "Our newsletter", "consent_text": CONSENT}
    form = SignupForm.objects.create(organization=organization, **{**defaults, **fields})
    for group in groups:
        SignupFormGroup.objects.create(organization=organization, form=form, group=group)
    return form


def visitor(**headers: str) -> Client:
    """A browser without a session, as strict about forgery as production is."""
    return Client(enforce_csrf_checks=True, REMOTE_ADDR="203.0.113.77", headers=headers)


def stamp(form: SignupForm, *, age_seconds: float = 10) -> str:
    """What a page with this form, made so long ago, holds."""
    milliseconds = int((time.time() - age_seconds) * 1000)
    return sign(Purpose.SIGNUP_STAMP, form.pk.bytes + milliseconds.to_bytes(6, "big"))


def ask(form: SignupForm, email: str = ADDRESS, *, client: Client | None = None, **fields: str) -> HttpResponse:
    """Fill in the form and send it. A field given as None is left out."""
    filled = {"email": email, "agree": "yes", "stamp": stamp(form), **fields}
    posted = {name: value for name, value in filled.items() if value is not None}
    return (client or visitor()).post(signup_path(form.pk), posted)


def requests() -> list[SignupRequest]:
    with all_organizations(reason="test"):
        return list(SignupRequest.objects.select_related("form").order_by("id"))


def confirm_path(request: SignupRequest) -> str:
    return "/" + confirm_url(request.pk).split("/", 3)[3]


def confirm(request: SignupRequest, *, client: Client | None = None) -> HttpResponse:
    return (client or visitor()).post(confirm_path(request), {"confirm": "yes"})


def contact_of(organization: Organization, email: str = ADDRESS) -> Contact:
    with organization_scope(organization):
        return Contact.objects.get(email_key=email.casefold())


def prefer(contact: Contact, *, client: Client | None = None, **posted: Any) -> HttpResponse:
    return (client or visitor()).post(preferences_path(contact.pk), posted)


def page(response: HttpResponse) -> str:
    return response.content.decode()
