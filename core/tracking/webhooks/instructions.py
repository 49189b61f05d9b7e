"""What to enter where, so that a provider's reports and a client's incoming mails come to an endpoint."""

from dataclasses import dataclass

from django.conf import settings

from core.delivery.models.kinds import AnymailProvider
from core.tracking.choices import WebhookKind
from core.tracking.inbound.signature import SIGNATURE_HEADER, TIMESTAMP_HEADER
from core.tracking.models import WebhookEndpoint
from core.tracking.webhooks.links import inbound_url, provider_url, webhook_url
from core.tracking.webhooks.proof import BASIC_USER
from core.tracking.webhooks.sources import SENDGRID, provider_of

SIGNING_PROVIDERS = frozenset({AnymailProvider.MAILERSEND, AnymailProvider.MAILGUN, AnymailProvider.RESEND})
"""They give a secret away to sign with; for the others one is made up."""
_YOUR_SECRET = "YOUR-SECRET"
_LAST = "The line “Last report received” above changes within a minute."

_SCRIPT = """#!/bin/sh
# Postfix, in master.cf: engagex unix - n n - - pipe flags=DOR user=nobody argv=/usr/local/bin/engagex-mail
secret='{secret}'
mail=$(mktemp) && trap 'rm -f "$mail"' EXIT && cat > "$mail"
time=$(date +%s)
signature=$({{ printf '%s.' "$time"; cat "$mail"; }} | openssl dgst -sha256 -hmac "$secret" -r | cut -d ' ' -f 1)
curl --fail --silent --show-error --data-binary @"$mail" --header 'Content-Type: message/rfc822' \\
  --header "{timestamp}: $time" --header "{signature}: $signature" '{url}' || exit 75
"""

_OTHER_SERVER = """{
  "to": ["test@reply.shop.example"],
  "raw": "UmV0dXJuLVBhdGg6IDw+…"
}"""


@dataclass(frozen=True, slots=True)
class Instructions:
    """`copies` are labels with texts to copy, one of them the address; `test` says how to see that it works."""

    copies: tuple[tuple[str, str], ...]
    steps: tuple[str, ...]
    test: str


def instructions_for(endpoint: WebhookEndpoint) -> Instructions:
    if endpoint.kind == WebhookKind.INBOUND_SENDGRID:
        return _inbound_parse(endpoint)
    if endpoint.kind == WebhookKind.INBOUND_SIGNED:
        return _own_server(endpoint)
    provider = provider_of(endpoint)
    return _sendgrid(endpoint) if provider == SENDGRID else _provider(endpoint, AnymailProvider(provider))


def _sendgrid(endpoint: WebhookEndpoint) -> Instructions:
    return Instructions(
        (("Address", webhook_url(endpoint.connection_id)),),
        (
            "In SendGrid open Settings, Mail Settings, Event Webhooks, and add one with this address.",
            "Choose all deliverability events; of the engagement events Spam Reports and Unsubscribes.",
            "Switch on Signature Verification, copy the verification key, and enter it here under Proof.",
        ),
        f"Press “Test Your Integration” in SendGrid. {_LAST}",
    )


_PLACES: dict[str, tuple[str, str]] = {
    AnymailProvider.BREVO: (
        "In Brevo open Transactional, Settings, Webhook, and add one with this address.",
        "Choose all events but opens and clicks: EngageX counts those itself.",
    ),
    AnymailProvider.MAILERSEND: (
        "In MailerSend open the domain, Webhooks, and add one with this address.",
        "Choose sent, delivered, soft bounced, hard bounced, unsubscribed and spam complaints.",
    ),
    AnymailProvider.MAILGUN: (
        "In Mailgun open Send, Sending, Webhooks, and add this address for the domain.",
        "Add it for delivered, permanent failure, temporary failure, spam complaints and unsubscribes.",
    ),
    AnymailProvider.MAILJET: (
        "In Mailjet open Account settings, Event notifications, and enter this address.",
        "Choose sent, bounce, blocked, spam and unsub.",
    ),
    AnymailProvider.POSTMARK: (
        "In Postmark open the server, the message stream, Webhooks, and add one with this address.",
        "Choose delivery, bounce, spam complaint and subscription change.",
    ),
    AnymailProvider.RESEND: (
        "In Resend open Webhooks and add one with this address.",
        "Choose sent, delivered, delivery delayed, bounced and complained.",
    ),
    AnymailProvider.SPARKPOST: (
        "In SparkPost open Configuration, Webhooks, and create one with this address.",
        "Choose message events and unsubscribe events, and basic authentication.",
    ),
}
_SECRETS: dict[str, str] = {
    AnymailProvider.MAILERSEND: "Copy the signing secret that MailerSend shows, and enter it here under Proof.",
    AnymailProvider.MAILGUN: "Copy the HTTP webhook signing key from Mailgun's API security page, and enter it here.",
    AnymailProvider.RESEND: "Copy the signing secret of the webhook (it begins with whsec_), and enter it here.",
}


def _provider(endpoint: WebhookEndpoint, provider: AnymailProvider) -> Instructions:
    url = provider_url(endpoint.connection_id)
    where, what = _PLACES[provider]
    test = f"Send a test from {provider.label}'s page of the webhook, or a mail to yourself. {_LAST}"
    if provider in SIGNING_PROVIDERS:
        return Instructions((("Address", url),), (where, what, _SECRETS[provider]), test)
    scheme, _, rest = url.partition("://")
    with_secret = f"{scheme}://{BASIC_USER}:{_YOUR_SECRET}@{rest}"
    return Instructions(
        (("Address with the secret in it", with_secret), ("Address, where user and password have fields", url)),
        (
            "Make up a secret of 24 letters and digits or more, and enter it here under Proof.",
            where,
            f"Put the secret in the place of {_YOUR_SECRET}, or enter the user {BASIC_USER} with it as the password.",
            what,
        ),
        test,
    )


def _inbound_parse(endpoint: WebhookEndpoint) -> Instructions:
    return Instructions(
        (("Address", inbound_url(endpoint)), ("Mail server of the host (MX)", "mx.sendgrid.net")),
        (
            "In the DNS point the MX record of the host, such as reply.shop.example, to mx.sendgrid.net.",
            "In SendGrid open Settings, Inbound Parse, and add the host with this address. It is a secret: whoever "
            "knows it can hand in mails.",
            "Tick “Post the raw, full MIME message”. Enter the host here under Hosts.",
        ),
        "Write a mail to test@ at your host. From then on campaigns use the host.",
    )


def _own_server(endpoint: WebhookEndpoint) -> Instructions:
    url = inbound_url(endpoint)
    script = _SCRIPT.format(secret=_YOUR_SECRET, url=url, timestamp=TIMESTAMP_HEADER, signature=SIGNATURE_HEADER)
    target = settings.RETURN_PATH_TARGET
    hosts = f"Bounces: point the CNAME of the host to {target}. " if target else ""
    return Instructions(
        (("Address", url), ("Script for Postfix", script), ("JSON, for any other mail server", _OTHER_SERVER)),
        (
            "Make up a secret of 24 letters and digits or more, and enter it here under Proof.",
            f"{hosts}Have your mail server take the mail of the host. Postfix pipes each one into this script.",
            "Any other server posts this JSON to the address, with Content-Type: application/json: “to” holds the "
            "addresses that the mail was delivered to (RCPT TO, not what its To says), “raw” the whole mail in base64. "
            f"{TIMESTAMP_HEADER} is the time in seconds since 1970, {SIGNATURE_HEADER} the HMAC-SHA256 in hexadecimal "
            "of that time, a point, and the body. Without “to” a mail is read, but proves no host.",
            "Enter the host here under Hosts.",
        ),
        "Write a mail to test@ at your host. From then on campaigns use the host.",
    )
