"""Columns of the exported lists of templates and blocks."""

from import_export.fields import Field
from import_export.resources import ModelResource

from core.email_templates.models import EmailTemplate, TemplateBlock


class EmailTemplateResource(ModelResource):
    category = Field(column_name="category", attribute="get_category_display", readonly=True)
    markup = Field(column_name="written_in", attribute="get_markup_display", readonly=True)

    class Meta:
        model = EmailTemplate
        fields = export_order = (
            "name",
            "category",
            "subject",
            "preheader",
            "markup",
            "version",
            "created_at",
            "updated_at",
            "html",
            "text",
        )
        name = "Templates"


class TemplateBlockResource(ModelResource):
    category = Field(column_name="category", attribute="get_category_display", readonly=True)

    class Meta:
        model = TemplateBlock
        fields = export_order = ("name", "key", "category", "created_at", "updated_at", "html")
        name = "Blocks"
