"""The tables. They are made by the harness, so Django leaves them alone."""

from django.core.validators import MinValueValidator, RegexValidator
from django.db import models


class User(models.Model):
    username = models.CharField(max_length=40, primary_key=True)
    password_hash = models.CharField(max_length=200)
    role = models.CharField(max_length=10)
    disabled = models.BooleanField()

    class Meta:
        managed = False
        db_table = "users"


class Item(models.Model):
    id = models.BigAutoField(primary_key=True)
    sku = models.CharField(
        max_length=64, unique=True, validators=[RegexValidator(r"^[A-Za-z0-9][A-Za-z0-9._-]{0,63}\Z")]
    )
    name = models.CharField(max_length=200)
    description = models.CharField(max_length=2000, null=True, blank=True)  # noqa: DJ001 - as the table is
    unit = models.CharField(max_length=20, default="piece")
    reorder_point = models.BigIntegerField(null=True, blank=True, validators=[MinValueValidator(0)])
    archived = models.BooleanField(default=False)
    version = models.BigIntegerField(default=1)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        managed = False
        db_table = "items"


class ItemTag(models.Model):
    pk = models.CompositePrimaryKey("item_id", "tag")
    item = models.ForeignKey(Item, models.CASCADE, related_name="item_tags")
    tag = models.CharField(max_length=40)

    class Meta:
        managed = False
        db_table = "item_tags"


class Location(models.Model):
    id = models.BigAutoField(primary_key=True)
    code = models.CharField(max_length=40, unique=True)
    archived = models.BooleanField(default=False)

    class Meta:
        managed = False
        db_table = "locations"


class Level(models.Model):
    pk = models.CompositePrimaryKey("item_id", "location_id")
    item = models.ForeignKey(Item, models.PROTECT)
    location = models.ForeignKey(Location, models.PROTECT)
    on_hand = models.BigIntegerField()
    reserved = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "levels"


class Movement(models.Model):
    id = models.BigAutoField(primary_key=True)
    kind = models.CharField(max_length=10)
    reference = models.CharField(max_length=100, null=True)  # noqa: DJ001 - as the table is
    note = models.CharField(max_length=1000, null=True)  # noqa: DJ001 - as the table is
    occurred_at = models.DateTimeField()
    created_at = models.DateTimeField()
    created_by = models.CharField(max_length=40)

    class Meta:
        managed = False
        db_table = "movements"


class MovementLine(models.Model):
    pk = models.CompositePrimaryKey("movement_id", "line")
    movement = models.ForeignKey(Movement, models.PROTECT, related_name="lines")
    line = models.IntegerField()
    item = models.ForeignKey(Item, models.PROTECT)
    location = models.ForeignKey(Location, models.PROTECT)
    delta = models.BigIntegerField()

    class Meta:
        managed = False
        db_table = "movement_lines"
