"""What comes in and goes out."""

from typing import Any

from django.db import transaction
from rest_framework import serializers

from stock.models import Item, ItemTag

CODE = r"^[A-Za-z0-9][A-Za-z0-9._-]{0,39}\Z"


class CredentialsSerializer(serializers.Serializer[Any]):
    username = serializers.CharField(max_length=40)
    password = serializers.CharField(max_length=128, trim_whitespace=False)


class TagsField(serializers.ListField):
    child = serializers.RegexField(r"^[a-z0-9][a-z0-9-]{0,39}\Z")

    def to_representation(self, data: Any) -> list[str]:
        return sorted(row.tag for row in data.all())


class ItemSerializer(serializers.ModelSerializer[Item]):
    tags = TagsField(source="item_tags", max_length=20, default=list)

    class Meta:
        model = Item
        fields = (
            "sku",
            "name",
            "description",
            "unit",
            "reorder_point",
            "tags",
            "archived",
            "version",
            "created_at",
            "updated_at",
        )
        read_only_fields = ("archived", "version", "created_at", "updated_at")
        # The database says whether a SKU is taken; asking before would leave a gap.
        extra_kwargs = {"sku": {"validators": Item._meta.get_field("sku").validators}}  # noqa: SLF001 - Django documents it

    def create(self, validated_data: dict[str, Any]) -> Item:
        tags = set(validated_data.pop("item_tags"))
        with transaction.atomic():
            item = Item.objects.create(**validated_data)
            ItemTag.objects.bulk_create([ItemTag(item=item, tag=tag) for tag in tags])
        return item


class StockLineSerializer(serializers.Serializer[Any]):
    sku = serializers.RegexField(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")
    location = serializers.RegexField(CODE)
    quantity = serializers.IntegerField(min_value=1, max_value=1_000_000_000_000)


class IssueSerializer(serializers.Serializer[Any]):
    kind = serializers.ChoiceField(["issue"])
    reference = serializers.CharField(max_length=100, default=None)
    note = serializers.CharField(max_length=1000, default=None)
    occurred_at = serializers.DateTimeField(default=None)
    lines = StockLineSerializer(many=True, min_length=1, max_length=500)

    def validate_lines(self, lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
        if len({(line["sku"], line["location"]) for line in lines}) < len(lines):
            raise serializers.ValidationError("Two lines are about the same place.")
        return lines


class MovementLineSerializer(serializers.Serializer[Any]):
    sku = serializers.CharField()
    location = serializers.CharField()
    delta = serializers.IntegerField()


class MovementSerializer(serializers.Serializer[Any]):
    id = serializers.IntegerField()
    kind = serializers.CharField()
    reference = serializers.CharField()
    note = serializers.CharField()
    occurred_at = serializers.DateTimeField()
    created_at = serializers.DateTimeField()
    created_by = serializers.CharField()
    lines = MovementLineSerializer(many=True)
