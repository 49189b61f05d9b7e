"""Fix and continue: a corrected version of a paused campaign, seen, counted and confirmed before anybody gets it."""

import difflib
from dataclasses import asdict
from typing import Any
from uuid import UUID

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import action
from unfold.widgets import UnfoldAdminEmailInputWidget, UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from core.accounts.model_admins import Confirmation
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns import versions
from core.campaigns.admin.addresses import change_url
from core.campaigns.admin.posted import posted_number, posted_version
from core.campaigns.approvals.people import why_not_release
from core.campaigns.approvals.services import correction_ask_client, whom_to_ask
from core.campaigns.approvals.standing import correction_agreed
from core.campaigns.models import Campaign, CampaignSnapshot
from core.campaigns.shown_versions import ASK_CLIENT, CONTINUE, RELEASE, correction_sentences, version_name
from core.campaigns.states import CampaignStatus
from core.campaigns.versions import Correction
from core.common.errors import DomainError
from core.common.validators import validate_one_line
from core.email_templates.forms import CODE_ATTRIBUTES
from core.email_templates.merge_tags import MAX_SOURCE_CHARACTERS
from core.email_templates.views import SOURCE_FIELDS
from core.subscriptions.features import CLIENT_APPROVAL
from core.subscriptions.queries import feature_lock

VERSION, STEP, CONFIRM, EDIT = "_version", "_step", "confirm", "edit"
_CONTENT = ("subject", "preheader", "from_name", "reply_to", "html", "text")
_LINES_SHOWN = 200
_NAMES = {
    "subject": "Subject",
    "preheader": "Preheader",
    "from_name": "Sender name",
    "reply_to": "Replies go to",
    "html": "HTML",
    "text": "Plain text",
}


def _code(rows: int) -> forms.Widget:
    return UnfoldAdminTextareaWidget(attrs={**CODE_ATTRIBUTES, "rows": rows})


class FixForm(forms.Form):
    """The frozen mail as it can be put right. The sender's address stays: its domain was checked for this send."""

    subject = forms.CharField(max_length=200, validators=[validate_one_line], widget=UnfoldAdminTextInputWidget)
    preheader = forms.CharField(
        max_length=200, required=False, validators=[validate_one_line], widget=UnfoldAdminTextInputWidget
    )
    from_name = forms.CharField(
        label="Sender name", max_length=100, validators=[validate_one_line], widget=UnfoldAdminTextInputWidget
    )
    reply_to = forms.EmailField(label="Replies go to", required=False, widget=UnfoldAdminEmailInputWidget)
    html = forms.CharField(label="HTML", max_length=MAX_SOURCE_CHARACTERS, widget=_code(22), strip=False)
    text = forms.CharField(
        label="Plain text",
        max_length=MAX_SOURCE_CHARACTERS,
        required=False,
        widget=_code(8),
        strip=False,
        help_text="If you leave it as it is and it was made from the HTML, it is made from the corrected HTML.",
    )
    note = forms.CharField(
        label="What was wrong",
        max_length=200,
        required=False,
        widget=UnfoldAdminTextInputWidget,
        help_text="For your colleagues: it stands beside the version.",
    )

    @property
    def correction(self) -> Correction:
        # Browsers send line ends as CR LF.
        values = {name: self.cleaned_data[name].replace("\r\n", "\n") for name in _CONTENT}
        return Correction(**values)


class VersionActions:
    """*Fix and continue*, and what a second person does with a correction, for CampaignAdmin."""

    @action(
        description="Fix and continue",
        url_path="fix",
        icon="edit_note",
        permissions=["campaigns_send"],
    )
    def fix_and_continue(self, request: HttpRequest, object_id: str) -> HttpResponse:
        campaign = self.campaign_of(request, object_id)  # type: ignore[attr-defined]
        if campaign is None:
            return self._get_obj_does_not_exist_redirect(request, self.opts, object_id)  # type: ignore[attr-defined]
        before = versions.current_version(campaign, _variant(request))
        if campaign.status != CampaignStatus.PAUSED or before is None:
            label = campaign.get_status_display().lower()
            messages.info(request, f"“{campaign}” is {label}: only a paused campaign can be corrected. Pause it first.")
            return HttpResponseRedirect(change_url(campaign))
        if request.method != "POST":
            return self._fix_page(request, campaign, before, FixForm(initial=_initial(request, campaign, before)))
        form = FixForm(request.POST)
        if request.POST.get(STEP) == EDIT or not form.is_valid():
            return self._fix_page(request, campaign, before, form if form.errors else FixForm(initial=_posted(request)))
        if request.POST.get(STEP) == CONFIRM:
            return self._fixed(request, campaign, before, form)
        problems = versions.correction_problems(campaign, form.correction)
        if not problems and form.correction == versions.editable(before):
            messages.info(request, "Nothing was changed yet. Correct the mail, or resume the campaign as it is.")
            return self._fix_page(request, campaign, before, form)
        if problems:
            return self._fix_page(request, campaign, before, form, problems)
        return self._fix_confirmation(request, campaign, before, form)

    def _fix_page(
        self,
        request: HttpRequest,
        campaign: Campaign,
        before: CampaignSnapshot,
        form: FixForm,
        problems: Any = (),
    ) -> HttpResponse:
        page = reverse("admin:campaigns_campaign_fix_and_continue", args=[campaign.pk])
        variant = f"variant={before.variant}&" if before.variant else ""
        context = {
            "title": f"Fix and continue: “{campaign}”",
            "campaign": campaign,
            "form": form,
            "problems": problems,
            "version": request.POST.get(VERSION, campaign.version),
            "before_name": version_name(before),
            "is_from_template": request.GET.get("source") == "template",
            "frozen_url": f"{page}?{variant}".rstrip("?&"),
            "template_url": f"{page}?{variant}source=template",
            "back_url": change_url(campaign),
            "variants": versions.frozen_variants(campaign),
            "variant": before.variant,
            "page_url": page,
            "preview_config": {
                "url": reverse("admin:email_templates_emailtemplate_preview"),
                "people_url": reverse("admin:campaigns_campaign_preview_people"),
                "fields": [*SOURCE_FIELDS, "from_name"],
                "fixed": {},
                "extra": {"client": str(campaign.organization_id)},
            },
        }
        return self._page(request, "campaigns/fix.html", context)

    def _fix_confirmation(
        self, request: HttpRequest, campaign: Campaign, before: CampaignSnapshot, form: FixForm
    ) -> HttpResponse:
        old, new = asdict(versions.editable(before)), asdict(form.correction)
        context = {
            "title": f"Fix and continue: “{campaign}”",
            "campaign": campaign,
            "sentences": correction_sentences(campaign, before),
            "needs_second_person": versions.needs_second_person(campaign),
            "asks_client": versions.asks_client(campaign),
            "changes": [_change(name, old[name], new[name]) for name in _CONTENT if old[name] != new[name]],
            "hidden": [(name, request.POST.get(name, "")) for name in (*_CONTENT, "note", VERSION)],
            "back_url": change_url(campaign),
        }
        return self._page(request, "campaigns/fix_confirm.html", context)

    def _fixed(self, request: HttpRequest, campaign: Campaign, before: CampaignSnapshot, form: FixForm) -> HttpResponse:
        """Write it. What somebody else did meanwhile becomes a message, and what was typed stays on the page."""
        try:
            fixed = versions.campaign_fix(
                campaign_id=campaign.pk,
                version=posted_version(request.POST.get(VERSION, "")),
                correction=form.correction,
                variant=before.variant,
                note=form.cleaned_data["note"],
            )
        except DomainError as error:
            messages.error(request, str(error))
            return HttpResponseRedirect(change_url(campaign))
        if fixed.status == CampaignStatus.PAUSED:
            before_that = " and the client's approval" if versions.asks_client(fixed) else ""
            messages.success(
                request, f"The correction of “{fixed}” waits for a second person{before_that}. Nothing goes out before."
            )
        else:
            messages.success(request, f"“{fixed}” goes on with version {fixed.content_revision}.")
        return HttpResponseRedirect(change_url(fixed))

    # What a second person does

    def release_correction(self, request: HttpRequest, object_id: UUID, snapshot_id: UUID) -> HttpResponse:
        campaign, waiting = self._waiting(request, object_id, snapshot_id)
        if not correction_agreed(campaign, waiting):
            return self._ask_client(request, campaign, waiting)
        is_agreed = versions.asks_client(campaign)
        current = versions.current_version(campaign, waiting.variant)
        confirmation = Confirmation(
            title=f"{'Continue with' if is_agreed else 'Release'} the correction of “{campaign}”",
            submit_label=CONTINUE if is_agreed else RELEASE,
            back_url=change_url(campaign),
            sentences=correction_sentences(campaign, current) if current else (),
            facts=_correction_facts(waiting),
            notes=("Look at the mail on the campaign's page before you release it.",) if not is_agreed else (),
        )

        def perform() -> str:
            done = versions.correction_release(campaign_id=campaign.pk, snapshot_id=waiting.pk)
            return f"“{done}” goes on with version {done.content_revision}."

        return self.confirmed(request, confirmation, perform=perform, done_url=change_url(campaign))  # type: ignore[attr-defined]

    def _ask_client(self, request: HttpRequest, campaign: Campaign, waiting: CampaignSnapshot) -> HttpResponse:
        """A second person hands the correction on to the client, and the campaign stays paused."""
        user, asked = access_of(request).user, whom_to_ask(campaign, waiting.note)
        whom = asked.approver_name or asked.approver_email or "the client"
        mailed = f"gets a link by mail at {asked.approver_email}" if asked.approver_email else "gets a link from you"
        confirmation = Confirmation(
            title=f"Hand the correction of “{campaign}” to the client",
            submit_label=ASK_CLIENT,
            back_url=change_url(campaign),
            sentences=(
                f"You agree to the corrected version, and {whom} {mailed}. It works for {asked.link_days} days.",
                "The campaign stays paused: nobody gets the corrected version before the client has agreed.",
            ),
            facts=_correction_facts(waiting),
            notes=("Look at the mail on the campaign's page before you hand it on.",),
            problem=why_not_release(user, waiting, campaign) or feature_lock(campaign.organization_id, CLIENT_APPROVAL),
        )

        def perform() -> str:
            correction_ask_client(campaign_id=campaign.pk, snapshot_id=waiting.pk, by=user)
            return f"The correction of “{campaign}” waits for {whom}."

        return self.confirmed(request, confirmation, perform=perform, done_url=change_url(campaign))  # type: ignore[attr-defined]

    def withdraw_correction(self, request: HttpRequest, object_id: UUID, snapshot_id: UUID) -> HttpResponse:
        campaign, waiting = self._waiting(request, object_id, snapshot_id)
        confirmation = Confirmation(
            title=f"Take back the correction of “{campaign}”",
            submit_label="Take back",
            back_url=change_url(campaign),
            sentences=(
                f"The corrected version “{waiting.subject}” is removed. It went to nobody.",
                "The campaign stays paused. Resumed, it goes on with the version that went out before.",
            ),
            is_danger=True,
        )

        def perform() -> str:
            versions.correction_withdraw(campaign_id=campaign.pk, snapshot_id=waiting.pk)
            return "The correction is taken back."

        return self.confirmed(request, confirmation, perform=perform, done_url=change_url(campaign))  # type: ignore[attr-defined]

    def _waiting(self, request: HttpRequest, object_id: UUID, snapshot_id: UUID) -> tuple[Campaign, CampaignSnapshot]:
        campaign = self.campaign_of(request, str(object_id))  # type: ignore[attr-defined]
        if campaign is None:
            raise Http404
        access_of(request).require(Permission.CAMPAIGNS_SEND, campaign.organization_id)
        waiting = versions.waiting_correction(campaign)
        if waiting is None or waiting.pk != snapshot_id:
            raise Http404
        return campaign, waiting

    def _page(self, request: HttpRequest, template: str, context: dict[str, Any]) -> HttpResponse:
        shared = {**self.admin_site.each_context(request), "opts": self.model._meta}  # type: ignore[attr-defined]
        return TemplateResponse(request, template, {**shared, **context})


def _correction_facts(waiting: CampaignSnapshot) -> tuple[tuple[str, str], ...]:
    return (
        ("Subject", waiting.subject),
        ("From", f"{waiting.from_name} <{waiting.from_email}>"),
        ("Written by", str(waiting.created_by or "–")),
        *((("What was wrong", waiting.note),) if waiting.note else ()),
    )


def _variant(request: HttpRequest) -> int:
    return posted_number(request.GET.get("variant", "")) or 0


def _initial(request: HttpRequest, campaign: Campaign, before: CampaignSnapshot) -> dict[str, Any]:
    if request.GET.get("source") == "template":
        return asdict(versions.from_template(campaign, before))
    return asdict(versions.editable(before))


def _posted(request: HttpRequest) -> dict[str, str]:
    return {name: request.POST.get(name, "") for name in (*_CONTENT, "note")}


def _change(name: str, old: str, new: str) -> dict[str, Any]:
    """One changed field: short ones before and after, long ones as the lines that differ."""
    if name not in ("html", "text"):
        return {"label": _NAMES[name], "old": old, "new": new}
    lines = [line for line in difflib.ndiff(old.splitlines(), new.splitlines()) if line[:1] in "+-"]
    shown = [{"is_new": line[0] == "+", "text": line[2:]} for line in lines[:_LINES_SHOWN]]
    return {"label": _NAMES[name], "lines": shown, "more": max(len(lines) - _LINES_SHOWN, 0)}
