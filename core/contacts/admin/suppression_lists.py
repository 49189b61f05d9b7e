"""The pages of a do-not-mail list: upload, check in numbers, result. For both suppression lists."""

from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import path, reverse

from core.accounts.model_admins import HouseModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.contacts.choices import ListStatus
from core.contacts.forms.suppressions import ListForm
from core.contacts.models import AgencySuppressionList, Suppression, SuppressionList
from core.contacts.services.suppression_lists import suppression_list_confirm, suppression_list_upload

PASTED = "Pasted lines"
EARLIER_LISTS = 10


class SuppressionListPages(HouseModelAdmin):
    """Whoever may add one may add a list."""

    add_permission: Permission

    _choose_client_first: Any

    def get_urls(self) -> list[Any]:
        name = f"{self.opts.app_label}_{self.opts.model_name}"
        own = [
            path("lists/<uuid:list_id>/", self.admin_site.admin_view(self._list_shown), name=f"{name}_uploaded"),
            path("lists/<uuid:list_id>/refused/", self.admin_site.admin_view(self._refused), name=f"{name}_refused"),
        ]
        return own + super().get_urls()

    @property
    def _is_agency(self) -> bool:
        return self.model is not Suppression

    def _list_page(self, request: HttpRequest) -> HttpResponse:
        """The upload. What is uploaded becomes a draft of the current client, or of the agency, and nothing else."""
        client = None if self._is_agency else access_of(request).current
        if client is None and not self._is_agency:
            return self._choose_client_first(request, "Add a do-not-mail list")
        access_of(request).require(self.add_permission, client.pk if client else None)
        form = ListForm(request.POST or None, request.FILES or None)
        if request.method == "POST" and form.is_valid():
            upload = self._uploaded(client, form)
            if upload:
                return HttpResponseRedirect(self._list_url("uploaded", upload.pk))
        context = {
            **self.admin_site.each_context(request),
            "title": "Add a do-not-mail list",
            "opts": self.opts,
            "form": form,
            "whose": str(client) if client else "every client",
            "earlier": [(upload, self._list_url("uploaded", upload.pk)) for upload in self._newest(client)],
            "back_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "contacts/suppression_list_upload.html", context)

    def _newest(self, client: Any) -> Any:
        uploads = (
            AgencySuppressionList.objects.all()
            if client is None
            else SuppressionList.objects.filter(organization=client)
        )
        return uploads.defer("content", "refused").order_by("-id")[:EARLIER_LISTS]

    def _uploaded(self, client: Any, form: ListForm) -> Any:
        file, lines = form.cleaned_data["file"], form.cleaned_data["lines"]
        try:
            return suppression_list_upload(
                organization=client,
                file_name=file.name if file else PASTED,
                content=file.read() if file else lines.encode(),
                note=form.cleaned_data["note"],
            )
        except DomainError as error:
            form.add_error(None, str(error))
            return None

    def _list_shown(self, request: HttpRequest, list_id: UUID) -> HttpResponse:
        """The numbers of a draft with the button, or of what was added. POST confirms."""
        upload = self._found(request, list_id)
        if request.method == "POST":
            try:
                suppression_list_confirm(upload=upload)
            except DomainError as error:
                messages.error(request, str(error))
            return HttpResponseRedirect(request.path)
        context = {
            **self.admin_site.each_context(request),
            "title": f"Do-not-mail list {upload}",
            "opts": self.opts,
            "upload": upload,
            "is_draft": upload.status == ListStatus.DRAFT,
            "is_waiting": upload.status in (ListStatus.READING, ListStatus.QUEUED),
            "whose": "every client" if self._is_agency else str(upload.organization),
            "refused_url": self._list_url("refused", upload.pk) if upload.refused else "",
            "back_url": reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist"),
        }
        return TemplateResponse(request, "contacts/suppression_list.html", context)

    def _refused(self, request: HttpRequest, list_id: UUID) -> HttpResponse:
        """The lines that could not be read, as a file."""
        upload = self._found(request, list_id)
        if not upload.refused:
            raise Http404
        answer = HttpResponse(bytes(upload.refused), content_type="text/csv; charset=utf-8")
        answer["Content-Disposition"] = 'attachment; filename="refused-lines.csv"'
        return answer

    def _found(self, request: HttpRequest, list_id: UUID) -> Any:
        model: Any = AgencySuppressionList if self._is_agency else SuppressionList
        upload = model.objects.filter(pk=list_id).first()
        if upload is None:
            raise Http404
        access_of(request).require(self.add_permission, getattr(upload, "organization_id", None))
        return upload

    def _list_url(self, page: str, list_id: UUID) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_{page}", args=[list_id])
