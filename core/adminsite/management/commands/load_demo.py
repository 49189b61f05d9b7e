"""Load the made-up agency of `make demo`."""

import json
import os
from typing import Any

from django.conf import settings
from django.core.management.base import BaseCommand

from core.adminsite.demo.agency import LOGINS, PASSWORD, contacts_in_demo, load_agency
from core.common.request_context import request_context

LOGINS_FILE = "demo_logins.json"


class Command(BaseCommand):
    help = "Adds what is missing of the demo agency: three made-up clients, a year of mailings, four logins."

    def handle(self, *args: Any, **options: Any) -> None:
        with request_context(actor_label="demo data"):
            load_agency(self.stdout.write)
        write_logins()
        self.stdout.write(f"Demo agency: {contacts_in_demo():,} contacts, all of them made up.")


def write_logins() -> None:
    """Leave the demo logins where `manage.py up` finds them, readable by their owner alone."""
    logins = [{"role": login.role, "email": login.email, "password": PASSWORD, "what": login.what} for login in LOGINS]
    path = settings.DATA_DIR / LOGINS_FILE
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
        json.dump(logins, file, indent=2)
