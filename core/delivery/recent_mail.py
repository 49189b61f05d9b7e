"""What the ledger says about mails somebody got lately, for the audience query."""


def recent_mail_sql(*, contact: str, since: str) -> str:
    """The row `contact` was sent a mail of its client after `since`.

    OFFSET 0 keeps the planner from reading the whole ledger once for all contacts: few of them are ever asked about.
    """
    return f"""EXISTS (SELECT 1 FROM delivery_message AS recent
                        WHERE recent.contact_id = {contact}.id AND recent.organization_id = {contact}.organization_id
                          AND recent.accepted_at > {since} OFFSET 0)"""  # noqa: S608
