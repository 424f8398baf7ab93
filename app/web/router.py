"""
The one list of pages.
"""

from fastapi import APIRouter

from app.web.assets import router as static
from app.web.pages.desk.api import router as desk
from app.web.pages.signin.account import router as account
from app.web.pages.signin.api import router as signin
from app.web.pages.signin.provider import router as provider

ROUTERS: tuple[APIRouter, ...] = (static, signin, provider, account, desk)
