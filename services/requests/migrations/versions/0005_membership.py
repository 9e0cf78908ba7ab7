"""Who is a member, filled from the copies that were kept for their names."""

import sqlalchemy as sa
from alembic import op

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
    op.execute("INSERT INTO member (code, sequence) SELECT code, sequence FROM knownministry")


def downgrade() -> None:
    op.drop_table('member')
