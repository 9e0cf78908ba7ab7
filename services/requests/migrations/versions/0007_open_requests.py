"""What one person has open is counted, and what asks for exactly the same is known."""

import sqlalchemy as sa
from alembic import op

revision = '0007'
down_revision = '0005'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column('analysisrequest', sa.Column('fingerprint', sa.String(length=64), nullable=True))
    op.create_index('ix_analysisrequest_requester_status', 'analysisrequest', ['requester', 'status'])


def downgrade() -> None:
    op.drop_index('ix_analysisrequest_requester_status', 'analysisrequest')
    op.drop_column('analysisrequest', 'fingerprint')
