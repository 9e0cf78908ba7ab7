"""The file that readers get, where the one that was sent has another form."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('datasetfile', sa.Column('converted', shared.db.Json(), nullable=True))


def downgrade() -> None:
    op.drop_column('datasetfile', 'converted')
