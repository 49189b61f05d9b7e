import pytest
from django.core.exceptions import ValidationError

from core.common.validators import validate_one_line, validate_time_zone


@pytest.mark.parametrize("value", ["a\r\nBcc: x@y.example", "a\nb", "a\x00b", "a\u2028b", "tab\there"])
def test_validate_one_line_refuses_line_breaks_and_control_characters(value: str) -> None:
    with pytest.raises(ValidationError):
        validate_one_line(value)


@pytest.mark.parametrize("value", ["", "Petal & Stem", "Ñandú 🌷", "שלום"])
def test_validate_one_line_takes_what_people_write(value: str) -> None:
    validate_one_line(value)


def test_validate_time_zone_knows_the_zones() -> None:
    validate_time_zone("Europe/Madrid")
    with pytest.raises(ValidationError):
        validate_time_zone("Mars/Olympus")
