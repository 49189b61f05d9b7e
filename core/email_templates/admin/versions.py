"""The versions of a template or a block: a timeline, two of them side by side, and the way back to one."""

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
from core.email_templates import views
from core.email_templates.comparing import compared_fields
from core.email_templates.models import EmailTemplate, TemplateBlock
from core.email_templates.queries import version_numbered, versions_of

_LONGEST_NUMBER = 9
Owner = EmailTemplate | TemplateBlock


class VersionPages:
    """Pages of versions; an OrganizationModelAdmin mixes them in, routes `version_urls` and says what is its own: the
    rendered HTML of a version, and how one is restored."""

    admin_site: Any
    opts: Any
    get_object: Any
    confirmed: Any
    version_urls_name = "email_templates_version"
    """With _look and _restore behind it."""
    restored_notes: tuple[str, ...]

    def version_html(self, version: Any, owner: Any) -> str:
        """What a frame shows of a version. Raises DomainError."""
        raise NotImplementedError

    def restore(self, owner: Any, number: int) -> Owner:
        raise NotImplementedError

    @action(description="Versions", url_path="versions", icon="layers", permissions=["templates_view"])
    def versions(self, request: HttpRequest, object_id: str) -> HttpResponse:
        owner = self._owner(request, object_id, Permission.TEMPLATES_VIEW)
        with organization_scope(owner.organization_id):
            return self._versions_page(request, owner).render()

    def _versions_page(self, request: HttpRequest, owner: Owner) -> TemplateResponse:
        versions = versions_of(owner)
        numbers = [version.number for version in versions]
        newer = _chosen(request.GET.get("to"), numbers) or (numbers[0] if numbers else 0)
        older = _chosen(request.GET.get("from"), numbers) or next((n for n in numbers if n < newer), 0)
        older, newer = sorted((older, newer))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Versions of “{owner}”",
            "opts": self.opts,
            "owner": owner,
            "back_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_change", args=[owner.pk]),
            "look_url_name": f"admin:{self.version_urls_name}_look",
            "restore_url_name": f"admin:{self.version_urls_name}_restore",
            "versions": versions,
            "older": version_numbered(owner, older) if older != newer else None,
            "newer": version_numbered(owner, newer),
            "may_restore": access_of(request).can(Permission.TEMPLATES_MANAGE, owner.organization_id),
        }
        if context["older"] is not None:
            context["fields"] = compared_fields(context["older"], context["newer"])
        return TemplateResponse(request, "email_templates/versions.html", context)

    def look_at_version(self, request: HttpRequest, object_id: UUID, number: str) -> HttpResponse:
        """The rendered mail of one version, for a frame."""
        owner = self._owner(request, str(object_id), Permission.TEMPLATES_VIEW)
        with organization_scope(owner.organization_id):
            version = _version(owner, number)
            try:
                return views.framed_response(self.version_html(version, owner))
            except DomainError as error:
                return views.framed_response(views.broken_mail(error))

    def restore_version(self, request: HttpRequest, object_id: UUID, number: str) -> HttpResponse:
        owner = self._owner(request, str(object_id), Permission.TEMPLATES_MANAGE)
        with organization_scope(owner.organization_id):
            wanted = _version(owner, number).number
            back_url = reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_versions", args=[owner.pk])

            def perform() -> str:
                restored = self.restore(owner, wanted)
                return f"“{restored}” says what version {wanted:,} said. This is version {restored.version:,}."

            confirmation = Confirmation(
                title=f"Restore version {wanted:,} of “{owner}”",
                submit_label=f"Restore version {wanted:,}",
                back_url=back_url,
                sentences=(
                    f"Version {wanted:,} is copied into a new version {owner.version + 1:,}. Every version stays.",
                ),
                notes=self.restored_notes,
            )
            return self.confirmed(request, confirmation, perform=perform, done_url=back_url)

    def _owner(self, request: HttpRequest, object_id: str, permission: Permission) -> Owner:
        """The template or block, or 404 for an unknown one and one out of reach."""
        owner: Owner | None = self.get_object(request, object_id)
        if owner is None:
            raise Http404
        access_of(request).require(permission, owner.organization_id)
        return owner

    def version_urls(self) -> Any:
        one = "versions/<uuid:object_id>/<str:number>"
        return (
            (f"{one}/look/", f"{self.version_urls_name}_look", self.look_at_version),
            (f"{one}/restore/", f"{self.version_urls_name}_restore", self.restore_version),
        )


def _version(owner: Owner, number: str) -> Any:
    """The version an address names; 404 for what is no number of one."""
    is_number = number.isascii() and number.isdigit() and len(number) < _LONGEST_NUMBER
    version = version_numbered(owner, int(number)) if is_number else None
    if version is None:
        raise Http404
    return version


def _chosen(value: str | None, numbers: list[int]) -> int:
    """The version that the address names, 0 for anything else."""
    return next((number for number in numbers if str(number) == value), 0)
