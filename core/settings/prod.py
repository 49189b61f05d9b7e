"""Production: everything secret comes from the environment, and a missing variable is named at the start."""

from cryptography.fernet import Fernet
from django.core.exceptions import ImproperlyConfigured

from core.settings import env
from core.settings.base import *
from core.settings.parts.logging import logging_config

DEBUG = False
SECRET_KEY = env.text("SECRET_KEY", expected="50 random characters or more")
TOKEN_KEYS = env.numbered_keys("TOKEN_KEYS")
ENCRYPTION_KEYS = env.words("ENCRYPTION_KEYS", expected="Fernet keys, the newest first")
ADDRESS_HASH_KEY = env.text("ADDRESS_HASH_KEY", expected="40 random characters or more")
ALLOWED_HOSTS = env.words("ALLOWED_HOSTS", expected="the host names people use")
DATABASE_URL = env.url("DATABASE_URL", schemes=("postgres", "postgresql"))
REDIS_URL = env.url("REDIS_URL", schemes=("redis", "rediss", "unix"))
PUBLIC_URL = env.url("PUBLIC_URL", schemes=("https",)).rstrip("/")
CSRF_TRUSTED_ORIGINS = env.words("CSRF_TRUSTED_ORIGINS", [PUBLIC_URL])

try:
    for _key in ENCRYPTION_KEYS:
        Fernet(_key)
except ValueError as error:
    raise ImproperlyConfigured(f"The environment variable ENCRYPTION_KEYS holds no Fernet key: {error}") from error

SECURE_SSL_REDIRECT = env.flag("SECURE_SSL_REDIRECT", True)
SECURE_REDIRECT_EXEMPT = [r"^(health|ready|metrics)$"]
SECURE_PROXY_SSL_HEADER = ("HTTP_X_FORWARDED_PROTO", "https") if env.flag("BEHIND_TLS_PROXY", True) else None
SECURE_HSTS_SECONDS = env.integer("SECURE_HSTS_SECONDS", 365 * 24 * 3600)
SECURE_HSTS_INCLUDE_SUBDOMAINS = True
SECURE_HSTS_PRELOAD = True
SESSION_COOKIE_SECURE = True
SESSION_COOKIE_NAME = "__Host-sessionid"
CSRF_COOKIE_SECURE = True
CSRF_COOKIE_NAME = "__Host-csrftoken"
STORAGES = {
    "default": {"BACKEND": "django.core.files.storage.FileSystemStorage"},
    "staticfiles": {"BACKEND": "whitenoise.storage.CompressedManifestStaticFilesStorage"},
}
DOMAINS_REQUIRED = env.flag("DOMAINS_REQUIRED", True)
LOGGING = logging_config(env.text("LOG_LEVEL", "INFO"), json=True)
