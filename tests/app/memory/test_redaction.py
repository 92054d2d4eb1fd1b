"""Made-up credentials only, each joined at run time so that no scanner takes this file for a leak."""

from __future__ import annotations

import base64
import random
import string

import pytest
from hypothesis import given
from hypothesis import strategies as st

from app.memory import redaction
from app.memory.redaction import redact

_RANDOM = random.Random(7)
LETTERS = string.ascii_letters
ALNUM = LETTERS + string.digits
URLSAFE = ALNUM + "-_"
HEX = "0123456789abcdef"


def some(alphabet: str, length: int) -> str:
    """Return made-up key material that begins and ends with a letter or digit."""
    middle = "".join(_RANDOM.choices(alphabet, k=length - 2))
    ends = [c for c in alphabet if c.isalnum()]
    return _RANDOM.choice(ends) + middle + _RANDOM.choice(ends)


def pem(name: str, lines: int = 6) -> str:
    body = "\n".join(some(ALNUM + "+/", 64) for _ in range(lines))
    return f"-----BEGIN {name}-----\n{body}\n-----END {name}-----"


def jwt() -> str:
    parts = [
        base64.urlsafe_b64encode(p).decode().rstrip("=") for p in (b'{"alg":"HS256"}', b'{"sub":"somebody","iat":1}')
    ]
    return ".".join([*parts, some(URLSAFE, 43)])


SECRETS = [
    pytest.param("cm_" + some(URLSAFE, 43), "claude-memory-token", id="our own token"),
    pytest.param("sk-ant-" + "api03-" + some(URLSAFE, 93) + "AA", "anthropic-api-key", id="Anthropic"),
    pytest.param("sk-ant-" + "oat01-" + some(URLSAFE, 60), "anthropic-api-key", id="Anthropic OAuth"),
    pytest.param("sk-" + "proj-" + some(URLSAFE, 120), "openai-api-key", id="OpenAI project"),
    pytest.param("sk-" + some(ALNUM, 20) + "T3Blbk" + "FJ" + some(ALNUM, 20), "openai-style-api-key", id="OpenAI old"),
    pytest.param("sk-" + some(HEX, 32), "openai-style-api-key", id="DashScope"),
    pytest.param("sk-or-" + "v1-" + some(HEX, 64), "openrouter-api-key", id="OpenRouter"),
    pytest.param("AI" + "za" + some(URLSAFE, 35), "gcp-api-key", id="Google API key"),
    pytest.param("GOC" + "SPX-" + some(URLSAFE, 28), "google-oauth-secret", id="Google client secret"),
    pytest.param("gh" + "p_" + some(ALNUM, 36), "github-pat", id="GitHub"),
    pytest.param("gh" + "s_" + some(ALNUM, 36), "github-app-token", id="GitHub app"),
    pytest.param(
        "github_" + "pat_" + some(ALNUM, 22) + "_" + some(ALNUM, 59),
        "github-fine-grained-pat",
        id="GitHub fine",
    ),
    pytest.param("gl" + "pat-" + some(ALNUM, 20), "gitlab-pat", id="GitLab"),
    pytest.param("h" + "f_" + some(LETTERS, 34), "huggingface-access-token", id="Hugging Face"),
    pytest.param("pu" + "l-" + some(HEX, 40), "pulumi-api-token", id="Pulumi"),
    pytest.param("rn" + "d_" + some(ALNUM, 32), "render-api-key", id="Render"),
    pytest.param("AK" + "IA" + some(string.ascii_uppercase, 16), "aws-access-token", id="AWS access key"),
    pytest.param("LT" + "AI" + some(ALNUM, 20), "alibaba-access-key-id", id="Alibaba access key"),
    pytest.param("xo" + "xb-123456789012-123456789012-" + some(ALNUM, 24), "slack-bot-token", id="Slack"),
    pytest.param(
        "https://hooks." + "slack.com/services/T0AAAAAAA/B0AAAAAAA/" + some(ALNUM, 24),
        "slack-webhook-url",
        id="Slack hook",
    ),
    pytest.param("sk_" + "live_" + some(ALNUM, 24), "stripe-access-token", id="Stripe"),
    pytest.param("wh" + "sec_" + some(ALNUM, 32), "stripe-webhook-secret", id="Stripe webhook"),
    pytest.param("S" + "G." + some(URLSAFE, 22) + "." + some(URLSAFE, 43), "sendgrid-api-token", id="SendGrid"),
    pytest.param("S" + "K" + some(HEX, 32), "twilio-api-key", id="Twilio"),
    pytest.param(some(HEX, 32) + "-us" + "12", "mailchimp-api-key", id="Mailchimp"),
    pytest.param("12345678" + ":A" + "A" + some(URLSAFE, 33), "telegram-bot-token", id="Telegram"),
    pytest.param("np" + "m_" + some(ALNUM, 36), "npm-access-token", id="npm"),
    pytest.param("py" + "pi-AgEIcHlwaS5vcmc" + some(URLSAFE, 90), "pypi-upload-token", id="PyPI"),
    pytest.param("sq0" + "atp-" + some(URLSAFE, 22), "square-secret", id="Square"),
    pytest.param("hv" + "s." + some(URLSAFE, 95), "vault-token", id="Vault"),
    pytest.param("do" + "p_v1_" + some(HEX, 64), "digitalocean-pat", id="DigitalOcean"),
    pytest.param("da" + "pi" + some(HEX, 32), "databricks-api-token", id="Databricks"),
    pytest.param("nt" + "n_" + "12345678901" + some(ALNUM, 35), "notion-api-token", id="Notion"),
    pytest.param("gs" + "k_" + some(ALNUM, 52), "groq-api-key", id="Groq"),
    pytest.param(jwt(), "json-web-token", id="JWT"),
    pytest.param(pem("RSA " + "PRIVATE KEY"), "private-key", id="RSA key"),
    pytest.param(pem("PRIVATE " + "KEY"), "private-key", id="PKCS 8 key"),
    pytest.param(pem("OPENSSH " + "PRIVATE KEY", 20), "private-key", id="OpenSSH key"),
    pytest.param(pem("PGP " + "PRIVATE KEY BLOCK"), "private-key", id="PGP key"),
]


@pytest.mark.parametrize(("secret", "kind"), SECRETS)
@pytest.mark.parametrize(
    "around",
    [
        pytest.param("{}", id="alone"),
        pytest.param("Please remember my key {}, I need it later.", id="before a comma"),
        pytest.param('API_KEY="{}"', id="quoted"),
        pytest.param("(see {})", id="in brackets"),
        pytest.param("the key is {}.", id="at the end of a sentence"),
        pytest.param("我的密钥是{}，请记住。", id="between Chinese characters"),
    ],
)
def test_a_credential_is_replaced_by_its_kind_wherever_it_stands(secret: str, kind: str, around: str) -> None:
    assert redact(around.format(secret)) == redaction.Redacted(around.format(f"[redacted: {kind}]"), (kind,))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        pytest.param(
            "postgres://app:hunter2@db.internal:5432/main",
            "postgres://app:[redacted: url-password]@db.internal:5432/main",
            id="PostgreSQL",
        ),
        pytest.param("redis://:s3cr3t@localhost", "redis://:[redacted: url-password]@localhost", id="no user"),
        pytest.param(
            "https://me:p@ss@example.com/x",
            "https://me:[redacted: url-password]@example.com/x",
            id="an @ in the password",
        ),
        pytest.param(
            "aws_secret_access_key = " + "wJalr" + "A1b2/" * 7,
            "aws_secret_access_key = [redacted: aws-secret-key]",
            id="AWS secret by its name",
        ),
        pytest.param(
            '"AccessKeySecret": "' + "a1B2c" * 6 + '"',
            '"AccessKeySecret": "[redacted: alibaba-secret-key]"',
            id="Alibaba secret by its name",
        ),
        pytest.param(
            "AccountKey=" + "Ab1+" * 21 + "Ab" + "==;EndpointSuffix=x",
            "AccountKey=[redacted: azure-storage-key];EndpointSuffix=x",
            id="Azure storage",
        ),
    ],
)
def test_only_the_secret_part_of_a_longer_text_goes(text: str, expected: str) -> None:
    assert redact(text).text == expected


def test_a_private_key_that_was_cut_off_goes_as_far_as_its_base64() -> None:
    cut = pem("RSA " + "PRIVATE KEY").rsplit("\n", 2)[0]

    assert redact(f"here: {cut}\nand that was all").text == "here: [redacted: private-key]\nand that was all"


def test_a_private_key_in_json_goes_whole() -> None:
    escaped = pem("PRIVATE " + "KEY").replace("\n", "\\n")

    assert redact(f'{{"private_key": "{escaped}"}}').text == '{"private_key": "[redacted: private-key]"}'


def test_each_replacement_is_counted() -> None:
    keys = ["gh" + "p_" + some(ALNUM, 36) for _ in range(3)]

    assert redact(" and ".join(keys)).kinds == ("github-pat",) * 3


def test_a_key_that_is_longer_than_its_shape_goes_to_its_end() -> None:
    assert redact("gh" + "p_" + "a1" * 30 + " end").text == "[redacted: github-pat] end"


@pytest.mark.parametrize(
    "text",
    [
        pytest.param("We talked about the key to the secret garden; her password is not written here.", id="prose"),
        pytest.param("password = hunter2, api_key: none yet, token=abc", id="words without a shape"),
        pytest.param("commit 3f786850e387550fdab836ed7e6dc881de23001b fixes it", id="a git hash"),
        pytest.param("sha256:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08", id="a digest"),
        pytest.param("id 123e4567-e89b-12d3-a456-426614174000", id="a UUID"),
        pytest.param(
            "heroku 123e4567-e89b-12d3-a456-426614174000 twitter: 1b2c3d4e5f",
            id="a UUID near a vendor's name",
        ),
        pytest.param("sourcegraph at 3f786850e387550fdab836ed7e6dc881de23001b", id="a hash near a vendor's name"),
        pytest.param("self.assertRaises(ValueError); task_runner.sk_learn.fit_transform_everything(x)", id="code"),
        pytest.param(
            "ext_modules.build.acc, test_pub_sub_live_connection, risk-adjusted-return-on-capital",
            id="identifiers",
        ),
        pytest.param("https://user@example.com:8443/a/b?token=short#x and http://localhost:8000/@me", id="URLs"),
        pytest.param("postgres://app:$PASS@db/x postgres://app:${PASS}@db/x mysql://u:{password}@h", id="placeholders"),
        pytest.param("postgres://app:<password>@db, amqp://u:***@h, x://u:%s@h", id="more placeholders"),
        pytest.param("git@github.com:someone/project.git, ssh://git@host:22/x, mail me at a.b@c.org", id="addresses"),
        pytest.param("a PEM file begins with -----BEGIN " + "PRIVATE KEY----- and then come lines", id="about keys"),
        pytest.param("-----BEGIN CERTIFICATE-----\n" + "MIIB" * 16 + "\n-----END CERTIFICATE-----", id="a certificate"),
        pytest.param("ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAI" + "Ab1" * 14 + " me@host", id="a public key"),
        pytest.param(
            "sk-container-id-1 div.sk-parallel-item, sk-SK, disk-usage-statistics-of-yesterday",
            id="sk- in CSS",
        ),
        pytest.param("我的密码写在纸上，https://例子.公司/路径，昨天下午三点见面", id="Chinese"),
    ],
)
def test_what_is_no_credential_stays(text: str) -> None:
    assert redact(text) == redaction.Redacted(text, ())


def test_base64_pictures_stay() -> None:
    pictures = [base64.b64encode(_RANDOM.randbytes(300_000)).decode(), "iVBORw0KGgo" + "EAAAAAAA" * 5_000]

    for picture in pictures:
        assert redact(f"![x](data:image/png;base64,{picture})").kinds == ()


PIECES = [secret.values[0] for secret in SECRETS] + [
    *(
        "password=",
        "Authorization: Bearer ",
        "token: ",
        '"auth": "',
        "curl -u a:",
        "?sig=",
        " is ",
        "密码是",
        "kind: Secret\ndata:\n",
    ),
    *(
        some(ALNUM, 20),
        some(HEX, 32),
        "a1B2!c3D4",
        "=",
        '"',
        "\n",
        ".",
        "[redacted: password]",
        "--token ",
        "https://x/",
    ),
    "://",
    ":",
    "@",
    "-----",
    " ",
    "a",
    "密",
    "\ud800",
    "\0",
    "]",
    "sk-",
]


@given(
    st.lists(st.one_of(st.sampled_from(PIECES), st.text(max_size=12)), max_size=8).map(
        lambda parts: "".join(map(str, parts))
    )
)
def test_redacting_twice_is_redacting_once(text: str) -> None:
    once = redact(text)

    assert redact(once.text) == redaction.Redacted(once.text, ())
    assert (once.text == text) == (once.kinds == ())


def _shape(unit: str, length: int) -> str:
    return (unit * (length // len(unit) + 1))[:length]


SHAPES = [
    *(
        "a",
        "a-",
        "a.",
        "aa.",
        ":",
        "=",
        "://a:",
        "://a:b@",
        "https://",
        "密码是",
        "😀",
        "\ud800",
        "password=",
        "a=aaaaaaa1 ",
    ),
    *("-----BEGIN " + "PRIVATE KEY-----", "eyJ" + "a" * 20 + ".", "gl" + "ft-", "sk-ant-" + "api03-" + "a" * 30 + " "),
    *(
        "Authorization: ",
        "curl -u a:",
        "https://hooks.slack.com/services/",
        "https://x/api/webhooks/1",
        "kind: Secret\n",
    ),
    *(
        "Private-Lines: 1\n",
        ":5432:a:b:",
        "mysql ",
        "--a-a-a-",
        "name: A value: ",
        "[redacted: ",
        "password=" + "a1B2" * 3 + " ",
    ),
    *(
        "data:\n  a: ",
        "client-key-data: ",
        "AccountKey=" + "a" * 30,
        "\\n",
        "login x password ",
        "1//0",
        ":AA",
        "|1",
        "/1",
    ),
]


@pytest.mark.timeout(60)  # a pattern that looks at the same characters again and again takes minutes
@pytest.mark.parametrize("unit", SHAPES)
def test_a_long_text_of_any_shape_ends(unit: str) -> None:
    redact(_shape(unit, 200_000))
