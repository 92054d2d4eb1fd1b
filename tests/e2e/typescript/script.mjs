// The same script as TestClients.test_the_sdks_client_passes_the_script in ../test_daemon.py, with the reference client.
// node script.mjs PYTHON DATA_DIR

import assert from "node:assert/strict";

import { Client } from "@modelcontextprotocol/client";
import { StdioClientTransport } from "@modelcontextprotocol/client/stdio";

const [python, dataDir] = process.argv.slice(2);
const client = new Client({ name: "typescript", version: "1" });
await client.connect(
  new StdioClientTransport({
    command: python,
    args: ["-m", "app", "stdio", "--data-dir", dataDir],
    env: { PATH: process.env.PATH, PYTHONPATH: process.env.PYTHONPATH },
  }),
);
try {
  const names = (await client.listTools()).tools.map((tool) => tool.name);
  assert.ok(names.includes("memorize") && names.includes("search_memory"), names.join());

  const text = "the typescript client likes plums";
  const stored = await client.callTool({ name: "memorize", arguments: { text } });
  assert.equal(stored.structuredContent.created, true);

  const query = "what does the typescript client like";
  const found = await client.callTool({ name: "search_memory", arguments: { query } });
  assert.equal(found.structuredContent.results[0].text, text);

  const wrong = await client.callTool({ name: "search_memory", arguments: { query, limit: "many" } });
  assert.equal(wrong.isError, true);
  assert.match(wrong.content[0].text, /limit/);
} finally {
  await client.close();
}
console.log("passed");
