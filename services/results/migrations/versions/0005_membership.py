"""Who is a member, filled from the copies that were kept for their names; and who has acted on a request."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('member',
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('has_left', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.PrimaryKeyConstraint('code')
    )
    with op.batch_alter_table('result', schema=None) as batch_op:
        batch_op.add_column(sa.Column('parts', shared.db.Json(), server_default='[]', nullable=False))
    op.execute("INSERT INTO member (code, sequence) SELECT key, sequence FROM known WHERE kind = 'ministry'")


def downgrade() -> None:
    with op.batch_alter_table('result', schema=None) as batch_op:
        batch_op.drop_column('parts')
    op.drop_table('member')
