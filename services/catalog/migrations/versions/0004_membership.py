"""Members leave; each is announced again, since every service listens from now on."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0004'
down_revision = '0003'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('member',
    sa.Column('code', sa.String(length=40), nullable=False),
    sa.Column('sequence', sa.BigInteger(), nullable=False),
    sa.Column('has_left', sa.Boolean(), server_default=sa.false(), nullable=False),
    sa.PrimaryKeyConstraint('code')
    )
    with op.batch_alter_table('ministry', schema=None) as batch_op:
        batch_op.add_column(sa.Column('left_at', shared.db.UtcDateTime(timezone=True), nullable=True))
        batch_op.add_column(sa.Column('left_reason', sa.String(), nullable=True))
        batch_op.add_column(sa.Column('announced_at', shared.db.UtcDateTime(timezone=True), nullable=True))
    # The sequence of the event that told of it is at least 1; the announcement that follows has a higher one.
    op.execute("INSERT INTO member (code, sequence) SELECT code, 1 FROM ministry")


def downgrade() -> None:
    with op.batch_alter_table('ministry', schema=None) as batch_op:
        batch_op.drop_column('announced_at')
        batch_op.drop_column('left_reason')
        batch_op.drop_column('left_at')
    op.drop_table('member')
