from django.apps import AppConfig


class SubscriptionsConfig(AppConfig):
    name = "core.subscriptions"
    label = "subscriptions"
    verbose_name = "Plans and subscriptions"
