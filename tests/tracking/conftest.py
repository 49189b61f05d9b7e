"""A campaign that went out, for everything that comes back from it."""

import pytest

from core.accounts.models import Organization
from core.common.tenancy import organization_scope
from tests.tracking.mailed import Mailed, mailed_campaign


@pytest.fixture
def mailed(florist: Organization) -> Mailed:
    """To three people, a minute ago. Outside a scope, as a request from the world comes."""
    with organization_scope(florist):
        return mailed_campaign(florist)
