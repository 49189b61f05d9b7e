from django.apps import AppConfig


class DeliveryConfig(AppConfig):
    name = "core.delivery"
    label = "delivery"
    verbose_name = "Sending"

    def ready(self) -> None:
        from core.contacts.behaviour import register_behaviour
        from core.contacts.privacy.registry import register_data_holder, register_reference
        from core.contacts.recent_mail import register_recent_mail
        from core.contacts.signup_readiness import register_readiness
        from core.delivery.privacy import HOLDER, REFERENCE
        from core.delivery.recent_mail import recent_mail_sql
        from core.delivery.segment_conditions import SOURCE
        from core.delivery.transactional import confirmation_problem

        register_behaviour(SOURCE)
        register_recent_mail(recent_mail_sql)
        register_data_holder(HOLDER)
        register_reference(REFERENCE)
        register_readiness(confirmation_problem)
