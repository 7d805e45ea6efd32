"""Every call of the local interface, in one table. The server is built from it, and so is the OpenAPI document."""

from agent.kiosk.call import Route
from agent.kiosk.checkout_routes import CHECKOUT_ROUTES
from agent.kiosk.till_routes import TILL_ROUTES

ROUTES: tuple[Route, ...] = (*CHECKOUT_ROUTES, *TILL_ROUTES)
