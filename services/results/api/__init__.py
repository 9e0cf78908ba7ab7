"""The HTTP door."""

from services.results.api import contents, results, subscriptions

# Subscriptions first: /results/subscriptions is no result's id.
ROUTERS = (subscriptions.router, results.router, contents.router)
