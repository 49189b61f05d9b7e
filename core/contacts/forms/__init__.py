"""Forms of the audience's pages."""

from core.contacts.forms.contacts import AddressForm, ContactForm, SuppressionForm
from core.contacts.forms.imports import ColumnsForm, UploadForm

__all__ = ["AddressForm", "ColumnsForm", "ContactForm", "SuppressionForm", "UploadForm"]
