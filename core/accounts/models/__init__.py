from core.accounts.models.audit import AuditEvent
from core.accounts.models.brand import OrganizationLogo
from core.accounts.models.organizations import Organization, OrganizationMembership
from core.accounts.models.users import User

__all__ = ["AuditEvent", "Organization", "OrganizationLogo", "OrganizationMembership", "User"]
