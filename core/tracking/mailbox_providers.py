"""Which mailbox provider keeps an address, by its domain. The big ones by name; everybody else is `OTHER`."""

OTHER = "Other"

_DOMAINS = {
    "Gmail": ("gmail.com", "googlemail.com"),
    "Microsoft": (
        *("outlook.com", "hotmail.com", "live.com", "msn.com", "outlook.de", "outlook.es", "outlook.fr", "outlook.it"),
        *("hotmail.co.uk", "hotmail.de", "hotmail.es", "hotmail.fr", "hotmail.it", "live.co.uk", "live.de", "live.fr"),
        *("live.it", "live.nl", "passport.com", "windowslive.com"),
    ),
    "Yahoo": (
        *("yahoo.com", "yahoo.co.uk", "yahoo.de", "yahoo.es", "yahoo.fr", "yahoo.it", "yahoo.ca", "yahoo.com.br"),
        *("yahoo.co.in", "yahoo.co.jp", "ymail.com", "rocketmail.com", "aol.com", "aol.de", "verizon.net"),
    ),
    "Apple": ("icloud.com", "me.com", "mac.com"),
    "GMX and WEB.DE": ("gmx.de", "gmx.net", "gmx.at", "gmx.ch", "gmx.com", "web.de", "mail.com", "email.de"),
    "Telekom": ("t-online.de", "magenta.de"),
    "Orange": ("orange.fr", "wanadoo.fr"),
    "Proton": ("proton.me", "protonmail.com", "protonmail.ch", "pm.me"),
    "Comcast": ("comcast.net", "xfinity.com"),
    "Libero": ("libero.it", "virgilio.it"),
    "Mail.ru": ("mail.ru", "bk.ru", "inbox.ru", "list.ru"),
    "QQ": ("qq.com", "foxmail.com"),
}

# The demo's people. Nobody can have such an address (RFC 2606).
_DEMO = {
    "gmail.example": "Gmail",
    "outlook.example": "Microsoft",
    "yahoo.example": "Yahoo",
    "icloud.example": "Apple",
    "gmx.example": "GMX and WEB.DE",
}

PROVIDER_BY_DOMAIN = {domain: provider for provider, domains in _DOMAINS.items() for domain in domains} | _DEMO


def provider_of(domain: str) -> str:
    """The provider that keeps the mailboxes of a domain, or OTHER. Domains in lower case, without a dot at the end."""
    return PROVIDER_BY_DOMAIN.get(domain, OTHER)
