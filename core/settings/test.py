"""Tests: the same parts, with fixed secrets and quick passwords. Services are started by the test run itself."""

import os

from core.settings.base import *
from core.settings.base import CACHES, DATABASES, REDIS_URL

DEBUG = False
SECRET_KEY = "test-only-secret-key-that-protects-nothing-at-all-0123456789"
TOKEN_KEYS = {1: "test-only-token-key-that-protects-nothing-0123456789"}
ENCRYPTION_KEYS = ["dGVzdC1vbmx5LWVuY3J5cHRpb24ta2V5LTEyMzQ1Njc="]
ADDRESS_HASH_KEY = "test-only-address-hash-key-that-protects-nothing"
ALLOWED_HOSTS = ["testserver", "127.0.0.1", "localhost"]
PASSWORD_HASHERS = ["django.contrib.auth.hashers.MD5PasswordHasher"]
WHITENOISE_USE_FINDERS = True
# Lets the test run empty the append-only tables between tests; production connections never set it.
DATABASES["default"]["OPTIONS"] = {"options": "-c engagex.allow_truncate=on"}
# Each process of a run on several cores has a cache of its own; 0 and 1 are the cache's and the broker's databases.
if _worker := os.environ.get("PYTEST_XDIST_WORKER"):
    CACHES["default"]["LOCATION"] = f"{REDIS_URL.partition('?')[0]}?db={2 + int(_worker.removeprefix('gw'))}"
