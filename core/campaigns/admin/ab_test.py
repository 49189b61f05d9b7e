"""The page of an A/B test while the campaign is a draft, and what a person decides while it runs."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from unfold.decorators import action
from unfold.widgets import (
    UnfoldAdminEmailInputWidget,
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextInputWidget,
)

from core.accounts.model_admins import Confirmation
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns.ab import services
from core.campaigns.ab.presentation import RULE, sample_words, shown_test
from core.campaigns.ab.queries import FEWEST_VARIANTS, ab_test_of, variants_of
from core.campaigns.ab.services import ABPlan, VariantDraft, letter
from core.campaigns.admin.addresses import change_url
from core.campaigns.admin.posted import posted_number, posted_version
from core.campaigns.ledger import ledger
from core.campaigns.models import Campaign, CampaignVariant
from core.campaigns.models.ab_tests import MOST_VARIANTS
from core.campaigns.preflight.ab_test import variant_problems
from core.campaigns.presentation import people
from core.campaigns.queries import quick_campaign_audience
from core.campaigns.snapshot import mail_source
from core.campaigns.states import EDITABLE, ABMetric
from core.common.errors import DomainError
from core.common.validators import validate_one_line
from core.email_templates.models import EmailTemplate
from core.email_templates.preview import preview_mail
from core.email_templates.queries import sample_values
from core.email_templates.views import keep_frame
from core.subscriptions.features import AB_TESTING
from core.subscriptions.queries import feature_lock

VERSION, STEP = "_version", "_step"
_UNITS = (("60", "hours"), ("1440", "days"), ("1", "minutes"))
_TEXTS = ("subject", "preheader", "from_name", "from_email")


class PlanForm(forms.Form):
    """How the test goes."""

    metric = forms.ChoiceField(label="Decided by", choices=ABMetric, widget=forms.RadioSelect)
    sample_percent = forms.IntegerField(
        label="Sample, % of the audience", min_value=1, max_value=100, widget=UnfoldAdminIntegerFieldWidget
    )
    wait = forms.IntegerField(label="Wait", min_value=1, max_value=20_160, widget=UnfoldAdminIntegerFieldWidget)
    unit = forms.ChoiceField(label="Unit", choices=_UNITS, widget=UnfoldAdminSelectWidget)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        minutes = cleaned.get("wait", 0) * int(cleaned.get("unit", 1))
        if minutes and not 5 <= minutes <= 14 * 24 * 60:
            self.add_error("wait", "Wait five minutes at least and fourteen days at most.")
        return cleaned

    @property
    def plan(self) -> ABPlan:
        wanted = self.cleaned_data
        return ABPlan(ABMetric(wanted["metric"]), wanted["sample_percent"], wanted["wait"] * int(wanted["unit"]))


class VariantForm(forms.Form):
    """One variant. What is empty is as in the campaign."""

    subject = forms.CharField(
        max_length=200, required=False, validators=[validate_one_line], widget=UnfoldAdminTextInputWidget
    )
    preheader = forms.CharField(
        max_length=200, required=False, validators=[validate_one_line], widget=UnfoldAdminTextInputWidget
    )
    from_name = forms.CharField(
        label="Sender name",
        max_length=100,
        required=False,
        validators=[validate_one_line],
        widget=UnfoldAdminTextInputWidget,
    )
    from_email = forms.EmailField(label="Sender address", required=False, widget=UnfoldAdminEmailInputWidget)
    template: Any = forms.ModelChoiceField(
        label="Template",
        queryset=None,
        required=False,
        empty_label="As in the campaign",
        widget=UnfoldAdminSelectWidget,
    )

    def __init__(self, *args: Any, campaign: Campaign, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        templates = EmailTemplate.objects.filter(organization_id=campaign.organization_id)
        chosen: Any = self.fields["template"]
        chosen.queryset = templates.order_by("name")

    @property
    def draft(self) -> VariantDraft:
        template = self.cleaned_data.get("template")
        texts = {name: self.cleaned_data.get(name, "") for name in _TEXTS}
        return VariantDraft(**texts, template_id=template.pk if template else None)


class ABTestActions:
    """*A/B test* of a draft, and *Send this variant* and *Wait for me* of one that runs, for CampaignAdmin."""

    @action(description="A/B test", url_path="ab-test", icon="experiment", permissions=["campaigns_manage"])
    def ab_test(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)  # type: ignore[attr-defined]
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        if campaign.status not in EDITABLE:
            messages.info(
                request, f"“{campaign}” is {campaign.get_status_display().lower()}: only a draft's test can be changed."
            )
            return HttpResponseRedirect(change_url(campaign))
        step = request.POST.get(STEP, "") if request.method == "POST" else ""
        if step == "remove-test":
            return self._test_removed(request, campaign)
        plan, variants = _forms(request, campaign, step)
        # All of them are asked, so that the page shows what is wrong with each.
        verdicts = [one.is_valid() for one in (plan, *variants)] if step == "save" else [False]
        if all(verdicts):
            return self._test_saved(request, campaign, plan, variants)
        return self._test_page(request, campaign, plan, variants)

    def _test_saved(
        self, request: HttpRequest, campaign: Campaign, plan: PlanForm, variants: list[VariantForm]
    ) -> HttpResponse:
        try:
            services.ab_test_set(
                campaign_id=campaign.pk,
                version=_seen(request),
                plan=plan.plan,
                variants=[variant.draft for variant in variants],
            )
        except DomainError as error:
            messages.error(request, str(error))
            return self._test_page(request, campaign, plan, variants)
        messages.success(
            request, f"“{campaign}” tries {len(variants)} variants. Nothing is sent before you confirm it."
        )
        return HttpResponseRedirect(request.path)

    def _test_removed(self, request: HttpRequest, campaign: Campaign) -> HttpResponse:
        try:
            services.ab_test_remove(campaign_id=campaign.pk, version=_seen(request))
        except DomainError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(request.path)
        messages.success(request, f"“{campaign}” has no A/B test any more: everybody gets the same mail.")
        return HttpResponseRedirect(change_url(campaign))

    def _test_page(
        self, request: HttpRequest, campaign: Campaign, plan: PlanForm, variants: list[VariantForm]
    ) -> HttpResponse:
        test, stored = ab_test_of(campaign), variants_of(campaign)
        counts = quick_campaign_audience(campaign)
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.model._meta,  # type: ignore[attr-defined]
            "title": f"A/B test: “{campaign}”",
            "campaign": campaign,
            "plan": plan,
            "variants": [(letter(number), form) for number, form in enumerate(variants, start=1)],
            "can_add": len(variants) < MOST_VARIANTS,
            "can_remove": len(variants) > FEWEST_VARIANTS,
            "version": request.POST.get(VERSION, campaign.version),
            "has_test": test is not None,
            "lock": feature_lock(campaign.organization_id, AB_TESTING),
            "sample": sample_words(campaign, test, len(stored), counts.sendable if counts else None) if test else "",
            "previews": [_preview(request, campaign, variant) for variant in stored],
            "rule": RULE,
            "back_url": change_url(campaign),
        }
        return TemplateResponse(request, "campaigns/ab_test.html", context)

    # While it runs

    def send_variant(self, request: HttpRequest, object_id: UUID, number: str) -> HttpResponse:
        campaign = self._running(request, object_id)
        test = shown_test(campaign)
        line = next((line for line in test.lines if str(line.number) == number), None) if test else None
        if test is None or line is None:
            raise Http404
        held = ledger().sample(campaign).held
        confirmation = Confirmation(
            title=f"Send variant {line.letter} to the rest: “{campaign}”",
            submit_label=f"Send variant {line.letter} to {people(held)}",
            back_url=change_url(campaign),
            sentences=(
                f"{people(held)} who wait for the winner get variant {line.letter} ({line.what}). "
                "The test ends with it.",
                test.headline,
            ),
            facts=tuple(
                (f"Variant {one.letter}", f"{one.rate} of {one.accepted:,}, likely {one.interval}")
                for one in test.lines
            ),
            notes=("The figures of this moment are kept with the decision.",),
            problem="" if test.is_open else "The test is over: nobody waits for a winner.",
        )

        def perform() -> str:
            services.ab_test_send(campaign_id=campaign.pk, variant=line.number)
            return f"Variant {line.letter} goes to {people(held)}."

        return self.confirmed(request, confirmation, perform=perform, done_url=change_url(campaign))  # type: ignore[attr-defined]

    def hold_test(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        campaign = self._running(request, object_id)
        test = ab_test_of(campaign)
        if test is None:
            raise Http404
        verb = "Let the rule decide" if test.is_held else "Wait for me"
        sentence = (
            "The rule decides again, as soon as the waiting time is over."
            if test.is_held
            else "Nothing is decided by itself any more: the rest waits until somebody chooses a variant."
        )
        confirmation = Confirmation(
            title=f"{verb}: “{campaign}”", submit_label=verb, back_url=change_url(campaign), sentences=(sentence,)
        )

        def perform() -> str:
            services.ab_test_hold(campaign_id=campaign.pk, is_held=not test.is_held)
            return sentence

        return self.confirmed(request, confirmation, perform=perform, done_url=change_url(campaign))  # type: ignore[attr-defined]

    def _running(self, request: HttpRequest, object_id: UUID) -> Campaign:
        campaign: Campaign | None = self.campaign_of(request, str(object_id))  # type: ignore[attr-defined]
        if campaign is None:
            raise Http404
        access_of(request).require(Permission.CAMPAIGNS_SEND, campaign.organization_id)
        return campaign


def _seen(request: HttpRequest) -> int:
    return posted_version(request.POST.get(VERSION, ""))


def _forms(request: HttpRequest, campaign: Campaign, step: str) -> tuple[PlanForm, list[VariantForm]]:
    """The forms of the page: stored, as they were sent, or with one variant more or less."""
    if request.method != "POST":
        stored = variants_of(campaign)
        rows = [_row(variant) for variant in stored] or [{}, {}]
        return PlanForm(initial=_plan_values(campaign)), [
            VariantForm(prefix=f"v{place}", initial=row, campaign=campaign) for place, row in enumerate(rows)
        ]
    count = posted_number(request.POST.get("count", ""))
    places = list(range(FEWEST_VARIANTS if count is None else min(count, MOST_VARIANTS)))
    if step == "save":
        return PlanForm(request.POST), [
            VariantForm(request.POST, prefix=f"v{place}", campaign=campaign) for place in places
        ]
    rows = [
        {name: request.POST.get(f"v{place}-{name}", "") for name in (*_TEXTS, "template")}
        for place in places
        if step != f"remove-{place}" or len(places) <= FEWEST_VARIANTS
    ]
    if step == "add" and len(rows) < MOST_VARIANTS:
        rows.append({})
    plan = {name: request.POST.get(name, "") for name in ("metric", "sample_percent", "wait", "unit")}
    return PlanForm(initial=plan), [
        VariantForm(prefix=f"v{place}", initial=row, campaign=campaign) for place, row in enumerate(rows)
    ]


def _row(variant: CampaignVariant) -> dict[str, Any]:
    return {**{name: getattr(variant, name) for name in _TEXTS}, "template": variant.template_id}


def _plan_values(campaign: Campaign) -> dict[str, Any]:
    test = ab_test_of(campaign)
    minutes = test.wait_minutes if test else 240
    unit = next(size for size in (1440, 60, 1) if minutes % size == 0)
    return {
        "metric": test.metric if test else ABMetric.CLICKS.value,
        "sample_percent": test.sample_percent if test else 20,
        "wait": minutes // unit,
        "unit": str(unit),
    }


def _preview(request: HttpRequest, campaign: Campaign, variant: CampaignVariant) -> dict[str, Any]:
    """The mail of a stored variant for a made-up person, with what keeps it from being sent."""
    found: dict[str, Any] = {
        "letter": letter(variant.number),
        "from_name": variant.from_name or campaign.from_name,
        "problems": variant_problems(campaign, variant),
        "frame_url": "",
    }
    try:
        values = {**sample_values(campaign.organization), "campaign.name": campaign.name}
        mail = preview_mail(mail_source(campaign, variant), values)
    except DomainError:
        return found
    frame_url = keep_frame(request, campaign.organization, mail.html)
    return found | {"subject": mail.subject, "preheader": mail.preheader, "frame_url": frame_url}
