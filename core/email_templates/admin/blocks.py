"""Blocks: pieces of HTML that several templates of a client share."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib import messages
from django.contrib.admin import register
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.html import format_html
from unfold.decorators import display

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.moments import shown_moment
from core.common.tenancy import organization_scope
from core.email_templates import services, views
from core.email_templates.admin.versions import VersionPages
from core.email_templates.forms import BlockForm
from core.email_templates.models import Markup, TemplateBlock, TemplateBlockVersion
from core.email_templates.preview import MailSource, preview_mail
from core.email_templates.queries import block_use, composed_source, sample_values, with_template_count
from core.email_templates.resources import TemplateBlockResource
from core.exports.admin import ExportableAdmin


@register(TemplateBlock)
class TemplateBlockAdmin(VersionPages, ExportableAdmin, OrganizationModelAdmin):
    form = BlockForm
    compressed_fields = False
    change_form_template = "email_templates/block_form.html"
    view_permission = Permission.TEMPLATES_VIEW
    add_permission = Permission.TEMPLATES_MANAGE
    change_permission = Permission.TEMPLATES_MANAGE
    delete_permission = Permission.TEMPLATES_MANAGE
    export_permission = Permission.RESULTS_EXPORT
    resource_classes = [TemplateBlockResource]

    fieldsets = ((None, {"fields": (("name", "key"), "category", "html")}),)
    list_display = ("look", "name_and_tag", "category_label", "used_by", "changed")
    list_display_links = ("name_and_tag",)
    list_filter = ("category",)
    search_fields = ("name", "key")
    ordering = ("name",)
    actions_list = ("export_list",)
    actions_detail = ("versions",)
    version_urls_name = "email_templates_templateblock_version"
    restored_notes = (
        "Its name in templates stays. Every template and draft that uses the block changes with it, and approvals "
        "given for those end. Campaigns that were sent keep what they sent.",
    )
    empty_title = "No blocks yet"
    empty_text = "A block is a piece that several templates share, such as a footer: change it once, and all follow."
    empty_icon = "widgets"

    class Media:
        css: ClassVar[dict[str, Any]] = {"all": ["email_templates/library.css"]}

    # The list

    def get_queryset(self, request: HttpRequest) -> Any:
        return with_template_count(super().get_queryset(request))

    @display(description="look")
    def look(self, obj: TemplateBlock) -> str:
        url = reverse("admin:email_templates_templateblock_look", args=[obj.pk])
        return format_html(
            '<span class="ex-thumb ex-thumb-wide" aria-hidden="true"><iframe src="{}" title="" sandbox="" '
            'loading="lazy" tabindex="-1"></iframe></span>',
            f"{url}?v={obj.version}",
        )

    @display(description="block", ordering="name")
    def name_and_tag(self, obj: TemplateBlock) -> str:
        return format_html(
            '<span class="ex-named">{}<small><code>{}</code></small></span>', obj.name, f"{{{{ block.{obj.key} }}}}"
        )

    @display(description="category", ordering="category", label=True)
    def category_label(self, obj: TemplateBlock) -> str:
        return obj.get_category_display()

    @display(description="used by")
    def used_by(self, obj: TemplateBlock) -> str:
        count: int = obj.template_count  # type: ignore[attr-defined]
        return f"{count:,} template{'' if count == 1 else 's'}" if count else "no template"

    @display(description="changed", ordering="updated_at")
    def changed(self, obj: TemplateBlock) -> Any:
        return shown_moment(obj.updated_at)

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Blocks are deleted one by one: the page says which templates hold on to one."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    # The page

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        form = super().get_form(request, obj, change=change, **kwargs)
        current = access_of(request).current
        form.client_id = obj.organization_id if obj is not None else current.pk if current else None
        return form

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        block = self.get_object(request, object_id) if object_id else None
        context = {"show_save_and_add_another": False, "block": block}
        if block is not None:
            context["use"] = block_use(block)
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **context})

    def save_model(self, request: HttpRequest, obj: TemplateBlock, form: Any, change: bool) -> None:
        if not change:
            obj.organization = access_of(request).current  # type: ignore[assignment]
        services.block_save(block=obj)

    def delete_model(self, request: HttpRequest, obj: TemplateBlock) -> None:
        services.block_delete(block_id=obj.pk)

    def delete_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        block = self.get_object(request, object_id)
        if block is not None and self.has_delete_permission(request, block):
            try:
                services.refuse_block_in_use(block)
            except DomainError as error:
                messages.error(request, str(error))
                url = reverse("admin:email_templates_templateblock_change", args=[block.pk])
                return HttpResponseRedirect(url)
        return super().delete_view(request, object_id, extra_context)

    def get_custom_urls(self) -> Any:
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        routes = (("look/<uuid:object_id>/", "email_templates_templateblock_look", self._look), *self.version_urls())
        return tuple((route, name, plain(view)) for route, name, view in routes)

    def version_html(self, version: TemplateBlockVersion, owner: TemplateBlock) -> str:
        return self._shown(version.html, owner)

    def restore(self, owner: TemplateBlock, number: int) -> TemplateBlock:
        return services.block_restore(block_id=owner.pk, number=number)

    def _look(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        """The block alone, in the client's brand, for a frame."""
        block = self.get_object(request, str(object_id))
        if block is None:
            raise Http404
        access_of(request).require(Permission.TEMPLATES_VIEW, block.organization_id)
        with organization_scope(block.organization_id):
            try:
                return views.framed_response(self._shown(block.html, block))
            except DomainError as error:
                return views.framed_response(views.broken_mail(error))

    def _shown(self, html: str, block: TemplateBlock) -> str:
        source = composed_source(MailSource("", "", html), markup=Markup.HTML, organization_id=block.organization_id)
        return preview_mail(source, sample_values(block.organization)).html
