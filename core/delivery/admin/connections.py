"""Connections: how a client's mail leaves the house."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import register
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action, display

from core.accounts.model_admins import Confirmation, OrganizationModelAdmin
from core.accounts.permissions import Permission
from core.delivery.forms import ConnectionForm
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.delivery.services import connection_make_default, connection_test

WAYS_OUT = {ConnectionKind.SANDBOX: "Sandbox", ConnectionKind.SMTP: "SMTP", ConnectionKind.SENDGRID: "SendGrid"}


@register(Connection)
class ConnectionAdmin(OrganizationModelAdmin):
    """The password is write-only; one connection at a time carries the campaigns."""

    form = ConnectionForm
    view_permission = Permission.SENDING_VIEW
    add_permission = Permission.SENDING_MANAGE
    change_permission = Permission.SENDING_MANAGE
    delete_permission = Permission.SENDING_MANAGE
    list_display = ("name", "way_out", "server", "use", "condition")
    search_fields = ("name", "host")
    readonly_fields = ("use", "condition", "problem")
    fieldsets = (
        (None, {"fields": ("name", "kind", "use", "condition", "problem")}),
        ("Server", {"fields": (("host", "port"), "security", "username", "password")}),
        ("Pace", {"fields": ("batch_size",)}),
    )
    add_fieldsets = (
        (None, {"fields": ("name", "kind")}),
        *fieldsets[1:],
    )
    # As Alpine reads it: what a kind does not need is not asked for.
    conditional_fields: ClassVar = {
        "host": "kind != 'sandbox'",
        "port": "kind == 'smtp'",
        "security": "kind == 'smtp'",
        "username": "kind == 'smtp'",
        "password": "kind != 'sandbox'",
    }
    actions_detail = ("test_connection", "make_default")
    empty_title = "No connection yet"
    empty_text = (
        "A connection says how this client's mail leaves the house. Begin with the sandbox: it delivers nowhere."
    )
    empty_icon = "cable"

    @display(description="kind")
    def way_out(self, connection: Connection) -> str:
        return WAYS_OUT[ConnectionKind(connection.kind)]

    @display(description="server")
    def server(self, connection: Connection) -> str:
        if connection.kind == ConnectionKind.SMTP:
            return f"{connection.host}:{connection.port}"
        return connection.host or "–"

    @display(description="used for", label={"Campaigns": "info"})
    def use(self, connection: Connection) -> str:
        return "Campaigns" if connection.is_default else "–"

    @display(description="condition", label={"Paused": "danger", "Ready": "success"})
    def condition(self, connection: Connection) -> str:
        return "Ready" if connection.paused_at is None else "Paused"

    def get_actions_detail(self, request: HttpRequest, object_id: Any) -> Any:
        """The one that carries the campaigns already need not be chosen again."""
        is_default = Connection.objects.filter(pk=object_id, is_default=True).exists()
        actions = super().get_actions_detail(request, object_id)
        return [action for action in actions if not (is_default and action.action_name.endswith("make_default"))]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The connection that carries the campaigns stays until another one does."""
        is_in_use = isinstance(obj, Connection) and obj.is_default
        return super().has_delete_permission(request, obj) and not is_in_use

    def get_actions(self, request: HttpRequest) -> Any:
        """No deletion in bulk: each connection says itself whether it may go."""
        return {}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        super().save_model(request, obj, form, change)
        if not Connection.objects.filter(organization_id=obj.organization_id, is_default=True).exists():
            connection_make_default(connection=obj)

    @action(description="Test connection", url_path="test", permissions=["sending_manage"], icon="network_check")
    def test_connection(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        connection = self._connection(request, object_id)
        page = reverse("admin:delivery_connection_change", args=[connection.pk])

        def perform() -> str:
            connection_test(connection=connection)
            return f"{connection} works: the login was accepted. Campaigns that were paused can be resumed now."

        confirmation = Confirmation(
            title=f"Test {connection}",
            submit_label="Test connection",
            back_url=page,
            sentences=("We log in as a campaign would and leave again. No mail is sent.",),
            facts=(("Server", self.server(connection)), ("User name", connection.username or "–")),
            notes=("If the connection is paused and the login works, it may be used again.",),
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=page)

    @action(description="Use for campaigns", url_path="use", permissions=["sending_manage"], icon="campaign")
    def make_default(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        connection = self._connection(request, object_id)
        page = reverse("admin:delivery_connection_change", args=[connection.pk])

        def perform() -> str:
            connection_make_default(connection=connection)
            return f"New campaigns of {connection.organization} go out over {connection}."

        confirmation = Confirmation(
            title=f"Use {connection} for campaigns",
            submit_label="Use for campaigns",
            back_url=page,
            sentences=(
                f"New campaigns of {connection.organization} go out over {connection} from now on.",
                "A campaign that is going out already stays with the connection it began with.",
            ),
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=page)

    def _connection(self, request: HttpRequest, object_id: UUID) -> Connection:
        return Connection.objects.select_related("organization").get(pk=object_id)
