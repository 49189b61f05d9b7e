"""What refusals mean, in the words of receivers and providers as they are in the wild."""

import random
import time

import pytest

from core.delivery.retry_policy import CONSEQUENCES, MAX_ATTEMPTS, classify, refused, retry_delay_seconds
from core.delivery.states import SkipReason
from core.delivery.transports.base import ErrorClass, OutcomeKind

E = ErrorClass
RETRY, FAILED = OutcomeKind.RETRY, OutcomeKind.FAILED

SMTP = [
    # Gmail
    ("550 5.1.1", "5.1.1 The email account that you tried to reach does not exist. Please try double-checking the "
     "recipient's email address for typos or unnecessary spaces.", E.BAD_ADDRESS, FAILED),
    ("550 5.2.1", "5.2.1 The email account that you tried to reach is inactive. Learn more at "
     "https://support.google.com/mail/?p=DisabledUser", E.BAD_ADDRESS, FAILED),
    ("452 4.2.2", "4.2.2 The recipient's inbox is out of storage space. Please direct the recipient to "
     "https://support.google.com/mail/?p=OverQuotaTemp", E.MAILBOX_FULL, RETRY),
    ("552 5.2.2", "5.2.2 The recipient's inbox is out of storage space and inactive.", E.MAILBOX_FULL, FAILED),
    ("421 4.7.28", "4.7.28 Gmail has detected an unusual rate of unsolicited mail originating from your IP address. "
     "To protect our users from spam, mail sent from your IP address has been temporarily rate limited.",
     E.RATE_LIMITED, RETRY),
    ("450 4.2.1", "4.2.1 The user you are trying to contact is receiving mail at a rate that prevents additional "
     "messages from being delivered.", E.RATE_LIMITED, RETRY),
    ("550 5.7.26", "5.7.26 Your email has been blocked because the sender is unauthenticated. Gmail requires all "
     "senders to authenticate with either SPF or DKIM.", E.AUTHENTICATION, FAILED),
    ("550 5.7.26", "5.7.26 Unauthenticated email from shop.example is not accepted due to domain's DMARC policy.",
     E.AUTHENTICATION, FAILED),
    ("550 5.7.1", "5.7.1 Our system has detected that this message is likely unsolicited mail.", E.CONTENT, FAILED),
    ("552 5.3.4", "5.3.4 Your message exceeded Google's message size limits.", E.SIZE, FAILED),
    # Microsoft
    ("550 5.5.0", "5.5.0 Requested action not taken: mailbox unavailable (S2017062302).", E.BAD_ADDRESS, FAILED),
    ("550 5.1.10", "5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup",
     E.BAD_ADDRESS, FAILED),
    ("550 5.7.1", "5.7.1 Unfortunately, messages from [192.0.2.1] weren't sent. Please contact your Internet service "
     "provider since part of their network is on our block list (S3150).", E.POLICY, FAILED),
    ("451 4.7.500", "4.7.500 Server busy. Please try again later from [192.0.2.1]. (S77719)", E.POLICY, RETRY),
    ("550 5.4.1", "5.4.1 Recipient address rejected: Access denied. AS(201806281)", E.POLICY, FAILED),
    # Yahoo
    ("554 5.7.9", "5.7.9 Message not accepted for policy reasons. See https://senders.yahooinc.com/error-codes",
     E.POLICY, FAILED),
    ("421 4.7.0", "4.7.0 [TSS04] Messages from 192.0.2.1 temporarily deferred due to unexpected volume or user "
     "complaints", E.POLICY, RETRY),
    ("421 4.7.0", "4.7.0 [TS01] Messages from 192.0.2.1 temporarily deferred due to user complaints",
     E.RATE_LIMITED, RETRY),
    ("554", "554 delivery error: dd This user doesn't have a yahoo.com account (ana@yahoo.com) [0]",
     E.BAD_ADDRESS, FAILED),
    ("554", "delivery error: dd Sorry, your message cannot be delivered. This mailbox is disabled (554.30).",
     E.BAD_ADDRESS, FAILED),
    # Others
    ("550", "No such user here", E.BAD_ADDRESS, FAILED),
    ("550 5.1.1", "5.1.1 <a@b.example>: Recipient address rejected: User unknown in virtual mailbox table",
     E.BAD_ADDRESS, FAILED),
    ("450 4.1.1", "4.1.1 <a@b.example>: Recipient address rejected: unverified address: unknown user",
     E.TEMPORARY, RETRY),
    ("450", "4.2.0 <a@b.example>: Recipient address rejected: Greylisted, see http://postgrey.schweikert.ch/help",
     E.POLICY, RETRY),
    ("554 5.7.1", "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using zen.spamhaus.org",
     E.POLICY, FAILED),
    ("550", "Message was rejected because it contains a virus", E.CONTENT, FAILED),
    ("550 5.2.0", "5.2.0 MXIN603 DMARC validation failed.", E.AUTHENTICATION, FAILED),
    ("552", "Mailbox quota exceeded", E.MAILBOX_FULL, FAILED),
    ("421", "Too many concurrent SMTP connections; please try again later.", E.RATE_LIMITED, RETRY),
    ("454 4.7.0", "Throttling failure: Maximum sending rate exceeded.", E.RATE_LIMITED, RETRY),
    ("554", "Throttling failure: Daily sending quota exceeded.", E.RATE_LIMITED, RETRY),
    ("451", "4.3.0 Temporary lookup failure", E.TEMPORARY, RETRY),
    ("550 5.4.4", "5.4.4 Unable to route: no mail hosts for domain", E.BAD_ADDRESS, FAILED),
    ("550", "Denied", E.UNKNOWN, FAILED),
    ("420", "whatever this may be", E.UNKNOWN, RETRY),
    # Ours, where no server said anything
    ("connection_refused", "[Errno 111] Connection refused", E.CONNECTION, RETRY),
    ("timeout", "", E.CONNECTION, RETRY),
    ("tls_certificate", "certificate has expired", E.CONNECTION, RETRY),
    ("server_too_slow", "the server took too long for the mails before this one", E.NOT_TRIED, RETRY),
    ("invalid_address", "The part before the @ is not a mail address.", E.OUR_ADDRESS, FAILED),
    ("smtputf8", "", E.OUR_ADDRESS, FAILED),
]  # fmt: skip
HTTP = [
    ("429", "too many requests", E.RATE_LIMITED, RETRY),
    ("503", "The server is unavailable", E.TEMPORARY, RETRY),
    ("401", "The provided authorization grant is invalid, expired, or revoked", E.CONNECTION, RETRY),
    ("413", "payload too large", E.SIZE, FAILED),
    ("400", "Does not contain a valid address.", E.UNKNOWN, FAILED),
    ("422", "InactiveRecipient: You tried to send to recipient(s) that have been marked as inactive.",
     E.BAD_ADDRESS, FAILED),
    ("400", "You have exceeded the maximum number of recipients: rate limit", E.RATE_LIMITED, RETRY),
    ("not_reached", "could not be reached", E.CONNECTION, RETRY),
    ("not_tried", "", E.NOT_TRIED, RETRY),
]  # fmt: skip


@pytest.mark.parametrize(("code", "words", "error", "kind"), SMTP)
def test_classify_smtp(code: str, words: str, error: ErrorClass, kind: OutcomeKind) -> None:
    assert refused(code, words) == (kind, error)


@pytest.mark.parametrize("provider", ["sendgrid", "anymail"])
@pytest.mark.parametrize(("code", "words", "error", "kind"), HTTP)
def test_classify_http(code: str, words: str, error: ErrorClass, kind: OutcomeKind, provider: str) -> None:
    assert refused(code, words, provider) == (kind, error)


def test_classify_a_number_of_smtp_is_none_of_http() -> None:
    assert classify("503", "Bad sequence of commands") is E.UNKNOWN
    assert refused("503", "Bad sequence of commands")[0] is FAILED
    assert refused("503", "", "sendgrid")[0] is RETRY


def test_consequences_name_every_class_and_only_bad_addresses_are_hard_bounces() -> None:
    assert set(CONSEQUENCES) == set(ErrorClass)
    assert [error for error, one in CONSEQUENCES.items() if one.is_hard_bounce] == [E.BAD_ADDRESS]
    assert CONSEQUENCES[E.BAD_ADDRESS].reason is SkipReason.BAD_ADDRESS


def test_classify_words_as_hostile_as_they_come_is_quick() -> None:
    began = time.process_time()
    for words in ("a" * 500, "exceeded the " * 40, "mailbox " * 60, "message " * 60, "[" * 500):
        classify("550", words)
    assert time.process_time() - began < 1  # generous: what goes back and forth over the words needs minutes


@pytest.mark.parametrize("error", list(ErrorClass))
def test_retry_delay_of_every_class_ends_after_the_last_attempt(error: ErrorClass) -> None:
    assert retry_delay_seconds(attempts=MAX_ATTEMPTS, error=error) is None
    delay = retry_delay_seconds(attempts=MAX_ATTEMPTS - 1, error=error)
    assert delay is not None
    assert 1 <= delay <= CONSEQUENCES[error].longest_delay


def test_retry_delay_of_a_full_mailbox_is_longer_than_that_of_a_busy_server() -> None:
    random.seed(1)
    waits = {
        error: sum(retry_delay_seconds(attempts=1, error=error) or 0 for _ in range(300))
        for error in (E.NOT_TRIED, E.TEMPORARY, E.POLICY, E.MAILBOX_FULL)
    }
    assert list(waits.values()) == sorted(waits.values())
