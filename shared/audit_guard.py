"""What of a database's schema could change or hide audit rows: an installation has no triggers, rules or row policies at all."""

from sqlalchemy import text

from shared.db import Session, database

SQLITE = text(
    "SELECT 'trigger ' || name FROM sqlite_master WHERE type = 'trigger'"
    " UNION ALL SELECT type || ' ' || name FROM sqlite_master"
    " WHERE name IN ('audit', 'audit_seal', 'audit_checkpoint') AND type <> 'table'"
)
POSTGRESQL = text(
    "SELECT 'trigger ' || t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid"
    " WHERE NOT t.tgisinternal AND c.relnamespace = current_schema()::regnamespace"
    " UNION ALL SELECT 'rule ' || rulename FROM pg_rules WHERE schemaname = current_schema()"
    " UNION ALL SELECT 'policy ' || policyname FROM pg_policies WHERE schemaname = current_schema()"
    " UNION ALL SELECT 'relation ' || relname FROM pg_class"
    " WHERE relname IN ('audit', 'audit_seal', 'audit_checkpoint') AND relnamespace = current_schema()::regnamespace"
    " AND (relkind <> 'r' OR relrowsecurity OR relhassubclass)"
)


async def unexpected_objects(session: Session) -> list[str]:
    """Triggers of the whole database, and what stands in the place of an audit table, by kind and name."""
    found = await session.execute(SQLITE if database(session).sqlite else POSTGRESQL)
    return sorted(found.scalars().all())
