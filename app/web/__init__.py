"""
Server-rendered pages. Handlers call services and build frozen view models; templates show them and decide nothing.

Every action works without script; docs/pages.md says how a page is made.
"""
