"""Taking back what a mail server said of many people at once: which day, then in numbers, then a worker does it."""

import datetime
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action

from core.accounts.model_admins import HouseModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.models import Organization
from core.accounts.permissions import Permission
from core.common.errors import DomainError
from core.contacts import services
from core.contacts.forms.suppressions import LiftForm
from core.contacts.presentation import count_of
from core.contacts.refusals import RefusedDay, refused_days


class RefusalPages(HouseModelAdmin):
    """*Lift refusals*, for the suppressions of a client."""

    _choose_client_first: Any

    @action(description="Lift refusals", url_path="refusals", icon="undo", permissions=["suppressions_remove"])
    def lift_refusals(self, request: HttpRequest) -> HttpResponse:
        """The days; with `day` and `note` in the address one of them, in numbers. Its POST leads to the progress."""
        client = access_of(request).current
        if client is None:
            return self._choose_client_first(request, "Lift refusals")
        access_of(request).require(Permission.SUPPRESSIONS_REMOVE, client.pk)
        days = refused_days(client)
        if "day" in request.GET:
            return self._one_day(request, client, _chosen(request, days))
        context = {
            **self.admin_site.each_context(request),
            "title": "Lift refusals",
            "opts": self.opts,
            "days": [(one, f"{request.path}?{_address(request, one)}") for one in days],
            "back_url": reverse("admin:contacts_suppression_changelist"),
        }
        return TemplateResponse(request, "contacts/refusals.html", context)

    def _one_day(self, request: HttpRequest, client: Organization, chosen: RefusedDay) -> HttpResponse:
        form = LiftForm(request.POST or None)
        if request.method == "POST" and form.is_valid():
            try:
                change = services.refusals_lift_request(
                    organization=client,
                    day=chosen.day,
                    note=chosen.note,
                    why=form.cleaned_data["why"],
                    user=access_of(request).user,
                )
            except DomainError as error:
                form.add_error(None, str(error))
            else:
                return HttpResponseRedirect(reverse("admin:contacts_bulkchange_change", args=[change.pk]))
        context = {
            **self.admin_site.each_context(request),
            "title": f"Lift the refusals of {chosen.day:%-d %B %Y}",
            "opts": self.opts,
            "client": client,
            "chosen": chosen,
            "people": count_of(chosen.people, "address", "addresses"),
            "form": form,
            "back_url": request.path,
        }
        return TemplateResponse(request, "contacts/refusals_lift.html", context)


def _chosen(request: HttpRequest, days: list[RefusedDay]) -> RefusedDay:
    """The day that the address names. Raises Http404 for one without refusals, or none at all."""
    try:
        day = datetime.date.fromisoformat(request.GET["day"])
    except ValueError as error:
        raise Http404 from error
    note = request.GET.get("note", "")
    for one in days:
        if (one.day, one.note) == (day, note):
            return one
    raise Http404


def _address(request: HttpRequest, one: RefusedDay) -> str:
    query = request.GET.copy()
    query.update({"day": one.day.isoformat(), "note": one.note})
    return query.urlencode()
