"""The base of admin classes of the agency itself: superusers only."""

from typing import Any

from unfold.admin import ModelAdmin

from core.accounts.model_admins.auditing import AuditedAdmin
from core.accounts.model_admins.confirmation import ConfirmingAdmin
from core.accounts.model_admins.rights import MatrixRights
from core.accounts.permissions import Permission
from core.common.paginator import CappedPaginator


class AgencyModelAdmin(AuditedAdmin, ConfirmingAdmin, MatrixRights, ModelAdmin):
    """Plans, users, jobs and other things that belong to no client. No role reaches them."""

    view_permission = Permission.AGENCY
    add_permission: Permission | None = Permission.AGENCY
    change_permission: Permission | None = Permission.AGENCY
    delete_permission: Permission | None = Permission.AGENCY

    list_per_page = 25
    show_full_result_count = False
    paginator = CappedPaginator
    list_filter_submit = True
    warn_unsaved_form = True
    empty_title = ""
    empty_text = ""
    empty_icon = "inbox"
    actions: Any = ()
