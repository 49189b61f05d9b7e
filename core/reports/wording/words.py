"""Everything a report says, in one language. Braces name what is filled in."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Wording:
    language: str
    report: str
    compared: str
    made: str
    page: str
    by: str
    note_title: str
    section_titles: dict[str, str]
    # Columns and figures
    campaign: str
    started: str
    day: str
    mails: str
    campaigns: str
    opened: str
    clicked: str
    unsubscribed: str
    bounced: str
    complained: str
    people: str
    link: str
    provider: str
    device: str
    reason: str
    share: str
    open_rate: str
    click_rate: str
    before: str
    weekday: str
    total: str
    of_mails: str
    was: str
    no_before: str
    points_up: str
    points_down: str
    unchanged: str
    other: str
    and_more: str
    # Charts
    over_time_title: str
    opens_line: str
    clicks_line: str
    opens_before_line: str
    per_day: str
    per_week: str
    per_month: str
    rates_title: str
    honest_title: str
    by_people: str
    by_prefetch: str
    by_scanners: str
    clicks_by_machines: str
    providers_title: str
    devices_title: str
    hours_title: str
    links_title: str
    audience_title: str
    best_hour: str
    reasons_title: str
    chart_rates: str
    chart_people: str
    # Audience
    audience_now: str
    joined: str
    left: str
    # Deliverability
    limit_bounces: str
    limit_complaints: str
    is_good: str
    is_near: str
    is_over: str
    # Notes under sections
    honest_note: str
    rates_note: str
    over_time_note: str
    links_note: str
    providers_note: str
    hours_note: str
    nothing_here: str
    nothing_sent: str
    method: tuple[str, ...]
    # Names of values
    devices: dict[str, str]
    reasons: dict[str, str]
    weekdays: tuple[str, ...]
    # The summary
    sum_volume_one: str
    sum_volume: str
    sum_volume_before: str
    sum_volume_first: str
    sum_nothing: str
    sum_nothing_before: str
    sum_opens: str
    sum_clicks: str
    sum_rose: str
    sum_fell: str
    sum_same: str
    sum_few: str
    sum_alone: str
    sum_one_source: str
    sum_two_sources: str
    sum_most_above: str
    sum_most_below: str
    sum_best: str
    sum_link: str
    sum_left_one: str
    sum_left: str
    sum_left_none: str
    sum_left_more: str
    sum_left_fewer: str
    sum_bounces_ok: str
    sum_bounces_high: str
    sum_bounces_reason: str
    sum_complaints_over: str
    sum_complaints_near: str
    sum_complaints_few: str
    sum_machines: str
    sum_young: str
    sum_grew: str
    sum_shrank: str
    sum_level: str
    # Mail and page around the report
    mail_subject: str
    mail_hello: str
    mail_text: str
    mail_open: str
    mail_pdf: str
    mail_attached: str
    mail_until: str
    mail_reason: str
    gone_title: str
    gone_text: str
    pdf_not_ready: str
