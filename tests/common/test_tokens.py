import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.common.tokens import BadToken, Purpose, sign, unsign

PAYLOAD = b"0123456789abcdef"
KEY_1 = "first-key-first-key-first-key-first-key"
KEY_2 = "second-key-second-key-second-key-second"


@given(st.binary(min_size=1, max_size=64), st.sampled_from(Purpose))
def test_unsign_of_own_token_returns_the_payload(payload: bytes, purpose: Purpose) -> None:
    assert unsign(purpose, sign(purpose, payload)) == payload


def test_unsign_for_another_purpose_is_refused() -> None:
    with pytest.raises(BadToken):
        unsign(Purpose.UNSUBSCRIBE, sign(Purpose.CLICK, PAYLOAD))


def test_unsign_with_any_character_changed_is_refused() -> None:
    token = sign(Purpose.OPEN, PAYLOAD)
    for position, character in enumerate(token):
        changed = token[:position] + ("A" if character != "A" else "B") + token[position + 1 :]
        with pytest.raises(BadToken):
            unsign(Purpose.OPEN, changed)


@given(st.text(max_size=80))
def test_unsign_of_arbitrary_text_is_refused(text: str) -> None:
    with pytest.raises(BadToken):
        unsign(Purpose.OPEN, text)


def test_unsign_after_rotation_still_reads_old_tokens(settings: object) -> None:
    settings.TOKEN_KEYS = {1: KEY_1}
    old = sign(Purpose.CLICK, PAYLOAD)
    settings.TOKEN_KEYS = {1: KEY_1, 2: KEY_2}
    assert unsign(Purpose.CLICK, old) == PAYLOAD
    assert sign(Purpose.CLICK, PAYLOAD) != old


def test_unsign_with_a_withdrawn_key_is_refused(settings: object) -> None:
    settings.TOKEN_KEYS = {1: KEY_1}
    old = sign(Purpose.CLICK, PAYLOAD)
    settings.TOKEN_KEYS = {2: KEY_2}
    with pytest.raises(BadToken):
        unsign(Purpose.CLICK, old)
