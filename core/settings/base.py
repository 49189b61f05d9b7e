"""What holds everywhere. Each environment's file imports this and adds what differs."""

from pathlib import Path

import dj_database_url

from core.common.embedded import locations
from core.settings import env
from core.settings.parts.celery import *
from core.settings.parts.celery import celery_broker
from core.settings.parts.delivery import *
from core.settings.parts.logging import logging_config
from core.settings.parts.security import *
from core.settings.parts.tracking import *
from core.settings.parts.unfold import UNFOLD  # noqa: F401

BASE_DIR = Path(__file__).resolve().parent.parent.parent
DATA_DIR = locations.data_directory()

INSTALLED_APPS = [
    "unfold.apps.BasicAppConfig",
    "unfold.contrib.filters",
    "unfold.contrib.forms",
    "unfold.contrib.inlines",
    "unfold.contrib.import_export",
    "core.adminsite.apps.EngageXAdminConfig",
    "django.contrib.auth",
    "django.contrib.contenttypes",
    "django.contrib.sessions",
    "django.contrib.messages",
    "django.contrib.staticfiles",
    "django.contrib.humanize",
    "django.contrib.postgres",
    "csp",
    "import_export",
    "django_celery_beat",
    "django_celery_results",
    "core.common",
    "core.accounts",
    "core.exports",
    "core.subscriptions",
    "core.contacts",
    "core.email_templates",
    "core.domains",
    "core.campaigns",
    "core.delivery",
    "core.tracking",
    "core.reports",
    "core.adminsite",
    "dashboards",
]

MIDDLEWARE = [
    "core.tracking.public_hosts.PublicHostMiddleware",
    "core.accounts.middleware.RequestIdMiddleware",
    "django.middleware.security.SecurityMiddleware",
    "whitenoise.middleware.WhiteNoiseMiddleware",
    "django.middleware.gzip.GZipMiddleware",
    "django.contrib.sessions.middleware.SessionMiddleware",
    "django.middleware.locale.LocaleMiddleware",
    "django.middleware.common.CommonMiddleware",
    "django.middleware.csrf.CsrfViewMiddleware",
    "django.contrib.auth.middleware.AuthenticationMiddleware",
    "django.contrib.messages.middleware.MessageMiddleware",
    "core.accounts.middleware.OrganizationMiddleware",
    "django.middleware.clickjacking.XFrameOptionsMiddleware",
    "csp.middleware.CSPMiddleware",
    "core.operations.middleware.DatabaseAwayMiddleware",
]

ROOT_URLCONF = "core.urls"
WSGI_APPLICATION = "core.wsgi.application"
ASGI_APPLICATION = "core.asgi.application"

TEMPLATES = [
    {
        "BACKEND": "django.template.backends.django.DjangoTemplates",
        "DIRS": [BASE_DIR / "core" / "adminsite" / "templates"],
        "APP_DIRS": True,
        "OPTIONS": {
            "context_processors": [
                "django.template.context_processors.request",
                "django.contrib.auth.context_processors.auth",
                "django.contrib.messages.context_processors.messages",
            ],
        },
    },
]

# Both default to the embedded services, which `manage.py up` starts.
DATABASE_URL = env.url("DATABASE_URL", locations.database_url(), schemes=("postgres", "postgresql"))
REDIS_URL = env.url("REDIS_URL", locations.redis_url(), schemes=("redis", "rediss", "unix"))
DATABASES = {"default": dj_database_url.parse(DATABASE_URL, conn_max_age=60, conn_health_checks=True)}
CELERY_BROKER_URL = celery_broker(REDIS_URL)
CACHES = {
    "default": {
        "BACKEND": "django.core.cache.backends.redis.RedisCache",
        "LOCATION": REDIS_URL,
        # A server that accepts and never answers must not keep a recipient waiting at a link.
        "OPTIONS": {"socket_timeout": 1, "socket_connect_timeout": 1},
    }
}

AUTH_USER_MODEL = "accounts.User"
AUTH_PASSWORD_VALIDATORS = [
    {"NAME": "django.contrib.auth.password_validation.UserAttributeSimilarityValidator"},
    {"NAME": "django.contrib.auth.password_validation.MinimumLengthValidator", "OPTIONS": {"min_length": 12}},
    {"NAME": "django.contrib.auth.password_validation.CommonPasswordValidator"},
    {"NAME": "django.contrib.auth.password_validation.NumericPasswordValidator"},
]
LOGIN_URL = "admin:login"
LOGIN_REDIRECT_URL = "admin:index"
DEFAULT_AUTO_FIELD = "django.db.models.BigAutoField"

LANGUAGE_CODE = "en"
LANGUAGES = [("en", "English"), ("es", "Español")]
TIME_ZONE = "UTC"
USE_TZ = True
USE_THOUSAND_SEPARATOR = True
FORMAT_MODULE_PATH = ["core.settings.formats"]

STATIC_URL = "static/"
STATIC_ROOT = BASE_DIR / "staticfiles"
STATICFILES_FINDERS = [
    "django.contrib.staticfiles.finders.AppDirectoriesFinder",
    "dashboards.finders.PlotlyFinder",
]

ADMIN_PATH = "admin/"
PUBLIC_URL = env.url("PUBLIC_URL", "http://127.0.0.1:8000", schemes=("http", "https")).rstrip("/")
"""Where links in mails point to, as recipients reach it."""
# Sending domains: name servers to ask instead of the system's ("192.0.2.1" or "192.0.2.1:5353"), what clients' SPF
# records have to include, and whether a campaign may go out from a domain that is not verified.
DNS_SERVERS = env.words("DNS_SERVERS", [])
SPF_INCLUDE = env.text("SPF_INCLUDE", "")
RETURN_PATH_TARGET = env.text("RETURN_PATH_TARGET", "")
TRACKING_TARGET = env.text("TRACKING_TARGET", "")
"""Host names that clients' optional CNAMEs lead to: of bounces, and of links. Empty: no such record is asked for."""
TRACKING_SCHEME = env.choice("TRACKING_SCHEME", "https", choices=("https", "http"))
"""Of links that show a client's own host. With http a proxy needs no certificates for them; browsers may warn."""
DOMAINS_REQUIRED = env.flag("DOMAINS_REQUIRED", False)
METRICS_TOKEN = env.text("METRICS_TOKEN", "")
"""Bearer token of /metrics. Empty: only requests from this machine are answered."""

IMPORT_EXPORT_ESCAPE_FORMULAE_ON_EXPORT = True
IMPORT_EXPORT_USE_TRANSACTIONS = True
DATA_UPLOAD_MAX_MEMORY_SIZE = 2 * 1024 * 1024
FILE_UPLOAD_MAX_MEMORY_SIZE = 5 * 1024 * 1024
IMPORT_MAX_BYTES = 500 * 1024 * 1024
IMPORT_MAX_UNCOMPRESSED_BYTES = 2 * 1024 * 1024 * 1024

LOGGING = logging_config(env.text("LOG_LEVEL", "INFO"), json=False)
