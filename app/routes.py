"""
The one list of routers, and of the webhooks this service sends.
"""

from fastapi import APIRouter

from app.results.api import router as results
from app.samples.api import router as samples
from app.samples.batch import router as batch
from app.webhooks.api import router as webhooks

ROUTERS: tuple[APIRouter, ...] = (samples, batch, results, webhooks)
PREFIX = "/v1"
