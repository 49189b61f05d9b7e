"""The pages that copy a template to other clients."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action

from core.accounts.model_admins.copying import Copying, CopyPages
from core.accounts.permissions import Permission
from core.common.tenancy import organization_scope
from core.email_templates import services
from core.email_templates.models import EmailTemplate
from core.email_templates.queries import blocks_of_template


class TemplateCopyPages(CopyPages):
    """Mixed into the admin of templates, which routes `copy_urls`."""

    copy_needs = (Permission.TEMPLATES_MANAGE,)
    copied_url_name = "admin:email_templates_copy_result"
    copied_template = "email_templates/copy_result.html"
    _owner: Any

    @action(
        description="Copy to other clients", url_path="copy-to-clients", icon="move_up", permissions=["templates_view"]
    )
    def copy_to_clients(self, request: HttpRequest, object_id: str) -> HttpResponse:
        return self.copy_pages(request, _copying(self._owner(request, object_id, Permission.TEMPLATES_VIEW)))

    def copy_urls(self) -> Any:
        return (("copied/<str:key>/", "email_templates_copy_result", self.copy_result),)


def _copying(template: EmailTemplate) -> Copying:
    return Copying(
        title=str(template),
        organization=template.organization,
        nouns="templates",
        lead="Each one gets a copy of its own, in its own colours.",
        back_url=reverse("admin:email_templates_emailtemplate_change", args=[template.pk]),
        sentences=_sentences(template),
        notes=(
            f"Logo, colours, font and addresses become those of each client. Where {template.organization} is written "
            "out, it is replaced as well; the next page says what was replaced and what was not.",
        ),
        copy=lambda chosen: services.templates_copy_to(templates=[template], clients=chosen),
        done=lambda clients: f"“{template}” is copied to {clients}.",
        not_listed="What was replaced cannot be listed for a moment: look at each copy before it is used.",
    )


def _sentences(template: EmailTemplate) -> tuple[str, ...]:
    with organization_scope(template.organization_id):
        blocks = blocks_of_template(template)
    sentences = [f"Each gets one template with what “{template}” says now."]
    if blocks:
        listed = ", ".join(f"“{block}”" for block in blocks)
        noun = "block goes" if len(blocks) == 1 else "blocks go"
        sentences.append(
            f"{len(blocks):,} {noun} along: {listed}. A client that has a block of that name keeps its own."
        )
    return tuple(sentences)
