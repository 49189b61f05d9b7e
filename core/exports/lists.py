"""The list behind an export: its admin class, its rows as somebody sees them, its columns."""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.apps import apps
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, QueryDict
from import_export.resources import ModelResource

from core.accounts.access import access_for
from core.accounts.models import User
from core.exports.errors import ExportRefused

NOT_A_FILTER = frozenset({"p", "o", "all", "after", "before", "e", "_popup", "_to_field"})
"""Parts of a list's address that say which page is shown, not which rows belong to it."""
ROWS_AT_ONCE = 2_000


@dataclass(frozen=True)
class Column:
    """`key` names it in a ListExport, `header` heads it in the file; `value` takes a row."""

    key: str
    header: str
    value: Callable[[Any], Any]


def exportable_admin(model_label: str) -> Any:
    """The admin class of the model. Raises ExportRefused when its list cannot be exported."""
    model_admin = admin.site._registry.get(apps.get_model(model_label))
    if model_admin is None or not hasattr(model_admin, "export_permission"):
        raise ExportRefused("This list cannot be exported.")
    return model_admin


def filters_only(query: str) -> str:
    """The query string without what only turns pages."""
    parameters = QueryDict(query, mutable=True)
    for name in NOT_A_FILTER & parameters.keys():
        del parameters[name]
    return parameters.urlencode()


def list_request(*, user: User, organization_id: UUID, query: str) -> HttpRequest:
    """A request as this person, at work for this client, would make it to open the list."""
    request = HttpRequest()
    request.method = "GET"
    request.GET = QueryDict(query)
    request.META = {"QUERY_STRING": query, "SERVER_NAME": "localhost", "SERVER_PORT": "80"}
    request.user = user
    request.session = {}  # type: ignore[assignment]
    request.access = access_for(user, current_id=str(organization_id))  # type: ignore[attr-defined]
    return request


def list_columns(resource: ModelResource) -> list[Column]:
    """The columns of an import-export resource, in its order, with values in their own types."""
    return [
        Column(key, str(resource.fields[key].column_name), _value_of(resource, key))
        for key in resource.get_export_order()
    ]


def _value_of(resource: ModelResource, key: str) -> Callable[[Any], Any]:
    field = resource.fields[key]
    return getattr(resource, str(field.get_dehydrate_method(key)), None) or field.get_value


def chosen_columns(resource: ModelResource, keys: Sequence[str]) -> list[Column]:
    """The columns of these keys. Raises ExportRefused when none of them is there (any more)."""
    columns = [column for column in list_columns(resource) if column.key in keys]
    if not columns:
        raise ExportRefused("None of the chosen columns is there any more. Choose others and export again.")
    return columns


def rows_by_key(queryset: QuerySet[Any]) -> Iterator[list[Model]]:
    """The rows in batches, in the order of their keys: as quick at the five millionth as at the first."""
    queryset = queryset.order_by("pk")
    batch = list(queryset[:ROWS_AT_ONCE])
    while batch:
        yield batch
        batch = list(queryset.filter(pk__gt=batch[-1].pk)[:ROWS_AT_ONCE]) if len(batch) == ROWS_AT_ONCE else []
