"""*Copy to other clients*: which ones, once more in words, and what came of it."""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from typing import Any, ClassVar

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.crypto import get_random_string

from core.accounts.model_admins.confirmation import Confirmation
from core.accounts.model_admins.house import HouseModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.common.kept import keep, recall
from core.common.tenancy import organization_scope

RESULT_SECONDS = 24 * 3600
MOST_CLIENTS = 50
_CONFIRMED, _CLIENT = "confirmed", "client"


@dataclass(frozen=True)
class Copying:
    """What the pages say of a row, and how it is copied.

    `title` is the row in words, `nouns` what a person without other clients manages; `sentences` and `notes` stand on
    the confirmation. `copy` gets the clients, in their scope and that of `organization`, and returns a dataclass of
    plain values for each; it may raise DomainError. `done` gets "3 clients".
    """

    title: str
    organization: Organization
    nouns: str
    lead: str
    back_url: str
    sentences: tuple[str, ...]
    notes: tuple[str, ...]
    copy: Callable[[list[Organization]], Sequence[Any]]
    done: Callable[[str], str]
    not_listed: str
    """Said instead of showing what came of it, while that cannot be kept."""


class CopyPages(HouseModelAdmin):
    """For the admin of rows that can be copied; its class routes `copy_result` and decorates `copy_pages`."""

    copy_needs: ClassVar[tuple[Permission, ...]]
    """What a person may do in a client that gets a copy."""
    copied_url_name: ClassVar[str]
    copied_template: ClassVar[str]
    """Shows `copies`, one by one."""

    def copy_pages(self, request: HttpRequest, copying: Copying) -> HttpResponse:
        targets = self._targets(request, copying.organization)
        wanted = set(request.POST.getlist(_CLIENT))
        chosen = [client for client in targets if str(client.pk) in wanted][:MOST_CLIENTS]
        if request.method == "POST" and chosen:
            return self._copy(request, copying, chosen)
        if request.method == "POST":
            messages.error(request, "Tick at least one client.")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Copy “{copying.title}” to other clients",
            "opts": self.opts,
            "copying": copying,
            "targets": targets,
        }
        return TemplateResponse(request, "admin/copy_to_clients.html", context)

    def _targets(self, request: HttpRequest, source: Organization) -> list[Organization]:
        access = access_of(request)
        return [
            client
            for client in access.organizations
            if client.pk != source.pk and all(access.can(needed, client.pk) for needed in self.copy_needs)
        ]

    def _copy(self, request: HttpRequest, copying: Copying, chosen: list[Organization]) -> HttpResponse:
        key = get_random_string(22)
        done_url = reverse(self.copied_url_name, args=[key])

        def perform() -> str:
            nonlocal done_url
            with organization_scope(copying.organization, *chosen):
                copies = copying.copy(chosen)
            kept = {"of": copying.title, "copies": [asdict(copy) for copy in copies]}
            done = copying.done(clients_text(len(copies)))
            if keep(self._result_key(request, key), kept, RESULT_SECONDS):
                return done
            done_url = copying.back_url
            return f"{done} {copying.not_listed}"

        return self.confirmed(
            request,
            _confirmation(copying, chosen, back_url=request.path),
            perform=perform,
            done_url=lambda: done_url,
            is_confirmed=_CONFIRMED in request.POST,
        )

    def copy_result(self, request: HttpRequest, key: str) -> HttpResponse:
        """What to look at in each client. Only who copied can open it, for a day."""
        if not self.has_view_permission(request):
            raise PermissionDenied
        found = recall(self._result_key(request, key))
        if found is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"“{found['of']}” is copied",
            "opts": self.opts,
            "copies": found["copies"],
        }
        return TemplateResponse(request, self.copied_template, context)

    def _result_key(self, request: HttpRequest, key: str) -> str:
        return f"copied:{self.opts.label_lower}:{access_of(request).user.pk}:{key}"


def _confirmation(copying: Copying, chosen: list[Organization], *, back_url: str) -> Confirmation:
    clients = clients_text(len(chosen))
    names = f"{clients}: {', '.join(str(client) for client in chosen)}."
    return Confirmation(
        title=f"Copy “{copying.title}” to {clients}",
        submit_label=f"Copy to {clients}",
        back_url=back_url,
        sentences=(names, *copying.sentences),
        notes=copying.notes,
        hidden=((_CONFIRMED, "1"), *((_CLIENT, str(client.pk)) for client in chosen)),
    )


def clients_text(count: int) -> str:
    return f"{count:,} client{'' if count == 1 else 's'}"
