"""The bases of every admin class of ours. They stand on unfold, so feature code never names unfold's ModelAdmin."""

from core.accounts.model_admins.agency import AgencyModelAdmin
from core.accounts.model_admins.confirmation import Confirmation
from core.accounts.model_admins.house import HouseModelAdmin
from core.accounts.model_admins.inlines import OrganizationTabularInline
from core.accounts.model_admins.organization import OrganizationModelAdmin

__all__ = ["AgencyModelAdmin", "Confirmation", "HouseModelAdmin", "OrganizationModelAdmin", "OrganizationTabularInline"]
