"""Connections: how a client's mail leaves the house."""

from typing import Any, ClassVar
from uuid import UUID

from django.contrib.admin import register
from django.db.models import Count, OuterRef, Subquery
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from unfold.decorators import action, display

from core.accounts.model_admins import AgencyModelAdmin, Confirmation, OrganizationModelAdmin
from core.accounts.model_admins.rights import access_of
from core.accounts.permissions import Permission
from core.common.tenancy import all_organizations
from core.delivery.forms import AgencyAccountForm, ConnectionForm
from core.delivery.limits.daily import limits_changed
from core.delivery.limits.warming import begin_warmup, warmup_table
from core.delivery.models import AgencyAccount, Connection
from core.delivery.models.kinds import AnymailProvider, ConnectionKind
from core.delivery.sendgrid_domains import records_fetch
from core.delivery.services import connection_make_default, connection_test
from core.delivery.transports.registry import account_of
from core.domains.models import SendingDomain

WAYS_OUT = {ConnectionKind.SANDBOX: "Sandbox", ConnectionKind.SMTP: "SMTP", ConnectionKind.SENDGRID: "SendGrid"}
PLACE = ("Server", {"fields": ("provider", ("host", "port"), "security", "username", "password", "secret")})
# As Alpine reads it: what a kind does not need is not asked for.
PLACE_CONDITIONS: dict[str, str] = {
    "provider": "kind == 'anymail'",
    "host": "kind == 'smtp' || kind == 'sendgrid' || provider == 'mailgun' || provider == 'sparkpost'",
    "port": "kind == 'smtp'",
    "security": "kind == 'smtp'",
    "username": "kind == 'smtp'",
    "password": "kind != 'sandbox'",
    "secret": "kind == 'anymail' && provider == 'mailjet'",
}
PACE = (
    "Pace",
    {
        "fields": ("batch_size", "mails_per_second", "mails_per_hour", "mails_per_day"),
        "description": "Empty: no limit. What a limit holds back waits; nothing is lost and no other client waits.",
    },
)
WARM_UP = (
    "Warm-up",
    {
        "fields": ("warmup_start", "warmup_growth", "warmup_target"),
        "description": "A new sender begins with few mails a day, so that receivers get to know it. Each day on which "
        "at least half of the volume was used is one step; a pause skips nothing.",
    },
)


def way_out_of(account: Connection | AgencyAccount) -> str:
    """In a word or two how it leaves the house."""
    if account.kind == ConnectionKind.ANYMAIL:
        return AnymailProvider(account.provider).label if account.provider else "–"
    return WAYS_OUT[ConnectionKind(account.kind)]


def server_of(account: Connection | AgencyAccount) -> str:
    if account.kind == ConnectionKind.SMTP:
        return f"{account.host}:{account.port}"
    return account.host or "–"


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
        PLACE,
        PACE,
        WARM_UP,
    )
    conditional_fields: ClassVar = {**PLACE_CONDITIONS, "on_behalf_of": "kind == 'sendgrid'"}
    change_form_template = "delivery/connection_form.html"
    actions_detail = ("test_connection", "make_default", "fetch_records")
    empty_title = "No connection yet"
    empty_text = (
        "A connection says how this client's mail leaves the house. Begin with the sandbox: it delivers nowhere."
    )
    empty_icon = "cable"

    class Media:
        css = {"all": ("domains/domains.css",)}

    @display(description="kind")
    def way_out(self, connection: Connection) -> str:
        if connection.account is not None:
            return f"{way_out_of(connection.account)} (the agency's account)"
        return way_out_of(connection)

    @display(description="server")
    def server(self, connection: Connection) -> str:
        return server_of(connection.account or connection)

    def get_queryset(self, request: HttpRequest) -> Any:
        return super().get_queryset(request).select_related("account")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who may lend the agency's account chooses it; with one, nothing of a server is asked for."""
        may_lend = access_of(request).can(Permission.AGENCY)
        uses_account = obj is not None and obj.account_id is not None
        place = () if uses_account else (PLACE,)
        account = ("account", "on_behalf_of") if may_lend and AgencyAccount.objects.exists() else ()
        shown = ("use", "condition", "problem") if obj is not None else ()
        kind = ("way_out",) if uses_account else ("kind",)
        lent = (("The agency's account", {"fields": account}),) if account else ()
        return ((None, {"fields": ("name", *kind, *shown)}), *place, *lent, PACE, WARM_UP)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        return (*self.readonly_fields, "way_out")

    def changeform_view(
        self, request: HttpRequest, object_id: str | None = None, form_url: str = "", extra_context: Any = None
    ) -> Any:
        connection = self.get_object(request, object_id) if object_id else None
        context = {"warmup": warmup_table(connection)} if connection is not None else {}
        return super().changeform_view(request, object_id, form_url, {**(extra_context or {}), **context})

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
        connection = Connection.objects.select_related("account").filter(pk=object_id).first()
        is_sendgrid = connection is not None and account_of(connection).kind == ConnectionKind.SENDGRID
        hidden = {"make_default": is_default, "fetch_records": not is_sendgrid}
        return [
            action
            for action in actions
            if not any(is_hidden and action.action_name.endswith(name) for name, is_hidden in hidden.items())
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The connection that carries the campaigns stays until another one does."""
        is_in_use = isinstance(obj, Connection) and obj.is_default
        return super().has_delete_permission(request, obj) and not is_in_use

    def get_actions(self, request: HttpRequest) -> Any:
        """No deletion in bulk: each connection says itself whether it may go."""
        return {}

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        begin_warmup(obj)
        super().save_model(request, obj, form, change)
        limits_changed(obj)
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
            facts=(("Server", self.server(connection)), ("User name", account_of(connection).username or "–")),
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

    @action(description="Fetch SendGrid's records", url_path="records", permissions=["sending_manage"], icon="dns")
    def fetch_records(self, request: HttpRequest, object_id: UUID) -> HttpResponse:
        connection = self._connection(request, object_id)
        page = reverse("admin:delivery_connection_change", args=[connection.pk])
        domains = list(SendingDomain.objects.filter(organization_id=connection.organization_id).order_by("name")[:20])
        names = ", ".join(domain.name for domain in domains)

        def perform() -> str:
            for domain in domains:
                records_fetch(connection=connection, domain_id=domain.pk)
            return f"SendGrid's records of {names} stand on the pages of the domains now."

        confirmation = Confirmation(
            title="Fetch SendGrid's records",
            submit_label="Fetch records",
            back_url=page,
            sentences=(
                f"We ask SendGrid which DNS records it wants for {names}, and whether it finds them. A domain that it "
                "does not know yet is added there.",
            ),
            problem="" if domains else "This client has no sending domain yet. Add it under Domains first.",
        )
        return self.confirmed(request, confirmation, perform=perform, done_url=page)

    def _connection(self, request: HttpRequest, object_id: UUID) -> Connection:
        return Connection.objects.select_related("organization", "account").get(pk=object_id)


@register(AgencyAccount)
class AgencyAccountAdmin(AgencyModelAdmin):
    """The agency's own accounts with providers. A new key counts from the next batch on, for all who use it."""

    form = AgencyAccountForm
    list_display = ("name", "way_out", "server", "used_by")
    search_fields = ("name",)
    ordering = ("name",)
    fieldsets = (
        (None, {"fields": ("name", "kind")}),
        PLACE,
        (
            "Pace",
            {
                "fields": ("mails_per_second", "mails_per_hour"),
                "description": "For all clients together that use this account.",
            },
        ),
    )
    conditional_fields: ClassVar = PLACE_CONDITIONS
    empty_title = "No account of the agency yet"
    empty_text = (
        "An account with a provider that several clients send over. Its key is kept here, in one place, and shown to "
        "nobody; choose the account at a client's connection."
    )
    empty_icon = "key"

    @display(description="kind")
    def way_out(self, account: AgencyAccount) -> str:
        return way_out_of(account)

    @display(description="server")
    def server(self, account: AgencyAccount) -> str:
        return server_of(account)

    @display(description="used by")
    def used_by(self, account: AgencyAccount) -> str:
        count = getattr(account, "used_by_count", 0)
        return f"{count} connection{'' if count == 1 else 's'}" if count else "Nobody"

    def get_queryset(self, request: HttpRequest) -> Any:
        with all_organizations(reason="how many clients use an account of the agency"):
            used = Connection.objects.filter(account=OuterRef("pk")).order_by().values("account")
            counted = Subquery(used.annotate(count=Count("pk")).values("count"))
            return super().get_queryset(request).annotate(used_by_count=Coalesce(counted, 0))

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """An account that somebody uses stays."""
        if isinstance(obj, AgencyAccount):
            with all_organizations(reason="whether a client uses an account of the agency"):
                if Connection.objects.filter(account=obj).exists():
                    return False
        return super().has_delete_permission(request, obj)

    def get_actions(self, request: HttpRequest) -> Any:
        """No deletion in bulk: each account says itself whether it may go."""
        return {}
