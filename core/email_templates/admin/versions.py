"""The versions of a template: a timeline, two of them side by side, and the way back to one."""

from typing import Any
from uuid import UUID

from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from core.accounts.model_admins import Confirmation
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.email_templates import services, views
from core.email_templates.comparing import compared_fields
from core.email_templates.models import EmailTemplate, EmailTemplateVersion
from core.email_templates.preview import preview_mail
from core.email_templates.queries import sample_values, source_of, version_numbered, versions_of

VERSIONS_URL_NAME = "admin:email_templates_emailtemplate_versions"
LOOK_URL_NAME = "admin:email_templates_version_look"
RESTORE_URL_NAME = "admin:email_templates_version_restore"
_LONGEST_NUMBER = 9


class VersionPages:
    """Pages of a template's versions; an OrganizationModelAdmin mixes them in and routes `version_urls`."""

    admin_site: Any
    opts: Any
    get_object: Any
    confirmed: Any

    @action(description="Versions", url_path="versions", icon="layers", permissions=["templates_view"])
    def versions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        template = self._template(request, object_id, Permission.TEMPLATES_VIEW)
        with organization_scope(template.organization_id):
            return self._versions_page(request, template).render()

    def _versions_page(self, request: HttpRequest, template: EmailTemplate) -> TemplateResponse:
        versions = versions_of(template)
        numbers = [version.number for version in versions]
        newer = _chosen(request.GET.get("to"), numbers) or (numbers[0] if numbers else 0)
        older = _chosen(request.GET.get("from"), numbers) or next((n for n in numbers if n < newer), 0)
        older, newer = sorted((older, newer))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Versions of “{template}”",
            "opts": self.opts,
            "template": template,
            "versions": versions,
            "older": version_numbered(template, older) if older != newer else None,
            "newer": version_numbered(template, newer),
            "may_restore": access_of(request).can(Permission.TEMPLATES_MANAGE, template.organization_id),
        }
        if context["older"] is not None:
            context["fields"] = compared_fields(context["older"], context["newer"])
        return TemplateResponse(request, "email_templates/versions.html", context)

    def look_at_version(self, request: HttpRequest, object_id: UUID, number: str) -> HttpResponse:
        """The rendered mail of one version, for a frame."""
        template = self._template(request, str(object_id), Permission.TEMPLATES_VIEW)
        with organization_scope(template.organization_id):
            version = _version(template, number)
            try:
                mail = preview_mail(source_of(version), sample_values(template.organization))
            except DomainError as error:
                return views.framed_response(views.broken_mail(error))
        return views.framed_response(mail.html)

    def restore_version(self, request: HttpRequest, object_id: UUID, number: str) -> HttpResponse:
        template = self._template(request, str(object_id), Permission.TEMPLATES_MANAGE)
        with organization_scope(template.organization_id):
            wanted = _version(template, number).number
            back_url = reverse(VERSIONS_URL_NAME, args=[template.pk])

            def perform() -> str:
                restored = services.template_restore(template_id=template.pk, number=wanted)
                return f"“{restored}” says what version {wanted:,} said. This is version {restored.version:,}."

            confirmation = Confirmation(
                title=f"Restore version {wanted:,} of “{template}”",
                submit_label=f"Restore version {wanted:,}",
                back_url=back_url,
                sentences=(
                    f"Version {wanted:,} is copied into a new version {template.version + 1:,}. Every version stays.",
                ),
                notes=(
                    "Campaigns that were sent keep what they sent. Drafts that use this template change with it, and "
                    "approvals given for them end.",
                ),
            )
            return self.confirmed(request, confirmation, perform=perform, done_url=back_url)

    def _template(self, request: HttpRequest, object_id: str, permission: Permission) -> EmailTemplate:
        """The template, or 404 for an unknown one and one out of reach."""
        template = self.get_object(request, object_id)
        if template is None:
            raise Http404
        access_of(request).require(permission, template.organization_id)
        return template

    def version_urls(self) -> Any:
        return (
            ("versions/<uuid:object_id>/<str:number>/look/", "email_templates_version_look", self.look_at_version),
            (
                "versions/<uuid:object_id>/<str:number>/restore/",
                "email_templates_version_restore",
                self.restore_version,
            ),
        )


def _version(template: EmailTemplate, number: str) -> EmailTemplateVersion:
    """The version an address names; 404 for what is no number of one."""
    is_number = number.isascii() and number.isdigit() and len(number) < _LONGEST_NUMBER
    version = version_numbered(template, int(number)) if is_number else None
    if version is None:
        raise Http404
    return version


def _chosen(value: str | None, numbers: list[int]) -> int:
    """The version that the address names, 0 for anything else."""
    return next((number for number in numbers if str(number) == value), 0)
