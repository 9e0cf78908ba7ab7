"""Trained models, their reviews, and which run is scored with which."""

import sqlalchemy as sa
from alembic import op

import shared.db

revision = '0005'
down_revision = '0004'
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table('model',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('run_id', sa.Uuid(), nullable=False),
    sa.Column('request_id', sa.Uuid(), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('name', sa.String(length=63), nullable=False),
    sa.Column('format', sa.Enum('onnx', 'skops', name='modelformat', native_enum=False, length=20), nullable=False),
    sa.Column('sha256', sa.String(length=64), nullable=False),
    sa.Column('size', sa.Integer(), nullable=False),
    sa.Column('media_type', sa.String(length=100), nullable=False),
    sa.Column('method_name', sa.String(length=63), nullable=False),
    sa.Column('method_release', sa.String(length=20), nullable=False),
    sa.Column('method_digest', sa.String(length=64), nullable=False),
    sa.Column('announced_by', sa.String(length=200), nullable=False),
    sa.Column('authors', shared.db.Json(), nullable=False),
    sa.Column('datasets', shared.db.Json(), nullable=False),
    sa.Column('manifest', shared.db.Json(), nullable=False),
    sa.Column('state', sa.Enum('registered', 'released', 'withdrawn', name='modelstate', native_enum=False, length=20), nullable=False),
    sa.Column('released_at', shared.db.UtcDateTime(timezone=True), nullable=True),
    sa.Column('withdrawn_reason', sa.String(length=4000), nullable=True),
    sa.ForeignKeyConstraint(['run_id'], ['run.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('run_id', 'name', name='uq_model_run_name')
    )
    with op.batch_alter_table('model', schema=None) as batch_op:
        batch_op.create_index('ix_model_method_name', ['method_name'], unique=False)
        batch_op.create_index('ix_model_ministry', ['ministry'], unique=False)
        batch_op.create_index('ix_model_request_id', ['request_id'], unique=False)
        batch_op.create_index('ix_model_sha256', ['sha256'], unique=False)
        batch_op.create_index('ix_model_state', ['state'], unique=False)

    op.create_table('model_review',
    sa.Column('id', sa.Uuid(), nullable=False),
    sa.Column('created_at', shared.db.UtcDateTime(timezone=True), nullable=False),
    sa.Column('version', sa.Integer(), nullable=False),
    sa.Column('model_id', sa.Uuid(), nullable=False),
    sa.Column('reviewer', sa.String(length=200), nullable=False),
    sa.Column('ministry', sa.String(length=40), nullable=False),
    sa.Column('verdict', sa.Enum('approve', 'reject', name='verdict', native_enum=False, length=20), nullable=False),
    sa.Column('reason', sa.String(length=4000), nullable=False),
    sa.ForeignKeyConstraint(['model_id'], ['model.id'], ),
    sa.PrimaryKeyConstraint('id'),
    sa.UniqueConstraint('model_id', 'ministry', name='uq_model_review_ministry'),
    sa.UniqueConstraint('model_id', 'reviewer', name='uq_model_review_reviewer')
    )
    with op.batch_alter_table('model_review', schema=None) as batch_op:
        batch_op.create_index('ix_model_review_model_id', ['model_id'], unique=False)

    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.add_column(sa.Column('champion_id', sa.Uuid(), nullable=True))
        batch_op.create_index('ix_run_champion_id', ['champion_id'], unique=False)

    with op.batch_alter_table('run_artefact', schema=None) as batch_op:
        batch_op.add_column(sa.Column('manifest', shared.db.Json(), nullable=True))


def downgrade() -> None:
    with op.batch_alter_table('run_artefact', schema=None) as batch_op:
        batch_op.drop_column('manifest')

    with op.batch_alter_table('run', schema=None) as batch_op:
        batch_op.drop_index('ix_run_champion_id')
        batch_op.drop_column('champion_id')

    with op.batch_alter_table('model_review', schema=None) as batch_op:
        batch_op.drop_index('ix_model_review_model_id')

    op.drop_table('model_review')
    with op.batch_alter_table('model', schema=None) as batch_op:
        for name in ('state', 'sha256', 'request_id', 'ministry', 'method_name'):
            batch_op.drop_index(f'ix_model_{name}')

    op.drop_table('model')
