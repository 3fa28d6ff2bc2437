"""Models for Tortoise."""

from tortoise import fields
from tortoise.models import Model


class Team(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=100, unique=True)
    founded = fields.DatetimeField(null=True)
    data = fields.JSONField(null=True)
    value = fields.DecimalField(max_digits=10, decimal_places=2, null=True)
    logo = fields.BinaryField(null=True)


class Player(Model):
    id = fields.IntField(primary_key=True)
    name = fields.CharField(max_length=100)
    is_active = fields.BooleanField(default=True)
    team = fields.ForeignKeyField("models.Team", related_name="players")
