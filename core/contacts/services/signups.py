"""From an address typed into a form to a confirmed contact. The delivery package sends the mail in between.

A request moves waiting → sent → confirmed, or to failed; this module is the only writer of its state. Delivery takes
due requests with `signup_requests_claim` and says with `signup_mail_outcome` what became of each.
"""

import datetime
import enum
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

from django.db import transaction
from django.db.models import F
from django.utils import timezone

from core.accounts import audit
from core.common.tasks import wake
from core.common.tenancy import require
from core.contacts.address_standing import address_refusals, end_own_suppressions
from core.contacts.addresses import Address
from core.contacts.choices import (
    ConsentBasis,
    ConsentChange,
    ContactStatus,
    SignupState,
    SuppressionKind,
    SuppressionReason,
)
from core.contacts.errors import ContactExists
from core.contacts.models import Contact, ContactGroupMembership, SignupForm, SignupRequest, Suppression
from core.contacts.services.consent import consent_record
from core.contacts.services.contacts import contact_add, contact_change
from core.contacts.suppression_keys import suppression_key
from core.subscriptions.errors import LimitReached, NoUsableSubscription

SEND_TASK = "delivery.send_confirmations"
ATTRIBUTE = "attributes."
"""Begins the key of a custom field in SignupForm.asked_fields and SignupRequest.values."""
SAME_REQUEST_WITHIN = datetime.timedelta(minutes=10)
MAILS_PER_ADDRESS = 5
"""Requests of one address to one client in 24 hours: nobody's inbox is filled through a form."""
KEPT_UNCONFIRMED = datetime.timedelta(days=30)
BEING_SENT = "The mail is being handed over."
SENT_AGAIN = "The mail is being handed over once more: the first attempt ended without a word."
NO_WORD = "Two attempts ended without a word from the mail server, so the mail is not sent again by itself."
_ENDED_BY_CONFIRMING = frozenset({ContactStatus.UNSUBSCRIBED, ContactStatus.PENDING, ContactStatus.BOUNCED})


@transaction.atomic
def signup_request(
    *, form: SignupForm, address: Address, values: Mapping[str, Any], network: str = ""
) -> SignupRequest | None:
    """Somebody asks to be subscribed; the confirmation mail becomes due. Nothing is looked up about the address here,
    so that the answer, and the time it takes, tell nobody who is known.

    The same address at the same form within some minutes is the same request. None after MAILS_PER_ADDRESS a day.
    """
    # Two clicks at once: the second waits here and then finds the first one's request.
    SignupForm.objects.select_for_update(no_key=True).get(pk=form.pk)
    now = timezone.now()
    of_today = SignupRequest.objects.filter(
        organization_id=form.organization_id,
        email_key=address.email_key,
        created_at__gt=now - datetime.timedelta(days=1),
    )
    recent = list(of_today.order_by("-id")[:MAILS_PER_ADDRESS])
    for request in recent:
        if request.form_id == form.pk and _is_open(request, now):
            return request
    if len(recent) >= MAILS_PER_ADDRESS:
        return None
    request = SignupRequest.objects.create(
        organization_id=form.organization_id,
        form=form,
        email=address.email,
        email_key=address.email_key,
        values=dict(values),
        consent_text=form.consent_text,
        network=network,
        due_at=now,
    )
    wake(SEND_TASK, organization_id=form.organization_id)
    return request


def _is_open(request: SignupRequest, now: datetime.datetime) -> bool:
    is_recent = request.created_at > now - SAME_REQUEST_WITHIN
    return is_recent and request.state in (SignupState.WAITING, SignupState.SENT)


# Confirming


class SignupResult(enum.Enum):
    CONFIRMED = "confirmed"
    REFUSED = "refused"  # somebody else's suppression stands against the address
    NO_ROOM = "no_room"  # kept: the client's plan has no room for another contact


@dataclass(frozen=True)
class _Confirmation:
    """When and from which network somebody confirmed."""

    confirmed_at: datetime.datetime
    network: str


def signup_confirm(*, request_id: UUID, network: str = "") -> SignupResult:
    """The person confirmed: make or update the contact, its groups and its consent. Safe to call twice.

    Raises SignupRequest.DoesNotExist.
    """
    confirmation = _Confirmation(timezone.now(), network)
    try:
        return _confirm(request_id, confirmation)
    except (LimitReached, NoUsableSubscription) as full:
        _keep_for_room(request_id, confirmation, str(full))
        return SignupResult.NO_ROOM


@transaction.atomic
def _confirm(request_id: UUID, confirmation: _Confirmation) -> SignupResult:
    request = SignupRequest.objects.select_for_update(of=("self",)).select_related("form").get(pk=request_id)
    if request.state == SignupState.CONFIRMED:
        return SignupResult.CONFIRMED
    refusals = address_refusals(organization_id=request.organization_id, email_keys=[request.email_key])
    if refusals:
        request.problem = f"Confirmed, but not subscribed. {refusals[request.email_key]}"[:300]
        request.save(update_fields=["problem"])
        return SignupResult.REFUSED
    contact = _subscribed(request, confirmation)
    request.state, request.contact, request.problem, request.due_at = SignupState.CONFIRMED, contact, "", None
    request.confirmed_at = confirmation.confirmed_at
    request.save(update_fields=["state", "contact", "problem", "due_at", "confirmed_at"])
    return SignupResult.CONFIRMED


@transaction.atomic
def _keep_for_room(request_id: UUID, confirmation: _Confirmation, problem: str) -> None:
    """The person did her part: the request waits, marked, until staff has made room."""
    request = SignupRequest.objects.select_for_update().get(pk=request_id)
    if request.state != SignupState.CONFIRMED:
        request.confirmed_at = request.confirmed_at or confirmation.confirmed_at
        request.problem, request.due_at = problem[:300], None
        request.save(update_fields=["confirmed_at", "problem", "due_at"])


def _subscribed(request: SignupRequest, confirmation: _Confirmation) -> Contact:
    """The contact of a confirmed request, subscribed by its own wish. Raises LimitReached or NoUsableSubscription."""
    source = f"Form {request.form.name}"
    contact = _contact(request, source)
    before = contact.status
    end_own_suppressions(organization_id=request.organization_id, email_key=request.email_key)
    if before in _ENDED_BY_CONFIRMING:
        contact.status = ContactStatus.SUBSCRIBED
    contact.paused_until = None
    contact.language = contact.language or request.form.language
    contact.save(update_fields=["status", "paused_until", "language", "updated_at"])
    _join_groups(contact, request.form)
    consent_record(
        contact=contact,
        change=ConsentChange.CONFIRMED,
        basis=ConsentBasis.DOUBLE_OPT_IN,
        source=source,
        wording=request.consent_text,
        network=confirmation.network or request.network,
        occurred_at=confirmation.confirmed_at,
    )
    changes: audit.Changes = {"status": [before, contact.status], "form": [None, request.form.name]}
    audit.record(action="contact.signed_up", obj=contact, changes=changes)
    return contact


def _contact(request: SignupRequest, source: str) -> Contact:
    """Found or added, and its empty fields filled with what was asked; nothing that is known is overwritten."""
    known = Contact.objects.select_for_update().filter(
        organization_id=request.organization_id, email_key=request.email_key, deleted_at=None
    )
    contact = known.first()
    if contact is None:
        try:
            contact = contact_add(organization=request.form.organization, email=request.email, source=source[:100])
        except ContactExists:
            contact = known.get()  # an import, or a colleague, was quicker
    filled = _filled(contact, request.values)
    return contact_change(contact_id=contact.pk, email=contact.email, **filled) if filled else contact


def _filled(contact: Contact, values: Mapping[str, Any]) -> dict[str, Any]:
    """Fields of the contact that are empty, with what the person wrote."""
    given = {key: value for key, value in values.items() if value not in ("", None)}
    fields = {key: value for key, value in given.items() if not key.startswith(ATTRIBUTE) and not getattr(contact, key)}
    attributes = {key.removeprefix(ATTRIBUTE): value for key, value in given.items() if key.startswith(ATTRIBUTE)}
    missing = {key: value for key, value in attributes.items() if contact.attributes.get(key) in ("", None)}
    if missing:
        fields["attributes"] = missing
    return fields


def _join_groups(contact: Contact, form: SignupForm) -> None:
    """Into the form's groups; a topic among them that the person had left is joined again."""
    group_ids = list(form.form_groups.order_by("group_id").values_list("group_id", flat=True))
    ContactGroupMembership.objects.bulk_create(
        [
            ContactGroupMembership(organization_id=contact.organization_id, group_id=group_id, contact=contact)
            for group_id in group_ids
        ],
        ignore_conflicts=True,
    )
    Suppression.objects.filter(
        organization_id=contact.organization_id,
        group_id__in=group_ids,
        key=suppression_key(SuppressionKind.ADDRESS, contact.email_key),
        reason=SuppressionReason.UNSUBSCRIBED,
    ).delete()


def signup_admit(*, form_id: UUID) -> tuple[int, int]:
    """Subscribe those who confirmed while the plan had no room: how many are in now, how many still wait."""
    waiting = SignupRequest.objects.filter(form_id=form_id, confirmed_at__isnull=False)
    ids = list(waiting.exclude(state=SignupState.CONFIRMED).order_by("confirmed_at").values_list("pk", "confirmed_at"))
    for done, (request_id, confirmed_at) in enumerate(ids):
        assert confirmed_at is not None
        try:
            _confirm(request_id, _Confirmation(confirmed_at, ""))
        except (LimitReached, NoUsableSubscription):
            return done, len(ids) - done
    return len(ids), 0


# The mail


def signup_requests_claim(*, organization_id: UUID, limit: int, lease: datetime.timedelta) -> list[SignupRequest]:
    """Take due requests in hand, each for the length of the lease; call in autocommit and send after the return.

    Two workers never hold one request. A worker killed while it holds one leaves it due again after the lease, and it
    is sent once more, since nobody knows whether the mail left; a second silence ends it. So a crash costs a person at
    most one double mail, and never the subscription.
    """
    require(organization_id)
    now = timezone.now()
    with transaction.atomic():
        due = SignupRequest.objects.select_for_update(skip_locked=True, of=("self",)).filter(
            organization_id=organization_id, state=SignupState.WAITING, due_at__lte=now
        )
        requests = list(due.select_related("form", "organization").order_by("due_at", "id")[:limit])
        claimed = [request for request in requests if _take(request)]
        for request in requests:
            request.due_at = now + lease if request.state == SignupState.WAITING else None
        SignupRequest.objects.bulk_update(requests, ["state", "problem", "due_at", "attempts"])
    return claimed


def _take(request: SignupRequest) -> bool:
    """Mark the request as in hand; False for one that was in silent hands twice."""
    if request.problem == SENT_AGAIN:
        request.state, request.problem = SignupState.FAILED, NO_WORD
        return False
    request.problem = SENT_AGAIN if request.problem == BEING_SENT else BEING_SENT
    request.attempts += 1
    return True


def signup_mail_outcome(
    *, request_id: UUID, state: SignupState, problem: str = "", due_at: datetime.datetime | None = None
) -> bool:
    """What became of the mail of a claimed request: SENT, FAILED, or WAITING until `due_at`. `problem` holds the
    provider's words. False when the request is no longer waiting: the person was quicker."""
    waiting = SignupRequest.objects.filter(pk=request_id, state=SignupState.WAITING)
    return bool(waiting.update(state=state, problem=problem[:300], due_at=due_at))


def signup_requests_postpone(*, request_ids: list[UUID], problem: str, due_at: datetime.datetime) -> None:
    """Nothing of these mails was sent, and nobody is to blame for it: they wait, and the attempt does not count."""
    waiting = SignupRequest.objects.filter(pk__in=request_ids, state=SignupState.WAITING)
    waiting.update(problem=problem[:300], due_at=due_at, attempts=F("attempts") - 1)


@transaction.atomic
def signup_resend(*, request_id: UUID) -> bool:
    """Make the confirmation mail due once more, by staff; False for a request that is confirmed or on its way."""
    request = SignupRequest.objects.select_for_update().get(pk=request_id)
    if request.confirmed_at is not None or request.state == SignupState.WAITING:
        return False
    before = request.state
    request.state, request.problem, request.attempts, request.due_at = SignupState.WAITING, "", 0, timezone.now()
    request.save(update_fields=["state", "problem", "attempts", "due_at"])
    audit.record(action="signuprequest.sent_again", obj=request, changes={"state": [before, request.state]})
    wake(SEND_TASK, organization_id=request.organization_id)
    return True


def signup_requests_prune() -> int:
    """Forget requests that nobody confirmed within KEPT_UNCONFIRMED, in the open scope; how many. Who confirmed and
    waits for room stays."""
    old = SignupRequest.objects.filter(confirmed_at=None, created_at__lt=timezone.now() - KEPT_UNCONFIRMED)
    return old.delete()[0]
