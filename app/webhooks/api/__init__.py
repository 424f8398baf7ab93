"""
Endpoints, their deliveries, and the feed to pull instead, over HTTP.
"""

from fastapi import APIRouter

from app.webhooks.api import endpoints, events

router = APIRouter()
router.include_router(endpoints.router)
router.include_router(events.router)
