"""The one table that says which role may do what. Every button, page, action and export asks it."""

import enum

from core.accounts.choices import Role


class Permission(enum.StrEnum):
    """What can be allowed inside an organization. Agency-wide rights belong to superusers and stand apart below."""

    CONTACTS_VIEW = "contacts.view"
    CONTACTS_MANAGE = "contacts.manage"
    CONTACTS_IMPORT = "contacts.import"
    CONTACTS_EXPORT = "contacts.export"
    CONTACTS_ERASE = "contacts.erase"
    SUPPRESSIONS_MANAGE = "suppressions.manage"
    SUPPRESSIONS_REMOVE = "suppressions.remove"
    """Allowing mail to somebody again is graver than forbidding it."""
    TEMPLATES_VIEW = "templates.view"
    TEMPLATES_MANAGE = "templates.manage"
    CAMPAIGNS_VIEW = "campaigns.view"
    CAMPAIGNS_MANAGE = "campaigns.manage"
    CAMPAIGNS_SEND = "campaigns.send"
    RESULTS_VIEW = "results.view"
    RESULTS_EXPORT = "results.export"
    SENDING_VIEW = "sending.view"
    SENDING_MANAGE = "sending.manage"
    ORGANIZATION_VIEW = "organization.view"
    ORGANIZATION_MANAGE = "organization.manage"
    MEMBERS_VIEW = "members.view"
    MEMBERS_MANAGE = "members.manage"
    PLAN_VIEW = "plan.view"
    HISTORY_VIEW = "history.view"
    AGENCY = "agency"
    """Clients, users, plans, subscriptions, jobs: no role has it, superusers do."""


_VIEWER = {
    Permission.CONTACTS_VIEW,
    Permission.TEMPLATES_VIEW,
    Permission.CAMPAIGNS_VIEW,
    Permission.RESULTS_VIEW,
    Permission.ORGANIZATION_VIEW,
}
_ACCOUNT_MANAGER = _VIEWER | {
    Permission.CONTACTS_EXPORT,
    Permission.RESULTS_EXPORT,
    Permission.SENDING_VIEW,
    Permission.PLAN_VIEW,
    Permission.MEMBERS_VIEW,
}
_MANAGER = _ACCOUNT_MANAGER | {
    Permission.CONTACTS_MANAGE,
    Permission.CONTACTS_IMPORT,
    Permission.SUPPRESSIONS_MANAGE,
    Permission.TEMPLATES_MANAGE,
    Permission.CAMPAIGNS_MANAGE,
    Permission.CAMPAIGNS_SEND,
    Permission.HISTORY_VIEW,
}
_ADMIN = _MANAGER | {
    Permission.CONTACTS_ERASE,
    Permission.SUPPRESSIONS_REMOVE,
    Permission.SENDING_MANAGE,
    Permission.ORGANIZATION_MANAGE,
    Permission.MEMBERS_MANAGE,
}

MATRIX: dict[Role, frozenset[Permission]] = {
    Role.OWNER: frozenset(_ADMIN),
    Role.ADMIN: frozenset(_ADMIN),
    Role.MANAGER: frozenset(_MANAGER),
    Role.ACCOUNT_MANAGER: frozenset(_ACCOUNT_MANAGER),
    Role.VIEWER: frozenset(_VIEWER),
}


def role_allows(role: str, permission: Permission) -> bool:
    return permission in MATRIX[Role(role)]
