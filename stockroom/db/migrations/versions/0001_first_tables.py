"""The first tables: accounts and sessions, items, tasks, idempotency keys."""

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

# A migration tells what was, so it shares no definition with tables/, which tells what is.
# Times are milliseconds since the epoch.
_MOMENT = sa.BigInteger()
_KEY = sa.BigInteger().with_variant(sa.Integer(), "sqlite")


def upgrade() -> None:
    _accounts()
    _items()
    _tasks()
    _idempotency_keys()


def _accounts() -> None:
    op.create_table(
        "users",
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("email", sa.String(254), nullable=False),
        sa.Column("password_hash", sa.String(200), nullable=False),
        sa.Column("role", sa.String(10), nullable=False),
        sa.Column("disabled", sa.Boolean(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("username", name="pk_users"),
        sa.CheckConstraint("role IN ('viewer', 'clerk', 'manager', 'admin')", name="ck_users_role"),
    )
    op.create_table(
        "login_failures",
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("last_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("username", name="pk_login_failures"),
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("username", sa.String(40), nullable=False),
        sa.Column("scope", sa.String(200)),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_sessions"),
        sa.ForeignKeyConstraint(["username"], ["users.username"], name="fk_sessions_username"),
    )
    op.create_index("ix_sessions_username", "sessions", ["username"])
    op.create_index("ix_sessions_expires_at", "sessions", ["expires_at"])
    op.create_table(
        "refresh_tokens",
        sa.Column("token_hash", sa.String(64), nullable=False),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("used_at", _MOMENT),
        sa.PrimaryKeyConstraint("token_hash", name="pk_refresh_tokens"),
        sa.ForeignKeyConstraint(
            ["session_id"], ["sessions.id"], name="fk_refresh_tokens_session_id", ondelete="CASCADE"
        ),
    )
    op.create_index("ix_refresh_tokens_session_id", "refresh_tokens", ["session_id"])
    op.create_table(
        "revocations",
        sa.Column("id", _KEY, nullable=False, autoincrement=True),
        sa.Column("session_id", sa.String(36), nullable=False),
        sa.Column("expires_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_revocations"),
        # The feed is read from the last key seen: a key must not be given twice.
        sqlite_autoincrement=True,
    )
    op.create_index("ix_revocations_expires_at", "revocations", ["expires_at"])


def _items() -> None:
    op.create_table(
        "items",
        sa.Column("id", _KEY, nullable=False, autoincrement=True),
        sa.Column("sku", sa.String(64), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("description", sa.String(2000)),
        sa.Column("unit", sa.String(20), nullable=False),
        sa.Column("reorder_point", sa.BigInteger()),
        sa.Column("archived", sa.Boolean(), nullable=False),
        sa.Column("version", sa.BigInteger(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("updated_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("id", name="pk_items"),
        sa.UniqueConstraint("sku", name="uq_items_sku"),
        sa.CheckConstraint("reorder_point >= 0", name="ck_items_reorder_point"),
        sa.CheckConstraint("version >= 1", name="ck_items_version"),
    )
    op.create_index("ix_items_name_sku", "items", ["name", "sku"])
    op.create_index("ix_items_created_at_sku", "items", ["created_at", "sku"])
    op.create_index("ix_items_updated_at_sku", "items", ["updated_at", "sku"])
    op.create_table(
        "item_tags",
        sa.Column("item_id", _KEY, nullable=False),
        sa.Column("tag", sa.String(40), nullable=False),
        sa.PrimaryKeyConstraint("item_id", "tag", name="pk_item_tags"),
        sa.ForeignKeyConstraint(["item_id"], ["items.id"], name="fk_item_tags_item_id", ondelete="CASCADE"),
    )
    op.create_index("ix_item_tags_tag_item_id", "item_tags", ["tag", "item_id"])


def _tasks() -> None:
    op.create_table(
        "tasks",
        sa.Column("id", sa.String(36), nullable=False),
        sa.Column("owner", sa.String(40), nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("parameters", sa.JSON(), nullable=False),
        sa.Column("state", sa.String(10), nullable=False),
        sa.Column("done", sa.BigInteger(), nullable=False),
        sa.Column("total", sa.BigInteger()),
        sa.Column("errors", sa.BigInteger(), nullable=False),
        sa.Column("summary", sa.JSON()),
        sa.Column("failure", sa.String(500)),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.Column("started_at", _MOMENT),
        sa.Column("finished_at", _MOMENT),
        sa.Column("fence", sa.Integer(), nullable=False),
        sa.Column("claims", sa.Integer(), nullable=False),
        sa.Column("lease_until", _MOMENT),
        sa.Column("published_at", _MOMENT),
        sa.PrimaryKeyConstraint("id", name="pk_tasks"),
        sa.ForeignKeyConstraint(["owner"], ["users.username"], name="fk_tasks_owner"),
        sa.CheckConstraint(
            "state IN ('queued', 'running', 'succeeded', 'failed', 'cancelled')", name="ck_tasks_state"
        ),
    )
    op.create_index("ix_tasks_owner_created_at", "tasks", ["owner", "created_at", "id"])
    op.create_index("ix_tasks_state", "tasks", ["state"])
    op.create_table(
        "task_errors",
        sa.Column("id", _KEY, nullable=False, autoincrement=True),
        sa.Column("task_id", sa.String(36), nullable=False),
        sa.Column("kind", sa.String(10), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("column", sa.String(100)),
        sa.Column("reason", sa.String(300), nullable=False),
        sa.Column("value", sa.String(100)),
        sa.PrimaryKeyConstraint("id", name="pk_task_errors"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_task_errors_task_id", ondelete="CASCADE"),
        sa.CheckConstraint("kind IN ('rejected', 'merged')", name="ck_task_errors_kind"),
    )
    op.create_index("ix_task_errors_task_id_id", "task_errors", ["task_id", "id"])
    op.create_table(
        "import_keys",
        sa.Column("task_id", sa.String(36), nullable=False),
        sa.Column("key", sa.String(64), nullable=False),
        sa.Column("line", sa.BigInteger(), nullable=False),
        sa.Column("name", sa.String(200), nullable=False),
        sa.Column("outcome", sa.String(9), nullable=False),
        sa.PrimaryKeyConstraint("task_id", "key", name="pk_import_keys"),
        sa.ForeignKeyConstraint(["task_id"], ["tasks.id"], name="fk_import_keys_task_id", ondelete="CASCADE"),
        sa.CheckConstraint("outcome IN ('created', 'updated', 'unchanged')", name="ck_import_keys_outcome"),
    )


def _idempotency_keys() -> None:
    op.create_table(
        "idempotency_keys",
        sa.Column("caller", sa.String(40), nullable=False),
        sa.Column("operation", sa.String(100), nullable=False),
        sa.Column("key", sa.String(255), nullable=False),
        sa.Column("fingerprint", sa.String(64), nullable=False),
        sa.Column("status", sa.Integer(), nullable=False),
        sa.Column("headers", sa.JSON(), nullable=False),
        sa.Column("body", sa.LargeBinary(), nullable=False),
        sa.Column("created_at", _MOMENT, nullable=False),
        sa.PrimaryKeyConstraint("caller", "operation", "key", name="pk_idempotency_keys"),
    )
    op.create_index("ix_idempotency_keys_created_at", "idempotency_keys", ["created_at"])
