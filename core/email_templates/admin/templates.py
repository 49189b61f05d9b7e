"""Templates of a client: the list, the editor's page, and what can be done with one."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import register
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.kept import keep, recall
from core.common.moments import shown_moment
from core.common.tenancy import organization_scope
from core.email_templates import services, views
from core.email_templates.admin.copying import TemplateCopyPages
from core.email_templates.admin.editor import EditorMixin, TestSendAction
from core.email_templates.admin.versions import VersionPages
from core.email_templates.forms import EmailTemplateForm
from core.email_templates.models import EmailTemplate, EmailTemplateVersion, StarterTemplate, TemplateCategory
from core.email_templates.preview import preview_mail
from core.email_templates.queries import sample_values, source_of, starters, with_campaign_count
from core.email_templates.resources import EmailTemplateResource
from core.exports.admin import ExportableAdmin

LOOK_SECONDS = 3600


@register(EmailTemplate)
class EmailTemplateAdmin(
    VersionPages, TemplateCopyPages, TestSendAction, EditorMixin, ExportableAdmin, OrganizationModelAdmin
):
    form = EmailTemplateForm
    change_form_template = "email_templates/versioned_form.html"
    view_permission = Permission.TEMPLATES_VIEW
    add_permission = Permission.TEMPLATES_MANAGE
    change_permission = Permission.TEMPLATES_MANAGE
    delete_permission = Permission.TEMPLATES_MANAGE
    export_permission = Permission.RESULTS_EXPORT
    resource_classes = [EmailTemplateResource]

    fieldsets = ((None, {"fields": (("name", "category"), "subject", "preheader", "markup", "html", "text")}),)
    list_display = ("look", "name_and_subject", "category_label", "used_by", "changed")
    list_display_links = ("name_and_subject",)
    list_filter = ("category", "markup")
    search_fields = ("name", "subject")
    ordering = ("-updated_at",)
    actions_list = ("start_from_starter", "export_list")
    actions_detail = ("send_test", "versions", "copy_to_clients", "duplicate")
    empty_title = "No templates yet"
    empty_text = "A template is what a mail looks like. Start from one of the designs that are here already."
    empty_icon = "draft"

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ["email_templates/library.css"]}

    # The list

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_campaign_count(super().get_queryset(request))

    @display(description="look")
    def look(self, obj: EmailTemplate) -> str:
        """A small live picture; the frame is asked for only when it comes into view."""
        url = reverse("admin:email_templates_emailtemplate_look", args=[obj.pk])
        return format_html(
            '<span class="ex-thumb" aria-hidden="true"><iframe src="{}" title="" sandbox="" loading="lazy" '
            'tabindex="-1"></iframe></span>',
            f"{url}?v={obj.version}",
        )

    @display(description="template", ordering="name")
    def name_and_subject(self, obj: EmailTemplate) -> str:
        return format_html('<span class="ex-named">{}<small>{}</small></span>', obj.name, obj.subject)

    @display(description="category", ordering="category", label=True)
    def category_label(self, obj: EmailTemplate) -> str:
        return obj.get_category_display()

    @display(description="used by", ordering="campaign_count")
    def used_by(self, obj: EmailTemplate) -> str:
        count: int = obj.campaign_count  # type: ignore[attr-defined]
        return f"{count:,} campaign{'' if count == 1 else 's'}" if count else "no campaign"

    @display(description="changed", ordering="updated_at")
    def changed(self, obj: EmailTemplate) -> Any:
        return shown_moment(obj.updated_at)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Templates are deleted one by one: the page says which campaigns hold on to one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    restored_notes = (
        "Campaigns that were sent keep what they sent. Drafts that use this template change with it, and approvals "
        "given for them end.",
    )

    def version_html(self, version: EmailTemplateVersion, owner: EmailTemplate) -> str:
        return preview_mail(source_of(version), sample_values(owner.organization)).html

    def restore(self, owner: EmailTemplate, number: int) -> EmailTemplate:
        return services.template_restore(template_id=owner.pk, number=number)

    def get_custom_urls(self) -> Any:
        # Unfold hands itself to these views; ours are plain functions of the request.
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        routes = (
            ("preview/", "email_templates_emailtemplate_preview", self._preview),
            ("preview/frame/<str:key>/", "email_templates_emailtemplate_preview_frame", self._frame),
            ("look/<uuid:object_id>/", "email_templates_emailtemplate_look", self._look),
            ("starters/<uuid:starter_id>/copy/", "email_templates_starter_copy", self._copy_starter),
            ("starters/<uuid:starter_id>/look/", "email_templates_starter_look", self._look_at_starter),
            *self.version_urls(),
            *self.copy_urls(),
        )
        return tuple((route, name, plain(view)) for route, name, view in routes)

    def _preview(self, request: HttpRequest) -> HttpResponse:
        access_of(request).require(Permission.TEMPLATES_VIEW)
        return views.preview_view(request)

    def _frame(self, request: HttpRequest, key: str) -> HttpResponse:
        access_of(request).require(Permission.TEMPLATES_VIEW)
        return views.preview_frame_view(request, key)

    def _look(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The mail as a made-up person gets it, for small frames; worked out once for each version and brand."""
        template = self._owner(request, str(object_id), Permission.TEMPLATES_VIEW)
        key = f"template-look:{template.pk}:{template.version}:{template.organization.updated_at.timestamp()}"
        html = recall(key)
        if html is None:
            with organization_scope(template.organization_id):
                html = _looked(template, template.organization)
            keep(key, html, LOOK_SECONDS)
        return views.framed_response(html)

    # The page

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        current = access_of(request).current
        form.client_id = obj.organization_id if obj is not None else current.pk if current else None
        return form

    def save_model(self, request: HttpRequest, obj: EmailTemplate, form: Any, change: bool) -> None:
        if not change:
            obj.organization = access_of(request).current  # type: ignore[assignment]
        services.template_save(template=obj)

    # Starters

    @action(description="Start from a starter", url_path="starters", icon="dashboard", permissions=["templates_manage"])
    def start_from_starter(self, request: HttpRequest) -> HttpResponse:
        client = access_of(request).current
        if client is None:
            return self._choose_client_first(request)
        found = starters()
        used = {starter.category for starter in found}
        wanted = request.GET.get("category", "")
        context = {
            **self.admin_site.each_context(request),
            "title": "Start from a starter",
            "opts": self.model._meta,
            "starters": [starter for starter in found if starter.category == wanted or wanted not in used],
            "categories": [(value, label) for value, label in TemplateCategory.choices if value in used],
            "category": wanted if wanted in used else "",
            "total": len(found),
            "client": client,
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
        return views.framed_response(_looked(starter, access_of(request).current))

    # Actions

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


def _looked(content: Any, organization: Any) -> str:
    """The rendered mail; where it cannot be rendered, a page that says why."""
    try:
        return preview_mail(source_of(content), sample_values(organization)).html
    except DomainError as error:
        return views.broken_mail(error)
