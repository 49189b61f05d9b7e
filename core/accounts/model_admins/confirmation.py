"""Actions that ask once, in numbers: a page on GET, the work on POST."""

from collections.abc import Callable
from dataclasses import dataclass, field

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.admin import ModelAdmin

from core.common.errors import DomainError


@dataclass(frozen=True)
class Confirmation:
    """What the page says. `sentences` hold the numbers; `facts` are label/value pairs; `problem` forbids going on."""

    title: str
    submit_label: str
    back_url: str
    sentences: tuple[str, ...] = ()
    facts: tuple[tuple[str, str], ...] = ()
    notes: tuple[str, ...] = ()
    problem: str = ""
    is_danger: bool = False
    hidden: tuple[tuple[str, str], ...] = field(default=())
    """Name/value pairs the form posts back, such as the selected rows of a bulk action."""


class ConfirmingAdmin(ModelAdmin):
    """Gives actions `confirmed(...)`. A GET never changes anything."""

    def confirmed(
        self,
        request: HttpRequest,
        confirmation: Confirmation,
        *,
        perform: Callable[[], str],
        done_url: str | Callable[[], str],
        is_confirmed: bool | None = None,
    ) -> HttpResponse:
        """Show the confirmation, or on its POST call `perform`, which returns the sentence for the result.

        `done_url` may depend on what `perform` did. A DomainError becomes a message and leads back. Bulk actions are
        POSTed by the list itself and pass `is_confirmed` from the hidden field of their page.
        """
        posted = request.method == "POST" if is_confirmed is None else is_confirmed
        if not posted:
            context = {
                **self.admin_site.each_context(request),
                "title": confirmation.title,
                "confirmation": confirmation,
                "opts": self.model._meta,
            }
            return TemplateResponse(request, "admin/confirm_action.html", context)
        try:
            messages.success(request, perform())
        except DomainError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(confirmation.back_url)
        return HttpResponseRedirect(done_url() if callable(done_url) else done_url)
