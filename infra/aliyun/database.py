"""PostgreSQL as a service of Alibaba Cloud (ApsaraDB RDS), which only the stack's network reaches."""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import pbkdf2_hmac

import pulumi
from pulumi_alicloud import rds
from pydantic import SecretStr

from infra.aliyun.config import Network as NetworkConfig
from infra.aliyun.config import Postgres
from infra.aliyun.containers import DATABASE, USER, database_url
from infra.aliyun.network import Network

_ROUNDS = 600_000  # OWASP's cheat sheet on storing passwords, for SHA-256
_VERSIONS = 2_147_483_646  # the provider takes a 32-bit integer, and 0 for none


@dataclass(frozen=True, kw_only=True)
class DatabaseArgs:
    """instance: its name. keep: whether `destroy`, and a change that would make a new one, refuses to delete it."""

    instance: str
    options: Postgres
    where: NetworkConfig
    network: Network
    password: SecretStr
    keep: bool


class Database(pulumi.ComponentResource):
    """`url` is the database's address with its password: a secret."""

    def __init__(self, name: str, args: DatabaseArgs, opts: pulumi.ResourceOptions | None = None) -> None:
        super().__init__("claude-memory:aliyun:Database", name, None, opts)
        options, password = args.options, args.password.get_secret_value()
        instance = rds.Instance(
            name,
            instance_name=args.instance,
            engine="PostgreSQL",
            engine_version=options.version,
            instance_type=options.instance_type,
            instance_storage=options.storage_gb,
            db_instance_storage_type="cloud_essd",
            category=options.category,
            instance_charge_type="Postpaid",
            zone_id=args.where.zone,
            vpc_id=args.network.vpc_id,
            vswitch_id=args.network.switch_id,
            security_ips=[args.where.switch_cidr],
            deletion_protection=args.keep,
            opts=pulumi.ResourceOptions(parent=self, protect=args.keep),
        )
        inside = pulumi.ResourceOptions(parent=self)
        account = rds.RdsAccount(
            name,
            db_instance_id=instance.id,
            account_name=USER,
            account_type="Super",  # it creates extensions
            account_password_wo=pulumi.Output.secret(password),
            account_password_wo_version=password_version(password, args.instance),
            opts=inside,
        )
        database = rds.Database(
            name,
            instance_id=instance.id,
            data_base_name=DATABASE,
            character_set="UTF8,C,en_US.utf8",
            opts=pulumi.ResourceOptions(parent=self, protect=args.keep),
        )
        ready = pulumi.Output.all(instance.connection_string, instance.port, account.id, database.id)
        self.url: pulumi.Output[str] = pulumi.Output.secret(
            ready.apply(lambda found: database_url(found[0], found[1], password))
        )
        self.register_outputs({"host": instance.connection_string})


def password_version(password: str, salt: str) -> int:
    """Return a number that is another one for another password: the provider sends a password when this changes.

    31 bits of a slow hash say nothing about a password of 16 or more characters.
    """
    digest = pbkdf2_hmac("sha256", password.encode(), salt.encode(), _ROUNDS)
    return 1 + int.from_bytes(digest[:8], "big") % _VERSIONS
