"""The form of a segment. The rule travels as JSON, which the builder reads and writes."""

import json
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from unfold.widgets import UnfoldAdminSelectWidget

from core.contacts.errors import BadRule, RuleProblem
from core.contacts.models import ContactGroup, Segment
from core.contacts.segments import check_rule, parse_rule, rule_json

MAX_RULE_CHARACTERS = 200_000


def read_rule_text(text: str) -> Any:
    """The document of a rule as it was posted. Raises BadRule for what is no JSON."""
    try:
        if len(text) <= MAX_RULE_CHARACTERS:
            return json.loads(text)
    except (ValueError, RecursionError):
        pass
    raise BadRule((RuleProblem("", "The rule could not be read. Load the page again and build it anew."),))


class SegmentForm(forms.ModelForm):
    """`rule_problems` are what is wrong with the posted rule and where, for the builder to show beside conditions."""

    rule = forms.CharField(
        label="Who belongs to it",
        required=False,
        strip=False,
        widget=forms.Textarea(attrs={"data-segment-rule": "", "rows": 6, "class": "ex-code"}),
    )

    class Meta:
        model = Segment
        fields = ("name", "description")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.rule_problems: tuple[RuleProblem, ...] = ()
        if "rule" in self.fields:
            self.initial["rule"] = json.dumps(self.instance.rule or {"all": []}, ensure_ascii=False)

    def clean_rule(self) -> dict[str, Any]:
        """The rule, read and checked against the client whose scope the form runs in."""
        try:
            rule = parse_rule(read_rule_text(self.cleaned_data["rule"]))
            check_rule(self.organization_id, rule)
        except BadRule as refused:
            self.rule_problems = refused.problems
            where = "See the marks in the rule." if any(one.path for one in refused.problems) else str(refused)
            raise ValidationError(where) from refused
        return rule_json(rule)

    organization_id: Any = None
    """Set by the admin class: the client that the segment is, or will be, of."""

    def clean_name(self) -> str:
        name: str = self.cleaned_data["name"].strip()
        taken = Segment.objects.filter(organization_id=self.organization_id, name=name).exclude(pk=self.instance.pk)
        if taken.exists():
            raise ValidationError("A segment with this name exists already.")
        return name


class GroupForSegmentForm(forms.Form):
    """Which of the client's groups the people of a segment go into."""

    group = forms.ModelChoiceField(
        ContactGroup.objects.none(), label="Group", empty_label="Choose a group", widget=UnfoldAdminSelectWidget()
    )

    def __init__(self, *args: Any, organization_id: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        groups = ContactGroup.objects.filter(organization_id=organization_id).order_by("name")
        self.fields["group"].queryset = groups  # type: ignore[attr-defined]
