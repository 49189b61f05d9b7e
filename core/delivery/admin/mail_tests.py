"""Test sends in the admin: whom to, whose values, and what came of it."""

from typing import Any
from uuid import UUID

from django import forms
from django.contrib.admin import register
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import reverse
from unfold.decorators import display
from unfold.widgets import INPUT_CLASSES

from core.accounts.model_admins import OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.campaigns.models import Campaign
from core.common.errors import DomainError
from core.common.tenancy import organization_scope
from core.delivery import mail_tests
from core.delivery.mail_tests import MOST_AN_HOUR, MOST_AT_ONCE, Subject
from core.delivery.models import MailTest
from core.delivery.models.mail_tests import MailTestState
from core.email_templates.models import EmailTemplate

_COLORS = {
    MailTestState.SENT: "success",
    MailTestState.FAILED: "danger",
    MailTestState.UNKNOWN: "warning",
}


class MailTestForm(forms.Form):
    """Who gets the test, and as whom. `subject` is what is tested; runs in its client's scope."""

    people = forms.MultipleChoiceField(
        label=f"Send it to (up to {MOST_AT_ONCE})",
        widget=forms.CheckboxSelectMultiple,
        error_messages={"required": "Choose who gets the test."},
    )
    contact = forms.CharField(
        label="As the contact",
        required=False,
        max_length=320,
        help_text="The address of a contact, whose values then stand in the mail. Empty: a made-up person.",
        widget=forms.TextInput({"class": " ".join(INPUT_CLASSES), "autocomplete": "off"}),
    )

    def __init__(self, *args: Any, subject: Subject, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._organization_id = subject.organization.pk
        people = mail_tests.people_for_tests(self._organization_id)
        self.fields["people"].choices = [  # type: ignore[attr-defined]
            (str(person.pk), f"{person.full_name} ({person.email})") for person in people
        ]

    def clean_contact(self) -> UUID | None:
        address: str = self.cleaned_data["contact"]
        if not address.strip():
            return None
        found = mail_tests.contact_for_test(self._organization_id, address)
        if found is None:
            raise forms.ValidationError("No contact of this client has this address.")
        return found.pk


@register(MailTest)
class MailTestAdmin(OrganizationModelAdmin):
    """Tests are asked for from a template or a campaign; the list shows what came of them."""

    view_permission = Permission.TEMPLATES_MANAGE
    list_display = ("subject_or_mark", "address", "asked_by", "created_at", "state_label", "words")
    list_filter = ("state",)
    list_select_related = ("asked_by",)
    search_fields = ("address__startswith",)
    search_help_text = "The beginning of an address"
    fields = ("subject", "address", "asked_by", "created_at", "state", "words", "done_at")
    empty_title = "No test mails yet"
    empty_text = "“Send test” on a template or a campaign sends it to people of the team, and to nobody else."
    empty_icon = "forward_to_inbox"

    @display(description="subject")
    def subject_or_mark(self, obj: MailTest) -> str:
        return obj.subject or "Not written yet"

    @display(description="state", ordering="state", label=dict(_COLORS))
    def state_label(self, obj: MailTest) -> tuple[str, str]:
        return obj.state, obj.get_state_display()

    def get_custom_urls(self) -> Any:
        def plain(view: Any) -> Any:
            return lambda request, model_admin, **arguments: view(request, **arguments)

        return (
            ("send/", "delivery_mailtest_send", plain(self._send)),
            ("sent/<uuid:run>/", "delivery_mailtest_sent", plain(self._sent)),
        )

    def _send(self, request: HttpRequest) -> HttpResponse:
        """GET or POST with `template` or `campaign` in the query."""
        subject = self._subject(request)
        access_of(request).require(Permission.TEMPLATES_MANAGE, subject.organization.pk)
        with organization_scope(subject.organization.pk):
            form = MailTestForm(
                request.POST if request.method == "POST" else None,
                subject=subject,
                initial={"people": [str(access_of(request).user.pk)]},
            )
            if form.is_bound and form.is_valid():
                try:
                    run = self._asked(request, subject, form)
                    return HttpResponseRedirect(reverse("admin:delivery_mailtest_sent", args=[run]))
                except DomainError as error:
                    form.add_error(None, str(error))
            return self._page(request, subject, form)

    def _asked(self, request: HttpRequest, subject: Subject, form: MailTestForm) -> UUID:
        tests = mail_tests.mail_tests_ask(
            subject=subject,
            user=access_of(request).user,
            user_ids=[UUID(key) for key in form.cleaned_data["people"]],
            contact_id=form.cleaned_data["contact"],
        )
        return tests[0].run

    def _page(self, request: HttpRequest, subject: Subject, form: MailTestForm) -> HttpResponse:
        context = {
            **self.admin_site.each_context(request),
            "title": f"Send a test of “{subject}”",
            "opts": self.opts,
            "subject": subject,
            "form": form,
            "problem": mail_tests.why_not(subject),
            "left": mail_tests.left_this_hour(access_of(request).user),
            "most": MOST_AN_HOUR,
            "back_url": _change_url(subject),
        }
        response = TemplateResponse(request, "delivery/mail_test.html", context)
        return response.render()

    def _sent(self, request: HttpRequest, run: UUID) -> HttpResponse:
        """What came of the tests of one request."""
        tests = mail_tests.tests_of(run)
        if not tests:
            raise Http404
        first = tests[0]
        access_of(request).require(Permission.TEMPLATES_MANAGE, first.organization_id)
        subject = Subject(first.organization, first.template, first.campaign)
        is_known = first.template is not None or first.campaign is not None
        context = {
            **self.admin_site.each_context(request),
            "title": f"Test of “{subject}”" if is_known else "Test",
            "opts": self.opts,
            "tests": [(test, _shown(test)) for test in tests],
            "is_open": any(test.done_at is None and not mail_tests.is_given_up(test) for test in tests),
            "back_url": _change_url(subject) if is_known else reverse("admin:delivery_mailtest_changelist"),
            "again_url": request.path,
        }
        return TemplateResponse(request, "delivery/mail_test_sent.html", context)

    def _subject(self, request: HttpRequest) -> Subject:
        """Raises Http404 for what is not there or out of reach."""
        for name, model in (("template", EmailTemplate), ("campaign", Campaign)):
            try:
                key = UUID(request.GET.get(name, ""))
            except ValueError:
                continue
            related = ("organization",) if name == "template" else ("organization", "template")
            found: Any = model._default_manager.select_related(*related).filter(pk=key).first()
            if found is not None:
                return Subject(found.organization, **{name: found})
        raise Http404


def _shown(test: MailTest) -> dict[str, str]:
    """A test's state for people: words, an icon, and the class of its row."""
    if mail_tests.is_given_up(test):
        return {
            "label": "Nobody knows",
            "icon": "help",
            "class": "ex-warning",
            "words": "No worker took it up. Ask again.",
        }
    icons = {"sent": "check_circle", "failed": "error", "unknown": "help"}
    classes = {"failed": "ex-problem", "unknown": "ex-warning"}
    return {
        "label": test.get_state_display(),
        "icon": icons.get(test.state, "schedule"),
        "class": classes.get(test.state, "ex-note"),
        "words": test.words,
    }


def _change_url(subject: Subject) -> str:
    if subject.campaign is not None:
        return reverse("admin:campaigns_campaign_change", args=[subject.campaign.pk])
    assert subject.template is not None
    return reverse("admin:email_templates_emailtemplate_change", args=[subject.template.pk])
