from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "core.delivery"
    label = "delivery"
    verbose_name = "Sending"

    def ready(self) -> None:
        from core.campaigns.ledger import register_ledger
        from core.campaigns.preflight import register
        from core.contacts.behaviour import register_behaviour
        from core.contacts.privacy.registry import register_data_holder, register_reference
        from core.contacts.recent_mail import register_recent_mail
        from core.contacts.signup_readiness import register_readiness
        from core.delivery.limits.daily import limits_changed
        from core.delivery.limits.warming import begin_warmup, warmup_table
        from core.delivery.preflight import CHECK
        from core.delivery.privacy import HOLDER, REFERENCE
        from core.delivery.recent_mail import recent_mail_sql
        from core.delivery.segment_conditions import SOURCE
        from core.delivery.standing import LEDGER
        from core.delivery.transactional import confirmation_problem
        from core.domains.usage import UsageSource, register_usage

        register(CHECK)
        register_usage(UsageSource(begin_warmup, limits_changed, warmup_table))
        register_behaviour(SOURCE)
        register_ledger(LEDGER)
        register_recent_mail(recent_mail_sql)
        register_data_holder(HOLDER)
        register_reference(REFERENCE)
        register_readiness(confirmation_problem)
