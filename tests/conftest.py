"""Two clients of identical shape, people in every role, and the scopes to work in."""

import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from django.core.cache import cache
from django.db import connection
from django.test import Client
from hypothesis import settings as hypothesis_settings

from core.accounts.choices import Role
from core.accounts.models import Organization, User
from core.common.tenancy import all_organizations, organization_scope
from tests.support import factories

# Playwright keeps an event loop on the thread of the test, which Django would take for async code.
os.environ.setdefault("DJANGO_ALLOW_ASYNC_UNSAFE", "1")

# Examples are judged by what comes out: on a busy machine each of them may take longer than Hypothesis' 200 ms.
hypothesis_settings.register_profile("unhurried", deadline=None)
hypothesis_settings.load_profile("unhurried")


@pytest.fixture(autouse=True)
def _empty_cache() -> Iterator[None]:
    cache.clear()
    yield


@pytest.fixture(scope="session")
def django_db_setup(django_db_setup: None, django_db_blocker: Any) -> Iterator[None]:
    """Sessions of killed workers may outlive the tests by a moment; the database cannot be dropped under them."""
    yield
    with django_db_blocker.unblock(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity"
            " WHERE datname = current_database() AND pid <> pg_backend_pid()"
        )


@pytest.fixture
def florist(db: None) -> Organization:
    return factories.make_organization("Florist")


@pytest.fixture
def museum(db: None) -> Organization:
    return factories.make_organization("Museum")


@pytest.fixture
def in_florist(florist: Organization) -> Iterator[Organization]:
    """The florist, with its scope open for the length of the test."""
    with organization_scope(florist):
        yield florist


@pytest.fixture
def everywhere(db: None) -> Iterator[None]:
    """The scope of all organizations, for tests that look from above."""
    with all_organizations(reason="a test looks from above"):
        yield


@pytest.fixture
def superuser(db: None) -> User:
    return User.objects.create_superuser("root@agency.example", factories.PASSWORD, full_name="Root Person")


@pytest.fixture
def member(florist: Organization) -> Callable[..., User]:
    """Make a user with a role in the florist."""

    def make(role: Role = Role.MANAGER, **fields: Any) -> User:
        return factories.make_user(role, florist, **fields)

    return make


@pytest.fixture
def signed_in() -> Callable[[User], Client]:
    """A browser's session of this user."""

    def make(user: User) -> Client:
        client = Client()
        client.force_login(user)
        return client

    return make
