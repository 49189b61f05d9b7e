"""The editor: a change form with the preview of what stands in it."""

from typing import Any
from uuid import UUID

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action

from core.accounts.model_admins.rights import access_of
from core.common.tenancy import organization_scope
from core.email_templates import views
from core.email_templates.tag_picker import TagGroup, tag_groups

PREVIEW_URL_NAME = "admin:email_templates_emailtemplate_preview"
TEST_URL_NAME = "admin:delivery_mailtest_send"
PEOPLE_URL_NAME = "admin:campaigns_campaign_preview_people"


class TestSendAction:
    """*Send test*, for EmailTemplateAdmin. The page belongs to sending, which stands above templates."""

    @action(description="Send test", url_path="send-test", icon="forward_to_inbox", permissions=["templates_manage"])
    def send_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        template = self.get_object(request, object_id)  # type: ignore[attr-defined]
        if template is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        return HttpResponseRedirect(f"{reverse(TEST_URL_NAME)}?template={template.pk}")


class EditorMixin:
    """Gives a change form the preview panel: what it shows comes from the form, by POST to the preview's address."""

    compressed_fields = False
    change_form_template = "email_templates/template_form.html"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        context = {
            "tag_groups": self._tag_groups(request, object_id),
            "preview_config": self._preview_config(request, object_id),
            "show_save_and_add_another": False,
        }
        return super().changeform_view(  # type: ignore[misc]
            request, object_id, form_url, {**(extra_context or {}), **context}
        )

    def _client_id(self, request: HttpRequest, object_id: str | None) -> UUID | None:
        """Whose template this is or will be; None for the agency's starters."""
        obj = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        current = access_of(request).current
        return getattr(obj, "organization_id", None) or (current.pk if current else None)

    def _tag_groups(self, request: HttpRequest, object_id: str | None) -> list[TagGroup]:
        client_id = self._client_id(request, object_id)
        with organization_scope(*filter(None, [client_id])):
            return tag_groups(client_id)

    def _preview_config(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """What the panel's script needs: addresses, the client, and the sources of a page that has no form."""
        obj = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        client_id = self._client_id(request, object_id)
        return {
            "url": reverse(PREVIEW_URL_NAME),
            "people_url": reverse(PEOPLE_URL_NAME) if client_id else "",
            "fields": list(views.SOURCE_FIELDS),
            "fixed": {name: getattr(obj, name) for name in views.SOURCE_FIELDS} if obj is not None else {},
            "extra": {"client": str(client_id or "")},
        }
