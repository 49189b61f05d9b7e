"""Users for superusers, members for each client's owners and admins."""

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm

from core.accounts import audit
from core.accounts.model_admins import AgencyModelAdmin, OrganizationModelAdmin, OrganizationTabularInline
from core.accounts.models import OrganizationMembership, User
from core.accounts.permissions import Permission
from core.accounts.queries import user_by_email
from core.adminsite.forms import MemberAddForm, MemberChangeForm, UserAddForm, UserForm
from core.common.moments import shown_moment
from core.subscriptions.services import member_add, member_change, member_remove


def _bound(form: type, **attributes: Any) -> type:
    """The form class with what it must know about the request."""
    return type(form)(form.__name__, (form,), attributes)


class MembershipInline(OrganizationTabularInline):
    """A user's roles. They are given and taken under Members of the client, where its plan's seats are counted."""

    model = OrganizationMembership
    view_permission = Permission.AGENCY
    fields = ("organization", "role", "is_active", "joined_at")
    readonly_fields = fields
    exclude = ()
    verbose_name_plural = "roles"
    show_change_link = True
    can_delete = False


@admin.register(User)
class UserAdmin(AgencyModelAdmin, DjangoUserAdmin):
    """People are never deleted, because the history names them: they lose the right to sign in."""

    delete_permission = None
    form = UserForm
    add_form = UserAddForm
    change_password_form = AdminPasswordChangeForm
    list_display = ("shown_name", "is_active", "is_superuser", "shown_last_login")
    list_filter = ("is_active", "is_superuser")
    search_fields = ("email__istartswith", "full_name__istartswith")
    ordering = ("full_name",)
    filter_horizontal = ()
    inlines = (MembershipInline,)
    readonly_fields = ("last_login", "created_at")
    fieldsets = (
        (None, {"fields": ("email", "full_name", "password")}),
        ("Sign-in and rights", {"fields": (("is_active", "is_superuser"), "is_email_verified")}),
        ("Language and time", {"fields": (("language", "time_zone"),)}),
        ("Dates", {"fields": (("last_login", "created_at"),)}),
    )
    add_fieldsets = ((None, {"fields": ("email", "full_name", "password1", "password2")}),)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        return _bound(super().get_form(request, obj, change=change, **kwargs), acting_user=request.user)

    def get_inlines(self, request: HttpRequest, obj: Any) -> Any:
        return self.inlines if obj else ()

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> Any:
        """Django's page for setting a password reports here and nowhere else; it names no values."""
        match = request.resolver_match
        if match and (match.url_name or "").endswith("password_change"):
            audit.record(action="user.password_set", obj=obj)

    @display(description="last sign-in", ordering="last_login")
    def shown_last_login(self, user: User) -> Any:
        return shown_moment(user.last_login)

    @display(description="user", ordering="full_name", header=True)
    def shown_name(self, user: User) -> list[Any]:
        initials = "".join(word[0] for word in user.full_name.split()[:2]).upper()
        return [user.full_name or user.email, user.email, initials or "?"]


@admin.register(OrganizationMembership)
class MemberAdmin(OrganizationModelAdmin):
    view_permission = Permission.MEMBERS_VIEW
    add_permission = Permission.MEMBERS_MANAGE
    change_permission = Permission.MEMBERS_MANAGE
    delete_permission = Permission.MEMBERS_MANAGE
    list_display = ("shown_name", "role", "is_active", "shown_joined")
    list_filter = ("role", "is_active")
    list_select_related = ("user",)
    search_fields = ("user__email__istartswith", "user__full_name__istartswith")
    add_fieldsets = ((None, {"fields": ("email", "role")}),)
    fieldsets = ((None, {"fields": ("user", "role", "is_active", "joined_at")}),)
    readonly_fields = ("user", "joined_at")
    empty_title = "No members yet"
    empty_text = "Members work for this client. What they may do is decided by their role."
    empty_icon = "badge"

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:
        access = request.access  # type: ignore[attr-defined]
        kwargs["form"] = MemberAddForm if obj is None else MemberChangeForm
        organization_id = obj.organization_id if obj else access.current.pk if access.current else None
        form = super().get_form(request, obj, change=change, **kwargs)
        return _bound(form, acting_user=request.user, organization_id=organization_id)

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: bool) -> None:
        data = form.cleaned_data
        if change:
            member_change(
                membership_id=obj.pk,
                role=data.get("role", obj.role),
                is_active=data.get("is_active", obj.is_active),
                by=request.user,  # type: ignore[arg-type]
            )
            return
        user = user_by_email(data["email"])
        assert user is not None  # the form has looked
        made = member_add(
            organization_id=form.organization_id,
            user=user,
            role=data["role"],
            by=request.user,  # type: ignore[arg-type]
        )
        obj.__dict__.update(made.__dict__)

    def delete_model(self, request: HttpRequest, obj: Any) -> None:
        member_remove(membership_id=obj.pk, by=request.user)  # type: ignore[arg-type]

    def delete_queryset(self, request: HttpRequest, queryset: Any) -> None:
        for membership_id in list(queryset.values_list("pk", flat=True)):
            member_remove(membership_id=membership_id, by=request.user)  # type: ignore[arg-type]

    @display(description="joined", ordering="joined_at")
    def shown_joined(self, membership: OrganizationMembership) -> Any:
        return shown_moment(membership.joined_at)

    @display(description="member", ordering="user__full_name", header=True)
    def shown_name(self, membership: OrganizationMembership) -> list[Any]:
        user = membership.user
        initials = "".join(word[0] for word in user.full_name.split()[:2]).upper()
        return [user.full_name or user.email, user.email, initials or "?"]


admin.site.unregister(Group)


@admin.register(Group)
class GroupAdmin(AgencyModelAdmin, DjangoGroupAdmin):
    """Django's groups, for tools that bring their own. Rights inside EngageX come from roles alone."""

    list_display = ("name",)
    filter_horizontal = ("permissions",)
    empty_title = "No permission groups"
    empty_text = "Rights inside EngageX come from roles. Groups are for tools that bring rights of their own."
    empty_icon = "key"
