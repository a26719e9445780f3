"""What comes in and goes out, as marshmallow schemas. Members that a schema does not know are refused."""

from typing import Any

from marshmallow import Schema, ValidationError, fields, validate, validates_schema

SKU = validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}$")
CODE = validate.Regexp(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}$")
TAG = validate.Regexp(r"^[a-z0-9][a-z0-9-]{0,39}$")
LARGEST = 1_000_000_000_000


class CredentialsSchema(Schema):
    username = fields.String(required=True, validate=validate.Length(1, 40))
    password = fields.String(required=True, validate=validate.Length(1, 128))


class PageSchema(Schema):
    page = fields.Integer(load_default=1, validate=validate.Range(1, 1_000_000))
    per_page = fields.Integer(load_default=20, validate=validate.Range(1, 100))


class ItemSchema(Schema):
    sku = fields.String(required=True, validate=SKU)
    name = fields.String(required=True, validate=validate.Length(1, 200))
    description = fields.String(load_default=None, allow_none=True, validate=validate.Length(max=2000))
    unit = fields.String(load_default="piece", validate=validate.Length(1, 20))
    reorder_point = fields.Integer(
        load_default=None, allow_none=True, strict=True, validate=validate.Range(0, LARGEST)
    )
    tags = fields.List(fields.String(validate=TAG), load_default=list, validate=validate.Length(max=20))
    archived = fields.Boolean(dump_only=True)
    version = fields.Integer(dump_only=True)
    created_at = fields.AwareDateTime(dump_only=True)
    updated_at = fields.AwareDateTime(dump_only=True)


class StockLineSchema(Schema):
    sku = fields.String(required=True, validate=SKU)
    location = fields.String(required=True, validate=CODE)
    quantity = fields.Integer(required=True, strict=True, validate=validate.Range(1, LARGEST))


class IssueSchema(Schema):
    kind = fields.String(required=True, validate=validate.Equal("issue"))
    reference = fields.String(load_default=None, validate=validate.Length(1, 100))
    note = fields.String(load_default=None, validate=validate.Length(1, 1000))
    occurred_at = fields.AwareDateTime(load_default=None)
    lines = fields.List(fields.Nested(StockLineSchema), required=True, validate=validate.Length(1, 500))

    @validates_schema
    def each_place_once(self, data: dict[str, Any], **options: Any) -> None:
        lines = data["lines"]
        if len({(line["sku"], line["location"]) for line in lines}) < len(lines):
            raise ValidationError("Two lines are about the same place.", "lines")


class MovementLineSchema(Schema):
    sku = fields.String()
    location = fields.String()
    delta = fields.Integer()


class MovementSchema(Schema):
    id = fields.Integer()
    kind = fields.String()
    reference = fields.String()
    note = fields.String()
    occurred_at = fields.AwareDateTime()
    created_at = fields.AwareDateTime()
    created_by = fields.String()
    lines = fields.List(fields.Nested(MovementLineSchema))


class SummarySchema(Schema):
    items = fields.Integer()
    archived_items = fields.Integer()
    locations = fields.Integer()
    units = fields.Integer()
    low_stock = fields.Integer()
    movements_today = fields.Integer()
    as_of = fields.AwareDateTime()
