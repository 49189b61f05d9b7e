"""The page of a sending domain: the records to publish, and what was found."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from unfold.decorators import action, display
from unfold.widgets import UnfoldAdminTextInputWidget

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.domains.choices import STATE_COLORS, STATUS_COLORS, RecordKind, RecordState
from core.domains.errors import BadDomain
from core.domains.models import SendingDomain
from core.domains.records import expected_records
from core.domains.services import clean_domain, domain_add, domain_check, domain_release, domain_stop
from core.domains.usage import usage

HISTORY_SHOWN = 10


class DomainForm(forms.ModelForm):
    name = forms.CharField(
        label="Domain",
        max_length=253,
        widget=UnfoldAdminTextInputWidget(attrs={"placeholder": "news.shop.example", "autocomplete": "off"}),
        help_text="What stands behind the @ of the sender's address. The records to publish come next.",
    )

    class Meta:
        model = SendingDomain
        fields = ("name",)

    def clean_name(self) -> str:
        try:
            name = clean_domain(self.cleaned_data["name"])
        except BadDomain as error:
            raise forms.ValidationError(str(error)) from error
        if SendingDomain.objects.filter(name=name).exists():
            raise forms.ValidationError(f"{name} is there already.")
        return name


class DomainLimitsForm(forms.ModelForm):
    """How much may go out from a domain, whatever connection carries it."""

    class Meta:
        model = SendingDomain
        fields = ("mails_per_hour", "warmup_start", "warmup_growth", "warmup_target")
        help_texts = {
            "mails_per_hour": "Empty: no limit.",
            "warmup_start": "For a new domain: begin with so many mails. Empty: no warm-up.",
            "warmup_target": "From this volume on the warm-up is over.",
        }

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or {}
        start, target = cleaned.get("warmup_start"), cleaned.get("warmup_target")
        if self.errors:
            return cleaned
        if bool(start) != bool(target):
            name = "warmup_target" if start else "warmup_start"
            self.add_error(name, "A warm-up needs both a beginning and an end.")
        elif start and target and target <= start:
            self.add_error("warmup_target", "The end has to be above the first day's mails.")
        return cleaned


@register(SendingDomain)
class SendingDomainAdmin(OrganizationModelAdmin):
    """Name and key of a domain belong together and never change; how much may go out from it does."""

    form = DomainForm
    change_form_template = "domains/domain_form.html"
    view_permission = Permission.SENDING_VIEW
    add_permission = Permission.SENDING_MANAGE
    change_permission = Permission.SENDING_MANAGE
    delete_permission = Permission.SENDING_MANAGE
    list_display = ("name", "status_label", "missing", "sending", "checked_at")
    search_fields = ("name",)
    ordering = ("name",)
    fields = ("name",)
    actions_detail = ("check_now", "stop_sending", "allow_sending")
    empty_title = "No sending domain yet"
    empty_text = (
        "Receivers trust mail that its domain vouches for. Add the client's domain: you get the DNS records to "
        "publish, and see when they are right."
    )
    empty_icon = "dns"

    class Media:
        css = {"all": ("domains/domains.css",)}
        js = ("domains/domains.js",)

    @display(description="status", ordering="status", label=STATUS_COLORS)
    def status_label(self, domain: SendingDomain) -> tuple[str, str]:
        return domain.status, domain.get_status_display()

    @display(description="to be put right")
    def missing(self, domain: SendingDomain) -> str:
        wrong = (one for one in domain.records if one["state"] != RecordState.OK and not one.get("is_optional"))
        kinds = [record["kind"].upper() for record in wrong]
        return ", ".join(kinds) or ("–" if domain.checked_at else "Not looked at yet")

    @display(description="sending", label={"Stopped": "danger", "Warming up": "info"})
    def sending(self, domain: SendingDomain) -> str:
        if domain.paused_at is not None:
            return "Stopped"
        return "Warming up" if domain.warmup_started_on is not None else "–"

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """The page of a domain says its name itself."""
        return DOMAIN_LIMITS if obj is not None else super().get_fieldsets(request, obj)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        if obj is not None:
            kwargs["form"] = DomainLimitsForm
        return super().get_form(request, obj, change, **kwargs)

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """Either the stop or its lifting."""
        is_stopped = SendingDomain.objects.filter(pk=object_id, paused_at__isnull=False).exists()
        left_out = "stop_sending" if is_stopped else "allow_sending"
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if not action.action_name.endswith(left_out)]

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """Domains are removed one by one."""
        return {}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        """The service makes the key; the form's object becomes what it wrote."""
        if change:
            usage().begin_warmup(obj)
            super().save_model(request, obj, form, change)
            usage().limits_changed(obj)
            return
        client = access_of(request).current
        if client is None:
            raise ValueError("A domain is added for one client.")
        added = domain_add(organization=client, name=form.cleaned_data["name"])
        obj.__dict__.update(added.__dict__)

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """On to the records: they are what comes next."""
        response = super().response_add(request, obj, post_url_continue)
        if "_addanother" in request.POST or "_popup" in request.POST:
            return response
        return HttpResponseRedirect(reverse("admin:domains_sendingdomain_change", args=[obj.pk]))

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        domain = self.get_object(request, object_id) if object_id else None
        context = {"domain": domain, **(_page(domain) if domain is not None else {})}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **context})

    @action(description="Check now", url_path="check", permissions=["sending_manage"], icon="refresh")
    def check_now(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        domain = SendingDomain.objects.select_related("organization").get(pk=object_id)
        page = reverse("admin:domains_sendingdomain_change", args=[domain.pk])

        def perform() -> str:
            checked = domain_check(domain_id=domain.pk)
            return f"{checked} was looked at: {checked.get_status_display().lower()}."

        confirmation = Confirmation(
            title=f"Check {domain} now",
            submit_label="Check now",
            back_url=page,
            sentences=("We ask the name servers for the three records. That takes ten seconds at most.",),
            notes=("New records can take minutes, rarely a day, until everybody sees them.",),
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=page)

    @action(description="Stop all sending", url_path="stop", permissions=["sending_manage"], icon="front_hand")
    def stop_sending(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        domain = SendingDomain.objects.select_related("organization").get(pk=object_id)
        page = reverse("admin:domains_sendingdomain_change", args=[domain.pk])

        def perform() -> str:
            domain_stop(domain_id=domain.pk)
            return f"Sending from {domain} is stopped. Running campaigns are paused within seconds."

        confirmation = Confirmation(
            title=f"Stop all sending from {domain}",
            submit_label="Stop all sending",
            back_url=page,
            sentences=(
                f"Nothing more goes out from {domain}: running campaigns of {domain.organization} with this sender are "
                "paused, and none starts until you lift the stop.",
                "Mails that are being handed over at this moment still go out.",
            ),
            notes=("Campaigns from the client's other domains go on.",),
            is_danger=True,
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=page)

    @action(description="Lift the stop", url_path="release", permissions=["sending_manage"], icon="play_arrow")
    def allow_sending(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        domain = SendingDomain.objects.select_related("organization").get(pk=object_id)
        page = reverse("admin:domains_sendingdomain_change", args=[domain.pk])

        def perform() -> str:
            domain_release(domain_id=domain.pk)
            return (
                f"Campaigns may be sent from {domain} again. Those that were paused wait for somebody to resume them."
            )

        confirmation = Confirmation(
            title=f"Lift the stop of {domain}",
            submit_label="Lift the stop",
            back_url=page,
            sentences=(f"Campaigns may be sent from {domain} again.",),
            notes=("Paused campaigns stay paused: resume each of them on its page.",),
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=page)


DOMAIN_LIMITS = (
    (
        "Limits of this domain",
        {
            "fields": ("mails_per_hour", "warmup_start", "warmup_growth", "warmup_target"),
            "description": "They count for all mail from this domain, whatever connection carries it. Each day on "
            "which at least half of a warm-up's volume was used is one step; a pause skips nothing.",
        },
    ),
)


def _page(domain: SendingDomain) -> dict[str, Any]:
    """The records as they should be, with what the last check found."""
    found = {record["kind"]: record for record in domain.records}
    rows = []
    for expected in expected_records(domain):
        record = found.get(expected.kind.value, {})
        state = RecordState(record.get("state", RecordState.UNKNOWN))
        rows.append(
            {
                "title": RecordKind(expected.kind).label,
                "expected": expected,
                "found": "" if state == RecordState.OK else record.get("found", ""),
                "words": record.get("words", "") if record else "Not looked at yet.",
                "state": state.label if record else "Not checked",
                "color": STATE_COLORS[state],
            }
        )
    return {
        "records": rows,
        "status_color": STATUS_COLORS[domain.status],
        "warmup": usage().warmup_table(domain),
        "provider_records": domain.provider_records,
        "history": domain.checks.order_by("-id")[:HISTORY_SHOWN],
    }
