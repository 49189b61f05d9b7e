"""What admin classes of clients' rows and of the agency's own have in common."""

from unfold.admin import ModelAdmin

from core.accounts.model_admins.auditing import AuditedAdmin
from core.accounts.model_admins.confirmation import ConfirmingAdmin
from core.accounts.model_admins.lists import HouseStyle
from core.accounts.model_admins.rights import MatrixRights


class HouseModelAdmin(HouseStyle, AuditedAdmin, ConfirmingAdmin, MatrixRights, ModelAdmin):
    """Parts of an admin class that serve both kinds stand on this one."""
