"""
The catalogue keeps the rule of isolation (E1): forced row-level security everywhere, and no way around it.

Each rule is one query that names offenders. Nothing that is added later can forget it: a new table, view, function or
role is looked at because it is there, not because it is on a list.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection, create_async_engine
from sqlalchemy.pool import NullPool

from app import embedded

DEFINERS = (
    "figures()",
    "find_api_key(text)",
    "find_staff_session(bytea)",
    "owe_deliveries(uuid[],uuid)",
    "owner_of_key(text,bytea)",
    "place_in_line(uuid[])",
    "replay_deliveries(uuid,uuid[],timestamp with time zone,timestamp with time zone,boolean,integer)",
    "use_staff_proof(bytea)",
    "verify_report(uuid)",
)
"""Every SECURITY DEFINER function there may be. Another one needs a reason, a review, and a line here."""

TENANTLESS = ("public.agency lab", "public.pending agency", "public.pending lab")
"""Policies that name no tenant: laboratories see agencies' names, and whoever records an entry lets it wait."""

_OURS = "n.nspname !~ '^pg_' AND n.nspname <> 'information_schema'"
_RELATION = "pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace"
_FUNCTION = "pg_proc AS p JOIN pg_namespace AS n ON n.oid = p.pronamespace"
_POLICY = f"pg_policy AS r JOIN {_RELATION} ON c.oid = r.polrelid"
_NAME = "n.nspname || '.' || c.relname"
_SERVING = "(rolname ~ '^assayline_' AND rolname NOT IN ('assayline_owner', 'assayline_admin'))"
_TENANT_ROLES = "ARRAY['assayline_agency', 'assayline_lab']::regrole[]::oid[]"


@dataclass(frozen=True, slots=True)
class Rule:
    """
    One rule: the query that names what breaks it, and a break to try it with.
    """

    offenders: str
    broken_by: str
    names: str


RULES = {
    "every table forces row-level security": Rule(
        f"SELECT {_NAME} FROM {_RELATION} WHERE {_OURS} AND c.relkind IN ('r', 'p')"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity)"
        f" AND {_NAME} <> 'public.alembic_version'",
        "CREATE TABLE public.forgotten (agency_id uuid);"
        "ALTER TABLE public.forgotten ENABLE ROW LEVEL SECURITY",
        "public.forgotten",
    ),
    "a table in another schema is no exception": Rule(
        f"SELECT {_NAME} FROM {_RELATION} WHERE {_OURS} AND c.relkind IN ('r', 'p')"
        " AND NOT (c.relrowsecurity AND c.relforcerowsecurity) AND c.relname <> 'alembic_version'",
        "CREATE SCHEMA aside; CREATE TABLE aside.forgotten (agency_id uuid)",
        "aside.forgotten",
    ),
    "the one unsecured table may only be read, by the two logins": Rule(
        f"SELECT {_NAME} FROM {_RELATION}, aclexplode(c.relacl) AS a"
        " WHERE c.relname = 'alembic_version' AND a.grantee <> c.relowner AND NOT (a.privilege_type = 'SELECT'"
        " AND a.grantee IN ('assayline_app'::regrole, 'assayline_worker'::regrole))",
        "GRANT INSERT ON public.alembic_version TO assayline_app",
        "public.alembic_version",
    ),
    "every view runs as its caller": Rule(
        f"SELECT {_NAME} FROM {_RELATION} WHERE {_OURS} AND c.relkind = 'v' AND NOT EXISTS"
        " (SELECT FROM pg_options_to_table(c.reloptions)"
        " WHERE option_name = 'security_invoker' AND option_value::boolean)",
        "CREATE VIEW public.peep AS SELECT * FROM public.sample",
        "public.peep",
    ),
    "there is no materialized view and no foreign table": Rule(
        f"SELECT {_NAME} FROM {_RELATION} WHERE {_OURS} AND c.relkind IN ('m', 'f')",
        "CREATE MATERIALIZED VIEW public.copied AS SELECT * FROM public.sample",
        "public.copied",
    ),
    "only listed functions run as their owner": Rule(
        f"SELECT p.oid::regprocedure::text FROM {_FUNCTION} WHERE {_OURS} AND p.prosecdef"
        f" AND p.oid::regprocedure::text NOT IN {DEFINERS}",
        "CREATE FUNCTION public.open_door() RETURNS bigint LANGUAGE sql SECURITY DEFINER"
        " SET search_path = pg_catalog, public, pg_temp AS 'SELECT 1::bigint'",
        "open_door()",
    ),
    # Unless pg_temp is named last it is searched first, and the caller's temporary table is taken for ours.
    "functions that run as their owner fix their search_path": Rule(
        f"SELECT p.oid::regprocedure::text FROM {_FUNCTION} WHERE {_OURS} AND p.prosecdef"
        " AND NOT coalesce('search_path=pg_catalog, public, pg_temp' = ANY (p.proconfig), false)",
        "ALTER FUNCTION public.find_api_key(text) SET search_path = pg_catalog, public",
        "find_api_key(text)",
    ),
    "functions that run as their owner are not for everybody": Rule(
        f"SELECT p.oid::regprocedure::text FROM {_FUNCTION} WHERE {_OURS} AND p.prosecdef"
        " AND EXISTS (SELECT FROM aclexplode(coalesce(p.proacl, acldefault('f', p.proowner))) AS a"
        " WHERE a.grantee = 0)",
        "GRANT EXECUTE ON FUNCTION public.place_in_line(uuid[]) TO PUBLIC",
        "place_in_line(uuid[])",
    ),
    "functions that run as their owner belong to no login and no owner of tables": Rule(
        f"SELECT p.oid::regprocedure::text FROM {_FUNCTION} JOIN pg_roles AS o ON o.oid = p.proowner"
        f" WHERE {_OURS} AND p.prosecdef AND (o.rolcanlogin OR o.rolsuper OR EXISTS"
        " (SELECT FROM pg_class AS c WHERE c.relowner = o.oid))",
        "ALTER FUNCTION public.find_api_key(text) OWNER TO assayline_owner",
        "find_api_key(text)",
    ),
    "no serving role owns a relation": Rule(
        f"SELECT {_NAME} FROM {_RELATION} JOIN pg_roles AS o ON o.oid = c.relowner"
        f" WHERE {_OURS} AND {_SERVING} AND c.relkind <> 'i'",
        "ALTER TABLE public.sample OWNER TO assayline_app",
        "public.sample",
    ),
    "no serving role may do more than it needs": Rule(
        f"SELECT rolname::text FROM pg_roles WHERE {_SERVING}"
        " AND (rolsuper OR rolbypassrls OR rolcreaterole OR rolcreatedb OR rolreplication)",
        "ALTER ROLE assayline_worker BYPASSRLS",
        "assayline_worker",
    ),
    "the owner of the tables cannot pass row-level security by": Rule(
        "SELECT rolname::text FROM pg_roles WHERE rolname = 'assayline_owner'"
        " AND (rolsuper OR rolbypassrls)",
        "ALTER ROLE assayline_owner BYPASSRLS",
        "assayline_owner",
    ),
    # TRUNCATE passes row-level security by; REFERENCES and TRIGGER tell what others' rows hold.
    "nobody was granted what passes row-level security by": Rule(
        f"SELECT {_NAME} || ' ' || a.privilege_type FROM {_RELATION}, aclexplode(c.relacl) AS a"
        f" WHERE {_OURS} AND a.grantee <> c.relowner"
        " AND a.privilege_type NOT IN ('SELECT', 'INSERT', 'UPDATE', 'DELETE')",
        "GRANT TRUNCATE ON public.entry TO assayline_lab",
        "public.entry TRUNCATE",
    ),
    "nothing is granted to everybody": Rule(
        f"SELECT {_NAME} FROM {_RELATION}, aclexplode(c.relacl) AS a WHERE {_OURS} AND a.grantee = 0",
        "GRANT SELECT ON public.sample TO PUBLIC",
        "public.sample",
    ),
    "a login inherits nothing": Rule(
        f"SELECT rolname::text FROM pg_roles WHERE {_SERVING} AND rolcanlogin AND rolinherit",
        "ALTER ROLE assayline_app INHERIT",
        "assayline_app",
    ),
    "no membership is inherited": Rule(
        "SELECT rolname::text FROM pg_auth_members AS m JOIN pg_roles AS r ON r.oid = m.member"
        f" WHERE {_SERVING} AND m.inherit_option",
        "GRANT assayline_lab TO assayline_app WITH INHERIT TRUE",
        "assayline_app",
    ),
    "no policy is for everybody": Rule(
        f"SELECT {_NAME} || ' ' || r.polname FROM {_POLICY} WHERE {_OURS} AND 0 = ANY (r.polroles)",
        "CREATE POLICY everybody ON public.hearing USING (true)",
        "public.hearing everybody",
    ),
    "a tenant's policy names the tenant": Rule(
        f"SELECT {_NAME} || ' ' || r.polname FROM {_POLICY}"
        f" WHERE {_OURS} AND r.polroles && {_TENANT_ROLES} AND EXISTS"
        " (SELECT FROM unnest(ARRAY[pg_get_expr(r.polqual, c.oid), pg_get_expr(r.polwithcheck, c.oid)])"
        " AS said WHERE said <> 'false' AND said !~ 'assayline\\.tenant')"
        f" AND {_NAME} || ' ' || r.polname NOT IN {TENANTLESS}",
        "CREATE POLICY open ON public.holding FOR SELECT TO assayline_agency USING (true)",
        "public.holding open",
    ),
    # A bare column inside a subquery is the inner table's own: the policy then lets everything through.
    "no policy compares a column with itself": Rule(
        f"SELECT {_NAME} || ' ' || r.polname FROM {_POLICY} WHERE {_OURS} AND"
        " concat(pg_get_expr(r.polqual, c.oid), pg_get_expr(r.polwithcheck, c.oid))"
        " ~ '\\y([a-z_]+\\.)?([a-z_]+) = \\1\\2\\y'",
        "ALTER POLICY agency ON public.holding USING (EXISTS"
        " (SELECT FROM public.submission_access AS a WHERE a.submission_id = submission_id"
        " AND a.agency_id = NULLIF(current_setting('assayline.tenant', true), '')::uuid))",
        "public.holding agency",
    ),
    # Permissive ones are joined by OR, which costs an index scan its order; restrictive ones only narrow.
    "one permissive policy per table and role": Rule(
        f"SELECT {_NAME} || ' ' || role::regrole FROM {_POLICY}, unnest(r.polroles) AS role"
        f" WHERE {_OURS} AND r.polpermissive GROUP BY 1, c.oid HAVING count(*) > 1",
        "CREATE POLICY second ON public.sample FOR SELECT TO assayline_agency"
        " USING (laboratory_id = NULLIF(current_setting('assayline.tenant', true), '')::uuid)",
        "public.sample assayline_agency",
    ),
    # The condition to read a row would otherwise be the condition to change it, or to hand it to somebody else.
    "who reads by a part in a file changes only its own": Rule(
        f"SELECT {_NAME} || ' ' || verb.name FROM {_POLICY},"
        " (VALUES ('UPDATE', 'w'), ('DELETE', 'd')) AS verb (name, code)"
        f" WHERE {_OURS} AND r.polpermissive AND r.polcmd IN ('*', verb.code)"
        " AND r.polroles && ARRAY['assayline_agency'::regrole]::oid[]"
        " AND pg_get_expr(r.polqual, c.oid) ~ 'submission_access'"
        " AND (has_table_privilege('assayline_agency', c.oid, verb.name)"
        "  OR (verb.name = 'UPDATE' AND has_any_column_privilege('assayline_agency', c.oid, 'UPDATE')))"
        " AND NOT EXISTS (SELECT FROM pg_policy AS o WHERE o.polrelid = c.oid AND NOT o.polpermissive"
        "  AND o.polcmd = verb.code AND o.polroles && r.polroles"
        "  AND pg_get_expr(o.polqual, c.oid) !~ 'submission_access'"
        "  AND pg_get_expr(o.polqual, c.oid) ~ 'agency_id = .*assayline.tenant')",
        "DROP POLICY own_rows ON public.sample",
        "public.sample UPDATE",
    ),
    "only the owner creates in our schema": Rule(
        "SELECT n.nspname::text FROM pg_namespace AS n, aclexplode(n.nspacl) AS a"
        " WHERE n.nspname = 'public' AND a.privilege_type = 'CREATE' AND a.grantee NOT IN"
        " (n.nspowner, (SELECT datdba FROM pg_database WHERE datname = current_database()))",
        "GRANT CREATE ON SCHEMA public TO assayline_lookup",
        "public",
    ),
}


@pytest.fixture
async def superuser(servers: embedded.Servers) -> AsyncIterator[AsyncConnection]:
    """
    A superuser in the service's own database; whatever it does is rolled back.
    """
    url = servers.admin_database_url.removesuffix("postgres") + "assayline"
    engine = create_async_engine(url, poolclass=NullPool)
    async with engine.connect() as connection:
        yield connection
        await connection.rollback()
    await engine.dispose()


async def named(connection: AsyncConnection, rule: Rule) -> list[str]:
    """
    Return what breaks a rule.
    """
    return list((await connection.execute(text(rule.offenders))).scalars())


@pytest.mark.parametrize("name", RULES)
async def test_the_catalogue_keeps(superuser: AsyncConnection, name: str) -> None:
    """
    The schema as migrated breaks no rule (E1).
    """
    assert await named(superuser, RULES[name]) == []


@pytest.mark.parametrize("name", RULES)
async def test_a_break_is_named(superuser: AsyncConnection, name: str) -> None:
    """
    Negative control: each rule's query names exactly the one thing that was just broken (H6).
    """
    for statement in RULES[name].broken_by.split(";"):
        await superuser.execute(text(statement))

    assert await named(superuser, RULES[name]) == [RULES[name].names]


async def test_the_listed_functions_are_all_there(superuser: AsyncConnection) -> None:
    """
    The list names no function that is gone, so that a name on it is always one that was looked at.
    """
    found = await superuser.execute(
        text("SELECT oid::regprocedure::text FROM pg_proc WHERE prosecdef")
    )

    assert sorted(found.scalars()) == sorted(DEFINERS)
