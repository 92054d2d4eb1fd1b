// The reference client signs in as the inspector does: discovery, registration, consent, code, tool, refresh, revocation.
// node sign-in.mjs URL ACCESS_TOKEN

import assert from "node:assert/strict";
import { setTimeout } from "node:timers/promises";

import { Client, StreamableHTTPClientTransport, UnauthorizedError } from "@modelcontextprotocol/client";

const [url, accessToken] = process.argv.slice(2);
const redirectUrl = "http://localhost:6274/oauth/callback";
const kept = {};
let authorizationUrl;

const authProvider = {
  redirectUrl,
  clientMetadata: {
    client_name: "Reference client",
    redirect_uris: [redirectUrl],
    grant_types: ["authorization_code", "refresh_token"],
    response_types: ["code"],
    token_endpoint_auth_method: "none",
  },
  state: () => "a state",
  clientInformation: () => kept.client,
  saveClientInformation: (client) => void (kept.client = client),
  tokens: () => kept.tokens,
  saveTokens: (tokens) => void (kept.tokens = tokens),
  redirectToAuthorization: (to) => void (authorizationUrl = to),
  saveCodeVerifier: (verifier) => void (kept.verifier = verifier),
  codeVerifier: () => kept.verifier,
  saveDiscoveryState: (state) => void (kept.discovery = state),
  discoveryState: () => kept.discovery,
  invalidateCredentials: (what) => {
    if (what === "tokens" || what === "all") delete kept.tokens;
    if (what === "client" || what === "all") delete kept.client;
  },
};

// What the user does in a browser; returns where the client is called back.
async function allow(start) {
  const consent = (await fetch(start, { redirect: "manual" })).headers.get("location");
  let page = await fetch(consent);
  const cookie = page.headers.get("set-cookie").split(";")[0];
  const send = async (fields) => {
    const html = await page.text();
    const hidden = [...html.matchAll(/name="(request|form_token)" value="([^"]+)"/g)].map((found) => found.slice(1));
    const body = new URLSearchParams({ ...Object.fromEntries(hidden), ...fields });
    const answer = await fetch(new URL("/consent", url), {
      method: "POST",
      headers: { cookie, origin: url },
      body,
      redirect: "manual",
    });
    assert.equal(answer.status, 303, await answer.text());
    return answer.headers.get("location");
  };
  page = await fetch(await send({ action: "token", token: accessToken }), { headers: { cookie } });
  return new URL(await send({ action: "allow" }));
}

async function connect() {
  const transport = new StreamableHTTPClientTransport(new URL("/mcp", url), { authProvider });
  const client = new Client({ name: "reference", version: "1" });
  await client.connect(transport);
  return client;
}

const refused = new StreamableHTTPClientTransport(new URL("/mcp", url), { authProvider });
await assert.rejects(new Client({ name: "reference", version: "1" }).connect(refused), UnauthorizedError);
assert.equal(authorizationUrl.searchParams.get("resource"), `${url}/mcp`);
const back = await allow(authorizationUrl);
assert.equal(back.searchParams.get("state"), "a state");
await refused.finishAuth(back.searchParams);

let client = await connect();
const text = "the reference client likes plums";
assert.equal((await client.callTool({ name: "memorize", arguments: { text } })).structuredContent.created, true);
await client.close();

const first = kept.tokens;
kept.tokens = { ...first, access_token: "expired" };
client = await connect();
const query = "what does the reference client like";
const found = await client.callTool({ name: "search_memory", arguments: { query } });
assert.equal(found.structuredContent.results[0].text, text);
assert.notEqual(kept.tokens.refresh_token, first.refresh_token);
await client.close();

const body = new URLSearchParams({ client_id: kept.client.client_id, token: kept.tokens.refresh_token });
assert.equal((await fetch(new URL("/revoke", url), { method: "POST", body })).status, 200);
const headers = { authorization: `Bearer ${kept.tokens.access_token}` };
// replicas may remember the token for some seconds
while ((await fetch(new URL("/mcp", url), { method: "POST", headers })).status !== 401) await setTimeout(100);
authorizationUrl = undefined;
await assert.rejects(connect());
assert.ok(authorizationUrl, "it has to ask the user again");
console.log("passed");
