"""What the builder and the sending page ask for."""

import datetime
import zoneinfo
from collections.abc import Iterable
from typing import Any

from django import forms
from django.db.models import Q
from django.template.defaultfilters import filesizeformat
from django.utils import timezone
from unfold.widgets import (
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
)

from core.accounts.models import Organization, User
from core.campaigns.models import Campaign
from core.common.validators import validate_one_line
from core.reports.choices import WEEKDAYS, Frequency, Language, Period, ReportFormat, Section
from core.reports.errors import ReportRefused
from core.reports.mailing import MOST_ATTACHED_BYTES
from core.reports.models import LONGEST_NOTE, ReportDefinition
from core.reports.periods import LONGEST_DAYS, Plan
from core.reports.services import DefinitionValues, Recipient, ReportSpec, format_locks, recipients_of

_PEOPLE_HELP = "One a line, such as Marta Ruiz <marta@client.example>."


def people_of(organization: Organization) -> list[User]:
    """Active members of the client whose address was verified, by name."""
    found = User.objects.filter(
        Q(memberships__organization_id=organization.pk, memberships__is_active=True),
        is_active=True,
        is_email_verified=True,
    )
    return list(found.distinct().order_by("full_name", "email"))


class _Date(forms.DateInput):
    input_type = "date"

    def __init__(self) -> None:
        super().__init__(format="%Y-%m-%d", attrs={"class": "rp-input"})


class PeopleForm(forms.Form):
    """Members to tick, and addresses of the client's people to write. Call with the client's scope open."""

    members = forms.MultipleChoiceField(label="Members", required=False, widget=forms.CheckboxSelectMultiple)
    others = forms.CharField(
        label="People of the client",
        required=False,
        max_length=5_000,
        help_text=_PEOPLE_HELP,
        widget=UnfoldAdminTextareaWidget({"rows": 3}),
    )
    attach_pdf = forms.BooleanField(
        label="Attach the PDF to the mail",
        required=False,
        initial=True,
        help_text=(
            f"Up to {filesizeformat(MOST_ATTACHED_BYTES)}; a larger one stays behind the link. "
            "The link can be withdrawn later, an attached file cannot."
        ),
    )

    def __init__(self, *args: Any, organization: Organization, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.organization = organization
        if ReportFormat.PDF in format_locks(organization.pk):
            del self.fields["attach_pdf"]
        self._people = {str(person.pk): person for person in people_of(organization)}
        self.fields["members"].choices = [  # type: ignore[attr-defined]
            (key, f"{person.full_name or person.email} ({person.email})") for key, person in self._people.items()
        ]

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or {}
        chosen = [self._people[key] for key in cleaned.get("members", [])]
        members = [Recipient(person.full_name, person.email) for person in chosen]
        try:
            cleaned["recipients"] = recipients_of([*map(str, members), *cleaned.get("others", "").splitlines()])
        except ReportRefused as problem:
            self.add_error("others", str(problem))
        return cleaned

    def ticked(self, recipients: Iterable[dict[str, str]]) -> dict[str, Any]:
        """Initial values: members ticked, everybody else written down."""
        by_email = {person.email.casefold(): key for key, person in self._people.items()}
        known = [one for one in recipients if one["email"].casefold() in by_email]
        others = [str(Recipient(one["name"], one["email"])) for one in recipients if one not in known]
        return {"members": [by_email[one["email"].casefold()] for one in known], "others": "\n".join(others)}


class BuilderForm(PeopleForm):
    """A report, and if it is to be kept, its name and plan. `sections` come in the order they stand in the page."""

    period = forms.ChoiceField(
        label="Days", choices=Period.choices, initial=Period.LAST_MONTH, widget=UnfoldAdminSelectWidget()
    )
    first_day = forms.DateField(label="From", required=False, widget=_Date())
    last_day = forms.DateField(label="To", required=False, widget=_Date())
    language = forms.ChoiceField(label="Language", choices=Language.choices, widget=UnfoldAdminSelectWidget())
    title = forms.CharField(
        label="Title",
        required=False,
        max_length=100,
        validators=[validate_one_line],
        help_text="Empty: “Email report” in the report's language.",
        widget=UnfoldAdminTextInputWidget(),
    )
    sections = forms.MultipleChoiceField(
        label="Sections", choices=Section.choices, error_messages={"required": "Choose at least one section."}
    )
    note = forms.CharField(
        label="Note to the client",
        required=False,
        max_length=LONGEST_NOTE,
        help_text="Stands below the summary, as “From your account manager”.",
        widget=UnfoldAdminTextareaWidget({"rows": 4}),
    )
    formats = forms.MultipleChoiceField(
        label="Files", choices=ReportFormat.choices, required=False, widget=forms.CheckboxSelectMultiple
    )
    name = forms.CharField(
        label="Keep it as",
        required=False,
        max_length=100,
        validators=[validate_one_line],
        help_text="A name for the team, such as “Monthly report”.",
        widget=UnfoldAdminTextInputWidget(),
    )
    frequency = forms.ChoiceField(
        label="Goes out", choices=Frequency.choices, required=False, widget=UnfoldAdminSelectWidget()
    )
    weekday = forms.TypedChoiceField(
        label="On",
        choices=list(enumerate(WEEKDAYS)),
        coerce=int,
        empty_value=0,  # type: ignore[arg-type]
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )
    month_day = forms.TypedChoiceField(
        label="On day",
        choices=[(day, str(day)) for day in range(1, 32)],
        coerce=int,
        empty_value=1,  # type: ignore[arg-type]
        required=False,
        help_text="In shorter months the last day stands in.",
        widget=UnfoldAdminSelectWidget(),
    )
    hour = forms.TypedChoiceField(
        label="At",
        choices=[(hour, f"{hour:02}:00") for hour in range(24)],
        coerce=int,
        empty_value=8,  # type: ignore[arg-type]
        initial=8,
        required=False,
        widget=UnfoldAdminSelectWidget(),
    )

    def __init__(self, *args: Any, organization: Organization, locks: dict[ReportFormat, str], **kwargs: Any) -> None:
        super().__init__(*args, organization=organization, **kwargs)
        self.locks = locks
        self.initial.setdefault("sections", list(Section.values))
        self.initial.setdefault("formats", [one.value for one in (ReportFormat.PDF,) if one not in locks])

    def clean_sections(self) -> list[str]:
        """Each once: what is posted need not come from the page."""
        return list(dict.fromkeys(self.cleaned_data["sections"]))

    def clean_formats(self) -> list[str]:
        chosen: list[str] = self.cleaned_data["formats"]
        for file_format in map(ReportFormat, chosen):
            if file_format in self.locks:
                raise forms.ValidationError(self.locks[file_format])
        return chosen

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        if "period" in cleaned and "sections" in cleaned:
            try:
                self.spec().days()
            except ReportRefused as problem:
                self.add_error("first_day" if cleaned["period"] == Period.CUSTOM else "period", str(problem))
        return cleaned

    def spec(self) -> ReportSpec:
        """What the report is to be. Call after a clean that found no errors, or inside it."""
        cleaned = self.cleaned_data
        return ReportSpec(
            organization=self.organization,
            period=Period(cleaned["period"]),
            sections=tuple(cleaned["sections"]),
            language=cleaned.get("language", Language.ENGLISH),
            title=cleaned.get("title", ""),
            note=cleaned.get("note", ""),
            first_day=cleaned.get("first_day"),
            last_day=cleaned.get("last_day"),
        )

    def values(self) -> DefinitionValues:
        cleaned = self.cleaned_data
        frequency = Frequency(cleaned["frequency"])
        day = cleaned["weekday"] if frequency == Frequency.WEEKLY else cleaned["month_day"]
        return DefinitionValues(
            name=cleaned["name"].strip(),
            spec=self.spec(),
            formats=tuple(cleaned["formats"]),
            recipients=tuple(cleaned["recipients"]),
            plan=Plan(frequency, day, cleaned["hour"]) if frequency else None,
            attach_pdf=bool(cleaned.get("attach_pdf")),
        )

    def section_rows(self) -> list[tuple[str, str, bool]]:
        """(key, label, chosen): the chosen ones in their order, then the others."""
        chosen = self.data.getlist("sections") if self.is_bound else self.initial["sections"]  # type: ignore[attr-defined]
        labels = dict(Section.choices)
        rows = [(key, labels[key], True) for key in dict.fromkeys(chosen) if key in labels]
        return rows + [(key, label, False) for key, label in Section.choices if key not in chosen]

    def format_rows(self) -> list[tuple[str, str, bool, str]]:
        """(key, label, chosen, why it is locked)."""
        chosen = self.data.getlist("formats") if self.is_bound else self.initial["formats"]  # type: ignore[attr-defined]
        return [
            (key, label, key in chosen, self.locks.get(ReportFormat(key), "")) for key, label in ReportFormat.choices
        ]


def initial_of(definition: ReportDefinition) -> dict[str, Any]:
    """The builder's values of a report that is kept, but for its people."""
    names = (
        *("period", "first_day", "last_day", "language", "title", "sections", "note", "formats", "name", "frequency"),
        "attach_pdf",
    )
    initial: dict[str, Any] = {name: getattr(definition, name) for name in names}
    key = "weekday" if definition.frequency == Frequency.WEEKLY else "month_day"
    return initial | {"hour": definition.hour, key: definition.day}


def initial_about(campaign: Campaign) -> dict[str, Any]:
    """The builder's days from the one on which the campaign began to go out until today, as far as a report goes."""
    assert campaign.started_at is not None
    zone = zoneinfo.ZoneInfo(campaign.organization.time_zone)
    first = campaign.started_at.astimezone(zone).date()
    last = min(timezone.now().astimezone(zone).date(), first + datetime.timedelta(days=LONGEST_DAYS - 1))
    return {"period": Period.CUSTOM, "first_day": first, "last_day": last}
