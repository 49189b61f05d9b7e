"""Every model of ours belongs to a client, or is listed here with the reason why not."""

import pytest
from django.apps import apps
from django.db import connection, models

from core.common.constraints import SameOrganization, SameOrganizationInBulk
from core.common.models import OrganizationOwned, ScopedModel
from core.common.scoped_queries import ScopedQuerySet
from tests.support.canary import make_client

AGENCY_MODELS = {
    "accounts.User": "a person may work for many clients; reached through memberships",
    "subscriptions.Plan": "the agency's price list",
    "contacts.AgencySuppression": "whom no client of the agency may write to",
    "contacts.AgencySuppressionList": "a do-not-mail list on its way into the agency's suppressions",
    "delivery.AgencyAccount": "an account of the agency with a provider, lent to its clients' connections",
    "delivery.LedgerCheck": "what came of looking through the ledgers of all clients; names nobody",
    "tracking.VerdictRun": "how many verdicts on past opens and clicks would be others, counted; names nobody",
    "tracking.HeldHit": "an open or a click before anybody looked whose it is",
    "tracking.LostHits": "opens and clicks that nobody can attribute any more, counted",
    "email_templates.StarterTemplate": "the agency's own designs, naming no client",
}

OURS = [
    model
    for config in apps.get_app_configs()
    if config.name.startswith(("core.", "dashboards"))
    for model in config.get_models(include_auto_created=True)
]
TENANT_MODELS = [model for model in OURS if issubclass(model, ScopedModel)]
# Many-to-many tables of django.contrib.auth's PermissionsMixin: rights of superusers, no tenant data.
AUTH_TABLES = {"accounts.User_groups", "accounts.User_user_permissions"}


def label(model: type[models.Model]) -> str:
    return model._meta.label


@pytest.mark.parametrize("model", OURS, ids=label)
def test_model_is_scoped_or_listed(model: type[models.Model]) -> None:
    listed = AGENCY_MODELS.keys() | AUTH_TABLES
    assert issubclass(model, ScopedModel) or model._meta.label in listed


@pytest.mark.parametrize("model", TENANT_MODELS, ids=label)
def test_managers_of_tenant_model_are_scoped(model: type[models.Model]) -> None:
    for manager in (model._default_manager, model._base_manager, *model._meta.managers):
        assert isinstance(manager.all(), ScopedQuerySet)


@pytest.mark.parametrize("model", TENANT_MODELS, ids=label)
def test_foreign_keys_between_tenant_rows_are_composite(model: type[models.Model]) -> None:
    covered = {rule.field for rule in model._meta.constraints if isinstance(rule, SameOrganization)}
    in_bulk = [rule for rule in model._meta.constraints if isinstance(rule, SameOrganizationInBulk)]
    covered |= {field for rule in in_bulk for field in rule.fields}
    expected = {
        field.name
        for field in model._meta.concrete_fields
        if field.is_relation and issubclass(field.related_model, OrganizationOwned)
    }
    assert covered == expected


@pytest.mark.parametrize("model", TENANT_MODELS, ids=label)
def test_tenant_model_has_no_automatic_many_to_many(model: type[models.Model]) -> None:
    """An automatic join table knows no organization: use a model of its own."""
    assert not model._meta.local_many_to_many


def test_composite_foreign_keys_exist_in_the_database(db: None) -> None:
    names = {
        rule.name for model in TENANT_MODELS for rule in model._meta.constraints if isinstance(rule, SameOrganization)
    }
    with connection.cursor() as cursor:
        cursor.execute("SELECT conname FROM pg_constraint WHERE contype = 'f' AND array_length(conkey, 1) = 2")
        assert names == {row[0] for row in cursor.fetchall()}


@pytest.mark.parametrize("model", TENANT_MODELS, ids=label)
def test_tenant_model_has_an_index_that_begins_with_the_organization(db: None, model: type[models.Model]) -> None:
    """The scope filters every query by it."""
    if model.organization_attribute == "id":
        return
    with connection.cursor() as cursor:
        constraints = connection.introspection.get_constraints(cursor, model._meta.db_table)
    columns = [
        each["columns"][0] for each in constraints.values() if (each["index"] or each["unique"]) and each["columns"]
    ]
    assert "organization_id" in columns or model._meta.label in INDEXED_BY_PARENT


INDEXED_BY_PARENT = {
    # Reached only through the row they hang on, whose index serves.
    "campaigns.ABTest",
    "campaigns.ApprovalComment",
    "campaigns.CampaignGroup",
    "campaigns.CampaignSegment",
    "contacts.ContactSearch",
    "contacts.ImportPart",
    "contacts.ImportedChunk",
    "contacts.RefusedRow",
    "exports.ExportPart",
    "delivery.MessageValues",
    "delivery.SendAttempt",
    "tracking.CampaignRecount",
}


def test_canary_client_has_a_row_of_every_tenant_model(db: None) -> None:
    """The isolation crawl is only as good as the rows it looks for."""
    client = make_client("Canary")
    assert set(client.rows) == set(TENANT_MODELS)
