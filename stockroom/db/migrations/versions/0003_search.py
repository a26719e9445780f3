"""Items are found by any part of SKU and name, and archived ones by themselves, without reading them all."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "ix_items_archived_id",
        "items",
        ["id"],
        sqlite_where=sa.text("archived = 1"),
        postgresql_where=sa.text("archived"),
    )
    if op.get_bind().dialect.name == "postgresql":
        op.execute(_TRIGRAMS)
        op.execute(_QUERY)
        op.execute("CREATE INDEX ix_items_trigrams ON items USING gin (item_trigrams(sku, name))")


# Three characters from each place on, and the last two and the last one: every character begins one of them,
# so that a text of one or two characters is the beginning of one. Character 1 is what they are split at.
_TRIGRAMS = r"""
    CREATE FUNCTION item_trigrams(sku text, name text) RETURNS tsvector
    LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE AS $$
    DECLARE
        t text := translate(lower(sku || E'\n' || name), E'\x01', E'\n');
    BEGIN
        RETURN array_to_tsvector(string_to_array(rtrim(replace(
            regexp_replace(t, '(...)', E'\\1\x01', 'g') || E'\x01'
                || regexp_replace(substr(t, 2), '(...)', E'\\1\x01', 'g') || E'\x01'
                || regexp_replace(substr(t, 3), '(...)', E'\\1\x01', 'g'),
            E'\x01\x01', E'\x01'
        ), E'\x01'), E'\x01'));
    END
    $$
"""
# What holds a text has all its trigrams.
_QUERY = r"""
    CREATE FUNCTION trigram_query(q text) RETURNS tsquery
    LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
        SELECT CAST(string_agg(
            '''' || replace(replace(substr(t, i, 3), E'\\', E'\\\\'), '''', '''''') || ''''
                || CASE WHEN length(t) < 3 THEN ':*' ELSE '' END,
            ' & '
        ) AS tsquery)
        FROM (SELECT translate(lower(q), E'\x01', E'\n')) AS folded (t),
            generate_series(1, greatest(length(t) - 2, 1)) AS i
    $$
"""
