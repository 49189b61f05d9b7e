"""Templates with their editor, and the agency's starters."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import register
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action, display

from core.accounts.model_admins import AgencyModelAdmin, Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.email_templates import services, views
from core.email_templates.forms import EmailTemplateForm, StarterTemplateForm
from core.email_templates.merge_tags import KnownKeys
from core.email_templates.models import EmailTemplate, StarterTemplate
from core.email_templates.preview import preview_mail
from core.email_templates.queries import sample_values, source_of, starters

PREVIEW_URL_NAME = "admin:email_templates_emailtemplate_preview"
PEOPLE_URL_NAME = "admin:campaigns_campaign_preview_people"


class EditorMixin:
    """Gives a change form the preview panel: what it shows comes from the form, by POST to the preview's address."""

    compressed_fields = False
    change_form_template = "email_templates/template_form.html"

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        context = {
            "merge_tags": KnownKeys().names(),
            "preview_config": self._preview_config(request, object_id),
            "show_save_and_add_another": False,
        }
        return super().changeform_view(  # type: ignore[misc]
            request, object_id, form_url, {**(extra_context or {}), **context}
        )

    def _preview_config(self, request: HttpRequest, object_id: str | None) -> dict[str, Any]:
        """What the panel's script needs: addresses, the client, and the sources of a page that has no form."""
        obj = self.get_object(request, object_id) if object_id else None  # type: ignore[attr-defined]
        current = access_of(request).current
        client_id = getattr(obj, "organization_id", None) or (current.pk if current else "")
        source = source_of(obj) if obj is not None else None
        return {
            "url": reverse(PREVIEW_URL_NAME),
            "people_url": reverse(PEOPLE_URL_NAME) if client_id else "",
            "fields": list(views.SOURCE_FIELDS),
            "fixed": {name: getattr(source, name) for name in views.SOURCE_FIELDS} if source else {},
            "extra": {"client": str(client_id)},
        }


@register(EmailTemplate)
class EmailTemplateAdmin(EditorMixin, OrganizationModelAdmin):
    form = EmailTemplateForm
    view_permission = Permission.TEMPLATES_VIEW
    add_permission = Permission.TEMPLATES_MANAGE
    change_permission = Permission.TEMPLATES_MANAGE
    delete_permission = Permission.TEMPLATES_MANAGE

    list_display = ("name", "category_label", "subject", "updated_at")
    list_filter = ("category",)
    search_fields = ("name", "subject")
    ordering = ("-updated_at",)
    actions_list = ("start_from_starter",)
    actions_detail = ("duplicate",)
    empty_title = "No templates yet"
    empty_text = "A template is what a mail looks like. Start from one of the designs that are here already."
    empty_icon = "draft"

    @display(description="category", ordering="category", label=True)
    def category_label(self, obj: EmailTemplate) -> str:
        return obj.get_category_display()

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Templates are deleted one by one: the page says which campaigns hold on to one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def get_custom_urls(self) -> Any:
        # Unfold hands itself to these views; ours are plain functions of the request.
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        return (
            ("preview/", "email_templates_emailtemplate_preview", plain(self._preview)),
            (
                "preview/frame/<str:key>/",
                "email_templates_emailtemplate_preview_frame",
                plain(self._frame),
            ),
            ("starters/<uuid:starter_id>/copy/", "email_templates_starter_copy", plain(self._copy_starter)),
            ("starters/<uuid:starter_id>/look/", "email_templates_starter_look", plain(self._look_at_starter)),
        )

    def _preview(self, request: HttpRequest) -> HttpResponse:
        access_of(request).require(Permission.TEMPLATES_VIEW)
        return views.preview_view(request)

    def _frame(self, request: HttpRequest, key: str) -> HttpResponse:
        access_of(request).require(Permission.TEMPLATES_VIEW)
        return views.preview_frame_view(request, key)

    @action(description="Start from a starter", url_path="starters", icon="dashboard", permissions=["templates_manage"])
    def start_from_starter(self, request: HttpRequest) -> HttpResponse:
        if access_of(request).current is None:
            return self._choose_client_first(request)
        context = {
            **self.admin_site.each_context(request),
            "title": "Start from a starter",
            "opts": self.model._meta,
            "starters": starters(),
            "client": access_of(request).current,
        }
        return TemplateResponse(request, "email_templates/starters.html", context)

    def _copy_starter(self, request: HttpRequest, starter_id: UUID) -> HttpResponse:
        client = access_of(request).current
        list_url = reverse("admin:email_templates_emailtemplate_start_from_starter")
        if request.method != "POST" or client is None:
            return HttpResponseRedirect(list_url)
        access_of(request).require(Permission.TEMPLATES_MANAGE, client.pk)
        try:
            template = services.template_from_starter(organization_id=client.pk, starter_id=starter_id)
        except StarterTemplate.DoesNotExist as error:
            raise Http404 from error
        messages.success(request, f"“{template}” is a template of {client} now. Change it as you like.")
        return HttpResponseRedirect(reverse("admin:email_templates_emailtemplate_change", args=[template.pk]))

    def _look_at_starter(self, request: HttpRequest, starter_id: UUID) -> HttpResponse:
        access_of(request).require(Permission.TEMPLATES_VIEW)
        starter = StarterTemplate.objects.filter(pk=starter_id).first()
        if starter is None:
            raise Http404
        mail = preview_mail(source_of(starter), sample_values(access_of(request).current))
        return views.framed_response(mail.html)

    @action(description="Duplicate", url_path="duplicate", icon="content_copy", permissions=["templates_manage"])
    def duplicate(self, request: HttpRequest, object_id: str) -> HttpResponse:
        template = self.get_object(request, object_id)
        if template is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)
        copies: list[EmailTemplate] = []

        def perform() -> str:
            copies.append(services.template_duplicate(template_id=template.pk))
            return f"“{copies[0]}” is the copy."

        confirmation = Confirmation(
            title=f"Duplicate “{template}”",
            submit_label="Duplicate",
            back_url=reverse("admin:email_templates_emailtemplate_change", args=[template.pk]),
            sentences=(f"{template.organization} gets a second template with the same content.",),
        )
        done_url = reverse("admin:email_templates_emailtemplate_changelist")
        return self.confirmed(request, confirmation, perform=perform, done_url=done_url)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        template = self.get_object(request, object_id)
        if template is not None and self.has_delete_permission(request, template):
            try:
                services.refuse_template_in_use(template)
            except DomainError as error:
                messages.error(request, str(error))
                change_url = reverse("admin:email_templates_emailtemplate_change", args=[template.pk])
                return HttpResponseRedirect(change_url)
        return super().delete_view(request, object_id, extra_context)


@register(StarterTemplate)
class StarterTemplateAdmin(EditorMixin, AgencyModelAdmin):
    form = StarterTemplateForm
    list_display = ("name", "category_label", "description", "updated_at")
    search_fields = ("name", "description")
    prepopulated_fields = {"slug": ("name",)}
    empty_title = "No starters yet"
    empty_text = "Starters are designs that every client can begin from."
    empty_icon = "dashboard"

    @display(description="category", ordering="category", label=True)
    def category_label(self, obj: StarterTemplate) -> str:
        return obj.get_category_display()
