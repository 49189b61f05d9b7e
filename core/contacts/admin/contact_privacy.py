"""What people may ask for: a copy of their data, and that it is erased."""

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils import timezone
from unfold.decorators import action

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.contacts.models import Contact
from core.contacts.privacy.erasure import contact_erase
from core.contacts.privacy.subject_access import subject_access_archive


class ContactPrivacyMixin(OrganizationModelAdmin):
    """For the contact's page. `_contact` finds the contact and checks the right."""

    _contact: Any

    @action(description="Export data", url_path="export-data", icon="folder_zip", permissions=["contacts_export"])
    def export_data(self, request: HttpRequest, object_id: str) -> HttpResponse:
        """A zip with everything the client knows about the person, to be handed over."""
        contact: Contact = self._contact(request, object_id, Permission.CONTACTS_EXPORT)
        if request.method == "POST":
            response = HttpResponse(subject_access_archive(contact), content_type="application/zip")
            name = f"data-of-contact-{contact.pk.hex[-8:]}-{timezone.now():%Y-%m-%d}.zip"
            response["Content-Disposition"] = f'attachment; filename="{name}"'
            response["Cache-Control"] = "private, no-store"
            return response
        return self.confirmed(
            request,
            Confirmation(
                title=f"Export the data of {contact}",
                sentences=(
                    f"You get a zip file with everything {contact.organization} knows about {contact}: profile, "
                    "groups, consent, mails, opens and clicks, and changes. For programs (JSON) and for people (CSV).",
                ),
                notes=("That you fetched it stands in the history.",),
                submit_label="Download",
                back_url=reverse("admin:contacts_contact_change", args=[object_id]),
            ),
            perform=str,
            done_url="",
            is_confirmed=False,
        )

    @action(description="Erase", url_path="erase", icon="person_remove", permissions=["contacts_erase"])
    def erase(self, request: HttpRequest, object_id: str) -> HttpResponse:
        contact: Contact = self._contact(request, object_id, Permission.CONTACTS_ERASE)
        back = reverse("admin:contacts_contact_change", args=[object_id])
        if contact.erased_at:
            self.message_user(request, "This contact is erased, or is being erased, already.", level="warning")
            return HttpResponseRedirect(back)
        return self.confirmed(
            request,
            Confirmation(
                title=f"Erase {contact}",
                sentences=(
                    f"Everything {contact.organization} knows about {contact} is erased: the profile, consent, what "
                    "was written in mails, what was seen of opens and clicks, entries of the history, rows of "
                    "uploaded files.",
                    "Campaign figures stay as they are and count somebody unknown. A hash that nobody can read back "
                    "keeps the address from being mailed again.",
                ),
                notes=(
                    f"All files exported of {contact.organization} are removed, as the address may be in them.",
                    "Nobody can undo this. If the person wants a copy first, use Export data.",
                ),
                submit_label="Erase for good",
                back_url=back,
                is_danger=True,
            ),
            perform=lambda: self._erased(contact),
            done_url=reverse("admin:contacts_contact_changelist"),
        )

    def _erased(self, contact: Contact) -> str:
        contact_erase(contact_id=contact.pk)
        return "The contact gets no more mail from now on, and is erased within a minute."
