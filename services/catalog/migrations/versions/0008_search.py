"""On PostgreSQL: an index of neighbouring letters for the search. SQLite goes on reading every dataset.

No extension is needed. A pair of letters is kept as a number; different pairs may have the same one, so whoever uses the index
compares the text too. Blanks do not count, as Korean compounds are written with and without them.
"""

from alembic import op

revision = '0008'
down_revision = '0007'
branch_labels = None
depends_on = None

FUNCTION = """
CREATE FUNCTION letter_pairs(words text) RETURNS integer[] LANGUAGE sql IMMUTABLE PARALLEL SAFE AS $$
    SELECT coalesce(array_agg(DISTINCT ((ascii(one)::bigint * 65599 + ascii(other)) & 2147483647)::integer), '{}')
    FROM (
        SELECT letter AS one, lead(letter) OVER (ORDER BY place) AS other
        FROM unnest(string_to_array(replace(words, ' ', ''), NULL)) WITH ORDINALITY AS letters(letter, place)
    ) AS pairs
    WHERE other IS NOT NULL
$$
"""


def upgrade() -> None:
    if op.get_bind().dialect.name != 'postgresql':
        return
    op.execute(FUNCTION)
    op.execute("CREATE INDEX ix_dataset_letter_pairs_words ON dataset USING gin (letter_pairs(words))")
    op.execute("CREATE INDEX ix_dataset_letter_pairs_purposes ON dataset USING gin (letter_pairs(allowed_purposes))")
    op.execute("ANALYZE dataset")


def downgrade() -> None:
    if op.get_bind().dialect.name != 'postgresql':
        return
    op.execute("DROP INDEX ix_dataset_letter_pairs_purposes")
    op.execute("DROP INDEX ix_dataset_letter_pairs_words")
    op.execute("DROP FUNCTION letter_pairs(text)")
