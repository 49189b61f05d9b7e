"""Real answers of mail servers, each in its class. What harms a contact must be beyond doubt."""

import pytest

from core.delivery.bounces import ABOUT_SENDER, HARD, BounceClass
from core.tracking.bounce_classes import classify

B = BounceClass


@pytest.mark.parametrize(
    ("status", "words", "expected"),
    [
        ("5.1.1", "550 5.1.1 The email account that you tried to reach does not exist.", B.INVALID_ADDRESS),
        ("5.1.10", "550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found", B.INVALID_ADDRESS),
        ("", "550 No such user here", B.INVALID_ADDRESS),
        ("5.0.0", "554 delivery error: dd This user doesn't have a yahoo.com account", B.UNDETERMINED),
        ("5.1.2", "550 5.1.2 Bad destination system address", B.DOMAIN_INVALID),
        ("5.2.1", "550 5.2.1 The email account that you tried to reach is disabled.", B.MAILBOX_DISABLED),
        ("4.2.1", "450 4.2.1 The user you are trying to contact is receiving mail too quickly.", B.UNDETERMINED),
        ("5.2.2", "552 5.2.2 The email account that you tried to reach is over quota", B.MAILBOX_FULL),
        ("4.2.2", "452 4.2.2 mailbox full", B.MAILBOX_FULL),
        ("5.7.1", "550 5.7.1 Service unavailable; client [192.0.2.1] blocked using Spamhaus", B.REPUTATION),
        ("5.7.26", "550-5.7.26 This mail has been blocked because the sender is unauthenticated.", B.AUTH),
        ("5.7.515", "550 5.7.515 Access denied, sending domain does not meet the required level", B.AUTH),
        ("4.7.28", "421-4.7.28 Gmail has detected an unusual rate of mail", B.RATE),
        ("5.7.1", "550 5.7.1 Message rejected due to content restrictions", B.CONTENT),
        ("5.7.1", "554 5.7.1 Recipient address rejected: user unknown, access denied", B.POLICY),
        ("5.4.7", "554 5.4.7 delivery time expired", B.EXPIRED),
        ("", "unable to deliver: message expired in queue", B.EXPIRED),
        ("5.3.4", "552 5.3.4 Message size exceeds fixed limit", B.TOO_BIG),
        ("4.4.1", "connection timed out", B.NETWORK),
        ("5.1.1", "550 5.1.1 user unknown, please try again later", B.UNDETERMINED),
        ("", "", B.UNDETERMINED),
    ],
)
def test_classify_answers_of_servers(status: str, words: str, expected: BounceClass) -> None:
    assert classify(status=status, words=words) == expected


def test_classify_block_is_never_hard() -> None:
    assert classify(status="5.1.1", words="550 5.1.1 user unknown", is_block=True) not in HARD


def test_classify_hint_decides_only_where_code_and_words_say_nothing() -> None:
    assert classify(status="5.0.0", words="550 denied", hint=B.INVALID_ADDRESS) == B.INVALID_ADDRESS
    assert classify(status="5.7.1", words="550 listed on a blocklist", hint=B.INVALID_ADDRESS) in ABOUT_SENDER
