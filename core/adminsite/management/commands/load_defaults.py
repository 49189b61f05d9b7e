"""Load what every installation begins with: the shipped plans and the starter templates."""

import json
from pathlib import Path
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand
from django.db import transaction

from core.email_templates.services import starter_templates_load
from core.subscriptions.models import Plan

FIXTURES = Path(settings.BASE_DIR) / "fixtures"


class Command(BaseCommand):
    help = "Adds the shipped plans and starter templates that are missing; what people edited stays."

    @transaction.atomic
    def handle(self, *args: Any, **options: Any) -> None:
        plans = plans_load(FIXTURES / "plans.json")
        starters = starter_templates_load(FIXTURES / "starter_templates")
        self.stdout.write(f"Plans: {plans} added. Starter templates: {starters} added.")


def plans_load(path: Path) -> int:
    """Add the plans of the file that are not there yet. Returns how many."""
    return sum(
        Plan.objects.get_or_create(slug=fields["slug"], defaults=fields)[1] for fields in json.loads(path.read_text())
    )
