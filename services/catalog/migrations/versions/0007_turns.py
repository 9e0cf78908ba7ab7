"""Files know their ministry: checks take turns by it, and quotas count by it."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('datasetfile', sa.Column('ministry', sa.String(length=40), nullable=True))
    op.execute(
        "UPDATE datasetfile SET ministry = (SELECT dataset.ministry FROM dataset WHERE dataset.id = datasetfile.dataset_id)"
    )
    with op.batch_alter_table('datasetfile', schema=None) as batch_op:
        batch_op.alter_column('ministry', existing_type=sa.String(length=40), nullable=False)
        batch_op.create_index('ix_datasetfile_ministry_checked_at', ['ministry', 'checked_at'], unique=False)
        batch_op.create_index('ix_datasetfile_ministry_created_at', ['ministry', 'created_at'], unique=False)


def downgrade() -> None:
    with op.batch_alter_table('datasetfile', schema=None) as batch_op:
        batch_op.drop_index('ix_datasetfile_ministry_created_at')
        batch_op.drop_index('ix_datasetfile_ministry_checked_at')
        batch_op.drop_column('ministry')
