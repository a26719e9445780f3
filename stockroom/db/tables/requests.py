"""Long work, and idempotency keys."""

import sqlalchemy as sa

from stockroom.db.tables.columns import BigKey, Moment, metadata

tasks = sa.Table(
    "tasks",
    metadata,
    sa.Column("id", sa.String(36), primary_key=True),
    sa.Column("owner", sa.ForeignKey("users.username"), nullable=False),
    sa.Column("kind", sa.String(20), nullable=False),
    sa.Column("parameters", sa.JSON, nullable=False),
    sa.Column("state", sa.String(10), nullable=False),
    sa.Column("done", sa.BigInteger, nullable=False),
    sa.Column("total", sa.BigInteger),
    sa.Column("errors", sa.BigInteger, nullable=False),
    sa.Column("summary", sa.JSON),
    sa.Column("failure", sa.String(500)),
    sa.Column("created_at", Moment, nullable=False),
    sa.Column("started_at", Moment),
    sa.Column("finished_at", Moment),
    # The fencing token: the lease's holder writes with it, and a higher one refuses every earlier holder.
    sa.Column("fence", sa.Integer, nullable=False),
    # Claims since the last progress: a task that crashes its worker each time must not be retried for ever.
    sa.Column("claims", sa.Integer, nullable=False),
    sa.Column("lease_until", Moment),
    sa.Column("published_at", Moment),
    # Of the file that it is made from until it ends, then of the file that it made.
    sa.Column("bytes", sa.BigInteger, nullable=False, server_default="0"),
    # By the last of its workers: who was served longest ago is next.
    sa.Column("claimed_at", Moment),
    sa.CheckConstraint("state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="state"),
    sa.Index("ix_tasks_owner_created_at", "owner", "created_at", "id"),
    sa.Index("ix_tasks_state_owner_finished_at", "state", "owner", "finished_at"),
    sa.Index("ix_tasks_owner_claimed_at", "owner", "claimed_at"),
)

task_errors = sa.Table(
    "task_errors",
    metadata,
    sa.Column("id", BigKey, primary_key=True, autoincrement=True),
    sa.Column("task_id", sa.ForeignKey("tasks.id", ondelete="CASCADE"), nullable=False),
    sa.Column("kind", sa.String(10), nullable=False),
    sa.Column("line", sa.BigInteger, nullable=False),
    sa.Column("column", sa.String(100)),
    sa.Column("reason", sa.String(300), nullable=False),
    sa.Column("value", sa.String(100)),
    sa.CheckConstraint("kind IN ('rejected', 'merged')", name="kind"),
    sa.Index("ix_task_errors_task_id_id", "task_id", "id"),
)

import_keys = sa.Table(
    "import_keys",
    metadata,
    # The SKUs that a running import has met: a repeated SKU is also recognized in a dry run and after a
    # restart.
    sa.Column("task_id", sa.String(36), primary_key=True),
    sa.Column("key", sa.String(64), primary_key=True),
    sa.Column("line", sa.BigInteger, nullable=False),
    sa.Column("name", sa.String(200), nullable=False),
    # The outcome for this item so far, so that it counts once however often the file repeats it.
    sa.Column("outcome", sa.String(9), nullable=False),
    sa.CheckConstraint("outcome IN ('created', 'updated', 'unchanged')", name="outcome"),
)

idempotency_keys = sa.Table(
    "idempotency_keys",
    metadata,
    sa.Column("caller", sa.String(40), primary_key=True),
    sa.Column("operation", sa.String(100), primary_key=True),
    sa.Column("key", sa.String(255), primary_key=True),
    sa.Column("fingerprint", sa.String(64), nullable=False),
    sa.Column("status", sa.Integer, nullable=False),
    sa.Column("headers", sa.JSON, nullable=False),
    sa.Column("body", sa.LargeBinary, nullable=False),
    sa.Column("created_at", Moment, nullable=False, index=True),
)
