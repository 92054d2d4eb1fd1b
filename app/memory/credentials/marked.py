"""Credentials with a mark of their own: a table of the marks, and what follows each.

Sources: gitleaks' rules (config/gitleaks.toml of v8.30, MIT, see gitleaks.LICENSE) for one group, rewritten as marks
and rests so that one look at a text finds all of them; what the vendors document for the other. Both were compared with
GitHub's list of supported secret scanning patterns. gitleaks' rules for any value near a vendor's name are left out:
they mistake commit hashes and UUIDs for keys.

A line is a kind, its marks, and a regular expression for the rest of the token. In it stand before `{`: A a letter or
digit, L one in lower case, U one in upper case, H a digit in base 16, B base64, W its URL-safe form. `=` at the end:
the token must end there; otherwise a longer one goes whole. `~` at the end: it must look random, because words follow
the mark as well.
"""

from __future__ import annotations

import re
import string
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cache, cached_property

from app.memory.credentials.judging import is_example, looks_random
from app.memory.credentials.scanning import WINDOW, Found

FROM_GITLEAKS = r"""
1password-secret-key              A3-                      U{6}-(?:U{11}|U{6}-U{5})-U{5}-U{5}-U{5}
1password-service-account-token   ops_eyJ                  B{200,}
adobe-client-secret               p8e-                     A{32}=
age-secret-key                    AGE-SECRET-KEY-          1U{58}
airtable-personal-access-token    pat                      A{14}\.H{64}
alibaba-access-key-id             LTAI                     A{12,26}=~
artifactory-api-key               AKCp                     A{60,}
artifactory-reference-token       cmVmd                    A{59}=
atlassian-api-token               ATATT3 ATCTT3 ATBB ATOA  [\w=+/-]{24,}
authress-access-key               sc_ ext_ scauth_ authress_  L{5,30}\.L{4,6}\.acc[_-][a-z0-9-]{10,32}\.[\w+/=-]{30,120}
aws-access-token                  AKIA ASIA ABIA ACCA A3T  U{16,17}=
aws-bedrock-api-key               ABSK                     B{100,}
aws-bedrock-api-key               bedrock-api-key-YmVk     [\w+/=-]{10,}
clickhouse-cloud-api-key          4b1d                     A{38}=~
clojars-api-token                 CLOJARS_                 L{60}
cloudflare-origin-ca-key          v1.0-                    H{24}-H{100,}
databricks-api-token              dapi                     H{32}
defined-networking-api-token      dnkey-                   [\w=-]{26}-[\w=-]{52}
digitalocean-pat                  dop_v1_                  H{64}
digitalocean-access-token         doo_v1_                  H{64}
digitalocean-refresh-token        dor_v1_                  H{64}
doppler-api-token                 dp.pt. dp.ct. dp.sa. dp.scim. dp.audit. dp.st.  [\w.-]{40,}
duffel-api-token                  duffel_test_ duffel_live_  [\w=-]{40,}
dynatrace-api-token               dt0c01. dt0s01. dt0s16.  A{24}\.A{64}
easypost-api-token                EZAK EZTK                A{54}=
facebook-access-token             EAAM EAAC EAAB EAAG EAAD EAAJ  A{100,}
flutterwave-secret-key            FLWSECK_TEST- FLWSECK-   A{12,32}(?:-X)?=~
flyio-access-token                fo1_                     W{43}
flyio-access-token                fm1r_ fm1a_ fm2_         B{100,}(?:=|,(?:fm1r_|fm1a_|fm2_)B+)*
frameio-api-token                 fio-u-                   [\w=-]{60,}
gcp-api-key                       AIza                     W{35}=
github-pat                        ghp_                     A{36}
github-app-token                  ghu_ ghs_                A{36}
github-oauth                      gho_                     A{36}
github-refresh-token              ghr_                     A{36}
gitlab-pat                        glpat-                   [\w-]{20,}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?
gitlab-token                      glcbt- gldt- glffct- glft- glimt- glagent- gloas- glptt- glsoat- glwt-  W{20,}
gitlab-runner-token               GR1348941                W{20}
gitlab-runner-token               glrt-                    [\w-]{20,}(?:\.[0-9a-z]{2}\.?[0-9a-z]{7,9})?
grafana-api-key                   eyJrIjoi                 B{70,}
grafana-cloud-api-token           glc_                     B{32,}
grafana-service-account-token     glsa_                    A{32}_[A-Fa-f0-9]{8}
harness-api-key                   pat. sat.                W{22}\.A{24}\.A{20}
heroku-api-key                    HRKU-AA HRKU-            W{36,}~
huggingface-access-token          hf_ api_org_             A{30,}=
infracost-api-token               ico-                     A{32}=~
intra42-client-secret             s-s4t2ud- s-s4t2af-      H{64}
linear-api-key                    lin_api_ lin_oauth_      A{40}
notion-api-token                  ntn_                     A{40,}
npm-access-token                  npm_                     A{36}=
octopus-deploy-api-key            API-                     U{25,32}=~
openshift-user-token              sha256~                  W{43}=
perplexity-api-key                pplx-                    A{40,}
planetscale-token                 pscale_tkn_ pscale_oauth_ pscale_pw_ pscale_otkn_  [\w=.-]{32,}
postman-api-token                 PMAK-                    H{24}-H{34}
postman-api-token                 PMAT-                    A{26}
prefect-api-token                 pnu_ pnb_                A{36}
pulumi-api-token                  pul-                     H{40}=
pypi-upload-token                 pypi-AgEIcHlwaS5vcmc pypi-AgENdGVzdC5weXBpLm9yZw  W{50,}
readme-api-token                  rdme_                    L{70}
rubygems-api-token                rubygems_                H{48}
scalingo-api-token                tk-us-                   W{48}
sendgrid-api-token                SG.                      [\w=-]{16,64}\.[\w=-]{16,64}~
sendinblue-api-token              xkeysib- xsmtpsib-       H{64}-A{16}
sentry-org-token                  sntrys_                  [\w+/=]{60,}
sentry-user-token                 sntryu_                  H{64}
settlemint-access-token           sm_aat_ sm_pat_ sm_sat_  A{16}=
shippo-api-token                  shippo_live_ shippo_test_  [A-Fa-f0-9]{40}
shopify-token                     shpat_ shpca_ shppa_ shpss_ shptka_ shpit_ shpua_  [A-Fa-f0-9]{32}
slack-app-token                   xapp-                    \d-U{6,}-\d+-A{20,}
slack-bot-token                   xoxb-                    [A-Za-z0-9-]{24,}~
slack-token                       xoxa- xoxp- xoxr- xoxs- xoxo- xoxc- xoxd-  [\w%+/-]{20,}
slack-config-token                xoxe.xoxb- xoxe.xoxp- xoxe-  \d-A{100,}
sonar-api-token                   squ_ sqp_ sqa_           H{40}
sourcegraph-access-token          sgp_                     (?:(?:H{16}|local)_)?H{40}
stripe-access-token               sk_live_ sk_test_ sk_prod_ rk_live_ rk_test_ rk_prod_  A{16,}=~
typeform-api-token                tfp_                     [\w.=-]{40,}~
vault-token                       hvs. hvb. hvr.           W{24,}~
yandex-api-key                    AQVN                     W{35,}~
"""

FROM_VENDORS = r"""
claude-memory-token               cm_                      W{43}=~
anthropic-api-key                 sk-ant-                  W{20,}
openai-api-key                    sk-proj- sk-svcacct- sk-admin- sk-service-  W{20,}~
openrouter-api-key                sk-or-v1-                H{32,}
langfuse-secret-key               sk-lf-                   H{8}-H{4}-H{4}-H{4}-H{12}
helicone-api-key                  sk-helicone-             W{20,}~
openai-style-api-key              sk-                      A{32,64}=~
github-fine-grained-pat           github_pat_              \w{22,}
render-api-key                    rnd_                     A{20,}=~
groq-api-key                      gsk_                     A{40,}=
xai-api-key                       xai-                     A{60,}=
replicate-api-token               r8_                      A{37}=
nvidia-api-key                    nvapi-                   W{60,}
cerebras-api-key                  csk-                     L{40,}=~
together-api-key                  tgp_v1_                  W{40,}
fireworks-api-key                 fw_                      A{22,}=~
jina-api-key                      jina_                    W{50,}~
voyage-api-key                    pa-                      W{43}=~
tavily-api-key                    tvly-                    W{28,}~
firecrawl-api-key                 fc-                      H{32}=
pinecone-api-key                  pcsk_                    A{5,6}_A{60,}
runpod-api-key                    rpa_                     U{40,}=
wandb-api-key                     wandb_v1_                \w{40,}
dify-api-key                      app- dataset-            A{24}=~
langsmith-api-key                 lsv2_pt_ lsv2_sk_        H{32}_H{10}
kaggle-api-token                  KGAT_                    H{32}
elevenlabs-api-key                sk_                      H{48}=
alibaba-sts-token                 STS.                     A{20,32}=~
alibaba-sts-token                 CAIS                     B{200,}
tencent-secret-id                 AKID                     A{32,36}=~
volcengine-access-key             AKLT                     A{30,}~
baidu-access-key                  ALTAK                    A{16,}=~
aws-session-token                 IQoJ FwoG FQoG           B{100,}
google-oauth-secret               GOCSPX-                  W{28}=
google-oauth-token                ya29.                    [\w.-]{20,}
firebase-server-key               AAAA                     W{7}:W{140}
azure-devops-pat                  AZDO                     A{40,}
stripe-webhook-secret             whsec_                   B{32,}
square-secret                     sq0atp- sq0csp- sq0idp-  W{22,}
paypal-access-token               access_token$production$ access_token$sandbox$  L{16}\$H{32}
plaid-access-token                access-production- access-sandbox- access-development-  H{8}-H{4}-H{4}-H{4}-H{12}
paddle-api-key                    pdl_live_apikey_ pdl_sdbx_apikey_  [A-Za-z0-9_]{40,}
mercury-api-token                 secret-token:mercury_    \w{30,}
midtrans-server-key               Mid-server- SB-Mid-server-  W{20,}~
mollie-api-key                    live_ test_              A{30,36}=~
lob-api-key                       live_ test_              H{35}=
gocardless-api-token              live_                    [\w=-]{40}=~
supabase-token                    sbp_                     H{40}=
supabase-token                    sb_secret_               W{20,}~
neon-api-key                      napi_                    L{60,}
mongodb-atlas-secret              mdb_sa_sk_               W{30,}
cockroach-api-key                 CCDB1_                   A{22}_A{40}
datastax-token                    AstraCS:                 A{20,}:H{64}
confluent-api-secret              cflt                     B{56,}
dbt-cloud-token                   dbtc_ dbtu_              W{40,}
vercel-token                      vcp_ vci_ vca_ vcr_ vck_  A{24,}=~
netlify-token                     nfp_ nfc_ nfo_ nfu_ nfb_  A{36,}=
cloudflare-token                  cfut_ cfat_ cfk_         A{40}H{8}
tailscale-key                     tskey-                   [a-z]+-[A-Za-z0-9]{8,}-[A-Za-z0-9]{16,}
docker-token                      dckr_pat_ dckr_oat_      W{24,}~
circleci-token                    CCIPAT_ CCIPRJ_          A{22}_H{40}
buildkite-token                   bkua_ bkaj_ bkct_        A{40}
crates-io-token                   cio                      A{32}=~
nuget-api-key                     oy2                      L{43}=~
jetbrains-token                   perm: perm-              [\w=-]{20,}\.[\w=-]{4,}\.A{40,}
snyk-token                        snyk_uat. snyk_sat.      [\w.-]{40,}
semgrep-token                     slk_                     H{64}
deno-deploy-token                 ddp_ ddw_                A{36}=
new-relic-key                     NRAK-                    U{27}=
new-relic-key                     NRII- NRIQ-              W{25,}~
new-relic-key                     NRJS- NRBR- NRRA-        H{19,}
honeycomb-key                     hcaik_ hcxik_ hcamk_ hcxmk_  A{50,}
posthog-key                       phx_ phs_                \w{40,}~
pagerduty-token                   pdus+ pdeu+              [\w+-]{16,}
lightstep-token                   shltm_                   W{40}
pydantic-logfire-token            pylf_v1_ pylf_v2_        [a-z]+_A{40,}
dropbox-token                     sl. sl.u.                [\w=-]{120,}
figma-token                       figd_ figo_ figr_ figu_ figoh_ figp_  [\w-]{30,}~
notion-api-token                  secret_                  A{43}=~
contentful-token                  CFPAT-                   W{43}
hubspot-token                     pat-na1- pat-na2- pat-na3- pat-eu1- pat-ap1-  H{8}-H{4}-H{4}-H{4}-H{12}
mailgun-key                       key-                     H{32}=~
twilio-api-key                    SK                       H{32}=~
resend-api-key                    re_                      A{8}_A{20,}=~
telnyx-api-key                    KEY01                    H{30,}_A{16,}
wakatime-key                      waka_ waka_tok_ waka_sec_ H{8}-H{4}-H{4}-H{4}-H{12}
wakatime-key                      waka_tok_ waka_sec_ waka_ref_  A{60,}
launchdarkly-key                  api- sdk-                H{8}-H{4}-4H{3}-H{4}-H{12}
mapbox-secret-token               sk.eyJ                   W{40,}\.W{20,}
salesforce-token                  00D                      A{12,15}![\w.]{80,}
salesforce-refresh-token          5Aep861                  [\w.=]{60,}
twitter-bearer-token              AAAAAAAAAAAAAAAAAAAAA    [A-Za-z0-9%]{50,120}=~
instagram-token                   IGQV IGQW                W{80,}
tiktok-token                      act. rft.                A{40,}
lichess-token                     lip_                     A{20,}=~
apify-api-token                   apify_api_               A{36}
adafruit-key                      aio_                     A{28}=
ory-token                         ory_pat_ ory_at_ ory_rt_ ory_ac_  [\w.-]{30,}~
unkey-root-key                    unkey_                   A{20,}~
polar-token                       polar_oat_ polar_pat_ polar_rst_ polar_cs_  A{30,}
pinterest-token                   pina_                    A{32,}
ramp-secret                       ramp_sec_                A{48}
rootly-token                      rootly_                  H{64}
samsara-token                     samsara_api_             A{28,}
zuplo-key                         zpka_                    \w{30,}~
canva-secret                      cnvca                    A{40,}
persona-key                       persona_production_ persona_sandbox_  W{30,}
databento-key                     db-                      A{29}=~
ionic-token                       ion_                     A{40,}
devcycle-key                      dvc_server_ dvc_mobile_  \w{30,}
highnote-key                      rk_live_ sk_live_        W{60,}
salad-cloud-key                   salad_cloud_             \w{20,}
composio-key                      comp_                    A{20,}=~
zoho-token                        1000.                    H{32}\.H{32}
ubidots-key                       BBFF- BBUS-              A{30,}
endor-key                         endr+                    [A-Za-z0-9-]{16}
localstack-token                  ls-                      [A-Za-z]{8}(?:-[A-Za-z0-9]{4}){3}-[A-Za-z0-9]{10,}~
discord-bot-token                 MT Mj Mz MD NT Nj Nz ND OT OD  A{21,24}\.[\w-]{6}\.[\w-]{27,38}=~
json-web-token                    eyJ                      [\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]{10,}
nostr-secret-key                  nsec1                    L{58}=
dingtalk-signing-secret           SEC                      H{64}=
"""

_MACROS = {
    "A": "[A-Za-z0-9]",
    "L": "[a-z0-9]",
    "U": "[A-Z0-9]",
    "H": "[0-9a-f]",
    "B": "[A-Za-z0-9+/]",
    "W": "[A-Za-z0-9_-]",
}
_MACRO = re.compile(r"(?<![\\A-Za-z])[ALUHBW](?=\{)")
_END = r"(?![A-Za-z0-9_-])"
_REST_OF_TOKEN = re.compile(r"[A-Za-z0-9_-]*")
# What ends in a letter or a digit and is none: a token may follow.
_ESCAPE = re.compile(r"\\[nrt]|%[0-9A-Fa-f]{2}|\\u[0-9a-f]{4}")

# The beginning of a token, within what has the length of one.
_BEGINNING = re.compile(r"(?<![A-Za-z0-9_-])[A-Za-z0-9_][A-Za-z0-9_-](?=[A-Za-z0-9_~+=/.:$!%-]{14})")
_IN_TOKENS = string.ascii_letters + string.digits + "_~+=/.:$!%-"
_CLASSES = bytes(1 if chr(byte) in _IN_TOKENS else 0 for byte in range(256))
_SHORTEST = 16  # characters: each mark with its rest has as many
_LONG = b"\1" * _SHORTEST


@dataclass(frozen=True)
class Marked:
    """A kind with one of its marks. random: words follow the mark as well, so the token must look random."""

    kind: str
    mark: str
    rest: str
    random: bool

    @cached_property
    def regex(self) -> re.Pattern[str]:
        """Compiled at first use: most marks never occur."""
        rest = self.rest.removesuffix("=")
        body = _MACRO.sub(lambda macro: _MACROS[macro[0]], rest)
        padding = "={0,3}" if "B{" in rest else ""
        return re.compile(re.escape(self.mark) + body + padding + ("" if rest == self.rest else _END))


@cache
def marked() -> dict[str, tuple[Marked, ...]]:
    """Return the kinds by the first three (or only two) characters of their marks; longer marks first."""
    found: dict[str, list[Marked]] = {}
    for line in f"{FROM_VENDORS}{FROM_GITLEAKS}".split("\n"):
        if line:
            kind, *marks, rest = line.split()
            for mark in marks:
                one = Marked(kind, mark, rest.removesuffix("~"), rest.endswith("~"))
                found.setdefault(mark[:3], []).append(one)
    for begin in found:
        if len(begin) == 3:
            found[begin] += found.get(begin[:2], [])
    return {begin: tuple(sorted(kinds, key=lambda one: -len(one.mark))) for begin, kinds in found.items()}


def long_runs(text: str) -> Iterator[tuple[int, int]]:
    """Yield where characters of tokens stand in a row, as many as a credential with a mark has: begin and end.

    Of a million characters of prose that takes two milliseconds, which a regular expression needs twenty for.
    """
    classes = text.encode("ascii", "replace").translate(_CLASSES)
    end = 0
    while (begin := classes.find(_LONG, end)) != -1:
        end = classes.find(0, begin)
        if end == -1:
            end = len(text)
        while begin < end:  # in parts that are searched within milliseconds
            yield begin, min(end, begin + WINDOW + _SHORTEST)
            begin += WINDOW


def tokens(text: str, runs: Iterable[tuple[int, int]]) -> Iterator[Found]:
    """Yield all credentials with a mark. runs: what `long_runs` yields."""
    kinds = marked()
    end = 0
    for first, last in runs:
        for beginning in _BEGINNING.finditer(text, first, last):
            at = beginning.start()
            if at and text[at - 1] in "\\%" and (escape := _ESCAPE.match(text, at - 1)):
                at = escape.end()
            likely = kinds.get(text[at : at + 3]) or kinds.get(text[at : at + 2])
            if likely and at >= end and (token := _token(text, at, likely)):
                yield token
                end = token.end


def _token(text: str, at: int, likely: tuple[Marked, ...]) -> Found | None:
    """Return the credential that begins there, to the end of its token: a longer key leaves no tail."""
    for one in likely:
        if text.startswith(one.mark, at) and (match := one.regex.match(text, at)):
            value = match[0][len(one.mark) :]
            if not is_example(match[0]) and (not one.random or looks_random(value)):
                rest = _REST_OF_TOKEN.match(text, match.end())
                return Found(at, rest.end() if rest else match.end(), one.kind)
    return None
