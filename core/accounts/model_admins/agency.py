"""The base of admin classes of the agency itself: superusers only."""

from core.accounts.model_admins.house import HouseModelAdmin
from core.accounts.permissions import Permission


class AgencyModelAdmin(HouseModelAdmin):
    """Plans, users, jobs and other things that belong to no client. No role reaches them."""

    view_permission: Permission | None = Permission.AGENCY
    add_permission: Permission | None = Permission.AGENCY
    change_permission: Permission | None = Permission.AGENCY
    delete_permission: Permission | None = Permission.AGENCY
