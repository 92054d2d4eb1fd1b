"""A Pulumi program with every type of resource, run by test_pulumi.py; settings come from the environment."""

from __future__ import annotations

import os

import pulumi

from infra.render import resources as render

config = pulumi.Config()
provider = render.Provider(
    "render",
    render_api_key=config.require_secret("key"),
    render_api_url=config.require("url"),
    owner=config.require("owner"),
)
opts = pulumi.ResourceOptions(provider=provider)
plan, region, level = (os.environ.get(name, default) for name, default in (
    ("PLAN", "starter"), ("REGION", "oregon"), ("LEVEL", "info"),
))  # fmt: skip

project = render.Project("home", opts, name="home", environments={"production": {"protectedStatus": "protected"}})
environment = render.Environment("staging", opts, name="staging", project_id=project.id)
credential = render.RegistryCredential(
    "hub", opts, name="hub", registry="DOCKER", username="me", auth_token=pulumi.Output.secret("registry-token-1")
)
group = render.EnvGroup(
    "shared",
    opts,
    name="shared",
    environment_id=project.environment_ids["production"],
    env_vars={"LEVEL": level, "TOKEN": {"value": "group-write-only-1", "writeOnly": True}},
    secret_files={"settings.json": "secret-file-content-1"},
)
database = render.Postgres("db", opts, name="db", plan="basic_256mb", version="17", database_name="memory")
cache = render.KeyValue("cache", opts, name="cache", plan="starter")
web = render.WebService(
    "web",
    opts,
    name="web",
    runtime="image",
    image={"imagePath": "ghcr.io/example/memory:1.0", "registryCredentialId": credential.id},
    plan=plan,
    region=region,
    env_vars={
        "DATABASE_URL": database.internal_connection_string,
        "CACHE_URL": cache.internal_connection_string,
        "PLAIN": "plain-variable-1",
        "KEY": {"value": "service-write-only-1", "writeOnly": True},
        "MADE": {"generateValue": True},
    },
    env_group_ids=[group.id],
    redeploy_on={"group": group.revision},
    health_check_path="/health",
    autoscaling={"min": 1, "max": 3, "cpuPercent": 70},
)
private = render.PrivateService(
    "qdrant",
    opts,
    name="qdrant",
    runtime="image",
    image={"imagePath": "qdrant/qdrant"},
    plan="starter",
    max_shutdown_delay_seconds=60,
)
worker = render.BackgroundWorker(
    "worker", opts, name="worker", runtime="docker", repo="https://github.com/example/memory", plan="starter"
)
cron = render.CronJob(
    "nightly",
    opts,
    name="nightly",
    runtime="image",
    image={"imagePath": "alpine"},
    plan="starter",
    schedule="0 3 * * *",
)
site = render.StaticSite(
    "site",
    opts,
    name="site",
    repo="https://github.com/example/site",
    publish_path="dist",
    headers=[{"path": "/*", "name": "X-Frame-Options", "value": "DENY"}],
)
disk = render.Disk("data", opts, service_id=private.id, name="data", mount_path="/qdrant", size_gb=1)
domain = render.CustomDomain("domain", opts, service_id=web.id, name="memory.example.com")
deploy = render.Deploy("deploy", opts, service_id=worker.id, triggers={"version": "1"})
stream = render.LogStream(
    "logs", opts, endpoint="logs.example.com:514", preview="drop", token=pulumi.Output.secret("stream-token-1")
)
hook = render.Webhook("hook", opts, name="hook", url="https://example.com/hook", event_filter=["deploy_ended"])

pulumi.export("url", web.url)
pulumi.export("made", web.generated)
pulumi.export("database", database.database_name)
pulumi.export("secret", hook.secret)
