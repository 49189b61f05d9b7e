"""Things that are named in one place and live in another."""

import re
import subprocess
import sys
from pathlib import Path

import pytest
from celery import current_app
from django.contrib import admin

from core.accounts.model_admins import AgencyModelAdmin, OrganizationModelAdmin
from core.accounts.model_admins.rights import MatrixRights
from core.common.models import ScopedModel
from core.schedule import SCHEDULE

ROOT = Path(__file__).resolve().parents[2]
ADMINS = list(admin.site._registry.items())


VARIABLES = {
    name
    for path in (ROOT / "core/settings").rglob("*.py")
    for name in re.findall(r'env\.\w+\(\s*"([A-Z_]+)"', path.read_text())
    if name != "ENGAGEX_DEBUG"  # development only
}


@pytest.mark.parametrize("name", sorted(VARIABLES))
def test_variable_of_the_settings_is_documented_and_reaches_the_containers(name: str) -> None:
    assert f"`{name}`" in (ROOT / "docs/operations.md").read_text()
    assert re.search(rf"^#?{name}=", (ROOT / ".env.example").read_text(), re.MULTILINE)
    assert f"\n  {name}: $" in (ROOT / "docker-compose.yml").read_text()


def test_import_rules_hold() -> None:
    lint_imports = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([lint_imports, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize(("model", "model_admin"), ADMINS, ids=lambda value: str(value))
def test_admin_class_stands_on_our_base(model: type, model_admin: admin.ModelAdmin) -> None:
    expected = OrganizationModelAdmin if issubclass(model, ScopedModel) else AgencyModelAdmin
    assert isinstance(model_admin, expected)


@pytest.mark.parametrize(("model", "model_admin"), ADMINS, ids=lambda value: str(value))
def test_inlines_ask_the_permission_matrix(model: type, model_admin: admin.ModelAdmin) -> None:
    assert all(issubclass(inline, MatrixRights) for inline in model_admin.inlines)


@pytest.mark.parametrize(("model", "model_admin"), ADMINS, ids=lambda value: str(value))
def test_actions_name_the_permission_they_need(model: type, model_admin: admin.ModelAdmin) -> None:
    names = [*(model_admin.actions or ())]
    for attribute in ("actions_list", "actions_row", "actions_detail", "actions_submit_line"):
        for item in getattr(model_admin, attribute):
            names += item["items"] if isinstance(item, dict) else [item]
    for name in names:
        method = model_admin.get_action(name)[0] if name in (model_admin.actions or ()) else getattr(model_admin, name)
        assert getattr(method, "allowed_permissions", ()), f"{model_admin}.{name} is open to everyone"


@pytest.mark.parametrize("job", SCHEDULE, ids=lambda job: job.name)
def test_schedule_entry_names_a_task(job: object) -> None:
    current_app.loader.import_default_modules()
    assert job.task in current_app.tasks
