"""Key blocks, addresses, command lines."""

from __future__ import annotations

import base64
import random
import string

import pytest

from app.memory.redaction import redact

_RANDOM = random.Random(4)
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"
UUID = "6ba7b810-9dad-41d1-80b4-00c04fd430c8"


def some(length: int, alphabet: str = ALNUM) -> str:
    return "".join(_RANDOM.choices(alphabet, k=length))


PEM = "-----BEGIN " + "PRIVATE KEY-----\n" + some(64) + "\n-----END " + "PRIVATE KEY-----\n"
CREDENTIALS = [
    ("postgres://app:{}@db:5432/app", some(16)),
    ("postgres" + "://app:{}@db:5432/x", "p@s/w0" + some(4)),
    ("postgresql+asyncpg" + "://app:{}@/app?host=/run", some(20)),
    ("redis://:{}@localhost", some(20)),
    ("https://{}@o1.ingest.sentry.io/6", some(32, HEX)),
    ("https://{}:x-oauth-basic" + "@github.com/o/r", some(40)),
    ("post to {}", "https://discord.com/api/webhooks/123456789012345678/" + some(68)),
    ("url: {}", f"https://x.webhook.office.com/webhookb2/{UUID}@{UUID}/IncomingWebhook/{some(32)}/{UUID}"),
    ("hook {}", f"https://open.feishu.cn/open-apis/bot/v2/hook/{UUID}"),
    ("hook {}", "https://oapi.dingtalk.com/robot/send?access_token=" + some(64, HEX)),
    ("hook {}", f"https://qyapi.weixin.qq.com/cgi-bin/webhook/send?key={UUID}"),
    ("https://api.telegram.org/bot{}/getMe", "1234567890:A" + "A" + some(33)),
    ("key {}", some(32, HEX) + "-us" + "7"),
    ("key {}", some(14) + ".atlas" + "v1." + some(64)),
    ("key {}", "1/" + "1234567890123456:" + some(32, HEX)),
    ("key {}", "1/" + "/0" + some(60)),
    ("key {}", some(36, HEX) + "FFFF" + "NRAL"),
    ("X-Token: Bearer {}", some(40)),
    ("curl -u admin:{} https://x", some(20)),
    ("docker login -u me -p {}", some(20)),
    ("mysql -uroot -p{} db", some(14)),
    ("sshpass -p {} ssh x", some(12)),
    ("redis-cli -h x -a {}", some(20)),
    ("gh auth --token {}", some(40)),
    ("machine api.x login me password {}", some(16)),
    ("db.internal:5432:app:app:{}", some(16)),
    ("the password is {}.", "Xk9!" + some(10)),
    ("kind: Secret\ndata:\n  anything: {}\n", base64.b64encode(b"short-one").decode()),
    ("tls.key: {}", base64.b64encode(PEM.encode() * 2).decode()),
    ('{{"kty": "RSA", "d": "{}"}}', some(86)),
    ("Private-Lines: 1\n{}", some(48)),
]


@pytest.mark.parametrize(("around", "value"), CREDENTIALS, ids=[around for around, _ in CREDENTIALS])
def test_a_credential_with_a_shape_goes(around: str, value: str) -> None:
    assert value not in redact(around.format(value)).text


@pytest.mark.parametrize(
    "text",
    [
        "postgres://user:password@localhost/db http://user-service:8080@v2 s3://bucket:prefix@version/key",
        "registry://user:latest@sha256:abc ${jndi:ldap://x:y@z} https://mastodon.social:443/@user",
        "curl -u user:password x; curl -u $USER:$PASS1 x; docker run -u 1000:1000 x; mysql -u root -p; mysql -p$PASS x",
        "https://hooks.slack.com/services/T00000000/B00000000/XXXXXXXXXXXXXXXXXXXXXXXX",
        "https://discord.com/api/webhooks/ and https://example.com/hooks/my-service",
        "d41d8cd98f00b204e9800998ecf8427e-us1",
        "localhost:5432:app:app:password log.py:1234:module:function:message2here 12:34:56:78:9a:bc",
        "-----BEGIN RSA PUBLIC KEY-----\n" + some(64) + "\n-----END RSA PUBLIC KEY-----",
        "certificate-authority-data: LS0tLS1CRUdJTiBDRVJUSUZJQ0FURS0tLS0t" + some(200),
        '{"kty": "RSA", "n": "' + some(200) + '", "e": "AQAB"}',
        "kind: Secret\nmetadata:\n  name: x",
        "arn:aws:secretsmanager:us-east-1:123456789012:secret:prod/db-AbCdEf",
        "Bearer authentication with JWTs is described below",
    ],
)
def test_what_only_looks_like_one_stays(text: str) -> None:
    assert redact(text).kinds == ()
