"""
The one list of pages.
"""

from fastapi import APIRouter

from app.web.assets import router as static
from app.web.pages.bench.api import router as bench
from app.web.pages.bench.labels import router as labels
from app.web.pages.bench.receipt import router as receipt
from app.web.pages.bench.review import router as review
from app.web.pages.bench.work import router as work
from app.web.pages.desk.acts import router as desk_acts
from app.web.pages.desk.api import router as desk
from app.web.pages.floor.api import router as floor
from app.web.pages.signin.account import router as account
from app.web.pages.signin.api import router as signin
from app.web.pages.signin.provider import router as provider
from app.web.pages.submit.api import router as submit
from app.web.pages.why.api import router as why

ROUTERS: tuple[APIRouter, ...] = (
    static,
    signin,
    provider,
    account,
    desk,
    desk_acts,
    submit,
    why,
    bench,
    receipt,
    labels,
    review,
    work,
    floor,
)
