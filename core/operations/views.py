"""For load balancers, supervisors and Prometheus. They answer programs: no session, no cookie, no names of versions."""

import hmac
import ipaddress

from django.conf import settings
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_safe
from prometheus_client import CONTENT_TYPE_LATEST

from core.common.network import client_ip
from core.domains.queries import is_link_host
from core.operations import metrics as figures
from core.operations.readiness import failing_parts


@require_safe
@never_cache
def health(request: HttpRequest) -> HttpResponse:
    """200 while the process answers at all. Asks nothing else, so a database that is down restarts no web process."""
    return JsonResponse({"status": "ok"})


@require_safe
@never_cache
def ready(request: HttpRequest) -> HttpResponse:
    """200 when everything needed works, else 503 with the names of the parts that fail."""
    failing = failing_parts()
    status = "not ready" if failing else "ready"
    return JsonResponse({"status": status, "failing": failing}, status=503 if failing else 200)


@require_safe
@never_cache
def link_hosts(request: HttpRequest) -> HttpResponse:
    """For a proxy that gets certificates by itself: 200 when `domain` is a client's host of links that was seen to lead
    here, also after it was taken back (mails that are out lead to it); else 404."""
    status = 200 if is_link_host(request.GET.get("domain", "")) else 404
    return HttpResponse(status=status, content_type="text/plain")


@require_safe
@never_cache
def metrics(request: HttpRequest) -> HttpResponse:
    """Prometheus' text format, for whoever knows METRICS_TOKEN; without a token, for this machine only."""
    if not _may_read_metrics(request):
        sentence = "Metrics need the token of this installation: Authorization: Bearer <METRICS_TOKEN>.\n"
        return HttpResponse(sentence, status=403, content_type="text/plain; charset=utf-8")
    return HttpResponse(figures.exposition(), content_type=CONTENT_TYPE_LATEST)


def _may_read_metrics(request: HttpRequest) -> bool:
    if settings.METRICS_TOKEN:
        expected = f"Bearer {settings.METRICS_TOKEN}".encode()
        return hmac.compare_digest(request.headers.get("Authorization", "").encode(), expected)
    # A proxy on this machine makes everybody look local: what it forwards is not.
    is_forwarded = "X-Forwarded-For" in request.headers or "Forwarded" in request.headers
    address = client_ip(request)
    return bool(address) and ipaddress.ip_address(address or "").is_loopback and not is_forwarded
