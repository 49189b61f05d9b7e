"""The embedded default: for trying EngageX out and for working on it. Binds to this machine only.

Secrets are made once and kept in the data directory, so that a restart keeps sessions and mailed links alive.
"""

from core.settings import env
from core.settings.base import *
from core.settings.base import DATA_DIR
from core.settings.parts.development_secrets import development_secrets

_secrets = development_secrets(DATA_DIR)

DEBUG = env.flag("ENGAGEX_DEBUG", False)
SECRET_KEY = env.text("SECRET_KEY", _secrets["secret_key"])
TOKEN_KEYS = env.numbered_keys("TOKEN_KEYS", {1: _secrets["token_key"]})
ENCRYPTION_KEYS = env.words("ENCRYPTION_KEYS", [_secrets["encryption_key"]])
ADDRESS_HASH_KEY = env.text("ADDRESS_HASH_KEY", _secrets["address_hash_key"])
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", ["127.0.0.1", "localhost", "[::1]"])
WHITENOISE_USE_FINDERS = True
WHITENOISE_MAX_AGE = 3600
