"""Writes of signup forms beyond their own columns."""

from collections.abc import Collection

from django.db import transaction

from core.accounts import audit
from core.contacts.models import ContactGroup, SignupForm, SignupFormGroup


@transaction.atomic
def signup_form_set_groups(*, form: SignupForm, groups: Collection[ContactGroup]) -> bool:
    """Let people who confirm come into exactly these groups from now on. False when it was so before."""
    rows = list(SignupFormGroup.objects.filter(form=form).select_related("group"))
    wanted = {group.pk for group in groups}
    before = {row.group_id for row in rows}
    if wanted == before:
        return False
    SignupFormGroup.objects.filter(form=form).exclude(group_id__in=wanted).delete()
    SignupFormGroup.objects.bulk_create(
        [
            SignupFormGroup(organization_id=form.organization_id, form=form, group=group)
            for group in groups
            if group.pk not in before
        ],
        ignore_conflicts=True,
    )
    names = [sorted(str(row.group) for row in rows), sorted(str(group) for group in groups)]
    audit.record(action="signupform.changed", obj=form, changes={"groups": names})
    return True
