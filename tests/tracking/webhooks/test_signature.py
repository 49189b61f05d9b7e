"""SendGrid's signature, by the vector of its own library, and keys as people paste them."""

import datetime
import json

import pytest

from core.tracking.webhooks.signature import BadKey, BadSignature, clean_key, verify

# Of sendgrid-python, test/unit/test_eventwebhook.py.
KEY = (
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAE83T4O/n84iotIvIW4mdBgQ/7dAfSmpqIM8kF9mN1flpVKS3GRqe62gw+2fNNRaINXvVpiglSI8"
    "eNEc6wEA3F+g=="
)
SIGNATURE = "MEUCIGHQVtGj+Y3LkG9fLcxf3qfI10QysgDWmMOVmxG0u6ZUAiEAyBiXDWzM+uOe5W0JuG+luQAbPIqHh89M15TluLtEZtM="
TIMESTAMP = "1600112502"
EVENT = {
    "email": "hello@world.com",
    "event": "dropped",
    "reason": "Bounced Address",
    "sg_event_id": "ZHJvcC0xMDk5NDkxOS1MUnpYbF9OSFN0T0doUTRrb2ZTbV9BLTA",
    "sg_message_id": "LRzXl_NHStOGhQ4kofSm_A.filterdrecv-p3mdw1-756b745b58-kmzbl-18-5F5FC76C-9.0",
    "smtp-id": "<LRzXl_NHStOGhQ4kofSm_A@ismtpd0039p1iad1.sendgrid.net>",
    "timestamp": 1600112492,
}
BODY = (json.dumps([EVENT], sort_keys=True, separators=(",", ":")) + "\r\n").encode()
NOW = datetime.datetime.fromtimestamp(int(TIMESTAMP), datetime.UTC)
OF_ANOTHER_CURVE = (
    "MHYwEAYHKoZIzj0CAQYFK4EEACIDYgAEVh1pQmcCW6rBFDbGcYGQWSdPPBYHBGRx1cs2jJ0BMaRbkZKhIwjvAR8x7PWBKC1dQFTXy7QVZ2nHrVyW"
)


def check(body: bytes = BODY, signature: str = SIGNATURE, timestamp: str = TIMESTAMP, key: str = KEY) -> None:
    verify(body, signature=signature, timestamp=timestamp, keys=(key,), now=NOW)


def test_verify_vendors_vector_passes() -> None:
    check()


@pytest.mark.parametrize(
    "change",
    [{"body": BODY[:-2]}, {"body": BODY + b" "}, {"timestamp": "1600112503"}, {"signature": SIGNATURE[:-4] + "AAA="}],
)
def test_verify_vendors_vector_changed_is_refused(change: dict[str, str]) -> None:
    with pytest.raises(BadSignature):
        check(**change)  # type: ignore[arg-type]


def test_clean_key_takes_pem_lines_and_blanks() -> None:
    lines = "\n".join(KEY[start : start + 64] for start in range(0, len(KEY), 64))
    assert clean_key(f"-----BEGIN PUBLIC KEY-----\n{lines}\n-----END PUBLIC KEY-----\n") == KEY
    assert clean_key(f"  {KEY}\n") == KEY


@pytest.mark.parametrize("text", ["", "SG.abc.def", "AAAA", KEY[:-10], "é", OF_ANOTHER_CURVE])
def test_clean_key_of_anything_else_is_refused(text: str) -> None:
    with pytest.raises(BadKey):
        clean_key(text)
