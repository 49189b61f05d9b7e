"""The question on the contact page: why did this person get a campaign, or not?"""

from typing import Any
from uuid import UUID

from django import forms
from django.http import HttpRequest
from django.utils.text import slugify
from unfold.widgets import UnfoldAdminSelectWidget, UnfoldAdminTextInputWidget

from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns.models import Campaign
from core.contacts.models import Contact
from core.contacts.sections import Rendered, register_contact_section
from core.delivery.explain import explain

NEWEST_CAMPAIGNS = 50
PARAMETER, SEARCH = "explain", "campaign_named"
TITLE = "Why this person got a campaign, or not"
ANCHOR = slugify(TITLE)


class ExplainForm(forms.Form):
    """Filled from the page's address, so that an answer can be sent to a colleague as a link."""

    def __init__(self, campaigns: list[Campaign], **initial: Any) -> None:
        super().__init__(initial=initial)
        choices = [("", "Choose …"), *((str(campaign.pk), _named(campaign)) for campaign in campaigns)]
        self.fields[PARAMETER] = forms.ChoiceField(
            label="Campaign",
            choices=choices,
            required=False,
            widget=UnfoldAdminSelectWidget(),
        )
        self.fields[SEARCH] = forms.CharField(
            label="Or its name",
            required=False,
            max_length=120,
            widget=UnfoldAdminTextInputWidget(attrs={"type": "search"}),
        )


def _named(campaign: Campaign) -> str:
    when = f"{campaign.started_at:%Y-%m-%d}" if campaign.started_at else campaign.get_status_display().lower()
    return f"{campaign.name} · {when}"


def _section(request: HttpRequest, contact: Contact) -> Rendered | None:
    if not access_of(request).can(Permission.CAMPAIGNS_VIEW, contact.organization_id):
        return None
    search = request.GET.get(SEARCH, "").strip()[:120]
    campaigns = Campaign.objects.filter(organization_id=contact.organization_id)
    shown = list((campaigns.filter(name__icontains=search) if search else campaigns)[:NEWEST_CAMPAIGNS])
    chosen = _chosen(request, campaigns)
    if chosen is None and search and len(shown) == 1:
        chosen = shown[0]
    if chosen is not None and chosen not in shown:
        shown.insert(0, chosen)
    context = {
        "form": ExplainForm(shown, **{PARAMETER: str(chosen.pk) if chosen else "", SEARCH: search}),
        "explanation": explain(contact=contact, campaign=chosen) if chosen else None,
        "problem": _problem(request, search, shown),
    }
    return "delivery/explain.html", context


def _chosen(request: HttpRequest, campaigns: Any) -> Campaign | None:
    try:
        return campaigns.filter(pk=UUID(request.GET.get(PARAMETER, ""))).first()
    except ValueError:
        return None


def _problem(request: HttpRequest, search: str, shown: list[Campaign]) -> str:
    """What is said where no answer stands."""
    if search and not shown:
        return f"No campaign has “{search}” in its name."
    if search:
        return f"{len(shown)} campaigns have “{search}” in their names: choose one."
    if request.GET.get(PARAMETER):
        return "This client has no such campaign."
    return "" if shown else "This client has no campaign yet."


register_contact_section(order=30, title=TITLE, render=_section)
