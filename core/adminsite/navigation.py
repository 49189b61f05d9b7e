"""The menu (UX 2) as data. A role sees only the entries it may use."""

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.http import HttpRequest
from django.urls import NoReverseMatch, reverse

from core.accounts.access import Access
from core.accounts.permissions import Permission
from core.campaigns.approvals.queries import MOST_COUNTED, open_count


@dataclass(frozen=True)
class MenuEntry:
    """One page of the menu.

    `url_name` is reversed as `admin:<url_name>`; `for_current` adds the current client's id and hides the entry under
    "All clients". `permission` None means everyone. An entry is lit on every page of its model or of its own name;
    `also_active` names more pages, given as url names. `badge` counts what waits for this person there.
    """

    title: str
    icon: str
    url_name: str
    permission: Permission | None = None
    for_current: bool = False
    also_active: tuple[str, ...] = ()
    badge: Callable[[Access], int] | None = None

    def link(self, access: Access) -> str:
        """The address. Raises NoReverseMatch for a page that does not exist."""
        arguments = [access.current.pk] if self.for_current and access.current else []
        return reverse(f"admin:{self.url_name}", args=arguments)

    def is_offered(self, access: Access) -> bool:
        if self.for_current and access.current is None:
            return False
        return self.permission is None or access.can(self.permission)

    def is_active(self, request: HttpRequest) -> bool:
        """Compares names of pages, not pieces of addresses: /contact/ must not light up on /contactimport/."""
        match = request.resolver_match
        name = (match.url_name or "") if match else ""
        if name == self.url_name or name in self.also_active:
            return True
        family, separator, _page = self.url_name.rpartition("_")
        is_model_page = _page == "changelist" and name.rpartition("_")[0] == family
        return bool(separator) and is_model_page


@dataclass(frozen=True)
class MenuGroup:
    title: str
    entries: tuple[MenuEntry, ...]


P = Permission
_EVENT_PAGES = ("change", "people_and_machines", "recount_figures")

MENU: tuple[MenuGroup, ...] = (
    MenuGroup("", (MenuEntry("Home", "home", "index"),)),
    MenuGroup(
        "Campaigns",
        (
            MenuEntry(
                "Campaigns",
                "campaign",
                "campaigns_campaign_changelist",
                P.CAMPAIGNS_VIEW,
                also_active=("campaign_report",),
            ),
            MenuEntry("Approvals", "how_to_reg", "campaigns_approval_changelist", P.CAMPAIGNS_VIEW, badge=open_count),
            MenuEntry("Templates", "draft", "email_templates_emailtemplate_changelist", P.TEMPLATES_VIEW),
            MenuEntry("Blocks", "widgets", "email_templates_templateblock_changelist", P.TEMPLATES_VIEW),
        ),
    ),
    MenuGroup(
        "Audience",
        (
            MenuEntry(
                "Contacts",
                "group",
                "contacts_contact_changelist",
                P.CONTACTS_VIEW,
                also_active=tuple(
                    f"contacts_{model}_{page}"
                    for model in ("contactfield", "contacttag", "bulkchange")
                    for page in ("changelist", "add", "change", "delete", "history")
                ),
            ),
            MenuEntry("Groups", "folder_shared", "contacts_contactgroup_changelist", P.CONTACTS_VIEW),
            MenuEntry("Segments", "filter_alt", "contacts_segment_changelist", P.CONTACTS_VIEW),
            MenuEntry("Imports", "upload_file", "contacts_contactimport_changelist", P.CONTACTS_IMPORT),
            MenuEntry("Exports", "file_download", "exports_listexport_changelist", P.CONTACTS_EXPORT),
            MenuEntry("Replies", "reply", "tracking_reply_changelist", P.CONTACTS_VIEW),
            MenuEntry("Suppressions", "block", "contacts_suppression_changelist", P.CONTACTS_VIEW),
            MenuEntry(
                "Forms",
                "dynamic_form",
                "contacts_signupform_changelist",
                P.CONTACTS_VIEW,
                also_active=("contacts_signuprequest_changelist", "contacts_signuprequest_change"),
            ),
        ),
    ),
    MenuGroup(
        "Results",
        (
            MenuEntry("Compare", "compare_arrows", "compare", P.RESULTS_VIEW),
            MenuEntry("Engagement", "monitoring", "engagement", P.RESULTS_VIEW, also_active=("results",)),
            MenuEntry("Audience growth", "group_add", "audience_growth", P.RESULTS_VIEW),
            MenuEntry("Deliverability", "mark_email_read", "deliverability", P.RESULTS_VIEW),
            MenuEntry(
                "Events",
                "ads_click",
                "tracking_analyticsevent_changelist",
                P.RESULTS_VIEW,
                also_active=tuple(f"tracking_analyticsevent_{page}" for page in _EVENT_PAGES),
            ),
            MenuEntry(
                "Report packs",
                "summarize",
                "report_builder",
                P.RESULTS_EXPORT,
                also_active=tuple(
                    f"reports_report{model}_{page}"
                    for model in ("pack", "definition")
                    for page in ("changelist", "change", "delete", "history", "send", "link", "again")
                ),
            ),
        ),
    ),
    MenuGroup(
        "Sending",
        (
            MenuEntry("Domains", "dns", "domains_sendingdomain_changelist", P.SENDING_VIEW),
            MenuEntry("Connections", "cable", "delivery_connection_changelist", P.SENDING_VIEW),
            MenuEntry(
                "Webhooks",
                "webhook",
                "tracking_webhookendpoint_changelist",
                P.SENDING_VIEW,
                also_active=("tracking_deadevent_changelist", "tracking_deadevent_change"),
            ),
            MenuEntry("Sending problems", "report", "tracking_sendingalert_changelist", P.RESULTS_VIEW),
            MenuEntry("Messages", "outbox", "delivery_message_changelist", P.CAMPAIGNS_VIEW),
            MenuEntry("Test sends", "forward_to_inbox", "delivery_mailtest_changelist", P.TEMPLATES_MANAGE),
            MenuEntry("Sandbox inbox", "inbox", "delivery_sandboxmail_changelist", P.SENDING_VIEW),
        ),
    ),
    MenuGroup(
        "Client",
        (
            MenuEntry(
                "Settings and brand", "palette", "accounts_organization_change", P.ORGANIZATION_VIEW, for_current=True
            ),
            MenuEntry("Members", "badge", "accounts_organizationmembership_changelist", P.MEMBERS_VIEW),
            MenuEntry(
                "Plan and usage",
                "speed",
                "plan_and_usage",
                P.PLAN_VIEW,
                also_active=("subscriptions_usage_changelist",),
            ),
            MenuEntry("History", "history", "accounts_auditevent_changelist", P.HISTORY_VIEW),
        ),
    ),
    MenuGroup(
        "Agency",
        (
            MenuEntry(
                "Clients",
                "apartment",
                "accounts_organization_changelist",
                P.AGENCY,
                also_active=("accounts_organization_add",),
            ),
            MenuEntry("Users", "manage_accounts", "accounts_user_changelist", P.AGENCY),
            MenuEntry("Plans", "sell", "subscriptions_plan_changelist", P.AGENCY),
            MenuEntry("Subscriptions", "card_membership", "subscriptions_subscription_changelist", P.AGENCY),
            MenuEntry("Provider accounts", "enhanced_encryption", "delivery_agencyaccount_changelist", P.AGENCY),
            MenuEntry("Agency suppressions", "gavel", "contacts_agencysuppression_changelist", P.AGENCY),
            MenuEntry("Starter templates", "style", "email_templates_startertemplate_changelist", P.AGENCY),
            MenuEntry(
                "Jobs",
                "schedule",
                "django_celery_beat_periodictask_changelist",
                P.AGENCY,
                also_active=(
                    "django_celery_beat_intervalschedule_changelist",
                    "django_celery_beat_crontabschedule_changelist",
                    "django_celery_beat_solarschedule_changelist",
                    "django_celery_beat_clockedschedule_changelist",
                ),
            ),
            MenuEntry("Verdict checks", "rule", "tracking_verdictrun_changelist", P.AGENCY),
            MenuEntry("Lost hits", "heart_broken", "tracking_losthits_changelist", P.AGENCY),
            MenuEntry("Job results", "fact_check", "django_celery_results_taskresult_changelist", P.AGENCY),
            MenuEntry("Ledger checks", "verified", "delivery_ledgercheck_changelist", P.AGENCY),
            MenuEntry("Permission groups", "key", "auth_group_changelist", P.AGENCY),
        ),
    ),
)


@dataclass(frozen=True)
class OfferedEntry:
    """An entry this person may use now, with its address."""

    entry: MenuEntry
    link: str


def offered_entries(access: Access, group: MenuGroup) -> list[OfferedEntry]:
    """The group's entries for this person. An entry without a page is left out here and reported by `checks`."""
    offered = []
    for entry in group.entries:
        if entry.is_offered(access):
            link = link_or_none(partial(entry.link, access))
            if link:
                offered.append(OfferedEntry(entry, link))
    return offered


def link_or_none(make: Callable[[], str]) -> str | None:
    try:
        return make()
    except NoReverseMatch:
        return None


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The menu in unfold's own form, for this request."""
    access: Access | None = getattr(request, "access", None)
    if access is None:
        return []
    groups = []
    for group in MENU:
        items = [
            {
                "title": offered.entry.title,
                "icon": offered.entry.icon,
                "link": offered.link,
                "active": _lit(request, access, offered.entry),
                **_badge(access, offered.entry),
            }
            for offered in offered_entries(access, group)
        ]
        if items:
            groups.append({"title": group.title, "items": items})
    return groups


def _badge(access: Access, entry: MenuEntry) -> dict[str, Any]:
    """Unfold shows the badge of an entry that has one; nothing waiting is not worth one."""
    count = entry.badge(access) if entry.badge else 0
    return {"badge": f"{MOST_COUNTED}+" if count > MOST_COUNTED else count} if count else {}


def _lit(request: HttpRequest, access: Access, entry: MenuEntry) -> bool:
    """The current client's own form lights "Settings and brand" and not "Clients" as well."""
    if entry.url_name == "accounts_organization_changelist" and access.current is not None:
        match = request.resolver_match
        return bool(match and match.url_name == entry.url_name)
    if entry.for_current and access.current is not None:
        match = request.resolver_match
        stands_on = str((match.kwargs if match else {}).get("object_id", ""))
        return entry.is_active(request) and stands_on == str(access.current.pk)
    return entry.is_active(request)
