"""The look of the admin. What depends on the request lives in core.adminsite, named here by path."""

from typing import Any

from django.templatetags.static import static


def _static(path: str) -> Any:
    return lambda request: static(path)


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "EngageX",
    "SITE_HEADER": "EngageX",
    "SITE_SYMBOL": "mail",
    "SITE_URL": None,
    "SITE_FAVICONS": [
        {"rel": "icon", "type": "image/svg+xml", "href": _static("adminsite/favicon.svg")},
    ],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "ENVIRONMENT": "core.adminsite.context.environment_label",
    "DASHBOARD_CALLBACK": "core.adminsite.home.pages.home_context",
    "STYLES": [_static("adminsite/engagex.css")],
    "SCRIPTS": [_static("adminsite/engagex.js"), _static("adminsite/drafts.js")],
    "BORDER_RADIUS": "8px",
    "COLORS": {
        "primary": {
            "50": "oklch(97.5% .013 236)",
            "100": "oklch(94.5% .028 236)",
            "200": "oklch(89.5% .058 236)",
            "300": "oklch(82.0% .100 236)",
            "400": "oklch(73.0% .140 238)",
            "500": "oklch(63.5% .155 241)",
            "600": "oklch(54.5% .150 246)",
            "700": "oklch(47.5% .132 248)",
            "800": "oklch(40.5% .108 248)",
            "900": "oklch(35.5% .085 248)",
            "950": "oklch(26.5% .062 248)",
        },
    },
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "core.adminsite.navigation.sidebar",
    },
    "COMMAND": {"search_models": False, "search_callback": "core.adminsite.search.command_results"},
    "LOGIN": {
        "form": "core.adminsite.forms.LoginForm",
        "image": _static("adminsite/login.svg"),
        "redirect_after": None,
    },
}
