"""Audit rows say by whom they were written: format 2. Those that are there stay format 1."""

import sqlalchemy as sa
from alembic import op

revision = '0009'
down_revision = '0008'
branch_labels = None
depends_on = None
COLUMNS = ('format', 'writer', 'number', 'settled', 'void', 'mac')


def upgrade() -> None:
    # Not in batches: that would copy the table, which is the largest one and must not change.
    op.execute('ALTER TABLE audit RENAME COLUMN deed TO action')
    op.add_column('audit', sa.Column('format', sa.Integer(), server_default='1', nullable=False))
    op.add_column('audit', sa.Column('writer', sa.String(length=32), nullable=True))
    op.add_column('audit', sa.Column('number', sa.BigInteger(), nullable=True))
    op.add_column('audit', sa.Column('settled', sa.BigInteger(), nullable=True))
    op.add_column('audit', sa.Column('void', sa.Text(), nullable=True))
    op.add_column('audit', sa.Column('mac', sa.String(length=64), nullable=True))
    op.create_index('ix_audit_writer_number', 'audit', ['writer', 'number'], unique=False)


def downgrade() -> None:
    op.drop_index('ix_audit_writer_number', table_name='audit')
    for name in reversed(COLUMNS):
        op.execute(f'ALTER TABLE audit DROP COLUMN {name}')
    op.execute('ALTER TABLE audit RENAME COLUMN action TO deed')
