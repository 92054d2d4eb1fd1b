"""Values after names of credentials, and headers, however they are written."""

from __future__ import annotations

import base64
import random
import string

import pytest

from app.memory.redaction import redact

_RANDOM = random.Random(3)
ALNUM = string.ascii_letters + string.digits
HEX = "0123456789abcdef"


def some(length: int, alphabet: str = ALNUM) -> str:
    return "".join(_RANDOM.choices(alphabet, k=length))


def basic(text: str) -> str:
    return base64.b64encode(text.encode()).decode()


CREDENTIALS = [
    # Authorization: RFC 7617, 6750, 7616, and schemes of vendors
    ("Authorization: Bearer {}", some(40)),
    ("curl -H 'Authorization: Bearer {}' https://x", some(32)),
    ('"Authorization": "Bearer {}"', some(32)),
    ("'Authorization': 'Basic {}'", basic("ann:Sup3rPa55w")),
    ("authorization: Token {}", some(40, HEX)),
    ("Authorization: ApiKey {}", basic(some(40))),
    ("Authorization: {}", some(40)),
    ("authorization: [Bearer {}]", some(40)),
    ('r.Header.Set("Authorization", "Bearer {}")', some(40)),
    ("Proxy-Authorization: Basic {}", basic("proxy:" + some(12))),
    ("Authorization: SSWS {}", "00" + some(40)),
    ("Authorization: " + "Digest realm=a, response={}", some(32, HEX)),
    ("Authorization: " + "AWS4-HMAC-SHA256 Credential=x/y/z, Signature={}", some(64, HEX)),
    ('{{"headers":{{"Authorization":"Bearer {}","X":"y"}}}}', some(43)),
    ("Authorization=Bearer%20{}", some(43)),
    ("HTTP_AUTHORIZATION=Bearer {}", some(43)),
    # what this product is given
    ("ADMIN_TOKEN={}", some(32)),
    ("MEMU_API_KEY={}", some(40)),
    ("QDRANT_API_KEY: {}", some(54)),
    ("DASHSCOPE_API_KEY={}", some(32, HEX)),
    ("ALERTS_FEISHU_SECRET={}", some(22)),
    ("BACKUP_PASSPHRASE={}", some(16)),
    ('"client_secret": "{}"', some(64, HEX)),
    ("client_secret={}&grant_type=authorization_code", some(64, HEX)),
    ("?code={}&state=x", some(43)),
    ("AccessKeySecret: {}", some(30)),
    ("host=db user=app password={} dbname=x", some(16)),
    ("PGPASSWORD={} psql", some(16)),
    ("jdbc:postgresql://h/db?user=a&password={}", some(16)),
    ("Server=db;User Id=sa;Password={};", some(16)),
    # others, by names of environment, JSON, YAML, XML, Chinese and prose
    ("DB_PASSWORD={}", some(16) + "!"),
    ("password: '{}'", "Tr0ub4dor!3x"),
    ("<password>{}</password>", some(16)),
    ('<add key="ApiKey" value="{}"/>', some(32)),
    ("- name: DB_PASSWORD\n  value: {}", some(20)),
    ("密码是{}", "Xk9" + some(9)),
    ("密码：{}，请记住", "Ab3" + some(9)),
    ("x-api-key: {}", some(40)),
    ("api key: {}", some(32)),
    ("VERCEL_TOKEN={}", some(24)),
    ("AZURE_DEVOPS_PAT={}", some(52, "abcdefghijklmnopqrstuvwxyz234567")),
    ("STRIPE_KEY={}", some(32)),
    ("SNYK_TOKEN={}", "6ba7b810-9dad-41d1-80b4-00c04fd430c8"),
    ("PrivateKey = {}", basic(some(32))),
    ("client-key-data: {}", basic(some(900))),
    ("//registry.example.com/:_auth={}", basic("user:" + some(20))),
    ('{{"auths":{{"https://x/":{{"auth":"{}"}}}}}}', basic("user:" + some(20))),
    ("https://x.blob.core.windows.net/c?sv=2022&sig={}", some(43) + "%3D"),
    ("https://x/?X-Amz-Signature={}", some(64, HEX)),
    ("Cookie: sessionid={}", some(64)),
    ("otpauth://totp/x?secret={}", some(32, "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567")),
]


@pytest.mark.parametrize(("around", "value"), CREDENTIALS, ids=[around for around, _ in CREDENTIALS])
def test_a_value_after_a_name_of_credentials_goes_and_the_rest_stays(around: str, value: str) -> None:
    redacted = redact(around.format(value))

    assert value not in redacted.text
    before, after = around.format("\0").split("\0")
    assert redacted.text.startswith(before[:12])
    assert redacted.text.endswith(after)


@pytest.mark.parametrize(
    "text",
    [
        "token: string, password: required, secret: kubernetes.io/service-account-token",
        'api_key = os.environ["OPENAI_API_KEY"]; apiKey: process.env.API_KEY2',
        "token = get_token_from_header2(request)",
        "password=${DB_PASSWORD} DB_PASSWORD=$DB_PASSWORD1 API_TOKEN=${{ secrets.API_TOKEN_V2 }}",
        "token: <your-token> API_KEY=your_api_key_here_123 password: changeme123 key: xxxxxxxxxxxxxxxxxxxxxxxx",
        f"public_key: {some(43)}= PUBLIC_KEY={some(64, HEX)} site_key: 6Lc{some(37)} csrf_token: {some(32)}",
        f"nextPageToken: {some(40)} cache_key={some(32, HEX)} sha256={some(64, HEX)} etag: {some(32, HEX)}",
        "session: 3f2504e0-4f89-41d3-9a0c-0305e82c3301 token_id=6ba7b810-9dad-41d1-80b4-00c04fd430c8",
        "CREDENTIALS=/path/to/Credentials2.json PWD=/home/ann/Project2 secret=../path/to/Secret2File.txt",
        "Authorization: Bearer <token>, Authorization: Bearer ${TOKEN}, authorization header is required for v2",
        'Authorization: Bearer YOUR_TOKEN_123; "Authorization": f"Bearer {token2}"',
        "Token expired at 2026-01-01T00:00:00Z, password reset at 2026-01-01T10:20:30.123Z",
        "密码是什么？密码：请输入。口令为空，令牌是JWT2格式的字符串",
        "the password is stored hashed with argon2id, the token is validated by middleware2",
        "password_hash=$2b$12$" + some(53),
    ],
)
def test_what_only_stands_after_such_a_name_stays(text: str) -> None:
    assert redact(text).kinds == ()
