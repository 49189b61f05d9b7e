"""The base of admin classes of the agency itself: superusers only."""

from unfold.admin import ModelAdmin

from core.accounts.model_admins.auditing import AuditedAdmin
from core.accounts.model_admins.confirmation import ConfirmingAdmin
from core.accounts.model_admins.lists import HouseStyle
from core.accounts.model_admins.rights import MatrixRights
from core.accounts.permissions import Permission


class AgencyModelAdmin(HouseStyle, AuditedAdmin, ConfirmingAdmin, MatrixRights, ModelAdmin):
    """Plans, users, jobs and other things that belong to no client. No role reaches them."""

    view_permission: Permission | None = Permission.AGENCY
    add_permission: Permission | None = Permission.AGENCY
    change_permission: Permission | None = Permission.AGENCY
    delete_permission: Permission | None = Permission.AGENCY
