"""Plans as people think of them: money instead of cents, features as boxes to tick."""

from decimal import Decimal
from typing import Any

from django import forms
from unfold.widgets import (
    UnfoldAdminCheckboxSelectMultipleWidget,
    UnfoldAdminDecimalFieldWidget,
    UnfoldAdminSelectWidget,
)

from core.subscriptions.features import FEATURES, feature_document, feature_paths
from core.subscriptions.models import Plan

CURRENCIES = ("EUR", "USD", "GBP", "CHF", "SEK", "NOK", "DKK", "PLN", "CZK", "CAD", "AUD", "NZD", "MXN", "BRL")
"""Those with two decimals: prices are kept in hundredths."""


def _price(label: str) -> forms.DecimalField:
    return forms.DecimalField(
        label=label, min_value=0, max_digits=9, decimal_places=2, widget=UnfoldAdminDecimalFieldWidget, initial=0
    )


class PlanForm(forms.ModelForm):
    monthly_price = _price("Price per month")
    yearly_price = _price("Price per year")
    currency = forms.ChoiceField(
        choices=[(code, code) for code in CURRENCIES], widget=UnfoldAdminSelectWidget, initial="EUR"
    )
    chosen_features = forms.MultipleChoiceField(
        label="Features",
        choices=list(FEATURES.items()),
        required=False,
        widget=UnfoldAdminCheckboxSelectMultipleWidget,
        help_text="What is not ticked is shown as locked to clients of this plan.",
    )

    class Meta:
        model = Plan
        fields = (
            "name",
            "slug",
            "is_public",
            "position",
            "currency",
            "max_contacts",
            "max_emails",
            "max_campaigns",
            "max_members",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and not self.instance._state.adding:
            self.initial["monthly_price"] = Decimal(self.instance.monthly_price_minor) / 100
            self.initial["yearly_price"] = Decimal(self.instance.yearly_price_minor) / 100
            switched_on = feature_paths(self.instance.features)
            self.initial["chosen_features"] = [path for path, is_on in switched_on.items() if is_on]

    def save(self, commit: bool = True) -> Any:
        self.instance.monthly_price_minor = int(self.cleaned_data["monthly_price"] * 100)
        self.instance.yearly_price_minor = int(self.cleaned_data["yearly_price"] * 100)
        self.instance.features = feature_document(self.cleaned_data["chosen_features"])
        return super().save(commit)
