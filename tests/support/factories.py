"""Rows for tests, made with as few words as possible. Call inside a scope."""

from typing import Any

from core.accounts.choices import Role
from core.accounts.models import Organization, OrganizationMembership, User
from core.campaigns.models import Campaign, CampaignGroup
from core.common.ids import new_id
from core.common.tenancy import all_organizations
from core.contacts.models import Contact, ContactGroup, ContactGroupMembership
from core.contacts.suppression_keys import address_hash
from core.delivery.models import Connection
from core.delivery.models.connections import ConnectionKind
from core.email_templates.models import EmailTemplate
from core.subscriptions.models import Plan, Subscription

PASSWORD = "a long password of tests"
HTML = (
    '<html><head><title>News</title></head><body><p>Hello {{ contact.first_name | default: "friend" }}</p>'
    '<p><a href="https://shop.example/offer?a=1&amp;b=2">Offer</a></p>'
    '<p>{{ organization.postal_address }} <a href="{{ system.unsubscribe_url }}">Unsubscribe</a></p></body></html>'
)


FEATURES = {
    "ab_testing": {"enabled": True},
    "approvals": {"client_link": True},
    "export_formats": {"csv": True, "xlsx": True},
}


def make_plan(**fields: Any) -> Plan:
    """A plan without limits, with the features of campaigns and of lists, unless the fields say otherwise."""
    name = fields.pop("name", f"Plan {new_id().hex[-8:]}")
    defaults = {"name": name, "slug": name.lower().replace(" ", "-"), "features": FEATURES}
    return Plan.objects.create(**{**defaults, **fields})


def make_organization(name: str, *, plan: Plan | None = None, **fields: Any) -> Organization:
    """A client on a plan without limits (or the given one), with a sandbox as its default connection."""
    slug = name.lower().replace(" ", "-")
    with all_organizations(reason="tests make their clients"):
        organization = Organization.objects.create(
            name=name,
            slug=slug,
            postal_address=f"1 {name} Street",
            default_from_name=name,
            default_from_email=f"hello@{slug}.example",
            **fields,
        )
        Subscription.objects.create(organization=organization, plan=plan or make_plan())
        Connection.objects.create(
            organization=organization, name="Sandbox", kind=ConnectionKind.SANDBOX, is_default=True
        )
    return organization


def make_user(role: Role | None = None, organization: Organization | None = None, **fields: Any) -> User:
    """A user; with a role also a member of the organization."""
    email = fields.pop("email", f"user-{new_id().hex[-8:]}@agency.example")
    user = User.objects.create_user(email, PASSWORD, full_name=fields.pop("full_name", "Test Person"), **fields)
    if role and organization:
        join(user, organization, role)
    return user


def join(user: User, organization: Organization, role: Role) -> OrganizationMembership:
    with all_organizations(reason="tests make their members"):
        return OrganizationMembership.objects.create(user=user, organization=organization, role=role)


def make_contact(organization: Organization, email: str = "", **fields: Any) -> Contact:
    email = email or f"person-{new_id().hex[-10:]}@people.example"
    return Contact.objects.create(
        organization=organization,
        email=email,
        email_key=email.casefold(),
        address_hash=address_hash(email.casefold()),
        **fields,
    )


def make_group(
    organization: Organization, name: str = "Newsletter", contacts: list[Contact] | None = None
) -> ContactGroup:
    group = ContactGroup.objects.create(organization=organization, name=name)
    ContactGroupMembership.objects.bulk_create(
        ContactGroupMembership(organization=organization, group=group, contact=contact) for contact in contacts or []
    )
    return group


def make_template(organization: Organization, name: str = "News", **fields: Any) -> EmailTemplate:
    defaults = {"subject": "News from {{ organization.name }}", "html": HTML}
    return EmailTemplate.objects.create(organization=organization, name=name, **{**defaults, **fields})


def make_campaign(
    organization: Organization, *, group: ContactGroup | None = None, name: str = "Spring offer", **fields: Any
) -> Campaign:
    """A draft for the group (a new group of one contact when none is given)."""
    group = group or make_group(organization, f"Group of {name}", [make_contact(organization)])
    template = fields.pop("template", None) or make_template(organization, f"Template of {name}")
    campaign = Campaign.objects.create(
        organization=organization,
        name=name,
        template=template,
        **{"from_name": organization.name, "from_email": organization.default_from_email, **fields},
    )
    CampaignGroup.objects.create(organization=organization, campaign=campaign, group=group)
    return campaign
