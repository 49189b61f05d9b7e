"""The pages that copy templates to other clients: which ones, in numbers, and what came of it."""

from dataclasses import asdict
from typing import Any
from uuid import UUID

from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import reverse
from django.utils.crypto import get_random_string
from unfold.decorators import action

from core.accounts.model_admins import Confirmation
from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.common.kept import keep, recall
from core.common.tenancy import organization_scope
from core.email_templates import services
from core.email_templates.models import EmailTemplate
from core.email_templates.queries import blocks_of_template

COPY_URL_NAME = "admin:email_templates_emailtemplate_copy_to_clients"
RESULT_URL_NAME = "admin:email_templates_copy_result"
RESULT_SECONDS = 24 * 3600
CONFIRMED = "confirmed"
CLIENTS = "client"
MOST_CLIENTS = 50


class CopyPages:
    """Mixed into the admin of templates, which routes `copy_urls`."""

    admin_site: Any
    opts: Any
    get_object: Any
    confirmed: Any
    _owner: Any

    @action(
        description="Copy to other clients", url_path="copy-to-clients", icon="move_up", permissions=["templates_view"]
    )
    def copy_to_clients(self, request: HttpRequest, object_id: str) -> HttpResponse:
        template: EmailTemplate = self._owner(request, object_id, Permission.TEMPLATES_VIEW)
        targets = _targets(request, template)
        wanted = set(request.POST.getlist(CLIENTS))
        chosen = [client for client in targets if str(client.pk) in wanted][:MOST_CLIENTS]
        if request.method == "POST" and chosen:
            return self._copy(request, template, chosen)
        if request.method == "POST":
            messages.error(request, "Tick at least one client.")
        context = {
            **self.admin_site.each_context(request),
            "title": f"Copy “{template}” to other clients",
            "opts": self.opts,
            "template": template,
            "targets": targets,
            "back_url": _template_url(template.pk),
        }
        return TemplateResponse(request, "email_templates/copy_choose.html", context)

    def _copy(self, request: HttpRequest, template: EmailTemplate, chosen: list[Organization]) -> HttpResponse:
        back_url = reverse(COPY_URL_NAME, args=[template.pk])
        key = get_random_string(22)
        done_url = reverse(RESULT_URL_NAME, args=[key])

        def perform() -> str:
            nonlocal done_url
            with organization_scope(template.organization_id, *chosen):
                copies = services.templates_copy_to(templates=[template], clients=chosen)
            kept = {"template": str(template), "copies": [asdict(copy) for copy in copies]}
            done = f"“{template}” is copied to {_clients(len(copies))}."
            if keep(_result_key(request, key), kept, RESULT_SECONDS):
                return done
            done_url = _template_url(template.pk)
            return f"{done} What was replaced cannot be listed for a moment: look at each copy before it is used."

        return self.confirmed(
            request,
            _confirmation(template, chosen, back_url),
            perform=perform,
            done_url=lambda: done_url,
            is_confirmed=CONFIRMED in request.POST,
        )

    def copy_result(self, request: HttpRequest, key: str) -> HttpResponse:
        """What was replaced and what still looks like the first client. Only who copied can open it, for a day."""
        access_of(request).require(Permission.TEMPLATES_VIEW)
        found = recall(_result_key(request, key))
        if found is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "title": f"“{found['template']}” is copied",
            "opts": self.opts,
            **found,
        }
        return TemplateResponse(request, "email_templates/copy_result.html", context)

    def copy_urls(self) -> Any:
        return (("copied/<str:key>/", "email_templates_copy_result", self.copy_result),)


def _targets(request: HttpRequest, template: EmailTemplate) -> list[Organization]:
    """The other clients in which this person may manage templates."""
    access = access_of(request)
    return [
        client
        for client in access.organizations
        if client.pk != template.organization_id and access.can(Permission.TEMPLATES_MANAGE, client.pk)
    ]


def _confirmation(template: EmailTemplate, chosen: list[Organization], back_url: str) -> Confirmation:
    with organization_scope(template.organization_id):
        blocks = blocks_of_template(template)
    names = ", ".join(str(client) for client in chosen)
    sentences = [f"{_clients(len(chosen))}: {names}. Each gets one template with what “{template}” says now."]
    if blocks:
        listed = ", ".join(f"“{block}”" for block in blocks)
        noun = "block goes" if len(blocks) == 1 else "blocks go"
        sentences.append(
            f"{len(blocks):,} {noun} along: {listed}. A client that has a block of that name keeps its own."
        )
    return Confirmation(
        title=f"Copy “{template}” to {_clients(len(chosen))}",
        submit_label=f"Copy to {_clients(len(chosen))}",
        back_url=back_url,
        sentences=tuple(sentences),
        notes=(
            f"Logo, colours, font and addresses become those of each client. Where {template.organization} is written "
            "out, it is replaced as well; the next page says what was replaced and what was not.",
        ),
        hidden=((CONFIRMED, "1"), *((CLIENTS, str(client.pk)) for client in chosen)),
    )


def _clients(count: int) -> str:
    return f"{count:,} client{'' if count == 1 else 's'}"


def _template_url(template_id: UUID) -> str:
    return reverse("admin:email_templates_emailtemplate_change", args=[template_id])


def _result_key(request: HttpRequest, key: str) -> str:
    return f"template-copy:{access_of(request).user.pk}:{key}"
