"""What every page here does: render inside the admin, and offer downloads only to those who may have them."""

import dataclasses
from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse

from dashboards.charts import Chart


def page(request: HttpRequest, template: str, **context: Any) -> HttpResponse:
    return TemplateResponse(request, template, {**admin.site.each_context(request), **context})


def downloadable(chart: Chart, csv_url: str) -> Chart:
    """The chart with the address of its table; "" for whoever may not download it."""
    return dataclasses.replace(chart, csv_url=csv_url)
